"""A machine for a test: a privileged container with an engine inside, apart from this machine's."""

import io
import subprocess
from contextlib import contextmanager

import pexpect

from support.commands import PATIENCE, ROOT, RUN, docker, run
from support.images import build_helper


class Machine:
    """A container that acts as a computer with the course checked out at `/course`.

    name: the container's name.
    """

    def __init__(self, name):
        self.name = name

    def type(self, command, user="root", folder="/course", terminal=False, timeout=PATIENCE):
        """Type a command for the shell in a folder.

        terminal: whether the command runs in a terminal, as a learner's does.
        timeout: seconds.

        Returns a `subprocess.CompletedProcess` whose stdout holds the command's
        output, error messages included.
        """
        options = ["--user", user, "--workdir", folder, *(["--tty"] if terminal else [])]
        return subprocess.run(
            ["docker", "exec", *options, self.name, "bash", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )

    def type_at_prompts(self, command, lines, folder="/course", timeout=PATIENCE):
        """Type a command that starts a shell in a container, then a line at each of its prompts.

        lines: pairs of a prompt, as a regular expression, and what to type there.
        timeout: seconds until each prompt.

        Returns a `subprocess.CompletedProcess` whose stdout holds all that the terminal showed.
        """
        words = ["exec", "-it", "--workdir", folder, self.name, "bash", "-c", command]
        terminal = pexpect.spawn("docker", words, encoding="utf-8", timeout=timeout)
        terminal.logfile_read = io.StringIO()
        for prompt, line in lines:
            terminal.expect(prompt)
            terminal.sendline(line)
        terminal.expect(pexpect.EOF)
        terminal.close()
        return subprocess.CompletedProcess(
            words, terminal.exitstatus, terminal.logfile_read.getvalue()
        )

    def check_out(self, folder, umask="022"):
        """Put the files that git tracks into a folder of the machine, as a clone under this umask."""
        extract = f"umask {umask} && tar --extract --no-same-permissions --one-top-level={folder}"
        run(
            "git ls-files -z | tar --null --files-from - --create "
            f"| docker exec --interactive {self.name} sh -c '{extract}'"
        )

    def load(self, *images):
        """Copy images of this machine's engine to the other one, which must be running."""
        run(f"docker save {' '.join(images)} | docker exec --interactive {self.name} docker load")

    def lose_power(self):
        """Kill every process of the machine at once, and start it again without its daemon."""
        docker("kill", self.name)
        docker("start", self.name)

    def running(self):
        """Return the IDs of all containers, also stopped ones, and of the course's networks."""
        listing = "docker ps --all --quiet; docker network ls --quiet --filter name=softy-pinko"
        return self.type(listing).stdout.split()


@contextmanager
def machine(name):
    """Start a machine whose engine is installed but not running; yields a `Machine`, removes it after."""
    image = build_helper("machine")
    container = f"{RUN}-{name}"
    try:
        docker(
            *("run", "--detach", "--privileged", "--name", container),
            # A test waits for each command here; other containers may get less of the processor.
            *("--cpu-shares", "4096", "--volume", f"{ROOT}:/course:ro", image),
        )
        yield Machine(container)
    finally:
        docker("rm", "--force", "--volumes", container)

"""A machine for a test: a privileged container with a Docker Engine of its own."""

import io
import subprocess
from contextlib import contextmanager

import pexpect

from support.commands import PATIENCE, ROOT, RUN, docker, run
from support.images import build_helper


class Machine:
    """A container that acts as a machine. The repository is at `/course`, read-only.

    name: the container's name.
    """

    def __init__(self, name):
        self.name = name

    def type(self, command, user="root", folder="/course", terminal=False, timeout=PATIENCE):
        """Run a shell command in a folder of the machine.

        user: the user's name. terminal: whether the command runs in a terminal.
        timeout: seconds.

        Returns a `subprocess.CompletedProcess`, whatever the exit status is. Its `stdout` has
        the command's standard output and standard error.
        Raises subprocess.TimeoutExpired if the command doesn't end in time.
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
        """Copy the files that git tracks to a folder of the machine.

        umask: the files get the modes that `git clone` gives them with this umask.
        """
        extract = f"umask {umask} && tar --extract --no-same-permissions --one-top-level={folder}"
        run(
            "git ls-files -z | tar --null --files-from - --create "
            f"| docker exec --interactive {self.name} sh -c '{extract}'"
        )

    def load(self, *images):
        """Copy images from the host's daemon to the machine's daemon, which must be running."""
        run(f"docker save {' '.join(images)} | docker exec --interactive {self.name} docker load")

    def lose_power(self):
        """Kill all processes of the machine at once, then start it without a daemon."""
        docker("kill", self.name)
        docker("start", self.name)

    def running(self):
        """Return the IDs of the machine's containers, running or not, and the course's networks."""
        listing = "docker ps --all --quiet; docker network ls --quiet --filter name=softy-pinko"
        return self.type(listing).stdout.split()


@contextmanager
def machine(name):
    """Start a machine with Docker Engine installed and not running. Yields a `Machine`.

    name: the last part of the container's name. The machine is removed at the end.
    Its Docker Engine has the same image store as the host's: the classic one or containerd's.
    """
    image = build_helper("machine")
    container = f"{RUN}-{name}"
    try:
        docker(
            *("run", "--detach", "--privileged", "--name", container),
            # A test waits for each command in here, so it gets more processor time than others.
            *("--cpu-shares", "4096", "--volume", f"{ROOT}:/course:ro", image),
        )
        started = Machine(container)
        if "io.containerd.snapshotter" in docker("info", "--format", "{{.DriverStatus}}"):
            setting = '{"features": {"containerd-snapshotter": true}}'
            started.type(f"mkdir -p /etc/docker; echo '{setting}' >/etc/docker/daemon.json")
        yield started
    finally:
        docker("rm", "--force", "--volumes", container)

"""A machine of its own: a privileged container with an engine inside, for what must not touch this one."""

import subprocess
from contextlib import contextmanager

from support.engine import PATIENCE, ROOT, RUN, docker, run

IMAGE = "softy-pinko-test-machine"


class Machine:
    """A container that plays a computer with the course checked out at `/course`.

    name: the container's name.
    """

    def __init__(self, name):
        self.name = name

    def type(self, command, user="root", folder="/course", terminal=False, timeout=PATIENCE):
        """Type a command for the shell in a folder.

        Returns a `subprocess.CompletedProcess` whose stdout holds all that was
        printed, errors too. terminal: whether the command sees one, as a
        learner's does. timeout: seconds.
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

    def check_out(self, folder):
        """Put what git tracks into a folder of the machine, as a clone would."""
        run(
            f"git ls-files -z | tar --null --files-from - --create "
            f"| docker exec --interactive {self.name} tar --extract --one-top-level={folder}"
        )

    def load(self, *images):
        """Bring images of this engine to the machine's own, which must be running."""
        run(f"docker save {' '.join(images)} | docker exec --interactive {self.name} docker load")

    def running(self):
        """Return all that the machine's engine has: containers of any state, and networks of ours."""
        listing = "docker ps --all --quiet; docker network ls --quiet --filter name=softy-pinko"
        return self.type(listing).stdout.split()


@contextmanager
def machine(name):
    """Start a machine, its engine installed but not running; yields a `Machine`, removes it after."""
    docker("build", "--tag", IMAGE, "tests/machine")
    container = f"{RUN}-{name}"
    try:
        docker(
            *("run", "--detach", "--privileged", "--name", container),
            # Somebody waits for what is typed here; what runs beside it can wait.
            *("--cpu-shares", "4096", "--volume", f"{ROOT}:/course:ro", IMAGE),
        )
        yield Machine(container)
    finally:
        docker("rm", "--force", "--volumes", container)

"""Tasks whose lab starts each container by hand, with `docker run`."""

import shlex
import subprocess
from contextlib import contextmanager

from support.commands import ROOT, RUN, docker, run
from support.ports import free_port
from support.readme import lab_commands
from support.waiting import wait_until, wait_until_healthy


def build_images(task):
    """Build a task's images with the `docker build` commands in the steps of its lab."""
    steps = lab_commands(task, "Steps")
    builds = [command for command in steps if command.startswith("docker build ")]
    assert builds, f"{task}/README.md: expected a 'docker build' command in its steps, got none"
    for command in builds:
        run(command, cwd=ROOT / task)


class ByHand:
    """The containers that the `docker run` commands of a task's lab start.

    task: the task's name. keep_ports: whether to publish the ports that the lab publishes. If
    not, each container's port is published on a free port of 127.0.0.1, so that the tests don't
    collide with a task that the user has running.
    names: a dict of a container's name in the lab -> its name in this run of the tests.
    """

    def __init__(self, task, keep_ports):
        self.task = task
        self.keep_ports = keep_ports
        self.names = {}

    def start(self):
        """Run the lab's commands that start services, then wait until all are healthy."""
        for command in lab_commands(self.task, "Steps"):
            if command.startswith("docker run --detach "):
                self.run(command)
        for name in self.names.values():
            wait_until_healthy(name)

    def run(self, command):
        """Run a `docker run` command of the lab, with this run's name and ports."""
        run(self.adapted(command), cwd=ROOT / self.task)

    def start_again(self, name):
        """Start the container that the lab calls `name` again, after it was stopped."""
        # `docker stop` returns before Docker has removed a container of `docker run --rm`.
        same_name = ("ps", "--all", "--quiet", "--filter", f"name=^{self.names[name]}$")
        wait_until(lambda: not docker(*same_name), 10, f"the old {name} to be removed")
        self.run(next(c for c in lab_commands(self.task, "Steps") if f" --name {name} " in c))
        wait_until_healthy(self.names[name])

    def adapted(self, command):
        """Return the command's words: a list, with this run's name and, if needed, a free port."""
        words = shlex.split(command)
        name = words[words.index("--name") + 1]
        self.names[name] = f"{RUN}-{name}{'-real-ports' if self.keep_ports else ''}"
        words[words.index("--name") + 1] = self.names[name]
        if not self.keep_ports:
            at = words.index("--publish") + 1
            words[at] = f"127.0.0.1:{free_port()}:{words[at].split(':')[-1]}"
        return words

    def url(self, name, port):
        """Return the URL of a container's published port, as `http://localhost:…`.

        name: the container's name in the lab. port: its port in the container.
        """
        published = docker("port", self.names[name], str(port)).splitlines()[0]
        return f"http://localhost:{published.rsplit(':', 1)[1]}"

    def remove(self):
        """Remove all containers that this object started, whether they run or not."""
        for name in self.names.values():
            subprocess.run(["docker", "rm", "--force", name], capture_output=True, check=False)


@contextmanager
def by_hand(task, keep_ports=False):
    """Build and start a task with its lab's commands. Yields a `ByHand`.

    The containers are removed at the end, and the images stay.
    """
    build_images(task)
    started = ByHand(task, keep_ports)
    try:
        started.start()
        yield started
    finally:
        started.remove()

"""Tasks whose containers are started with `docker run`, one by one."""

import shlex
import subprocess
from contextlib import contextmanager

from support.commands import ROOT, RUN, docker, run
from support.ports import free_port
from support.readme import commands
from support.waiting import wait_until, wait_until_healthy


def build_images(task):
    """Build a task's images with every `docker build` of its README."""
    builds = [command for command in commands(task, "Steps") if command.startswith("docker build ")]
    assert builds, f"{task}/README.md does not say how to build"
    for command in builds:
        run(command, cwd=ROOT / task)


class ByHand:
    """What the `docker run` commands of a task's README start.

    names: a container's name in the README -> its name here.
    """

    def __init__(self, task, keep_ports):
        self.task = task
        self.keep_ports = keep_ports
        self.names = {}

    def start(self):
        """Run the README's commands that start a service, then wait until all containers are healthy.

        Unless `keep_ports`, the host's side of each published port is a free one
        of 127.0.0.1: a stack that the user has running is not in the way.
        """
        for command in commands(self.task, "Steps"):
            if command.startswith("docker run --detach "):
                self.run(command)
        for name in self.names.values():
            wait_until_healthy(name)

    def run(self, command):
        """Run one of the README's `docker run` commands, made ours."""
        run(self.made_ours(command), cwd=ROOT / self.task)

    def start_again(self, name):
        """Start the container that the README calls `name` once more, after it was stopped."""
        # `docker stop` returns before a container of `docker run --rm` is removed.
        same_name = ("ps", "--all", "--quiet", "--filter", f"name=^{self.names[name]}$")
        wait_until(lambda: not docker(*same_name), 10, f"the old {name} to be removed")
        self.run(next(c for c in commands(self.task, "Steps") if f" --name {name} " in c))
        wait_until_healthy(self.names[name])

    def made_ours(self, command):
        """Return the README's command with a name of this run and, if need be, a free port."""
        words = shlex.split(command)
        name = words[words.index("--name") + 1]
        self.names[name] = f"{RUN}-{name}{'-real-ports' if self.keep_ports else ''}"
        words[words.index("--name") + 1] = self.names[name]
        if not self.keep_ports:
            at = words.index("--publish") + 1
            words[at] = f"127.0.0.1:{free_port()}:{words[at].split(':')[-1]}"
        return words

    def url(self, name, port):
        """Return where on this machine the container's port is published, as `http://…`."""
        published = docker("port", self.names[name], str(port)).splitlines()[0]
        return f"http://localhost:{published.rsplit(':', 1)[1]}"

    def remove(self):
        """Remove every container of this run; none is left, however the tests ended."""
        for name in self.names.values():
            subprocess.run(["docker", "rm", "--force", name], capture_output=True, check=False)


@contextmanager
def by_hand(task, keep_ports=False):
    """Build and start a task of plain `docker` commands; yields `ByHand`, removes them after."""
    build_images(task)
    started = ByHand(task, keep_ports)
    try:
        started.start()
        yield started
    finally:
        started.remove()

"""Compose projects: a task, started with the command of its README."""

import itertools
import json
import os
from contextlib import contextmanager
from pathlib import Path

from support.commands import ROOT, RUN, inspect, run
from support.containers import assert_hardened, processes
from support.ports import free_port
from support.readme import the_command
from support.waiting import wait_until_healthy

#: Each project has a number, so that a task can be started twice.
NUMBERS = itertools.count(1)


#: For COMPOSE_FILE: task5's or task6's Compose file, with images named after the project.
OWN_IMAGES = f"docker-compose.yml{os.pathsep}{Path(__file__).with_name('own-images.yml')}"


class Project:
    """A Compose project of this run: one task's services.

    task: the folder's name. folder: its path, which may be that of a copy.
    url: where its only published port is, as `http://localhost:…`; None if it has several.
    """

    def __init__(self, task, url, env, folder=None):
        self.task = task
        self.folder = folder or ROOT / task
        self.url = url
        self.env = {"COMPOSE_PROJECT_NAME": f"{RUN}-{task}-{next(NUMBERS)}", **env}

    def run(self, command):
        """Run a command of the README in the task's folder, on this project."""
        return run(command, cwd=self.folder, env=self.env)

    def compose(self, *words):
        """Run `docker compose` with these words on this project; returns what it printed."""
        return self.run(["docker", "compose", "--progress", "quiet", *words]).strip()

    def start_again(self, service):
        """Start a service that was stopped, and wait until it is healthy."""
        self.compose("start", service)
        for name in self.containers(service):
            wait_until_healthy(name)

    def containers(self, *services):
        """Return the names of the running containers, of all services or of these."""
        return self.compose("ps", "--format", "{{.Name}}", *services).split()

    def hostnames(self, service):
        """Return the hostnames of a service's running containers, as a set."""
        return {inspect(name)["Config"]["Hostname"] for name in self.containers(service)}

    def published(self):
        """Return all ports that the project publishes on the host, container's port -> host's."""
        ports = {}
        for name in self.containers():
            for port, hosts in inspect(name)["NetworkSettings"]["Ports"].items():
                if hosts:
                    ports[port] = hosts[0]["HostPort"]
        return ports

    def service_url(self, service, port):
        """Return where a service's port is published, as `http://localhost:…`."""
        return f"http://localhost:{self.compose('port', service, str(port)).rsplit(':', 1)[1]}"


@contextmanager
def start_project(task, url=None, folder=None, **env):
    """Start a task with the Compose command of its README; yields a `Project`, takes it down after.

    url: see `Project`. folder: a copy of the task to start instead. env: variables for Compose, such as PORT.
    """
    started = Project(task, url, env, folder)
    try:
        started.run(the_command(task, "docker compose up"))
        yield started
    finally:
        started.compose("down", "--timeout", "2", "--volumes", "--rmi", "local")


@contextmanager
def proxied(task, folder=None, **env):
    """Start task5 or task6, or a copy of it, with its proxy on a free port; see `start_project`."""
    port = free_port()
    url = f"http://localhost:{port}"
    with start_project(task, url, folder, PORT=f"127.0.0.1:{port}", **env) as started:
        yield started


def configuration(task, file="docker-compose.yml"):
    """Return a file of a task as Compose understands it, as a dict."""
    command = f"docker compose --file {file} config --format json"
    return json.loads(run(command, cwd=ROOT / task))


def assert_all_are_hardened(stack):
    """Assert that a stack has containers, all of them hardened, and none with a process of root's."""
    names = stack.containers()
    assert names, f"nothing of {stack.task} runs"
    for name in names:
        assert_hardened(name)
        assert all(uid != "0" for uid, _ in processes(name)), f"{name} runs as root"

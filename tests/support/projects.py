"""Compose projects: tasks that are started with the command of their lab."""

import itertools
import json
import os
from contextlib import contextmanager
from pathlib import Path

from support.commands import ROOT, RUN, inspect, run
from support.containers import assert_hardened, processes
from support.ports import free_port
from support.readme import lab_command
from support.waiting import wait_until_healthy

#: Each project's name ends with a number of its own, so that a task can be started twice.
NUMBERS = itertools.count(1)


#: For COMPOSE_FILE: task5's or task6's Compose file, with images named after the project.
OWN_IMAGES = f"docker-compose.yml{os.pathsep}{Path(__file__).with_name('own-images.yml')}"


class Project:
    """A Compose project: the services of one task.

    task: the task's name, such as `task6`.
    url: the URL of its only published port, as `http://localhost:…`; None if it publishes several.
    env: a dict of variables for Compose, such as PORT.
    folder: the `Path` of a copy of the task; if there is none, the task's folder is used.
    """

    def __init__(self, task, url, env, folder=None):
        self.task = task
        self.folder = folder or ROOT / task
        self.url = url
        self.env = {"COMPOSE_PROJECT_NAME": f"{RUN}-{task}-{next(NUMBERS)}", **env}

    def run(self, command):
        """Run a command of the lab on this project and return its output; errors as in `run`."""
        return run(command, cwd=self.folder, env=self.env)

    def compose(self, *words):
        """Run `docker compose` with these arguments on this project and return its output."""
        return self.run(["docker", "compose", "--progress", "quiet", *words]).strip()

    def start_again(self, service):
        """Start a service that was stopped, and wait until its containers are healthy."""
        self.compose("start", service)
        for name in self.containers(service):
            wait_until_healthy(name)

    def containers(self, *services):
        """Return a list with the names of the running containers of these services, or of all."""
        return self.compose("ps", "--format", "{{.Name}}", *services).split()

    def hostnames(self, service):
        """Return the hostnames of a service's running containers: a set."""
        return {inspect(name)["Config"]["Hostname"] for name in self.containers(service)}

    def published(self):
        """Return the published ports: a dict such as {"80/tcp": "8080"}, the host's port last."""
        ports = {}
        for name in self.containers():
            for port, hosts in inspect(name)["NetworkSettings"]["Ports"].items():
                if hosts:
                    ports[port] = hosts[0]["HostPort"]
        return ports

    def service_url(self, service, port):
        """Return the URL of a service's published port, as `http://localhost:…`."""
        return f"http://localhost:{self.compose('port', service, str(port)).rsplit(':', 1)[1]}"


@contextmanager
def start_project(task, url=None, folder=None, **env):
    """Start a task with the Compose command of its lab. Yields a `Project`.

    url, folder, env: see `Project`. The containers, networks and volumes are removed at the end.
    """
    started = Project(task, url, env, folder)
    try:
        started.run(lab_command(task, "docker compose up"))
        yield started
    finally:
        started.compose("down", "--timeout", "2", "--volumes", "--rmi", "local")


@contextmanager
def start_proxied_project(task, folder=None, **env):
    """Start task5, task6 or a copy of it, with the proxy on a free port; see `start_project`."""
    port = free_port()
    url = f"http://localhost:{port}"
    with start_project(task, url, folder, PORT=f"127.0.0.1:{port}", **env) as started:
        yield started


def configuration(task, file="docker-compose.yml"):
    """Return what `docker compose config` shows of a task's Compose file, as a dict."""
    command = f"docker compose --file {file} config --format json"
    return json.loads(run(command, cwd=ROOT / task))


def assert_all_are_hardened(project):
    """Assert that each container of a running project is hardened, and no process runs as root."""
    names = project.containers()
    assert names, f"{project.task}: expected running containers, got none"
    for name in names:
        assert_hardened(name)
        assert all(uid != "0" for uid, _ in processes(name)), (
            f"{name}: expected no process of root, got {processes(name)}"
        )

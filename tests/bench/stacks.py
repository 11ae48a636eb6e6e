"""The three stacks that are compared: Compose projects of their own, in folders of their own."""

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from support.commands import ROOT, docker, run
from support.containers import memory
from support.images import PROJECT
from support.ports import free_port
from support.projects import OWN_IMAGES, Project
from support.steps import SITE
from support.waiting import wait_until

HERE = Path(__file__).parent

#: Everything that a run of the benchmark starts carries this in its name.
NAME = f"softy-pinko-bench-{os.getpid()}"
WRK = f"{NAME}-wrk"

SERVICES = ("back-end", "front-end", "proxy")


def lay_out(folder):
    """Put the folders of the three stacks into `folder`: copies, free to be edited.

    usual has task6's page, limit all of task6 but its API.
    """
    shutil.copytree(HERE / "usual", folder / "usual")
    shutil.copytree(ROOT / "task6" / SITE, folder / "usual" / SITE)
    for name in ("ours", "limit"):
        shutil.copytree(ROOT / "task6", folder / name)
    shutil.copy(HERE / "limit/api.py", folder / "limit/back-end/api.py")


class Stack(Project):
    """A `support.projects.Project` that is built, started, loaded and stopped against the clock.

    name: usual, ours or limit. folder: where all three are laid out.
    """

    def __init__(self, name, folder):
        self.port = free_port()
        super().__init__(
            name,
            f"http://127.0.0.1:{self.port}",
            {
                "COMPOSE_PROJECT_NAME": f"{NAME}-{name}",
                "COMPOSE_FILE": OWN_IMAGES,
                "PORT": f"127.0.0.1:{self.port}",
            },
            folder / name,
        )

    def image(self, service):
        """Return the name of a service's image."""
        return f"{NAME}-{self.task}-{service}"

    def build(self, *words):
        """Build the images, with these words for `docker compose build`; returns the seconds."""
        start = time.monotonic()
        command = ["docker", "compose", "--progress", "quiet", "build", *words]
        run(command, cwd=self.folder, env=self.env, timeout=1800)
        return time.monotonic() - start

    def up(self):
        """Start the built images; returns the seconds until all are healthy and answer."""
        start = time.monotonic()
        self.compose("up", "--detach", "--wait", "--no-build")
        wait_until(self.answers, 30, f"{self.task} to answer")
        return time.monotonic() - start

    def down(self):
        """Stop and remove the containers; returns the seconds it took."""
        start = time.monotonic()
        self.compose("down")
        return time.monotonic() - start

    def scale(self, replicas):
        """Run so many replicas of the API, and wait until all of them answer."""
        self.compose("up", "--detach", "--wait", "--no-build", "--scale", f"back-end={replicas}")

        def all_answer():
            try:
                answers = [self.ask("/api/hello") for _ in range(2 * replicas)]
            except OSError:
                return False
            return len({headers["X-Served-By"] for headers, _ in answers}) == replicas

        wait_until(all_answer, 30, f"{replicas} replicas to answer")

    def ask(self, path):
        """GET a path; returns the answer's headers and its body. Raises OSError if it is no 200."""
        with urllib.request.urlopen(self.url + path, timeout=5) as answer:
            return answer.headers, answer.read()

    def answers(self):
        """Whether page and API answer, with what all three stacks are to say."""
        try:
            _, hello = self.ask("/api/hello")
            _, page = self.ask("/")
        except OSError:
            return False
        assert hello == b"Hello, World!", f"{self.task} says {hello}"
        assert page == (self.folder / SITE / "index.html").read_bytes(), f"{self.task}'s page"
        return True

    def memory(self):
        """Return what all containers of the stack use, in MB (10^6 bytes)."""
        return sum(memory(*self.containers()).values()) * 1.048576

    def warm_up(self):
        """Let each replica do, in some requests, what a process does once."""
        for _ in range(50):
            self.ask("/api/hello")

    def load(self, path, seconds):
        """Load a path by wrk, 32 connections that accept gzip; returns what it counted, a dict.

        The keys are those of `wrk/report.lua`; then `rate`, requests per second.
        Raises AssertionError if a request had no answer, or not a 200.
        """
        network, host = way_in()
        counted = json.loads(
            docker(
                *("run", "--rm", "--name", WRK, *network, WRK),
                *("--threads", "1", "--connections", "32", "--duration", f"{seconds}s"),
                *("--latency", "--header", "Accept-Encoding: gzip"),
                f"http://{host}:{self.port}{path}",
            ).splitlines()[-1]
        )
        assert counted["errors"] == 0, f"{self.task}, {path}: {counted['errors']} errors"
        return {**counted, "rate": counted["requests"] / counted["duration"] * 1e6}

    def remove(self):
        """Remove all that the stack has, images too; says nothing if that fails."""
        words = ("down", "--timeout", "0", "--volumes", "--remove-orphans", "--rmi", "local")
        subprocess.run(
            ["docker", "compose", *words],
            cwd=self.folder, env={**os.environ, **self.env}, capture_output=True, check=False,
        )  # fmt: skip
        # What was built anew has left images without a name.
        label = f"label={PROJECT}={self.env['COMPOSE_PROJECT_NAME']}"
        subprocess.run(
            ["docker", "image", "prune", "--force", "--filter", label],
            capture_output=True,
            check=False,
        )


@cache
def way_in():
    """Return how a container gets to a port published on 127.0.0.1: options, and the host's name.

    A user's requests enter by the published port, so do these. Docker Desktop's
    containers live in a virtual machine: there the host has a name of its own.
    """
    if docker("info", "--format", "{{.OperatingSystem}}") == "Docker Desktop":
        return (), "host.docker.internal"
    return ("--network", "host"), "127.0.0.1"


def build_cache():
    """Return the IDs of all records in the engine's build cache, as a set."""
    lines = docker("buildx", "du", "--verbose").splitlines()
    return {line.split()[1] for line in lines if line.startswith("ID:")}


def leave_nothing(three, cached):
    """Remove the stacks, wrk, and what the build cache has beyond the records `cached`."""

    def removed():
        subprocess.run(["docker", "rm", "--force", WRK], capture_output=True, check=False)
        for stack in three.values():
            stack.remove()
        # The engine may still be making what it was told to before we were stopped.
        return docker("ps", "--all", "--quiet", "--filter", f"name={NAME}") == ""

    wait_until(removed, 60, f"all that is called {NAME} to be gone")
    subprocess.run(["docker", "rmi", WRK], capture_output=True, check=False)
    new = "|".join(build_cache() - cached)
    if new:
        docker("buildx", "prune", "--force", "--filter", f"id=({new})", timeout=600)


@contextmanager
def stacks(folder):
    """Lay out the stacks and build wrk; yields name -> `Stack`. Afterwards nothing of them is left.

    The build cache is as it was, too, but for wrk: what is built to be timed is of no further use.
    """
    lay_out(folder)
    three = {name: Stack(name, folder) for name in ("usual", "ours", "limit")}
    cached = build_cache()
    try:
        docker("build", "--tag", WRK, str(HERE / "wrk"), timeout=600)
        cached = build_cache()  # the next run will be glad of wrk
        yield three
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # whoever interrupts the cleaning leaves a mess
        leave_nothing(three, cached)

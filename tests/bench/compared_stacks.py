"""The three stacks that the benchmark compares: copies, started as Compose projects."""

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

#: The names of everything that a run of the benchmark starts begin with this.
NAME = f"softy-pinko-bench-{os.getpid()}"
WRK = f"{NAME}-wrk"

SERVICES = ("back-end", "front-end", "proxy")


def lay_out(folder):
    """Copy the files of the three stacks to `folder`.

    *usual* has the page of task6. *limit* is task6 with another API.
    """
    shutil.copytree(HERE / "usual", folder / "usual")
    shutil.copytree(ROOT / "task6" / SITE, folder / "usual" / SITE)
    for name in ("ours", "limit"):
        shutil.copytree(ROOT / "task6", folder / name)
    shutil.copy(HERE / "limit/api.py", folder / "limit/back-end/api.py")


class ComparedStack(Project):
    """A `support.projects.Project` whose build, start, load and stop are measured.

    name: usual, ours or limit. folder: where `lay_out` has copied the files to.
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
        """Build the images and return the seconds. words: more words for `docker compose build`."""
        start = time.monotonic()
        command = ["docker", "compose", "--progress", "quiet", "build", *words]
        run(command, cwd=self.folder, env=self.env, timeout=1800)
        return time.monotonic() - start

    def up(self):
        """Start the stack and return the seconds until it is healthy and responds."""
        start = time.monotonic()
        self.compose("up", "--detach", "--wait", "--no-build")
        wait_until(self.responds, 30, f"{self.task} to respond")
        return time.monotonic() - start

    def down(self):
        """Stop and remove the containers, and return the seconds."""
        start = time.monotonic()
        self.compose("down")
        return time.monotonic() - start

    def scale(self, replicas):
        """Run this number of API replicas, and wait until all of them respond."""
        self.compose("up", "--detach", "--wait", "--no-build", "--scale", f"back-end={replicas}")

        def all_respond():
            try:
                responses = [self.get("/api/hello") for _ in range(2 * replicas)]
            except OSError:
                return False
            return len({headers["X-Served-By"] for headers, _ in responses}) == replicas

        wait_until(all_respond, 30, f"{replicas} replicas to respond")

    def get(self, path):
        """GET a path; returns (headers, body). Raises OSError if the status isn't 200."""
        with urllib.request.urlopen(self.url + path, timeout=5) as response:
            return response.headers, response.read()

    def responds(self):
        """Return whether page and API respond. Their bodies must be the same in all stacks."""
        try:
            _, hello = self.get("/api/hello")
            _, page = self.get("/")
        except OSError:
            return False
        assert hello == b"Hello, World!", f"{self.task} responds with {hello}"
        assert page == (self.folder / SITE / "index.html").read_bytes(), (
            f"{self.task} has another page"
        )
        return True

    def memory(self):
        """Return the memory that all containers use, in MB (10^6 bytes)."""
        return sum(memory(*self.containers()).values()) * 1.048576

    def warm_up(self):
        """Send a few requests, so that each replica has done what it does only once."""
        for _ in range(50):
            self.get("/api/hello")

    def load(self, path, seconds):
        """Load a path with wrk, over 32 connections that accept gzip; returns a dict.

        Its keys are those of `wrk/report.lua`, and `rate`, in requests per second.
        Raises AssertionError if a request got no response, or a status of 400 or more.
        """
        network, host = published_ports_from_a_container()
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
        """Remove everything of the stack, also its images. Ignores errors."""
        words = ("down", "--timeout", "0", "--volumes", "--remove-orphans", "--rmi", "local")
        subprocess.run(
            ["docker", "compose", *words],
            cwd=self.folder,
            env={**os.environ, **self.env},
            capture_output=True,
            check=False,
        )
        # An image that was built again has lost its name.
        label = f"label={PROJECT}={self.env['COMPOSE_PROJECT_NAME']}"
        subprocess.run(
            ["docker", "image", "prune", "--force", "--filter", label],
            capture_output=True,
            check=False,
        )


@cache
def published_ports_from_a_container():
    """Return how a container reaches a published port: (options of `docker run`, host name).

    Docker Desktop runs containers in a virtual machine, from which the host has another name.
    """
    if docker("info", "--format", "{{.OperatingSystem}}") == "Docker Desktop":
        return (), "host.docker.internal"
    return ("--network", "host"), "127.0.0.1"


def build_cache():
    """Return the IDs of all records in the build cache, as a set."""
    lines = docker("buildx", "du", "--verbose").splitlines()
    return {line.split()[1] for line in lines if line.startswith("ID:")}


def leave_nothing(three, cached):
    """Remove the stacks, wrk, and all records of the build cache that aren't in `cached`."""

    def removed():
        subprocess.run(["docker", "rm", "--force", WRK], capture_output=True, check=False)
        for stack in three.values():
            stack.remove()
        # After Ctrl-C, Docker Engine may still be starting a container.
        return docker("ps", "--all", "--quiet", "--filter", f"name={NAME}") == ""

    wait_until(removed, 60, f"everything that is called {NAME} to be removed")
    subprocess.run(["docker", "rmi", WRK], capture_output=True, check=False)
    new = "|".join(build_cache() - cached)
    if new:
        docker("buildx", "prune", "--force", "--filter", f"id=({new})", timeout=600)


@contextmanager
def compared_stacks(folder):
    """Copy the stacks and build wrk; yields name -> `ComparedStack`, and removes everything.

    The build cache keeps only the records for wrk, which the next run can use.
    """
    lay_out(folder)
    three = {name: ComparedStack(name, folder) for name in ("usual", "ours", "limit")}
    cached = build_cache()
    try:
        docker("build", "--tag", WRK, str(HERE / "wrk"), timeout=600)
        cached = build_cache()  # with the records for wrk
        yield three
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # another Ctrl-C doesn't interrupt the clean-up
        leave_nothing(three, cached)

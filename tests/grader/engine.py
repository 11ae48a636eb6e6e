"""Docker Engine, and the commands that the grader runs: without the teacher's environment.

A command of ours that fails raises `MachineFault`. What a stranger's build or service says is
only looked at for signs that the machine is at fault.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import docker
import requests

from grader.errors import MachineFault

MEMORY = "512m"
PROCESSES = 512

#: What shows that the machine is at fault, and what to do about it.
SIGNS = (
    (
        r"cannot connect to the docker daemon|error during connect|is the docker daemon running|"
        r"failed to connect to the docker api",
        "Docker Engine doesn't respond. Start it (script/bootstrap does), then grade again",
    ),
    (
        r"no space left on device|disk quota exceeded",
        "the disk is full. Make room, for example with 'docker system prune', then grade again",
    ),
    (
        r"toomanyrequests|too many requests|rate limit",
        "the registry limits how many images you may pull. Wait an hour, or load the image with "
        "'docker load', then grade again",
    ),
    (
        r"failed to do request|dial tcp|tls handshake timeout|i/o timeout|network is unreachable|"
        r"temporary failure (in name resolution|resolving)|could not resolve|name or service not known|"
        r"newconnectionerror|nameresolutionerror|failed to establish a new connection|read timed out|"
        r"failed to fetch|unable to connect to|could not connect to|connection timed out|"
        r"failed to (copy|authorize)|unexpected status.*\b5\d\d\b|x509: ",
        "a registry or another host on the network didn't answer. Check the network, then grade again",
    ),
    (
        r"port is already allocated|driver failed programming|fully subnetted|pool overlaps|"
        r"no such image|cannot allocate memory|too many open files|resource temporarily unavailable|"
        r"context deadline exceeded",
        "Docker Engine couldn't provide what the containers need. Grade again, with fewer --jobs",
    ),
)


@dataclass(frozen=True)
class Engine:
    """A connection to Docker Engine.

    client: of the Docker SDK. environment: what the docker command sees. place: a temporary
    folder of this run. run: what all that it starts has at the beginning of its name.
    """

    client: docker.DockerClient
    environment: dict
    place: Path
    run: str


@dataclass(frozen=True)
class Done:
    """A command that has ended. status: None if it was ended because its time was up."""

    status: int | None
    output: str
    errors: str


def socket_of_the_engine():
    """Return the address of the engine that `docker` uses here: of DOCKER_HOST, or its context."""
    if host := os.environ.get("DOCKER_HOST"):
        return host
    words = ["docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]
    return run(words, os.environ, 30).output.strip() or "unix:///var/run/docker.sock"


def clean_environment(place):
    """Return the variables that a docker command may see.

    Compose interpolates variables, so none is the teacher's. Docker's own configuration can hold
    proxies, which Docker would hand to every build and container, and credentials: an empty one
    takes its place. Git isn't asked about the course: its configuration can run commands.
    """
    configuration = place / "docker"
    configuration.mkdir()
    (configuration / "config.json").write_text("{}")
    theirs = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker", "cli-plugins")
    if theirs.is_dir():  # where Docker Desktop keeps Compose and Buildx
        (configuration / "cli-plugins").symlink_to(theirs.resolve())
    folders = [str(Path(shutil.which("docker") or "/usr/bin/docker").parent), "/usr/local/bin"]
    return {
        "PATH": ":".join([*folders, "/usr/bin", "/bin"]),
        "DOCKER_CONFIG": str(configuration),
        "BUILDX_GIT_INFO": "false",
    }


@contextmanager
def engine(run_name):
    """Connect to Docker Engine; yields an `Engine`, and removes all that it started."""
    place = Path(tempfile.mkdtemp(prefix="softy-pinko-check-")).resolve()
    try:
        host = socket_of_the_engine()
        names = ("DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")
        secure = {name: os.environ[name] for name in names if name in os.environ}
        with our_command():
            client = docker.from_env(environment={"DOCKER_HOST": host, **secure}, timeout=90)
            client.ping()
        environment = {**clean_environment(place), "DOCKER_HOST": host, **secure}
        connected = Engine(client, environment, place, run_name)
        try:
            yield connected
        finally:
            with suppress(MachineFault):
                try:
                    clean_up(connected)
                except KeyboardInterrupt:
                    clean_up(connected)
                    raise
            client.close()
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def our_command():
    """Turn a failure of a command of ours into `MachineFault`."""
    try:
        yield
    except docker.errors.APIError as error:
        blame_the_machine(str(error))
        raise MachineFault(f"Docker Engine failed: {short(error)}. Grade again") from None
    except (docker.errors.DockerException, requests.RequestException) as error:
        raise MachineFault(f"{SIGNS[0][1]}. The message was: {short(error)}") from None
    except OSError as error:
        blame_the_machine(str(error))
        raise MachineFault(f"this machine failed: {short(error)}. Grade again") from None


def short(error, length=300):
    """Return the start of an error's text, in one line."""
    return re.sub(r"\s+", " ", str(error)).strip().rstrip(".")[:length]


def blame_the_machine(text):
    """Raise `MachineFault` if a text shows that the machine is at fault."""
    for signs, advice in SIGNS:
        for line in text.splitlines():
            if re.search(signs, line, re.IGNORECASE):
                raise MachineFault(f"{advice}. The message was: {short(line)}")


def run(words, environment, seconds, cwd=None):
    """Run a command of at most so many seconds; returns what became of it as `Done`."""
    started = subprocess.Popen(
        words, cwd=cwd, env=environment, text=True, errors="replace", start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        output, errors = started.communicate(timeout=seconds)
    except BaseException as error:
        # With its plugins: they would keep the pipes open.
        with suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        output, errors = started.communicate()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        return Done(None, output, errors)
    return Done(started.returncode, output, errors)


def docker_command(connected, *words, seconds, environment=None, cwd=None):
    """Run `docker` with a clean environment; returns `Done`."""
    return run(["docker", *map(str, words)], environment or connected.environment, seconds, cwd)


def still_responds(connected):
    """Raise `MachineFault` unless Docker Engine responds. A fault is blamed on nobody else then."""
    with our_command():
        connected.client.ping()


def clean_up(connected):
    """Remove all containers, networks, volumes and images of a run, or of one task of it.

    Docker Engine may still be at work on a command that was interrupted: look again, until
    nothing is left.
    """
    with our_command():
        for _ in range(5):
            if not remove_all(connected.client, connected.run):
                return


def remove_all(client, run):
    """Remove all that a run's name and `-` or `_` begin; returns whether there was anything."""
    named = {"name": run}
    containers = client.containers.list(all=True, filters=named, ignore_removed=True)
    networks, volumes = client.networks.list(filters=named), client.volumes.list(filters=named)
    images = client.images.list(filters={"reference": f"{run}-*"})
    found = [
        *((each.name, lambda c=each: c.remove(v=True, force=True)) for each in containers),
        *((each.name, each.remove) for each in networks),
        *((each.name, lambda v=each: v.remove(force=True)) for each in volumes),
        *(
            (tag, lambda t=tag: client.images.remove(t, force=True))
            for i in images
            for tag in i.tags
        ),
    ]
    ours = [remove for name, remove in found if name.startswith((f"{run}-", f"{run}_"))]
    for remove in ours:
        with suppress(docker.errors.APIError):  # gone already, or in use until the next look
            remove()
    return bool(ours)

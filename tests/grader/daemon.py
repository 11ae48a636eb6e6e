"""Connects to Docker Engine, runs `docker` commands, and removes everything that a run started.

The commands see none of the teacher's environment variables and none of the teacher's Docker
configuration.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import docker

from grader.errors import MachineFault
from grader.machine_faults import no_fault_of_the_student

#: The limits of each container: bytes in Docker's notation, and a number of processes.
MEMORY = "512m"
PROCESSES = 512


@dataclass(frozen=True)
class Daemon:
    """A connection to Docker Engine.

    client: the client of Docker's SDK for Python.
    environment: the variables that `docker` commands see.
    scratch: a temporary folder, removed at the end of the run.
    run_name: the start of the name of every container, network, volume and image of the run.
    """

    client: docker.DockerClient
    environment: dict
    scratch: Path
    run_name: str


@dataclass(frozen=True)
class Finished:
    """A command that has ended. status: its exit status, or None if it was killed at its deadline.

    output, errors: what it printed, as text.
    """

    status: int | None
    output: str
    errors: str


def daemon_address():
    """Return the address of the daemon that `docker` uses here: DOCKER_HOST, or the context's."""
    if host := os.environ.get("DOCKER_HOST"):
        return host
    words = ["docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]
    return execute(words, os.environ, 30).output.strip() or "unix:///var/run/docker.sock"


def clean_environment(scratch):
    """Return the variables that a `docker` command may see, as a dict.

    Compose interpolates variables, so none of the teacher's are passed on. An empty Docker
    configuration replaces the teacher's: that may hold credentials, and proxies that Docker
    would pass to each build and container. Buildx doesn't run Git on the submission, because a
    repository's configuration can name programs to run.
    """
    configuration = scratch / "docker"
    configuration.mkdir()
    (configuration / "config.json").write_text("{}")
    plugins = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker", "cli-plugins")
    if plugins.is_dir():  # Docker Desktop keeps Compose and Buildx there
        (configuration / "cli-plugins").symlink_to(plugins.resolve())
    folders = [str(Path(shutil.which("docker") or "/usr/bin/docker").parent), "/usr/local/bin"]
    return {
        "PATH": ":".join([*folders, "/usr/bin", "/bin"]),
        "DOCKER_CONFIG": str(configuration),
        "BUILDX_GIT_INFO": "false",
    }


@contextmanager
def connect(run_name):
    """Connect to Docker Engine; yields a `Daemon`, and removes everything that the run started."""
    scratch = Path(tempfile.mkdtemp(prefix="softy-pinko-check-")).resolve()
    try:
        host = daemon_address()
        names = ("DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")
        tls = {name: os.environ[name] for name in names if name in os.environ}
        with no_fault_of_the_student():
            client = docker.from_env(environment={"DOCKER_HOST": host, **tls}, timeout=90)
            client.ping()
        environment = {**clean_environment(scratch), "DOCKER_HOST": host, **tls}
        daemon = Daemon(client, environment, scratch, run_name)
        try:
            yield daemon
        finally:
            with suppress(MachineFault):
                try:
                    clean_up(daemon)
                except KeyboardInterrupt:
                    clean_up(daemon)
                    raise
            client.close()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def execute(words, environment, seconds, cwd=None):
    """Run a command and kill it after this number of seconds; returns `Finished`."""
    process = subprocess.Popen(
        words, cwd=cwd, env=environment, text=True, errors="replace", start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        output, errors = process.communicate(timeout=seconds)
    except BaseException as error:
        # Kill Docker's plugins too: they would keep the pipes open.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        output, errors = process.communicate()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        return Finished(None, output, errors)
    return Finished(process.returncode, output, errors)


@contextmanager
def uninterrupted():
    """Delay Ctrl-C and SIGTERM until the end of the block, which creates containers.

    Docker Engine completes a creation even if its client is interrupted, perhaps after the
    clean-up. No other thread may run: it would get the signal, and Python would interrupt the
    block.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def docker_command(daemon, *words, seconds, environment=None, cwd=None):
    """Run `docker` with the clean environment; returns `Finished`."""
    return execute(["docker", *map(str, words)], environment or daemon.environment, seconds, cwd)


def check_that_it_responds(daemon):
    """Raise `MachineFault` unless Docker Engine responds."""
    with no_fault_of_the_student():
        daemon.client.ping()


def clean_up(daemon):
    """Remove all containers, networks, volumes and images of a run, or of one task of it.

    Docker Engine may still be working on an interrupted command, so this looks again until
    nothing is left, at most five times.
    """
    with no_fault_of_the_student():
        for _ in range(5):
            if not remove_all(daemon.client, daemon.run_name):
                return


def remove_all(client, run_name):
    """Remove everything whose name starts with the run's; returns whether there was anything."""
    named = {"name": run_name}
    containers = client.containers.list(all=True, filters=named, ignore_removed=True)
    networks = client.networks.list(filters=named)
    volumes = client.volumes.list(filters=named)
    images = client.images.list(filters={"reference": f"{run_name}-*"})
    removals = [
        *((each.name, lambda c=each: c.remove(v=True, force=True)) for each in containers),
        *((each.name, each.remove) for each in networks),
        *((each.name, lambda v=each: v.remove(force=True)) for each in volumes),
        *(
            (tag, lambda tag=tag: client.images.remove(tag, force=True))
            for image in images
            for tag in image.tags
        ),
    ]
    own = [remove for name, remove in removals if name.startswith((f"{run_name}-", f"{run_name}_"))]
    for remove in own:
        with suppress(docker.errors.APIError):  # already gone, or in use until the next attempt
            remove()
    return bool(own)

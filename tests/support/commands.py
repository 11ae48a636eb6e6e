"""Running a command of the shell or of Docker."""

import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: The default limit for a command, in seconds. It is a little less than pytest's limit for a test
#: (pyproject.toml), so that a failure names the command.
PATIENCE = 170

#: The ID of the process that the user started. Workers of pytest-xdist are its children.
PROCESS = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()

#: The prefix of the name of everything that the tests start. Each worker has its own prefix.
RUN = "-".join(
    filter(None, ("softy-pinko-test", str(PROCESS), os.environ.get("PYTEST_XDIST_WORKER")))
)


def run(command, cwd=ROOT, env=None, timeout=PATIENCE, stdin=""):
    """Run a command and return its standard output as text.

    command: a list of words, or a string for the shell.
    cwd: the folder in which it runs.
    env: a dict of variables to add to the environment of this process.
    timeout: seconds. stdin: text that the command can read.

    Raises AssertionError, with the command and its output, if the exit status isn't 0.
    Raises subprocess.TimeoutExpired if the command doesn't end in time.
    """
    done = subprocess.run(
        command,
        shell=isinstance(command, str),
        cwd=cwd,
        env={**os.environ, **(env or {})},
        timeout=timeout,
        input=stdin,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, (
        f"in {cwd}: {command}\nexpected exit status 0, got {done.returncode}. It printed:\n"
        f"{done.stdout}{done.stderr}"
    )
    return done.stdout


def docker(*words, **options):
    """Run `docker` with these arguments and return its output without white space around it.

    options and errors: see `run`.
    """
    return run(["docker", *words], **options).strip()


def inspect(name):
    """Return what `docker inspect` shows of a container, an image or a network, as a dict."""
    return json.loads(docker("inspect", name))[0]


def api_client():
    """Return a client of Docker Engine's API: a `docker.APIClient`, to be closed.

    It is for questions that are asked many times a second, because each `docker` command is a new
    process, and for lists with details: what `docker network ls` lists may be gone when
    `docker inspect` asks for it.
    """
    from docker import APIClient  # the benchmark's environment doesn't have this package

    return APIClient(docker("context", "inspect", "--format", "{{.Endpoints.docker.Host}}"))

"""Running a command, and Docker's own commands."""

import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: Seconds that a command may take. A little less than pytest's own limit (pyproject.toml), so
#: that a failure names the command.
PATIENCE = 170

#: The process that the user has started. With several workers, it is their parent.
PROCESS = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()

#: The names of everything that the tests start begin with this. Each worker has its own.
RUN = "-".join(
    filter(None, ("softy-pinko-test", str(PROCESS), os.environ.get("PYTEST_XDIST_WORKER")))
)


def run(command, cwd=ROOT, env=None, timeout=PATIENCE, stdin=""):
    """Run a command and return what it printed.

    command: a list of words, or a string for the shell.
    env: variables to add to this process's own.
    timeout: seconds. stdin: text that the command may read.

    Raises AssertionError, with the command and all that it printed, if it ends
    with another status than 0; subprocess.TimeoutExpired if it does not end.
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
        f"in {cwd}: {command}\nended with status {done.returncode} and said:\n"
        f"{done.stdout}{done.stderr}"
    )
    return done.stdout


def docker(*words, **options):
    """Run `docker` with these words; see `run` for the rest. Returns what it printed, trimmed."""
    return run(["docker", *words], **options).strip()


def inspect(name):
    """Return all that the engine knows of a container, an image or a network, as a dict."""
    return json.loads(docker("inspect", name))[0]

"""Docker's own commands, as a learner would type them."""

import json
import os
import socket
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: Seconds that a command may take. A little less than pytest's own limit (pyproject.toml), so
#: that a failure names the command.
PATIENCE = 170

#: Everything that a run of the tests starts carries this in its name.
RUN = f"softy-pinko-test-{os.getpid()}"


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


def free_port():
    """Return a TCP port of 127.0.0.1 that nobody listens on at the moment."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def port_owner(port):
    """Return who listens on a TCP port of this machine, in words, or None."""
    with socket.socket() as client:
        if client.connect_ex(("127.0.0.1", port)) != 0:
            return None
    container = docker("ps", "--filter", f"publish={port}", "--format", "{{.Names}}")
    return f"the container {container}" if container else "a program outside Docker"


def assert_ports_are_free(*ports):
    """Assert that nobody listens on these ports of this machine; the failure says who does."""
    for port in ports:
        owner = port_owner(port)
        assert owner is None, (
            f"port {port}, which the page of this task names, is taken by {owner}; "
            "stop that ('script/down' if it is the course), then run this test again"
        )


def wait_until(condition, deadline, what):
    """Ask `condition()` every 50 ms until it returns something true, and return that.

    deadline: seconds. Raises AssertionError, which says `what` was waited for, when it passes.
    """
    end = time.monotonic() + deadline
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < end, f"waited {deadline} s for this in vain: {what}"
        time.sleep(0.05)


def wait_until_healthy(container, deadline=30):
    """Wait until the container's health check passes; see `wait_until`."""

    def healthy():
        state = inspect(container)["State"]
        assert state["Running"], f"{container} has ended; 'docker logs {container}' says why"
        return state["Health"]["Status"] == "healthy"

    wait_until(healthy, deadline, f"{container} to be healthy")


def processes(container):
    """Return the container's processes as (user ID, command line) pairs, seen from inside it."""
    # Not `docker top`: that asks the host's `ps`, which a bare machine lacks.
    script = r"""for p in /proc/[0-9]*; do
        [ $p = /proc/$$ ] || echo "$(stat -c %u $p) $(tr '\0' ' ' <$p/cmdline)"; done"""
    lines = docker("exec", container, "sh", "-c", script).splitlines()
    return [tuple(line.split(maxsplit=1)) for line in lines if " " in line.strip()]


def seconds_to_stop(container):
    """Stop a container and return how long that took, in seconds."""
    start = time.monotonic()
    docker("stop", container)
    return time.monotonic() - start


def memory(*containers):
    """Return how much memory each of these containers uses, as a dict: its name -> MiB."""
    shown = docker("stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}", *containers)
    units = {"KiB": 1 / 1024, "MiB": 1, "GiB": 1024}
    numbers = {name: used for name, used, *_ in map(str.split, shown.splitlines())}
    return {name: float(used[:-3]) * units[used[-3:]] for name, used in numbers.items()}

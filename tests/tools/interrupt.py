"""Interrupting a process, and asserting that it leaves nothing behind."""

import os
import signal
import subprocess

from support.commands import ROOT, docker
from support.waiting import wait_until


def finish(process, seconds):
    """Wait until a process, a `subprocess.Popen` with a pipe, ends; returns its output.

    Raises subprocess.TimeoutExpired if that takes longer than so many seconds. The process
    then gets SIGTERM, so that it can remove what it started, and SIGKILL a minute later.
    """
    try:
        return process.communicate(timeout=seconds)[0]
    except subprocess.TimeoutExpired:
        process.terminate()
        try:
            process.communicate(timeout=60)
        finally:
            process.kill()
        raise


def interrupt(command, prefix, begun, deadline=60, env=None):
    """Start a command, press Ctrl-C once it has begun, and assert that it leaves nothing behind.

    prefix: the names of the containers and images that it starts and builds begin with this
    and its process ID.
    begun: a function that takes such a name and returns whether it is time for Ctrl-C.
    deadline: seconds until then. env: variables to add to this process's own.

    Returns the command's exit status and its output.
    """
    started = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    name = f"{prefix}{started.pid}"
    try:
        wait_until(
            lambda: started.poll() is not None or begun(name), deadline, f"{command} to begin"
        )
    finally:
        ended = started.poll() is not None
        if not ended:
            os.killpg(started.pid, signal.SIGINT)
        said = finish(started, 90)
    assert not ended, f"{command} ended before Ctrl-C, and printed:\n{said}"
    assert_nothing_is_left(name)
    return started.returncode, said


def assert_nothing_is_left(name):
    """Assert that no container, network, volume or image has this in its name."""
    for listing in ("ps --all --format {{.Names}}", "network ls --format {{.Name}}",
                    "volume ls --format {{.Name}}", "images --format {{.Repository}}"):  # fmt: skip
        assert name not in docker(*listing.split())

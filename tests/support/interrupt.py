"""A process that is told to end, and what is left after it."""

import os
import signal
import subprocess

from support.engine import ROOT, docker, wait_until


def finish(process, seconds):
    """Wait for a process, a `subprocess.Popen` with a pipe, to end; returns all that it printed.

    Raises subprocess.TimeoutExpired if that takes longer than so many seconds. It is told
    to end then, so that it removes what it has started, and killed a minute later.
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
    """Start a command, press Ctrl-C once it has begun, and assert that nothing of it is left.

    prefix: what it starts is called by this and its process ID, the name.
    begun: a function of that name, true when it is time. deadline: seconds until then.
    env: variables to add to this process's own.

    Returns its exit status and all that it printed.
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
    assert not ended, f"{command} ended by itself, and said:\n{said}"
    assert_nothing_is_left(name)
    return started.returncode, said


def assert_nothing_is_left(name):
    """Assert that no container, network, volume or image of the engine has this in its name."""
    for listing in ("ps --all --format {{.Names}}", "network ls --format {{.Name}}",
                    "volume ls --format {{.Name}}", "images --format {{.Repository}}"):  # fmt: skip
        assert name not in docker(*listing.split())

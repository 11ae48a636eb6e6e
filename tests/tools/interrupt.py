"""Interrupting a process, and asserting that it leaves nothing behind."""

import os
import signal
import subprocess

from support.commands import ROOT, docker
from support.waiting import wait_until


def finish(process, seconds):
    """Wait until a process ends; returns its output. process: a `subprocess.Popen` with a pipe.

    Raises subprocess.TimeoutExpired after this number of seconds. The process then gets SIGTERM,
    so that it can remove what it started, and SIGKILL a minute later.
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

    prefix: the start of the names of the command's containers and images. The process ID follows.
    begun: a function that takes prefix and process ID, and returns whether to press Ctrl-C.
    deadline: how many seconds that may take. env: variables to add to this process's own.

    Returns (exit status, output).
    """
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    name = f"{prefix}{process.pid}"
    try:
        wait_until(
            lambda: process.poll() is not None or begun(name), deadline, f"{command} to begin"
        )
    finally:
        ended = process.poll() is not None
        if not ended:
            os.killpg(process.pid, signal.SIGINT)
        output = finish(process, 90)
    assert not ended, f"{command} ended before Ctrl-C, and printed:\n{output}"
    assert_nothing_is_left(name)
    return process.returncode, output


def assert_nothing_is_left(name):
    """Assert that no container, network, volume or image has this in its name."""
    for listing in (
        "ps --all --format {{.Names}}",
        "network ls --format {{.Name}}",
        "volume ls --format {{.Name}}",
        "image ls --format {{.Repository}}",
    ):
        left = docker(*listing.split())
        assert name not in left, f"'docker {listing}' shows:\n{left}"

"""TCP ports of this machine."""

import itertools
import os
import socket
from contextlib import suppress

from support.commands import PROCESS, docker

WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
#: Each worker of a run has 200 ports of its own, so that no two tests get the same one. They are
#: below those that Linux gives to clients, and above those that Chromium refuses.
PORTS = itertools.count(11_000 + (PROCESS + WORKER) % 100 * 200)


def free_port():
    """Return the number of a TCP port of 127.0.0.1 that is free, another one at each call."""
    while True:
        with socket.socket() as server, suppress(OSError):
            server.bind(("127.0.0.1", port := next(PORTS)))
            return port


def port_owner(port):
    """Return what listens on a port, such as `the container proxy`, or None if the port is free."""
    with socket.socket() as client:
        if client.connect_ex(("127.0.0.1", port)) != 0:
            return None
    container = docker("ps", "--filter", f"publish={port}", "--format", "{{.Names}}")
    return f"the container {container}" if container else "a program outside Docker"


def assert_ports_are_free(*ports):
    """Assert that these ports are free. The failure names the program that listens."""
    for port in ports:
        owner = port_owner(port)
        assert owner is None, (
            f"Port {port}: expected it to be free, because this task's page uses it, got {owner}. "
            "Stop that (script/down stops the course), then run this test again."
        )

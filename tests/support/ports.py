"""Ports of this machine."""

import socket

from support.commands import docker


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

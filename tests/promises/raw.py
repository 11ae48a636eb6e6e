"""Requests byte by byte, for what a client library would refuse to send."""

import socket
from urllib.parse import urlsplit


def connect(url, timeout=5):
    """Return a socket connected to a URL's host and port. timeout: seconds, for each call."""
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port or 80), timeout=timeout)


def request(
    target="/api/hello", *headers, method="GET", version="HTTP/1.1", host="localhost", body=b""
):
    """Return the bytes of a request, its parts taken as they are.

    target, method, version, host, headers: text of any characters up to U+00FF, or bytes.
    host: None leaves the header out.
    """
    target, method, version, *headers = map(as_bytes, (target, method, version, *headers))
    lines = [b" ".join((method, target, version))]
    if host is not None:
        lines.append(b"Host: " + as_bytes(host))
    return b"\r\n".join([*lines, *headers, b"", b""]) + body


def as_bytes(text):
    """Return bytes as they are, and text with one byte for each character."""
    return text if isinstance(text, bytes) else text.encode("latin-1")


def answer(url, data, patience=5):
    """Send bytes and return all that comes back until the head of an answer is there.

    patience: seconds to wait for each piece. Raises TimeoutError if the server
    keeps silent for longer; returns b"" if it closes the connection.
    """
    received = b""
    with connect(url, patience) as connection:
        connection.sendall(data)
        while b"\r\n\r\n" not in received:
            try:
                piece = connection.recv(65536)
            except ConnectionResetError:
                break
            if not piece:
                break
            received += piece
    return received


def status(received):
    """Return the status of an answer's first line as a number, or None if it has none."""
    if not received.startswith(b"HTTP/1.1 "):
        return None
    return int(received[9:12])

"""Requests as raw bytes, because client libraries refuse to send malformed requests."""

import socket
from urllib.parse import urlsplit


def connect(url, timeout=5):
    """Return a socket that is connected to a URL's host and port.

    timeout: seconds, for the connection and for each later call.
    """
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port or 80), timeout=timeout)


def request(
    target="/api/hello", *headers, method="GET", version="HTTP/1.1", host="localhost", body=b""
):
    """Return the bytes of a request. Its parts aren't checked.

    target, method, version, host, headers: bytes, or texts of characters up to U+00FF.
    host: None for a request without the header `Host`. body: bytes.
    """
    target, method, version, *headers = map(as_bytes, (target, method, version, *headers))
    lines = [b" ".join((method, target, version))]
    if host is not None:
        lines.append(b"Host: " + as_bytes(host))
    return b"\r\n".join([*lines, *headers, b"", b""]) + body


def as_bytes(text):
    """Return bytes unchanged, and a text as one byte for each character."""
    return text if isinstance(text, bytes) else text.encode("latin-1")


def send_raw(url, data, patience=5):
    """Send bytes and return what the server sends, up to the end of a response's head: bytes.

    patience: the seconds to wait for each piece of the response.
    Returns b"" if the server closes the connection without a response.
    Raises TimeoutError if the server neither responds nor closes the connection.
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


def status_of(received):
    """Return the status in a response's first line: a number, or None if there is none.

    received: the response's bytes.
    """
    if not received.startswith(b"HTTP/1.1 "):
        return None
    return int(received[9:12])

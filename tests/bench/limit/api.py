"""The API without Flask: a bare WSGI function that returns the same bytes as task6's."""

import socket

HOSTNAME = socket.gethostname()

ANSWERS = {
    "/api/hello": ("text/plain; charset=utf-8", b"Hello, World!"),
    "/api/health": ("application/json", b'{"status":"healthy"}\n'),
}


def app(environ, start_response):
    """Answer a WSGI request: one of `ANSWERS`, whatever the method."""
    kind, body = ANSWERS[environ["PATH_INFO"]]
    start_response(
        "200 OK",
        [
            ("Content-Type", kind),
            ("Content-Length", str(len(body))),
            ("X-Served-By", HOSTNAME),
        ],
    )
    return [body]

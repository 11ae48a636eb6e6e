"""The API without Flask: a WSGI function that returns the same responses as task6."""

import socket

HOSTNAME = socket.gethostname()

RESPONSES = {
    "/api/hello": ("text/plain; charset=utf-8", b"Hello, World!"),
    "/api/health": ("application/json", b'{"status":"healthy"}\n'),
}


def app(environ, start_response):
    """Respond to a WSGI request with one of `RESPONSES`."""
    kind, body = RESPONSES[environ["PATH_INFO"]]
    start_response(
        "200 OK",
        [
            ("Content-Type", kind),
            ("Content-Length", str(len(body))),
            ("X-Served-By", HOSTNAME),
        ],
    )
    return [body]

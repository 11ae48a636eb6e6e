"""What the grader finds in the responses of an API and a page. The test itself serves them."""

import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
import requests

from grader import responses
from grader.deadlines import Deadlines
from grader.errors import Fault
from grader.http_checks import check_cors, check_greeting, check_page
from grader.responses import get, hint
from support.ports import free_port

SOON = Deadlines(response=1, still=0.3, page=1)
#: With these, a check takes a minute only if it waits for the deadline.
PATIENT = Deadlines(response=60, still=0.3)
#: A `RunningTask` without containers.
RUNNING = SimpleNamespace(all_containers=list, containers_with=lambda role: [])
PLAIN, HTML = {"Content-Type": "text/plain"}, {"Content-Type": "text/html"}
HELLO = (200, PLAIN, "Hello, World!")


@pytest.fixture
def serve():
    """A function that starts a server; returns its URL.

    pages: path -> (status, headers, body). A list of statuses is used one after the other. A
    body that is a function gets the file to write to. port: 0 for any free one.
    """
    servers = []

    def start(pages, port=0):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                status, headers, body = pages.get(self.path, (404, PLAIN, "no"))
                if isinstance(status, list):
                    status = status.pop(0) if len(status) > 1 else status[0]
                self.send_response(status)
                for header in headers.items():
                    self.send_header(*header)
                self.end_headers()
                if callable(body):
                    with suppress(OSError):  # the client has closed the connection
                        body(self.wfile)
                else:
                    self.wfile.write(body.encode())

            def log_message(self, *words):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def check_api_at(url, running=RUNNING, deadlines=SOON):
    """Check the greeting below a URL, as in task1."""
    check_greeting(running, "back-end", url, "http://localhost:5252/api/hello", "api.py", deadlines)


def check_page_at(url):
    """Check the page at a URL, as in task2."""
    check_page(RUNNING, "front-end", url, "http://localhost:9000", "index.html", SOON)


@pytest.mark.parametrize("body", ["Hello, World!", "Hello, World!\n", '"Hello, World!"'])
def test_the_greeting_passes(serve, body):
    check_api_at(serve({"/api/hello": (200, PLAIN, body)}))


@pytest.mark.parametrize(
    ("response", "got"),
    [
        ((200, PLAIN, "“Hello, World!”"), "'Hello, World!', got '“Hello, World!”'; look at api.py"),
        ((200, PLAIN, "Hello World"), "'Hello, World!', got 'Hello World'; look at api.py"),
        ((404, PLAIN, ""), "200, got 404 Not Found; look at api.py"),
        ((500, PLAIN, ""), "200, got 500"),
        ((502, PLAIN, ""), "200, got 502"),
        ((302, {"Location": "http://169.254.169.254/"}, ""), "200, got 302"),
    ],
)
def test_another_response_than_the_greeting_is_a_fault(serve, response, got):
    with pytest.raises(Fault) as fault:
        check_api_at(serve({"/api/hello": response}))
    assert f"GET http://localhost:5252/api/hello: expected {got}" in str(fault.value)


def test_a_service_that_does_not_respond_is_a_fault():
    begun = time.monotonic()
    with pytest.raises(Fault, match="expected a response, got none"):
        check_api_at("http://127.0.0.1:9", deadlines=PATIENT)
    assert time.monotonic() - begun < 30, "the grader waited although nothing changed"


def test_a_proxy_whose_service_starts_slowly_passes(serve):
    pages = {"/api/hello": ([502, 503, 504, 200], PLAIN, "Hello, World!")}
    check_api_at(serve(pages), deadlines=Deadlines())


def test_a_service_that_starts_slowly_passes(serve):
    port = free_port()
    started = []

    def containers_with(role):
        # The grader looks at the containers when it has got no response.
        if not started:
            started.append(serve({"/api/hello": HELLO}, port))
        return []

    running = SimpleNamespace(all_containers=list, containers_with=containers_with)
    check_api_at(f"http://127.0.0.1:{port}", running, Deadlines())
    assert started, "the grader got a response before the service had started"


def test_a_redirect_on_the_same_server_is_followed(serve):
    url = serve({"/": (302, {"Location": "/home"}, ""), "/home": (200, HTML, "<p>Hello")})
    assert get(f"{url}/").text == "<p>Hello"


def test_an_endless_redirect_is_no_response(serve):
    with pytest.raises(requests.TooManyRedirects):
        get(serve({"/": (302, {"Location": "/"}, "")}))


def test_an_endless_body_is_cut_off(serve, monkeypatch):
    def write_without_end(file):
        while True:
            file.write(b"x" * 10_000)

    monkeypatch.setattr(responses, "MOST_BYTES", 100_000)
    response = get(serve({"/": (200, PLAIN, write_without_end)}))
    assert 100_000 < len(response.text) < 1_000_000


@pytest.mark.parametrize("size", [1, 65536], ids=["byte by byte", "in large pieces"])
def test_a_body_that_comes_too_slowly_is_no_response(serve, size):
    pieces = iter(range(100))

    def write_slowly(file):
        for _ in pieces:
            file.write(b"x" * size)
            file.flush()
            time.sleep(0.05)

    with pytest.raises(requests.Timeout):
        get(serve({"/": (200, PLAIN, write_slowly)}), seconds=0.3)
    assert next(pieces, None) is not None, "it waited for the end of the body"


def test_this_machines_proxies_are_not_used(serve, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    check_api_at(serve({"/api/hello": HELLO}))


PAGE = """<html>
<link rel="stylesheet" href="style.css">
<img src="a.svg">
<script src="https://cdn.example/x.js"></script>
"""
STYLE, IMAGE = (200, {"Content-Type": "text/css"}, ""), (200, {}, "")


def test_a_page_with_all_its_assets_passes(serve):
    check_page_at(serve({"/": (200, HTML, PAGE), "/style.css": STYLE, "/a.svg": IMAGE}))


@pytest.mark.parametrize(
    ("pages", "sentence"),
    [
        ({}, "expected 200 with an HTML page, got 404 Not Found with text/plain"),
        ({"/": (200, PLAIN, "<p>")}, "got 200 OK with text/plain"),
        (
            {"/": (200, HTML, "<title>Welcome to nginx!</title>")},
            "got the server's default page, 'Welcome to nginx!'",
        ),
        ({"/": (200, HTML, "plain")}, "expected an HTML page, got 'plain'"),
        (
            {"/": (200, HTML, PAGE), "/style.css": STYLE},
            "names 'a.svg': expected 200 for GET http://localhost:9000/a.svg, got 404",
        ),
        (
            {"/": (200, HTML, PAGE), "/style.css": (200, HTML, "")},
            "/style.css responds with an HTML page instead",
        ),
    ],
    ids=["404", "plain text", "default page", "no HTML", "no image", "HTML as a style sheet"],
)
def test_a_page_that_is_incomplete_is_a_fault(serve, pages, sentence):
    with pytest.raises(Fault) as fault:
        check_page_at(serve(pages))
    assert sentence in str(fault.value)


def check_cors_at(url):
    """Check that the API below a URL allows the page of task3."""
    check_cors(RUNNING, "http://localhost:9000", url, "the API", "api.py", SOON)


@pytest.mark.parametrize("origin", ["*", "http://localhost:9000"])
def test_an_api_that_allows_the_page_passes(serve, origin):
    check_cors_at(serve({"/api/hello": (200, {"Access-Control-Allow-Origin": origin}, "")}))


@pytest.mark.parametrize(
    ("headers", "got"),
    [({}, "no such header"), ({"Access-Control-Allow-Origin": "http://x"}, "'http://x'")],
)
def test_an_api_that_does_not_allow_the_page_is_a_fault(serve, headers, got):
    url = serve({"/api/hello": (200, headers, "")})
    with pytest.raises(Fault, match=f"Allow-Origin: http://localhost:9000' \\(CORS\\), got {got}"):
        check_cors_at(url)


@pytest.mark.parametrize(
    ("listening", "words"),
    [
        (None, "no connection before the deadline"),
        ({"a": None}, "no connection before the deadline"),
        ({"a": set()}, "no process listens on any port after 60 s"),
        ({"a": {"0.0.0.0:80"}}, "inside the container, a process listens on 0.0.0.0:80"),
        ({"a": {"127.0.0.1:80"}}, "accepts connections from inside the container only"),
    ],
)
def test_a_fault_says_where_processes_listen(listening, words):
    assert words in hint(listening, 60)

"""What the grader makes of an API's and a page's responses: from a server of this test, without an engine."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
import requests

from grader import responses
from grader.deadlines import Deadlines
from grader.errors import Fault, MachineFault
from grader.responses import check_cors, check_greeting, check_page, get, hint, judge_shares
from grader.running import sockets

SOON = Deadlines(response=1, still=0.3, page=1)
#: Nothing runs in containers here.
RUNNING = SimpleNamespace(all=list, of=lambda role: [])
PLAIN, HTML = {"Content-Type": "text/plain"}, {"Content-Type": "text/html"}


@pytest.fixture
def serve():
    """Start a server: a function of {path: (status, headers, body)}, which returns its URL.

    A body that is a function writes by itself. A status of several is one after the other.
    """
    servers = []

    def start(pages):
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
                    body(self.wfile)
                else:
                    self.wfile.write(body.encode())

            def log_message(self, *words):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def greeting(url):
    """Check the greeting below a URL, as that of task1's author."""
    check_greeting(RUNNING, "back-end", url, "http://localhost:5252/api/hello", "api.py", SOON)


def page(url):
    """Check the page at a URL, as that of task2's author."""
    check_page(RUNNING, "front-end", url, "http://localhost:9000", "index.html", SOON)


@pytest.mark.parametrize("body", ["Hello, World!", "Hello, World!\n", '"Hello, World!"'])
def test_the_greeting_passes(serve, body):
    greeting(serve({"/api/hello": (200, PLAIN, body)}))


@pytest.mark.parametrize(
    ("pages", "sentence"),
    [
        ({"/api/hello": (200, PLAIN, "“Hello, World!”")}, "expected 'Hello, World!', got '“Hello, World!”'; look at api.py"),
        ({"/api/hello": (200, PLAIN, "Hello World")}, "expected 'Hello, World!', got 'Hello World'"),
        ({}, "GET http://localhost:5252/api/hello: expected 200, got 404 Not Found; look at api.py"),
        ({"/api/hello": (500, PLAIN, "")}, "expected 200, got 500"),
        ({"/api/hello": (502, PLAIN, "")}, "expected 200, got 502"),
        ({"/api/hello": (302, {"Location": "http://169.254.169.254/"}, "")}, "expected 200, got 302"),
    ],
)  # fmt: skip
def test_anything_else_is_a_fault(serve, pages, sentence):
    with pytest.raises(Fault) as fault:
        greeting(serve(pages))
    assert sentence in str(fault.value)


def test_a_service_that_does_not_respond_is_a_fault_after_the_deadline():
    begun = time.monotonic()
    with pytest.raises(Fault, match="expected a response, got none"):
        greeting("http://127.0.0.1:9")
    assert time.monotonic() - begun < 3


def test_a_service_that_is_slow_to_start_passes(serve):
    greeting(serve({"/api/hello": ([502, 503, 504, 200], PLAIN, "Hello, World!")}))


def test_redirects_on_the_same_server_are_followed(serve):
    url = serve({"/": (302, {"Location": "/home"}, ""), "/home": (200, HTML, "<p>Hello")})
    assert get(f"{url}/").text == "<p>Hello"


def test_redirects_without_an_end_are_no_response(serve):
    with pytest.raises(requests.TooManyRedirects):
        get(serve({"/": (302, {"Location": "/"}, "")}))


def test_a_body_without_an_end_is_cut_off(serve, monkeypatch):
    def endless(file):
        while True:
            file.write(b"x" * 10_000)

    monkeypatch.setattr(responses, "MOST_BYTES", 100_000)
    got = get(serve({"/": (200, PLAIN, lambda file: suppressed(endless, file))}))
    assert 100_000 < len(got.text) < 1_000_000


def test_a_body_that_trickles_is_no_response(serve):
    def trickle(file):
        for _ in range(100):
            file.write(b"x" * 65536)
            file.flush()
            time.sleep(0.05)

    with pytest.raises(requests.Timeout):
        get(serve({"/": (200, PLAIN, lambda file: suppressed(trickle, file))}), seconds=0.3)


def suppressed(write, file):
    """Write until the client goes away."""
    try:
        write(file)
    except OSError:
        return


def test_proxies_of_this_machine_are_not_used(serve, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    greeting(serve({"/api/hello": (200, PLAIN, "Hello, World!")}))


WHOLE = '<html><link rel="stylesheet" href="style.css"><img src="a.svg"><script src="https://cdn.example/x.js"></script>'


def test_a_page_with_its_assets_passes(serve):
    page(serve({"/": (200, HTML, WHOLE), "/style.css": (200, {}, ""), "/a.svg": (200, {}, "")}))


@pytest.mark.parametrize(
    ("pages", "sentence"),
    [
        ({}, "expected 200 with an HTML page, got 404 Not Found with text/plain"),
        ({"/": (200, PLAIN, "<p>")}, "got 200 OK with text/plain"),
        ({"/": (200, HTML, "<title>Welcome to nginx!</title>")}, "got the server's own, 'Welcome to nginx!'"),
        ({"/": (200, HTML, "plain")}, "expected an HTML page, got 'plain'"),
        ({"/": (200, HTML, WHOLE), "/style.css": (200, {}, "")}, "names 'a.svg': expected 200 for GET http://localhost:9000/a.svg, got 404"),
        ({"/": (200, HTML, WHOLE), "/style.css": (200, HTML, "")}, "/style.css responds with an HTML page in its place"),
    ],
)  # fmt: skip
def test_a_page_that_is_not_whole_is_a_fault(serve, pages, sentence):
    with pytest.raises(Fault) as fault:
        page(serve(pages))
    assert sentence in str(fault.value)


@pytest.mark.parametrize("origin", ["*", "http://localhost:9000"])
def test_cors_for_the_page_passes(serve, origin):
    url = serve({"/api/hello": (200, {"Access-Control-Allow-Origin": origin}, "")})
    check_cors(RUNNING, "http://localhost:9000", url, "the API", "api.py", SOON)


@pytest.mark.parametrize(
    ("headers", "got"),
    [({}, "no such header"), ({"Access-Control-Allow-Origin": "http://x"}, "'http://x'")],
)
def test_cors_for_another_page_is_a_fault(serve, headers, got):
    url = serve({"/api/hello": (200, headers, "")})
    with pytest.raises(Fault, match=f"Allow-Origin: http://localhost:9000' \\(CORS\\), got {got}"):
        check_cors(RUNNING, "http://localhost:9000", url, "the API", "api.py", SOON)


def shares(counts, servers=("a-1", "a-2"), total=200):
    """Judge how the requests were shared."""
    judge_shares(total, counts, set(servers), "http://localhost", "proxy.conf")


@pytest.mark.parametrize(
    "counts", [{"a-1": 100, "a-2": 100}, {"a-1": 115, "a-2": 85, "page": 1}, {"a-1": 67, "a-2": 67, "b": 66}]
)  # fmt: skip
def test_even_shares_pass(counts):
    shares(counts)


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"a-1": 150, "a-2": 50}, "got a-1 150, a-2 50; look at proxy.conf"),
        ({"a-1": 200, "a-2": 0}, "got a-1 200, a-2 0; look at"),
        ({"a-1": 67, "a-2": 67, "b": 20}, "b 20"),
    ],
)
def test_uneven_shares_are_a_fault(counts, words):
    with pytest.raises(Fault, match=words):
        shares(counts)


def test_one_api_server_is_a_fault():
    with pytest.raises(Fault, match="got a-1 200; only one API server runs"):
        shares({"a-1": 200, "page": 0}, servers=["a-1"])


def test_a_machine_too_slow_to_measure_is_no_fault():
    with pytest.raises(MachineFault, match="only 3 of 200 requests"):
        shares({"a-1": 3, "a-2": 0}, total=3)


TCP = """  sl  local_address rem_address   st tx_queue
   0: 00000000:1484 00000000:0000 0A 00000000:00000000
   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000
   2: 0B00007F:9C40 00000000:0000 0A 00000000:00000000
   3: 0100007F:1484 0100007F:D0C0 01 00000000:00000000
"""


def test_where_processes_listen_is_read_from_the_kernels_table():
    assert sockets(TCP) == {"0.0.0.0:5252", "127.0.0.1:8080"}


@pytest.mark.parametrize(
    ("listening", "words"),
    [
        (None, "no connection within the time"),
        ({"a": None}, "no connection within the time"),
        ({"a": set()}, "no process listens on any port after 60 s"),
        ({"a": {"0.0.0.0:80"}}, "inside the container, a process listens on 0.0.0.0:80"),
        ({"a": {"127.0.0.1:80"}}, "127.0.0.1 is reachable from the container itself only"),
    ],
)
def test_the_hint_says_where_processes_listen(listening, words):
    assert words in hint(listening, 60)

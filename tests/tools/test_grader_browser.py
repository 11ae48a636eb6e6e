"""What a browser shows of a stranger's page: from a server of this test, without an engine."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from grader.browser import check_shown, is_outside, resolver_rules
from grader.deadlines import Deadlines
from grader.errors import Fault, MachineFault

SOON = Deadlines(page=6, still=0.5)
SHOWS = "<p id=dynamic-content></p><script>fetch('{}').then(r => r.text()).then(t => document.getElementById('dynamic-content').textContent = t)</script>"


@contextmanager
def serving(page, api="Hello, World!", wait=0):
    """Serve a page, and an API that takes so many seconds; yields the server's port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            is_api = self.path == "/api/hello"
            if is_api:
                time.sleep(wait)
            self.send_response(200 if is_api or self.path == "/" else 404)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write((api if is_api else page).encode())

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def check(page, **options):
    """Check a page that its author expects on port 9000, and its API there too."""
    deadlines = options.pop("deadlines", SOON)
    # In a thread of its own: Playwright's other tests may have an event loop in this one.
    with serving(page, **options) as port, ThreadPoolExecutor(1) as thread:
        published = {9000: f"127.0.0.1:{port}"}
        words = ("http://localhost:9000/", published, "", "index.html", deadlines)
        thread.submit(check_shown, *words).result()


def test_a_page_that_shows_the_response_passes():
    check(SHOWS.format("/api/hello"))


def test_a_page_whose_api_is_slower_than_the_page_is_still_passes():
    check(SHOWS.format("http://localhost:9000/api/hello"), wait=2)


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("<p>nothing", "got no such element; the browser says: nothing; look at index.html"),
        ("<p id=dynamic-content>Hello, World!", "which never requests /api/hello"),
        (SHOWS.format("http://localhost:5000/api/hello"), "http://localhost:5000/api/hello was requested, and nothing is published there"),
        (SHOWS.format("http://back-end:5252/api/hello"), "http://back-end:5252/api/hello was requested, and nothing is published"),
        ("<p id=dynamic-content>...</p><script>const = 1</script>", "got '...'; the browser says: Unexpected token"),
        (SHOWS.format("/api/helo"), "404 (Not Found) (http://localhost:9000/api/helo)"),
        (SHOWS.format("http://[::1]:2222/api/hello"), "http://[::1]:2222/api/hello was requested, and nothing is published"),
        (SHOWS.format("http://10.0.0.1:2222/api/hello"), "http://10.0.0.1:2222/api/hello was requested, and nothing is published"),
        (SHOWS.format("http://127.0.0.1:2222/api/hello"), "the browser says: http://127.0.0.1:2222/api/hello was requested, and nothing"),
    ],
)  # fmt: skip
def test_a_page_that_does_not_is_a_fault(page, words):
    begun = time.monotonic()
    with pytest.raises(Fault) as fault:
        check(page)
    assert words in str(fault.value)
    assert time.monotonic() - begun < 5, "the page had come to rest"


def test_a_page_that_asks_the_same_in_vain_again_and_again_is_at_rest():
    again = "<p id=dynamic-content></p><script>setInterval(() => fetch('http://localhost:2222/?' + Date.now()), 100)</script>"
    begun = time.monotonic()
    with pytest.raises(Fault, match="nothing is published there"):
        check(again, deadlines=Deadlines(page=60, still=1))
    assert time.monotonic() - begun < 10


def test_a_page_that_needs_a_host_which_does_not_answer_is_no_fault():
    page = '<p id=dynamic-content></p><script src="https://cdn.example.invalid/jquery.js"></script><script>$.get("/api/hello")</script>'
    with pytest.raises(MachineFault, match=r"needs https://cdn.example.invalid/jquery.js"):
        check(page)


def test_a_page_that_only_looks_worse_without_a_host_passes():
    fonts = '<link rel="stylesheet" href="https://fonts.example.invalid/css">'
    check(fonts + SHOWS.format("/api/hello"))


def test_a_font_is_no_excuse():
    fonts = '<link rel="stylesheet" href="https://fonts.example.invalid/css">'
    with pytest.raises(Fault, match="no such element"):
        check(f"{fonts}<p>nothing")


def test_every_other_port_of_this_machine_leads_nowhere():
    rules = resolver_rules({9000: "127.0.0.1:1"}).split("=", 1)[1].split(",")
    assert rules[:2] == ["MAP localhost:9000 127.0.0.1:1", "MAP 127.0.0.1:9000 127.0.0.1:1"]
    assert "MAP localhost ~NOTFOUND" in rules
    assert "MAP 192.168.* ~NOTFOUND" in rules


@pytest.mark.parametrize(
    ("url", "outside"),
    [
        ("https://code.jquery.com/jquery.js", True),
        ("http://localhost:5252/", False),
        ("http://back-end:5252/", False),
        ("http://127.0.0.1/", False),
        ("data:text/plain,x", False),
    ],
)
def test_what_is_outside_this_machine(url, outside):
    assert is_outside(url) == outside

"""What the grader finds when it opens a page in a browser. The test itself serves the page."""

import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from grader.browser_check import (
    check_shown,
    check_shown_in,
    chromium,
    is_on_the_internet,
)
from grader.deadlines import Deadlines
from grader.errors import Fault, MachineFault
from support.commands import RUN, docker
from support.waiting import wait_until

SOON = Deadlines(page=6, still=0.5)
#: With these, a check takes a minute only if it waits for the deadline.
PATIENT = Deadlines(page=60, still=0.5)
#: The page as its author calls it. The server here is on another port.
URL = "http://localhost:9000/"


class Site:
    """A server with a page and an API, whose port a browser finds under 9000.

    page: HTML. wait: how many seconds the API takes.
    published: see `grader.browser_check.resolver_rules`.
    """

    def __init__(self):
        self.page, self.wait = "", 0
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                bodies = {"/": site.page, "/api/hello": "Hello, World!"}
                if self.path == "/api/hello":
                    time.sleep(site.wait)
                self.send_response(200 if self.path in bodies else 404)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(bodies.get(self.path, "").encode())

            def log_message(self, *words):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.published = {9000: f"127.0.0.1:{self.server.server_port}"}
        self.thread = threading.Thread(target=self.server.serve_forever, args=[0.01], daemon=True)

    def start(self):
        """Accept connections."""
        self.thread.start()

    def close(self):
        """Stop the server."""
        if self.thread.is_alive():
            self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def site():
    """A `Site` for all tests."""
    with closing(Site()) as started:
        started.start()
        yield started


@pytest.fixture(scope="module")
def check(site):
    """A function that opens a page in a browser and checks it. All tests share the browser.

    page: HTML. wait: how many seconds its API takes.
    """
    # The browser has a thread of its own, because other fixtures run Playwright in this one.
    with ThreadPoolExecutor(1) as thread, ExitStack() as opened:
        browser = thread.submit(opened.enter_context, chromium(site.published)).result()

        def check_in_the_thread(page, wait=0, deadlines=SOON):
            site.page, site.wait = page, wait
            words = (browser, URL, "", "index.html", deadlines)
            thread.submit(check_shown_in, *words).result()

        yield check_in_the_thread
        thread.submit(opened.close).result()


def page_that_requests(url):
    """Return a page that requests a URL and shows the response."""
    return f"""<p id="dynamic-content">...</p>
<script>
  fetch("{url}").then(response => response.text()).then(text => {{
    document.getElementById("dynamic-content").textContent = text;
  }});
</script>"""


def test_a_page_that_shows_the_response_passes(site):
    site.page, site.wait = page_that_requests("/api/hello"), 0
    with ThreadPoolExecutor(1) as thread:
        words = (URL, site.published, "", "index.html", SOON)
        thread.submit(check_shown, *words).result()


def test_a_page_whose_api_responds_slowly_passes(check):
    check(page_that_requests("http://localhost:9000/api/hello"), wait=2 * SOON.still)


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("<p>nothing", "got no such element; the browser reports: nothing; look at index.html"),
        ("<p id=dynamic-content>Hello, World!", "which never requests /api/hello"),
        (
            "<p id=dynamic-content>...</p><script>const = 1</script>",
            "got '...'; the browser reports: Unexpected token",
        ),
        (page_that_requests("/api/helo"), "404 (Not Found) (http://localhost:9000/api/helo)"),
    ],
    ids=["no element", "no request", "a script with an error", "a wrong path"],
)
def test_a_page_that_does_not_show_the_response_is_a_fault(check, page, words):
    begun = time.monotonic()
    with pytest.raises(Fault) as fault:
        check(page, deadlines=PATIENT)
    assert words in str(fault.value)
    assert time.monotonic() - begun < 30, "the grader waited although the page was at rest"


@pytest.mark.parametrize(
    ("host", "outcome"),
    [
        *(
            (host, ", and nothing is published there")
            for host in ("localhost:5000", "[::1]:2222", "10.0.0.1:2222", "127.0.0.1:2222")
        ),
        # The browser asks DNS for this name. A new Docker network may interrupt that.
        ("back-end:5252", ""),
    ],
)
def test_a_page_that_requests_an_unpublished_address_is_a_fault(check, host, outcome):
    url = f"http://{host}/api/hello"
    with pytest.raises(Fault) as fault:
        check(page_that_requests(url))
    assert f"the page requested {url}{outcome}" in str(fault.value)


def test_a_page_that_repeats_a_failed_request_is_at_rest(check):
    page = """<p id=dynamic-content></p>
<script>setInterval(() => fetch('http://localhost:2222/?' + Date.now()), 100)</script>"""
    begun = time.monotonic()
    with pytest.raises(Fault, match="nothing is published there"):
        check(page, deadlines=PATIENT)
    assert time.monotonic() - begun < 30


def test_a_script_on_an_unreachable_host_is_an_error(check):
    page = '<p id=dynamic-content></p><script src="https://cdn.example.invalid/x.js"></script>'
    with pytest.raises(MachineFault, match=r"needs https://cdn.example.invalid/x.js"):
        check(page)


FONTS = '<link rel="stylesheet" href="https://fonts.example.invalid/css">'


def test_a_page_without_its_fonts_passes(check):
    check(FONTS + page_that_requests("/api/hello"))


def test_a_fault_of_a_page_without_its_fonts_is_a_fault(check):
    with pytest.raises(Fault, match="no such element"):
        check(f"{FONTS}<p>nothing")


@pytest.fixture
def busy_site():
    """A `Site` that isn't started. A browser that opens its page waits for a connection."""
    with closing(Site()) as created:
        created.page = page_that_requests("/api/hello")
        # Linux doesn't respond to a client when the queue is full. One connection fills this one.
        created.server.socket.listen(0)
        with socket.create_connection(created.server.server_address):
            yield created


def has_client(site):
    """Return whether a client waits for a connection. For Linux, its state is 02."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    port = f":{site.server.server_port:04X}"
    return any(row[2].endswith(port) and row[3] == "02" for row in rows)


#: A network change ends a browser's requests that wait for a connection.
cuts_off = pytest.mark.skipif(
    sys.platform != "linux", reason="Docker Desktop's networks are in a virtual machine"
)


@cuts_off
def test_a_page_that_a_network_change_cut_off_is_loaded_again(busy_site):
    words = (URL, busy_site.published, "", "index.html", PATIENT)
    with ThreadPoolExecutor(1) as thread:
        checked = thread.submit(check_shown, *words)
        wait_until(lambda: has_client(busy_site), 20, "the browser to connect")
        docker("network", "create", f"{RUN}-change")
        docker("network", "rm", f"{RUN}-change")
        wait_until(lambda: not has_client(busy_site), 20, "the browser to be cut off")
        busy_site.start()
        checked.result()


@cuts_off
def test_a_page_that_is_cut_off_each_time_is_an_error(busy_site):
    words = (URL, busy_site.published, "", "index.html", SOON)
    with ThreadPoolExecutor(1) as thread:
        checked = thread.submit(check_shown, *words)
        while not checked.done():
            docker("network", "create", f"{RUN}-change")
            docker("network", "rm", f"{RUN}-change")
        with pytest.raises(MachineFault, match="a network of this machine changed"):
            checked.result()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://code.jquery.com/jquery.js", True),
        ("http://localhost:5252/", False),
        ("http://back-end:5252/", False),
        ("http://127.0.0.1/", False),
        ("data:text/plain,x", False),
    ],
)
def test_hosts_on_the_internet_are_told_apart_from_local_ones(url, expected):
    assert is_on_the_internet(url) == expected

"""Opens a page in a browser, and checks that it shows the API's response.

In this browser, `localhost:PORT` leads to where the submission's port is published.
"""

import os
import re
import shutil
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Error, sync_playwright

from grader.errors import Fault, MachineFault
from grader.http_checks import GREETING

COMMANDS = (
    *("chromium-headless-shell", "chromium", "chromium-browser"),
    *("google-chrome-stable", "google-chrome"),
)
MACOS = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
ARGUMENTS = [
    *("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
#: Patterns for loopback and private addresses, which a page may not reach.
PRIVATE = [
    *("127.*", "0.0.0.0", "[*", "localhost", "*.localhost", "10.*", "192.168.*", "169.254.*"),
    *(f"172.{number}.*" for number in range(16, 32)),
]


def resolver_rules(published):
    """Return Chromium's argument that sends `localhost:PORT` to the port's address here.

    published: {host's port as the author wrote it: its address, `127.0.0.1:…`}. URLs and origins
    stay as the author wrote them. Other ports of `localhost` can't be reached.
    """
    names = ("localhost", "127.0.0.1")
    rules = [f"MAP {name}:{port} {to}" for port, to in published.items() for name in names]
    return "--host-resolver-rules=" + ",".join([*rules, *(f"MAP {n} ~NOTFOUND" for n in PRIVATE)])


@contextmanager
def chromium(published):
    """Start a browser without a window; yields Playwright's browser. See `resolver_rules`."""
    path = next(filter(None, map(shutil.which, COMMANDS)), None)
    if path is None and MACOS.exists():
        path = str(MACOS)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                args=[*ARGUMENTS, resolver_rules(published)],
                executable_path=path,
                # Chromium doesn't start with a sandbox if the user is root.
                chromium_sandbox=hasattr(os, "geteuid") and os.geteuid() != 0,
            )
            try:
                yield browser
            finally:
                browser.close()
    except Error as error:
        raise MachineFault(
            f"the browser failed: {str(error).splitlines()[0][:300]}. Run script/setup/tests, "
            "then grade again"
        ) from None


class Traffic:
    """The requests of a page, and their outcomes.

    waiting: a set of requests without a response yet.
    failed: a list of requests that got no response.
    responses: a set of (path, status).
    complaints: a list of the browser's error messages.
    outcomes: a set of (URL without its query, "finished" or "failed").
    parsed: whether the browser has read the page to its end and run its scripts, except `async`
    ones.
    changed: when a new outcome was added or the page was parsed, as `time.monotonic()` counts.
    """

    def __init__(self, page):
        self.waiting, self.failed, self.complaints = set(), [], []
        self.responses, self.outcomes = set(), set()
        self.parsed = False
        self.changed = time.monotonic()
        # Playwright doesn't accept a built-in method as a handler.
        page.on("request", lambda request: self.waiting.add(request))
        page.on("requestfinished", lambda request: self.add_outcome(request, "finished"))
        page.on("requestfailed", self.add_failure)
        page.on("response", lambda r: self.responses.add((urlsplit(r.url).path, r.status)))
        page.on("domcontentloaded", self.note_that_it_is_parsed)
        page.on("console", self.add_message)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def add_message(self, message):
        """Keep an error message, except on a missing icon and on what `failed` contains."""
        url = message.location.get("url", "")
        if message.type != "error" or url.endswith("/favicon.ico") or "net::" in message.text:
            return
        is_status = message.text.startswith("Failed to load resource")
        self.complaints.append(f"{message.text} ({url})" if is_status else message.text)

    def note_that_it_is_parsed(self, page):
        """Note that the page is parsed, and begin to wait for rest."""
        self.parsed, self.changed = True, time.monotonic()

    def add_outcome(self, request, outcome):
        """Note a request's outcome."""
        self.waiting.discard(request)
        if (without_query(request.url), outcome) not in self.outcomes:
            self.outcomes.add((without_query(request.url), outcome))
            self.changed = time.monotonic()

    def add_failure(self, request):
        """Note that a request got no response."""
        self.failed.append(request)
        self.add_outcome(request, "failed")

    def is_at_rest(self, seconds):
        """Return whether the parsed page has had no new outcome for so long, and waits for none.

        A page that repeats a request with the same outcome is at rest, too.
        """
        known = {url for url, _ in self.outcomes}
        new = any(without_query(request.url) not in known for request in self.waiting)
        return self.parsed and not new and time.monotonic() - self.changed > seconds

    def was_cut_off(self):
        """Return whether a request failed because a network of this machine came or went.

        Chromium then ends all its requests, also those that don't use this network.
        """
        return any("NETWORK_CHANGED" in (request.failure or "") for request in self.failed)

    def unreachable_scripts(self):
        """Return the URLs on the internet that the page's scripts may need and didn't get."""
        failed = [r for r in self.failed if r.resource_type == "script"]
        late = [r for r in self.waiting if r.resource_type in ("script", "stylesheet")]
        return [request.url for request in [*failed, *late] if is_on_the_internet(request.url)]


def without_query(url):
    """Return a URL without its query."""
    return url.split("?")[0]


def is_on_the_internet(url):
    """Return whether a URL names a host on the internet, not this machine or a container."""
    host = urlsplit(url).hostname or ""
    return "." in host and not re.fullmatch(r"[\d.]+|.*\.localhost", host)


def check_shown(url, published, remark, where, deadlines):
    """Start a browser, and raise Fault unless a page shows the API's response there.

    published: see `resolver_rules`. The rest: see `check_shown_in`.
    """
    with chromium(published) as browser:
        check_shown_in(browser, url, remark, where, deadlines)


def check_shown_in(browser, url, remark, where, deadlines):
    """Raise Fault unless the API's response appears in `#dynamic-content` of a page.

    browser: Playwright's browser. url: of the page, with the port that the author wrote.
    remark: a text to add to the sentence. where: the files to look at.
    """
    end = time.monotonic() + deadlines.page
    content, traffic = visit(browser, url, deadlines)
    while traffic.was_cut_off() and time.monotonic() < end:
        content, traffic = visit(browser, url, deadlines)
    if content is None or GREETING not in content:
        if unreachable := traffic.unreachable_scripts():
            raise MachineFault(
                f"the page {url} needs {unreachable[0]}, and this machine got no response from "
                "there. Check the network, then grade again"
            )
        if traffic.was_cut_off():
            raise MachineFault(
                f"a network of this machine changed while the browser loaded {url}. Grade again"
            )
        messages = list(dict.fromkeys([*map(failure, traffic.failed), *traffic.complaints]))
        got = "no such element" if content is None else f"{content.strip()[:80]!r}"
        raise Fault(
            f"{url} in a browser: expected {GREETING!r} in #dynamic-content, got {got}; the "
            f"browser reports: {'; '.join(messages[:4]) or 'nothing'}{remark}; look at {where}"
        )
    if not any(
        status in (200, 304) and re.search(r"/api/hello/?$", path)
        for path, status in traffic.responses
    ):
        raise Fault(
            f"{url} in a browser: expected the API's response in #dynamic-content, got a text of "
            f"the page itself, which never requests /api/hello; look at {where}"
        )


def visit(browser, url, deadlines):
    """Open a page and wait for the greeting; returns what `#dynamic-content` holds, and `Traffic`.

    The text is None if there is no such element.
    """
    page = browser.new_page()
    traffic = Traffic(page)
    try:
        page.goto(url, wait_until="commit", timeout=deadlines.page * 1000)
    except Error as error:
        traffic.complaints.append(str(error).splitlines()[0])
        traffic.parsed = True  # there is nothing to parse
    content = wait_for_the_greeting(page, traffic, deadlines)
    page.close()
    return content, traffic


def wait_for_the_greeting(page, traffic, deadlines):
    """Wait until the page shows the greeting; returns the element's text then, or None.

    Gives up at the deadline, or when the page is at rest.
    """
    end = time.monotonic() + deadlines.page
    element = page.locator("#dynamic-content").first
    content = None
    while time.monotonic() < end:
        try:
            content = element.text_content(timeout=500)
        except Error:  # there is no such element, or the page is being replaced
            content = None
        if content and GREETING in content:
            break
        if traffic.is_at_rest(deadlines.still):
            break
        page.wait_for_timeout(100)
    return content


def failure(request):
    """Return a text on a request that got no response."""
    url = without_query(request.url)
    if "NOT_RESOLVED" in (request.failure or ""):
        return f"the page requested {url}, and nothing is published there"
    return f"the page requested {url} and got no response"

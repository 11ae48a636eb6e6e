"""A visitor with a browser, for whom localhost is what the author of a course expects."""

import os
import re
import shutil
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Error, sync_playwright

from grader.errors import Fault, MachineFault
from grader.responses import GREETING

NAMES = ("chromium", "google-chrome-stable", "google-chrome", "chromium-browser")
MACOS = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
ARGUMENTS = [
    *("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
#: Addresses of this machine and its neighbours, of which a stranger's page is to see nothing.
PRIVATE = [
    *("127.*", "0.0.0.0", "[*", "localhost", "*.localhost", "10.*", "192.168.*", "169.254.*"),
    *(f"172.{number}.*" for number in range(16, 32)),
]


def resolver_rules(published):
    """Return Chromium's argument that sends `localhost:PORT` to where that port is here.

    published: {port as the author wrote it: `127.0.0.1:…`}. Pages and origins keep the
    author's names. Any other port of this machine leads nowhere.
    """
    names = ("localhost", "127.0.0.1")
    rules = [f"MAP {name}:{port} {to}" for port, to in published.items() for name in names]
    return "--host-resolver-rules=" + ",".join([*rules, *(f"MAP {n} ~NOTFOUND" for n in PRIVATE)])


@contextmanager
def chromium(published):
    """Start a browser without a window; yields the Playwright browser."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None and MACOS.exists():
        path = str(MACOS)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                args=[*ARGUMENTS, resolver_rules(published)],
                executable_path=path,
                # Chromium refuses its sandbox to root.
                chromium_sandbox=hasattr(os, "geteuid") and os.geteuid() != 0,
            )
            try:
                yield browser
            finally:
                browser.close()
    except Error as error:
        raise MachineFault(
            f"the browser failed: {str(error).splitlines()[0][:300]}. Run script/setup/tests, then grade again"
        ) from None


class Traffic:
    """What a page asks for, and what becomes of it.

    waiting: requests without a response yet. failed: requests without any. responses: (path,
    status). complaints: what the browser says. outcomes: (URL, what became of it); asking the
    same again with the same outcome is nothing new. changed: when there was something new.
    """

    def __init__(self, page):
        self.waiting, self.failed, self.complaints = set(), [], []
        self.responses, self.outcomes = set(), set()
        self.changed = time.monotonic()
        # Playwright takes no built-in method as a handler.
        page.on("request", lambda request: self.waiting.add(request))
        page.on("requestfinished", lambda request: self.done(request, "finished"))
        page.on("requestfailed", self.lost)
        page.on("response", lambda r: self.responses.add((urlsplit(r.url).path, r.status)))
        page.on("console", self.said)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def said(self, message):
        """Keep an error; not of an icon that the page doesn't name, nor of what `failed` has."""
        url = message.location.get("url", "")
        if message.type != "error" or url.endswith("/favicon.ico") or "net::" in message.text:
            return
        is_status = message.text.startswith("Failed to load resource")
        self.complaints.append(f"{message.text} ({url})" if is_status else message.text)

    def done(self, request, outcome):
        """Note what became of a request."""
        self.waiting.discard(request)
        if (without_query(request.url), outcome) not in self.outcomes:
            self.outcomes.add((without_query(request.url), outcome))
            self.changed = time.monotonic()

    def lost(self, request):
        """Note that a request got no response."""
        self.failed.append(request)
        self.done(request, "failed")

    def is_at_rest(self, seconds):
        """Return whether nothing new has happened for so long, and nothing new is waited for."""
        known = {url for url, _ in self.outcomes}
        new = any(without_query(request.url) not in known for request in self.waiting)
        return not new and time.monotonic() - self.changed > seconds

    def needs_outside(self):
        """Return the URLs outside this machine that the page's scripts may have needed in vain."""
        lost = [r for r in self.failed if r.resource_type == "script"]
        late = [r for r in self.waiting if r.resource_type in ("script", "stylesheet")]
        return [request.url for request in [*lost, *late] if is_outside(request.url)]


def without_query(url):
    """Return a URL without what makes each request of a page another one."""
    return url.split("?")[0]


def is_outside(url):
    """Return whether a URL names a host on the internet, and not this machine or a container."""
    host = urlsplit(url).hostname or ""
    return "." in host and not re.fullmatch(r"[\d.]+|.*\.localhost", host)


def check_shown(url, published, what_else, where, deadlines):
    """Raise Fault unless in a browser `#dynamic-content` of a page comes to hold the API's response.

    url: the page, by the author's port. published: see `resolver_rules`. what_else: a remark
    for the sentence. where: the files to look at.
    """
    with chromium(published) as browser:
        page = browser.new_page()
        traffic = Traffic(page)
        try:
            page.goto(url, wait_until="commit", timeout=deadlines.page * 1000)
        except Error as error:
            traffic.complaints.append(str(error).splitlines()[0])
        held = wait_for_the_greeting(page, traffic, deadlines)
    if held is None or GREETING not in held:
        if outside := traffic.needs_outside():
            raise MachineFault(
                f"the page {url} needs {outside[0]}, and this machine got no response from there. "
                "Check the network, then grade again"
            )
        said = list(dict.fromkeys([*map(in_vain, traffic.failed), *traffic.complaints]))
        raise Fault(
            f"{url} in a browser: expected #dynamic-content to hold {GREETING!r}, got "
            + ("no such element" if held is None else f"{held.strip()[:80]!r}")
            + f"; the browser says: {'; '.join(said[:4]) or 'nothing'}{what_else}; look at {where}"
        )
    if not any(
        status in (200, 304) and re.search(r"/api/hello/?$", path)
        for path, status in traffic.responses
    ):
        raise Fault(
            f"{url} in a browser: expected #dynamic-content to hold the API's response, got a text of "
            f"the page itself, which never requests /api/hello; look at {where}"
        )


def wait_for_the_greeting(page, traffic, deadlines):
    """Wait until the page shows the greeting; returns what the element holds then, or None.

    Gives up at the deadline; or when the page asks for nothing new any more.
    """
    end = time.monotonic() + deadlines.page
    content = page.locator("#dynamic-content").first
    held = None
    while time.monotonic() < end:
        try:
            held = content.text_content(timeout=500)
        except Error:  # not there, or the page is just being replaced
            held = None
        if held and GREETING in held:
            break
        if traffic.is_at_rest(deadlines.still):
            break
        page.wait_for_timeout(100)
    return held


def in_vain(request):
    """Return in words that a request of the page has led nowhere."""
    url = without_query(request.url)
    if "NOT_RESOLVED" in (request.failure or ""):
        return f"{url} was requested, and nothing is published there"
    return f"{url} was requested in vain"

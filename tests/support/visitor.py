"""A visitor with a browser, for whom localhost is what the author of a course believes it to be."""

import re
import time
from urllib.parse import urlsplit

from playwright.sync_api import Error, expect

from support.api import GREETING

#: Seconds in which a page has to show the answer of an API that is up; and how many are left
#: once its browser has complained of something: it may try again, and may not wait for ever.
PATIENCE, ONCE_MORE = 10, 5


def resolver_rules(published):
    """Return Chromium's argument that sends `localhost:PORT` to where that port is in truth.

    published: {port as the author wrote it: `127.0.0.1:…`}. Pages and origins keep the
    author's names; any other port of localhost leads nowhere, and never to what else runs here.
    """
    names = ("localhost", "127.0.0.1")
    rules = [f"MAP {name}:{port} {to}" for port, to in published.items() for name in names]
    return "--host-resolver-rules=" + ",".join([*rules, *(f"MAP {n} ~NOTFOUND" for n in names)])


def assert_page_shows_the_answer(browser_type, launch, url, published, where):
    """Assert that in a browser `#dynamic-content` of the page comes to hold the API's answer.

    browser_type, launch: pytest-playwright's fixtures. url: the page, by the author's port.
    published: see `resolver_rules`. where: the files to look at.
    """
    arguments = [*launch["args"], resolver_rules(published)]
    with browser_type.launch(**{**launch, "args": arguments}) as browser:
        page = browser.new_page()
        asked, complaints = set(), []
        page.on("console", lambda m: m.type == "error" and complaints.append(m.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.append(nowhere(request)))
        page.on("response", lambda answer: asked.add((urlsplit(answer.url).path, answer.status)))
        try:
            page.goto(url, wait_until="commit")
            wait_for_the_greeting(page, complaints)
        except (AssertionError, Error):
            seen = page.locator("#dynamic-content")
            holds = f"holds {seen.first.text_content()!r}" if seen.count() else "is not there"
            said = "; ".join(dict.fromkeys(filter(None, complaints[:4]))) or "nothing"
            raise AssertionError(
                f"#dynamic-content of {url} was to hold the API's answer, and {holds}; "
                f"the browser says: {said}; look at {where}"
            ) from None
        api_answered = any(
            status in (200, 304) and re.search(r"/api/hello/?$", path) for path, status in asked
        )
        assert api_answered, (
            f"#dynamic-content of {url} was to hold the API's answer, and holds a text that stands "
            f"in the page: the page never asks /api/hello; look at {where}"
        )


def wait_for_the_greeting(page, complaints):
    """Wait until the page shows the greeting; raises AssertionError when its time is up."""
    content = page.locator("#dynamic-content").first
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return expect(content).to_contain_text(GREETING, timeout=500)
        except AssertionError:
            if complaints:
                end = min(end, time.monotonic() + ONCE_MORE)
            if time.monotonic() > end:
                raise


def nowhere(request):
    """Return in words that a request of the page has led to nobody."""
    if "NOT_RESOLVED" in (request.failure or ""):
        return f"{request.url} was asked, and nothing is published there"
    return f"{request.url} was asked in vain"

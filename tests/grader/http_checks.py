"""What the assignment asks of the API and of the page, checked over HTTP.

Each `Fault` says what was expected, what came, and where to look. In all functions, `what` is
the URL as its author would type it, and `where` the files to look at.
"""

import re
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from grader.errors import Fault
from grader.responses import wait_for_response

GREETING = "Hello, World!"


def is_greeting(text):
    """Return whether a text is the greeting, perhaps with white space or JSON's quotes around."""
    return text.strip() in (GREETING, f'"{GREETING}"')


def check_greeting(running, role, url, what, where, deadlines):
    """Raise Fault unless `/api/hello` below `url` responds with 200 and the greeting."""
    response = wait_for_response(running, role, f"{url}/api/hello", what, where, deadlines)
    if response.status != 200:
        raise Fault(
            f"GET {what}: expected 200, got {response.status} {response.reason}; look at {where}"
        )
    if not is_greeting(response.text):
        raise Fault(
            f"GET {what}: expected {GREETING!r}, got {response.text[:80]!r}; look at {where}"
        )


def check_cors(running, origin, url, what, where, deadlines):
    """Raise Fault unless the API allows the page at `origin` to read its response."""
    headers = {"Origin": origin}
    response = wait_for_response(
        running, "back-end", f"{url}/api/hello", what, where, deadlines, headers
    )
    allowed = response.headers.get("Access-Control-Allow-Origin")
    if allowed not in ("*", origin):
        got = f"'{allowed}'" if allowed else "no such header"
        raise Fault(
            f"GET {what}: expected 'Access-Control-Allow-Origin: {origin}' (CORS), got {got}; "
            f"look at {where}"
        )


class PageParser(HTMLParser):
    """Collects the elements of a page, and the URLs of the assets that it needs.

    elements: a set of element names and of IDs such as `#content`. assets: a list of URLs.
    """

    def __init__(self, html):
        super().__init__()
        self.assets = []
        self.elements = set()
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        """Note an element, its ID, and the assets that it names."""
        attributes = dict(attributes)
        self.elements |= {tag, f"#{attributes.get('id')}"}
        kinds = (attributes.get("rel") or "").lower().split()
        if tag == "link" and {"stylesheet", "icon", "manifest", "preload"} & set(kinds):
            self.assets.append(attributes.get("href"))
        if tag in ("script", "img", "source", "audio", "video", "embed", "input"):
            self.assets += [attributes.get("src"), attributes.get("poster")]
        for candidate in (attributes.get("srcset") or "").split(","):
            self.assets += candidate.split()[:1]


def check_page(running, role, url, what, where, deadlines):
    """Raise Fault unless `url` is an HTML page of the author's, and its local assets exist."""
    response = wait_for_response(running, role, f"{url}/", f"{what}/", where, deadlines)
    kind = response.headers.get("Content-Type", "no Content-Type")
    if (response.status, kind.split(";")[0]) != (200, "text/html"):
        raise Fault(
            f"GET {what}/: expected 200 with an HTML page, got {response.status} "
            f"{response.reason} with {kind}; look at {where}"
        )
    default = re.search(
        r"<title>(Welcome to nginx!|Apache2.*Default Page.*)</title>", response.text
    )
    if default:
        raise Fault(
            f"GET {what}/: expected the author's page, got the server's default page, "
            f"'{default[1]}'; look at {where}"
        )
    page = PageParser(response.text)
    if not {"html", "body"} & page.elements and "<p" not in response.text:
        raise Fault(
            f"GET {what}/: expected an HTML page, got {response.text[:80]!r}; look at {where}"
        )
    for name in dict.fromkeys(filter(None, page.assets)):
        asset = urljoin(f"{url}/", name.strip())
        if asset.startswith(f"{url}/"):  # not a data: URL or another host's
            check_asset(running, role, asset, name, what, where, deadlines)


def check_asset(running, role, asset, name, what, where, deadlines):
    """Raise Fault unless an asset of a page exists. name: its URL as the page has it."""
    path = urlsplit(asset).path
    response = wait_for_response(running, role, asset, f"{what}{path}", where, deadlines)
    if response.status != 200:
        raise Fault(
            f"the page names {name!r}: expected 200 for GET {what}{path}, got {response.status} "
            f"{response.reason}; look at {where}"
        )
    is_html = response.headers.get("Content-Type", "").startswith("text/html")
    if is_html and not path.endswith(("/", ".html")):
        raise Fault(
            f"the page names {name!r}: GET {what}{path} responds with an HTML page instead; "
            f"look at {where}"
        )

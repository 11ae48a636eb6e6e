"""What the assignment asks of an API, a page and a proxy, seen over HTTP.

Every `Fault` is a sentence: what was expected, what came, where to look.
"""

import re
import time
from contextlib import suppress
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import requests

from grader.errors import Fault, MachineFault
from grader.running import check_that_it_runs, listens_on, received

GREETING = "Hello, World!"
#: Seconds and bytes that one response may take: a stranger's may have no end.
ONE_RESPONSE, MOST_BYTES = 10, 5_000_000
#: Requests over which two API servers have to share the work.
REQUESTS = 200


@dataclass(frozen=True)
class Response:
    """A response over HTTP, read to its end or to the limits."""

    status: int
    reason: str
    headers: dict
    text: str


def get(url, seconds=ONE_RESPONSE, headers=None):
    """GET a URL; returns a `Response`. Raises requests.RequestException if none comes.

    Redirects are followed on the same host and port only. Neither proxies nor passwords of
    this machine's user are used.
    """
    end = time.monotonic() + seconds
    with requests.Session() as session:
        session.trust_env = False
        for _ in range(5):
            with session.get(
                url, timeout=seconds, headers=headers, stream=True, allow_redirects=False
            ) as answer:
                target = urljoin(url, answer.headers.get("Location", url))
                if answer.is_redirect and urlsplit(target).netloc == urlsplit(url).netloc:
                    url = target
                    continue
                body = b""
                for piece in answer.iter_content(65536):
                    body += piece
                    if len(body) > MOST_BYTES:
                        break
                    if time.monotonic() > end:
                        raise requests.Timeout(f"{url} took longer than {seconds} s")
                return Response(
                    answer.status_code, answer.reason, answer.headers, body.decode(errors="replace")
                )
    raise requests.TooManyRedirects(f"{url} redirects again and again")


def is_greeting(text):
    """Return whether this is the greeting; white space around it and JSON's quotes may be."""
    return text.strip() in (GREETING, f'"{GREETING}"')


def ask(running, role, url, what, where, deadlines, headers=None):
    """GET a URL and return the `Response`, as soon as there is one.

    A service may be slow to start, also one behind a proxy: no connection, 502, 503 and 504 are
    asked again until the deadline, or until nothing has changed for a while although all
    containers listen somewhere. role: who is asked. what: the URL as its author would type it.
    """
    begun = unchanged_since = looked = time.monotonic()
    before, answer, pause = None, None, 0.05
    while time.monotonic() < begun + deadlines.response:
        with suppress(requests.RequestException):
            answer = get(url, headers=headers)
            if answer.status not in (502, 503, 504):
                return answer
        needed = running.of(role)
        up = [n for n in running.all() if check_that_it_runs(running, n, n in needed, where)]
        if time.monotonic() - looked > min(1, deadlines.still / 2):
            seen = {name: listens_on(running, name) for name in up}
            looked = time.monotonic()
            if seen != before or not all(seen.values()):
                before, unchanged_since = seen, looked
            elif looked - unchanged_since > deadlines.still:
                break
        time.sleep(pause)
        pause = min(2 * pause, 1)
    if answer is not None:
        return answer
    raise Fault(
        f"GET {what}: expected a response, got none: {hint(before, deadlines.response)}; look at {where}"
    )


def hint(listening, seconds):
    """Return in words where containers listen. listening: container -> set of `address:port`."""
    known = [places for places in (listening or {}).values() if places is not None]
    places = sorted(set().union(*known))
    if not known:
        return "no connection within the time"
    if not places:
        return f"no process listens on any port after {seconds:.0f} s"
    inside = any(place.startswith("127.") for place in places)
    return f"inside the container, a process listens on {', '.join(places)}" + (
        "; 127.0.0.1 is reachable from the container itself only, 0.0.0.0 from everywhere"
        if inside
        else ""
    )


def check_greeting(running, role, url, what, where, deadlines):
    """Raise Fault unless `/api/hello` below `url` responds with 200 and the greeting.

    what: the URL as its author would type it. where: the files to look at.
    """
    answer = ask(running, role, f"{url}/api/hello", what, where, deadlines)
    if answer.status != 200:
        raise Fault(
            f"GET {what}: expected 200, got {answer.status} {answer.reason}; look at {where}"
        )
    if not is_greeting(answer.text):
        raise Fault(f"GET {what}: expected {GREETING!r}, got {answer.text[:80]!r}; look at {where}")


class Assets(HTMLParser):
    """Collects what a page needs to be seen as it was meant, as a list of URLs in `found`."""

    def __init__(self, html):
        super().__init__()
        self.found = []
        self.elements = set()
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        """Note an element, its id, and what it refers to."""
        attributes = dict(attributes)
        self.elements |= {tag, f"#{attributes.get('id')}"}
        kinds = (attributes.get("rel") or "").lower().split()
        if tag == "link" and {"stylesheet", "icon", "manifest", "preload"} & set(kinds):
            self.found.append(attributes.get("href"))
        if tag in ("script", "img", "source", "audio", "video", "embed", "input"):
            self.found += [attributes.get("src"), attributes.get("poster")]
        for one in (attributes.get("srcset") or "").split(","):
            self.found += one.split()[:1]


def check_page(running, role, url, what, where, deadlines):
    """Raise Fault unless `url` is an HTML page of the author's, with every local asset it names."""
    answer = ask(running, role, f"{url}/", f"{what}/", where, deadlines)
    kind = answer.headers.get("Content-Type", "no Content-Type")
    if (answer.status, kind.split(";")[0]) != (200, "text/html"):
        raise Fault(
            f"GET {what}/: expected 200 with an HTML page, got {answer.status} {answer.reason} "
            f"with {kind}; look at {where}"
        )
    default = re.search(r"<title>(Welcome to nginx!|Apache2.*Default Page.*)</title>", answer.text)
    if default:
        raise Fault(
            f"GET {what}/: expected the course's page, got the server's own, '{default[1]}'; look at {where}"
        )
    assets = Assets(answer.text)
    if not {"html", "body"} & assets.elements and "<p" not in answer.text:
        raise Fault(
            f"GET {what}/: expected an HTML page, got {answer.text[:80]!r}; look at {where}"
        )
    for name in dict.fromkeys(filter(None, assets.found)):
        asset = urljoin(f"{url}/", name.strip())
        if asset.startswith(f"{url}/"):  # data: and other hosts are left alone
            check_asset(asset, name, what, where)


def check_asset(asset, name, what, where):
    """Raise Fault unless an asset that a page names is there."""
    path = urlsplit(asset).path
    try:
        got = get(asset)
    except requests.RequestException:
        raise Fault(
            f"the page names {name!r}: expected a response to GET {what}{path}, got none; look at {where}"
        ) from None
    if got.status != 200:
        raise Fault(
            f"the page names {name!r}: expected 200 for GET {what}{path}, got {got.status} {got.reason}; "
            f"look at {where}"
        )
    disguised = got.headers.get("Content-Type", "").startswith("text/html")
    if disguised and not path.endswith(("/", ".html")):
        raise Fault(
            f"the page names {name!r}: GET {what}{path} responds with an HTML page in its place; look at {where}"
        )


def check_cors(running, origin, url, what, where, deadlines):
    """Raise Fault unless a page of `origin` may read what the API responds."""
    headers = {"Origin": origin}
    answer = ask(running, "back-end", f"{url}/api/hello", what, where, deadlines, headers)
    allowed = answer.headers.get("Access-Control-Allow-Origin")
    if allowed not in ("*", origin):
        got = f"'{allowed}'" if allowed else "no such header"
        raise Fault(
            f"GET {what}: expected 'Access-Control-Allow-Origin: {origin}' (CORS), got {got}; look at {where}"
        )


def shares(running, url, names, seconds):
    """Return (how many requests got a response, how many of them each container got, as a dict).

    A stranger's API doesn't say which server responds, and need not log. So each request carries
    a header of 2,000 bytes, which proxies pass on as it is, and Docker's statistics say how many
    bytes came in at each container. Nothing else weighs as much: opening a connection takes some
    200 bytes, a look-up of a name 100. Half a request is noise.
    """
    before, total = received(running, names), 0
    end = time.monotonic() + seconds
    for _ in range(REQUESTS):
        with suppress(requests.RequestException):
            get(f"{url}/api/hello", headers={"X-Padding": "x" * 2000})
            total += 1
        if time.monotonic() > end:
            break
    after = received(running, names)
    grown = {name: max(after[name] - before[name], 0) for name in names}
    everything = max(sum(grown.values()), 1000 * total, 1)
    return total, {name: round(total * count / everything) for name, count in grown.items()}


def check_shares(running, url, what, where, deadlines):
    """Raise Fault unless two API servers or more respond, each within a fifth of its even share."""
    servers = running.of("back-end")
    for name in servers:
        check_that_it_runs(running, name, True, where)
    behind = [name for name in running.all() if name not in running.of("proxy")]
    total, counts = shares(running, url, behind, deadlines.response)
    short = {running.short(name): count for name, count in counts.items()}
    judge_shares(total, short, set(map(running.short, servers)), what, where)


def judge_shares(total, counts, servers, what, where):
    """Raise Fault unless the API servers among these containers got even shares of the requests.

    counts: container -> requests. servers: the containers that are to respond.
    """
    if total < REQUESTS / 10:
        raise MachineFault(
            f"only {total} of {REQUESTS} requests to {what}/api/hello got a response in time. "
            "Grade again with fewer --jobs"
        )
    answering = [name for name in counts if name in servers or counts[name] > total / 50]
    seen = ", ".join(f"{name} {counts[name]}" for name in answering) or "none"
    sentence = (
        f"{total} requests to {what}/api/hello: expected two API servers to respond to half of "
        f"them each, got {seen}"
    )
    if len(answering) < 2:
        raise Fault(f"{sentence}; only one API server runs; look at {where}")
    fair = total / len(answering)
    if not all(0.8 * fair <= counts[name] <= 1.2 * fair for name in answering):
        raise Fault(f"{sentence}; look at {where}")

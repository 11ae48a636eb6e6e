"""What the assignment asks of everybody, seen from outside: greetings, pages, shares.

Every assertion fails with one sentence: what was expected, what was seen, where to look.
"""

import re
import time
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import requests

from support.api import GREETING
from support.confined import attempt, last_line
from support.engine import RUN, docker, inspect

#: Seconds that a slow starter gets; and how long something has to stand still to be a fault.
DEADLINE, STILL = 60, 10


def is_greeting(text):
    """Return whether this is the greeting; white space around it and JSON's quotes may be."""
    return text.strip() in (GREETING, f'"{GREETING}"')


def listens_on(container):
    """Return where a container's processes listen, as a set of `address:port`."""
    seen = attempt(["docker", "exec", container, "cat", "/proc/net/tcp", "/proc/net/tcp6"], 30)[1]
    found = set()
    for address, port in re.findall(
        r"^ *\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ 0A", seen, re.MULTILINE
    ):
        if address == "0B00007F":  # the engine's own DNS
            continue
        local = address == "0100007F" or address.endswith("01000000")
        found.add(f"{'127.0.0.1' if local else '0.0.0.0'}:{int(port, 16)}")
    return found


def assert_it_lives(container, where):
    """Assert that a container has not ended, and is not restarted again and again."""
    facts = inspect(container)
    ended = facts["State"]["Status"] in ("exited", "dead") or facts["RestartCount"] >= 4
    assert not ended, (
        f"the container was to keep running, and ended with status {facts['State']['ExitCode']}; "
        f"it said last: {last_line(container)}; look at {where}"
    )


def ask(url, containers, what, where, **options):
    """GET a URL and return the `requests.Response`, as soon as somebody answers.

    A service may be slow to start, also one behind a proxy: no connection, 502, 503 and 504
    are asked again until the deadline; or until nothing has changed for 10 s although all
    containers listen somewhere. what: the URL as its author would write it.
    """
    begun = unchanged_since = time.monotonic()
    before, answer, pause = None, None, 0.05
    while True:
        try:
            answer = requests.get(url, timeout=10, **options)
            if answer.status_code not in (502, 503, 504):
                return answer
        except requests.RequestException:
            pass
        for container in containers:
            assert_it_lives(container, where)
        now = {container: listens_on(container) for container in containers}
        if now != before or not all(now.values()):
            before, unchanged_since = now, time.monotonic()
        if time.monotonic() > min(begun + DEADLINE, unchanged_since + STILL):
            break
        time.sleep(pause)
        pause = min(2 * pause, 1)
    if answer is not None:
        return answer
    raise AssertionError(f"{what} was to answer, and nothing does: {hint(before)}; look at {where}")


def hint(listening):
    """Return in words where containers listen. listening: container -> set of `address:port`."""
    places = sorted(set().union(*listening.values()))
    if not places:
        return f"no process listens on any port after {DEADLINE} s"
    inside = any(place.startswith("127.") for place in places)
    return f"inside, a process listens on {', '.join(places)}" + (
        ", which is the container itself alone; 0.0.0.0 is for everybody" if inside else ""
    )


def assert_greets(url, containers, what, where):
    """Assert that `/api/hello` below `url` answers 200 with the greeting.

    what: how the author would write the URL. where: the files to look at.
    """
    answer = ask(f"{url}/api/hello", containers, f"GET {what}", where)
    assert answer.status_code == 200, (
        f"GET {what} was to answer 200, and answered {answer.status_code} {answer.reason}; look at {where}"
    )
    answer.encoding = "utf-8"
    assert is_greeting(answer.text), (
        f"GET {what} was to answer {GREETING!r}, and answered {answer.text[:80]!r}; look at {where}"
    )


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


def page(url, containers, what, where):
    """Return the HTML that `url` answers; asserts that it is a page of the author's own."""
    answer = ask(f"{url}/", containers, f"GET {what}/", where)
    kind = answer.headers.get("Content-Type", "nothing")
    assert (answer.status_code, kind.split(";")[0]) == (200, "text/html"), (
        f"GET {what}/ was to answer 200 with an HTML page, and answered {answer.status_code} "
        f"{answer.reason} with {kind}; look at {where}"
    )
    answer.encoding = "utf-8"
    default = re.search(r"<title>(Welcome to nginx!|Apache2.*Default Page.*)</title>", answer.text)
    assert not default, (
        f"GET {what}/ was to be the course's page, and is the server's own: {default[1]}; look at {where}"
    )
    assert {"html", "body"} & Assets(answer.text).elements or "<p" in answer.text, (
        f"GET {what}/ was to be an HTML page, and is {answer.text[:80]!r}; look at {where}"
    )
    return answer.text


def assert_page_is_whole(url, containers, what, where):
    """Assert that `url` is an HTML page, and that every local asset it names is there."""
    html = page(url, containers, what, where)
    for name in dict.fromkeys(filter(None, Assets(html).found)):
        asset = urljoin(f"{url}/", name.strip())
        if not asset.startswith(f"{url}/"):
            continue  # data: and other hosts are not ours to ask
        got = requests.get(asset, timeout=10)
        path = urlsplit(asset).path
        assert got.status_code == 200, (
            f"the page names {name!r}, and GET {what}{path} answers {got.status_code} {got.reason}; look at {where}"
        )
        disguised = got.headers.get("Content-Type", "").startswith("text/html")
        assert not disguised or path.endswith(("/", ".html")), (
            f"the page names {name!r}, and GET {what}{path} answers with an HTML page in its place; look at {where}"
        )


def assert_cors_admits(origin, url, containers, what, where):
    """Assert that a page of `origin` may read what the API answers."""
    answer = ask(f"{url}/api/hello", containers, f"GET {what}", where, headers={"Origin": origin})
    allowed = answer.headers.get("Access-Control-Allow-Origin")
    assert allowed in ("*", origin), (
        f"CORS was to admit {origin}, and the answer of {what} "
        + (f"admits {allowed}" if allowed else "has no Access-Control-Allow-Origin")
        + f"; look at {where}"
    )


def received(container):
    """Return how many bytes a container has received from its networks."""
    table = docker(
        "run",
        "--rm",
        "--network",
        f"container:{container}",
        "ubuntu:latest",
        "cat",
        "/proc/net/dev",
    )
    rows = re.findall(r"^\s*(\S+):\s*(\d+)", table, re.MULTILINE)
    return sum(int(count) for interface, count in rows if interface != "lo")


def shares(url, containers, total):
    """Return how many of `total` requests of `/api/hello` each container got, as a dict.

    A stranger's API does not say who answered, and need not log. So each request carries a
    header of 2,000 bytes, which proxies pass on as it is, and from outside we read how many
    bytes came in at each container's network interface. Nothing else weighs as much: opening
    a connection takes some 200 bytes, a name's lookup 100. Half a request is noise.
    """
    before = {container: received(container) for container in containers}
    for _ in range(total):
        requests.get(f"{url}/api/hello", timeout=10, headers={"X-Padding": "x" * 2000})
    grown = {container: received(container) - before[container] for container in containers}
    everything = max(sum(grown.values()), 1000 * total)
    return {container: round(total * count / everything) for container, count in grown.items()}


def assert_shared_evenly(url, api_servers, behind, what, where, total=200):
    """Assert that two API servers or more answer, each within a fifth of its even share.

    api_servers: the containers that are to answer. behind: all that may, the proxy left out.
    """
    for container in api_servers:
        assert_it_lives(container, where)
    counts = shares(url, behind, total)
    answering = [name for name in behind if name in api_servers or counts[name] > total / 50]
    seen = (
        ", ".join(f"{name.removeprefix(f'{RUN}-')} {counts[name]}" for name in answering)
        or "nobody"
    )
    sentence = (
        f"of {total} requests to {what}/api/hello two API servers were to answer half each, "
        f"and these answered: {seen}"
    )
    assert len(answering) > 1, f"{sentence}; one API server only is running; look at {where}"
    fair = total / len(answering)
    assert all(0.8 * fair <= counts[name] <= 1.2 * fair for name in answering), (
        f"{sentence}; look at {where}"
    )

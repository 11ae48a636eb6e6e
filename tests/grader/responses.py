"""Sends requests to a service, and waits for a response while the service starts."""

import signal
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import requests

from grader.container_state import check_that_it_runs, listens_on
from grader.errors import Fault

#: The limits of one response, in seconds and bytes. A service may send one without an end.
SECONDS, MOST_BYTES = 10, 5_000_000


@dataclass(frozen=True)
class Response:
    """A response over HTTP, read to its end or to the limit of bytes."""

    status: int
    reason: str
    headers: dict
    text: str


def get(url, seconds=SECONDS, headers=None):
    """GET a URL; returns a `Response`. Raises requests.RequestException if there is none.

    Redirects are followed on the same host and port only. This machine's proxies and passwords
    aren't used. Only the main thread may call this, see `time_limit`.
    """
    with time_limit(seconds), requests.Session() as session:
        session.trust_env = False
        for _ in range(5):
            with session.get(
                url, timeout=seconds, headers=headers, stream=True, allow_redirects=False
            ) as response:
                target = urljoin(url, response.headers.get("Location", url))
                if response.is_redirect and urlsplit(target).netloc == urlsplit(url).netloc:
                    url = target
                    continue
                body = b""
                for piece in response.iter_content(65536):
                    body += piece
                    if len(body) > MOST_BYTES:
                        break
                return Response(
                    response.status_code,
                    response.reason,
                    response.headers,
                    body.decode(errors="replace"),
                )
    raise requests.TooManyRedirects(f"{url} redirects again and again")


class TooSlow(Exception):
    """The time of `time_limit` is over. requests and urllib3 don't catch this."""


@contextmanager
def time_limit(seconds):
    """Raise requests.Timeout if the block takes longer. A signal does this: main thread only.

    requests' own `timeout` limits the wait for the next piece, and a piece may be one byte.
    """

    def end(number, frame):
        raise TooSlow

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except TooSlow:
        raise requests.Timeout(f"no complete response after {seconds} s") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def wait_for_response(running, role, url, what, where, deadlines, headers=None):
    """GET a URL until there is a response; returns a `Response`.

    A service may start slowly, also one behind a proxy. So this repeats the request if there is
    no connection, or after 502, 503 and 504. It gives up at the deadline, or when nothing has
    changed for a while although all containers listen on some port.

    role: the role of the service that is asked.
    what: the URL as its author would type it. where: the files to look at.
    """
    begun = unchanged_since = looked = time.monotonic()
    listening, response, pause = None, None, 0.05
    while time.monotonic() < begun + deadlines.response:
        with suppress(requests.RequestException):
            response = get(url, headers=headers)
            if response.status not in (502, 503, 504):
                return response
        needed = running.containers_with(role)
        up = [
            name
            for name in running.all_containers()
            if check_that_it_runs(running, name, name in needed, where)
        ]
        if time.monotonic() - looked > min(1, deadlines.still / 2):
            now_listening = {name: listens_on(running, name) for name in up}
            looked = time.monotonic()
            if now_listening != listening or not all(now_listening.values()):
                listening, unchanged_since = now_listening, looked
            elif looked - unchanged_since > deadlines.still:
                break
        time.sleep(pause)
        pause = min(2 * pause, 1)
    if response is not None:
        return response
    raise Fault(
        f"GET {what}: expected a response, got none: {hint(listening, deadlines.response)}; "
        f"look at {where}"
    )


def hint(listening, seconds):
    """Return a text on where processes listen.

    listening: container -> set of `address:port`, or None if unknown. seconds: the deadline.
    """
    known = [places for places in (listening or {}).values() if places is not None]
    places = sorted(set().union(*known))
    if not known:
        return "no connection before the deadline"
    if not places:
        return f"no process listens on any port after {seconds:.0f} s"
    text = f"inside the container, a process listens on {', '.join(places)}"
    if any(place.startswith("127.") for place in places):
        text += (
            "; 127.0.0.1 accepts connections from inside the container only, 0.0.0.0 from "
            "everywhere"
        )
    return text

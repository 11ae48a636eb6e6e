"""A steady load on a URL, and the outcome of each request."""

import http.client
import threading
import time
from collections import Counter
from typing import NamedTuple
from urllib.parse import urlsplit

from support.api import GREETING
from support.waiting import wait_until


class Outcome(NamedTuple):
    """The outcome of one request: a response or an error.

    at: when the request was sent, in seconds since the load began.
    seconds: the time from there to the end of the response, or to the error.
    status: the status of HTTP, or None after an error.
    served_by: the value of `X-Served-By`, or "". body: the text of the response or of the error.
    """

    at: float
    seconds: float
    status: int | None
    served_by: str
    body: str


class Load:
    """A context manager that sends GET requests on a fixed number of keep-alive connections.

    name: the name in the report. urls: each connection uses one of these, in round robin.
    rate: requests per second, of all connections together; None: without a pause.
    connections: the number of connections. slowest: the seconds that a request may take.
    bodies: a collection of the allowed bodies, texts; None allows every body.
    report_to: a function that is called with the report, a text, at the end.
    outcomes: a list of an `Outcome` for each request so far.

    At the end of the `with` block, it asserts that no request was lost; see
    `assert_nothing_was_lost`.

    If a slow response delays a connection's next request, that request is sent at once, so slow
    responses don't lower the rate. A connection that the server closes with `Connection: close`
    is opened again. If a connection breaks, its request is lost. No request is sent twice.
    """

    def __init__(
        self, name, *urls, rate=400, connections=8, bodies=(GREETING,), slowest=2.5, report_to=print
    ):
        self.name = name
        self.report_to = report_to
        self.bodies = bodies
        self.slowest = slowest
        self.outcomes = []
        self.interval = connections / rate if rate else 0
        self.stopping = threading.Event()
        self.threads = [
            threading.Thread(
                target=self.keep_sending,
                args=(urls[n % len(urls)], self.interval * n / connections),
            )
            for n in range(connections)
        ]

    def __enter__(self):
        self.start = time.monotonic()
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, failure, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        self.seconds = time.monotonic() - self.start
        self.report_to(self.report())
        if failure is None:
            self.assert_nothing_was_lost()

    def keep_sending(self, url, offset):
        """Send requests on one connection until the load stops.

        offset: seconds from the start of the load to the first request.
        """
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(
            parts.hostname, parts.port or 80, timeout=self.slowest + 5
        )
        due = self.start + offset
        while not self.stopping.wait(max(0, due - time.monotonic())):
            self.outcomes.append(self.send(connection, parts.path or "/"))
            due += self.interval
        connection.close()

    def send(self, connection, path):
        """Send one request and return its `Outcome`."""
        sent = time.monotonic()
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read().decode()
            status, served_by = response.status, response.headers.get("X-Served-By", "")
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            status, served_by, body = None, "", repr(error)
        return Outcome(sent - self.start, time.monotonic() - sent, status, served_by, body)

    def wait_for(self, count):
        """Wait until so many more requests have an outcome.

        Raises AssertionError after a minute.
        """
        wanted = len(self.outcomes) + count
        wait_until(lambda: len(self.outcomes) >= wanted, 60, f"{count} more responses")

    def latest_responders(self, count):
        """Return the hostnames of the replicas that sent the latest `count` responses: a set."""
        return {outcome.served_by for outcome in self.outcomes[-count:]}

    def lost(self):
        """Return the outcomes that aren't a 200 response with an allowed body: a list."""
        return [
            outcome
            for outcome in self.outcomes
            if outcome.status != 200 or (self.bodies and outcome.body not in self.bodies)
        ]

    def percentile(self, part):
        """Return the time, in seconds, within which `part` percent of the requests ended."""
        times = sorted(outcome.seconds for outcome in self.outcomes)
        return times[int(len(times) * part / 100)]

    def report(self):
        """Return a line of text: counts of requests, statuses, and times in milliseconds."""
        slowest = max(outcome.seconds for outcome in self.outcomes)
        responses = sum(outcome.status is not None for outcome in self.outcomes)
        statuses = Counter(outcome.status for outcome in self.outcomes)
        return (
            f"{self.name}: sent {len(self.outcomes)} in {self.seconds:.1f} s, "
            f"responses {responses}, lost {len(self.lost())}, statuses {dict(statuses)}, "
            f"p50 {self.percentile(50) * 1000:.0f} ms, p99 {self.percentile(99) * 1000:.0f} ms, "
            f"slowest {slowest * 1000:.0f} ms"
        )

    def now(self):
        """Return the seconds since the load began."""
        return time.monotonic() - self.start

    def assert_nothing_was_lost(self):
        """Assert that no request was lost or too slow."""
        report, lost = self.report(), self.lost()
        assert not lost, f"expected no lost request, got {len(lost)}: {lost[0]} …\n{report}"
        late = max(self.outcomes, key=lambda outcome: outcome.seconds)
        assert late.seconds < self.slowest, (
            f"expected less than {self.slowest} s for each request, got {late}\n{report}"
        )

"""A steady load on a URL, and what became of every single request."""

import http.client
import threading
import time
from collections import Counter
from typing import NamedTuple
from urllib.parse import urlsplit

from support.api import GREETING
from support.waiting import wait_until


class Answer(NamedTuple):
    """What became of one request.

    at: when it was sent, in seconds since the load began. seconds: how long it took.
    status: of HTTP, or None if there was no answer. served_by: `X-Served-By`.
    body: text of the answer, or of the error.
    """

    at: float
    seconds: float
    status: int | None
    served_by: str
    body: str


class Load:
    """GET requests on a fixed number of keep-alive connections, at a steady rate or without a pause.

    name: what the report calls it. urls: each connection uses one of these, in turn.
    rate: requests per second, all connections together; None for no pause between two.
    connections: how many. slowest: seconds that a request may take.
    bodies: what an answer may say, texts: the greeting, if not given; None for anything.
    tell: a function that gets the report at the end, a text.

    A request that is late (its connection waited for the one before) is sent at
    once: the rate holds over time whatever the answers take. A connection that
    the server closes as announced (`Connection: close`) is opened anew; one that
    breaks counts its request as lost. Nothing is sent twice.
    """

    def __init__(
        self, name, *urls, rate=400, connections=8, bodies=(GREETING,), slowest=2.5, tell=print
    ):
        self.name = name
        self.tell = tell
        self.bodies = bodies
        self.slowest = slowest
        self.answers = []
        self.interval = connections / rate if rate else 0
        self.stopping = threading.Event()
        self.threads = [
            threading.Thread(
                target=self.keep_asking,
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
        self.tell(self.report())
        if failure is None:
            self.assert_nothing_was_lost()

    def keep_asking(self, url, offset):
        """Send this connection's share of the requests until told to stop."""
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(
            parts.hostname, parts.port or 80, timeout=self.slowest + 5
        )
        due = self.start + offset
        while not self.stopping.wait(max(0, due - time.monotonic())):
            self.answers.append(self.ask(connection, parts.path or "/"))
            due += self.interval
        connection.close()

    def ask(self, connection, path):
        """Send one request and return its `Answer`."""
        sent = time.monotonic()
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read().decode()
            status, served_by = answer.status, answer.headers.get("X-Served-By", "")
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            status, served_by, body = None, "", repr(error)
        return Answer(sent - self.start, time.monotonic() - sent, status, served_by, body)

    def wait_for(self, answers):
        """Wait until so many more answers are in; a minute at most."""
        wanted = len(self.answers) + answers
        wait_until(lambda: len(self.answers) >= wanted, 60, f"{answers} more answers")

    def latest(self, count):
        """Return who gave the latest `count` answers: hostnames, as a set."""
        return {answer.served_by for answer in self.answers[-count:]}

    def lost(self):
        """Return what is not a 200, or does not say what it may, or is no answer at all."""
        return [
            answer
            for answer in self.answers
            if answer.status != 200 or (self.bodies and answer.body not in self.bodies)
        ]

    def percentile(self, part):
        """Return the time, in seconds, within which so many per cent of the requests ended."""
        return sorted(answer.seconds for answer in self.answers)[
            int(len(self.answers) * part / 100)
        ]

    def report(self):
        """Return one line: sent, answered, lost, statuses, p50, p99 and slowest in milliseconds."""
        slowest = max(answer.seconds for answer in self.answers)
        answered = sum(answer.status is not None for answer in self.answers)
        statuses = Counter(answer.status for answer in self.answers)
        return (
            f"{self.name}: sent {len(self.answers)} in {self.seconds:.1f} s, answered {answered}, "
            f"lost {len(self.lost())}, statuses {dict(statuses)}, "
            f"p50 {self.percentile(50) * 1000:.0f} ms, p99 {self.percentile(99) * 1000:.0f} ms, "
            f"slowest {slowest * 1000:.0f} ms"
        )

    def now(self):
        """Return the seconds since the load began."""
        return time.monotonic() - self.start

    def assert_nothing_was_lost(self, rate=300):
        """Assert that every request got its 200 in time, and that the load was one.

        rate: requests per second, at least.
        """
        lost = self.lost()
        assert not lost, f"{self.report()}; the first: {lost[0]}"
        late = max(self.answers, key=lambda answer: answer.seconds)
        assert late.seconds < self.slowest, f"{self.report()}; the slowest: {late}"
        assert len(self.answers) / self.seconds >= rate, f"too little of a load: {self.report()}"

"""How many requests each API server of task 6 responds to."""

import time
from contextlib import suppress

import requests

from grader.container_state import check_that_it_runs, received
from grader.errors import Fault, MachineFault
from grader.responses import get

#: How many requests the API servers share.
REQUESTS = 200


def check_shares(running, url, what, where, deadlines):
    """Raise Fault unless two API servers or more respond to even shares of the requests.

    url: of the proxy. what: that URL as its author would type it. where: the files to look at.
    """
    servers = running.containers_with("back-end")
    for name in servers:
        check_that_it_runs(running, name, True, where)
    proxies = running.containers_with("proxy")
    behind = [name for name in running.all_containers() if name not in proxies]
    total, counts = count_shares(running, url, behind, deadlines.response)
    short = {running.short_name(name): count for name, count in counts.items()}
    judge_shares(total, short, set(map(running.short_name, servers)), what, where)


def count_shares(running, url, names, seconds):
    """Return (number of responses, {container: number of requests that it got}).

    A submission's API doesn't say which server responds, and may not write a log. So each
    request has a header of 2,000 bytes, which proxies pass on, and Docker counts the bytes that
    each container receives. A new connection takes about 200 bytes and a DNS query 100, so
    other traffic doesn't matter.
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


def judge_shares(total, counts, servers, what, where):
    """Raise Fault unless each API server got its even share of the requests, within a fifth.

    total: the number of responses. counts: container -> number of requests that it got.
    servers: the names of the containers that are known to be API servers.
    """
    if total < REQUESTS / 10:
        raise MachineFault(
            f"only {total} of {REQUESTS} requests to {what}/api/hello got a response in time. "
            "Grade again with fewer --jobs"
        )
    responding = [name for name in counts if name in servers or counts[name] > total / 50]
    seen = ", ".join(f"{name} {counts[name]}" for name in responding) or "none"
    sentence = (
        f"{total} requests to {what}/api/hello: expected two or more API servers to respond "
        f"to equal shares of them, got {seen}"
    )
    if len(responding) < 2:
        raise Fault(f"{sentence}; fewer than two API servers got requests; look at {where}")
    fair = total / len(responding)
    if not all(0.8 * fair <= counts[name] <= 1.2 * fair for name in responding):
        raise Fault(f"{sentence}; look at {where}")

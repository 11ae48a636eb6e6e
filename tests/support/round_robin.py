"""Which replica sends each response, and whether the replicas alternate in round robin."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from support import api


def responders(url, count, threads=1):
    """Send GET requests to `/api/hello` and return the hostname of each response's replica: a list.

    url: the scheme, host and port. count: the number of requests.
    threads: how many of them are sent at the same time.
    """

    def send(_):
        response = api.get(f"{url}/api/hello")
        assert response.status_code == 200, f"expected 200 for {response.url}, got {response}"
        return response.headers["X-Served-By"]

    if threads == 1:
        return [send(n) for n in range(count)]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(send, range(count)))


def round_robin_breaks(hostnames, replicas):
    """Return a list of the positions, counted from 0, after which round robin is broken.

    hostnames: one for each response, in order. replicas: how many replicas there are.
    """
    return [n for n in range(len(hostnames) - replicas) if hostnames[n] != hostnames[n + replicas]]


def assert_round_robin(hostnames, replicas):
    """Assert that consecutive responses came from this number of replicas in strict round robin.

    hostnames: one for each response, in order.
    """
    assert len(set(hostnames)) == replicas, (
        f"expected responses from {replicas} replicas, got {Counter(hostnames)}"
    )
    breaks = round_robin_breaks(hostnames, replicas)
    assert breaks == [], (
        f"expected {len(hostnames)} responses in round robin among {replicas} replicas, got "
        f"{len(breaks)} out of order, the first after response {breaks[0]}: {hostnames}"
    )


def assert_all_replicas_respond(project, within=3):
    """Assert that all running replicas of a project's API respond in strict round robin.

    It sends requests until 100 responses in a row are in round robin.
    project: a `support.projects.Project`.
    within: seconds, after which no response may be out of order. Before, the proxy's list of
    replicas may be up to two seconds old, and with a new list Nginx begins again.
    """
    replicas = project.hostnames("back-end")
    deadline = time.monotonic() + within
    in_order = []
    while len(in_order) < 100:
        sent = time.monotonic()
        in_order += responders(project.url, 1)
        latest = in_order[-len(replicas) :]
        if not replicas.issuperset(latest) or len(set(latest)) < len(latest):
            assert sent < deadline, (
                f"expected round robin among the replicas {replicas} after {within} s, "
                f"got a response from {latest[-1]} after {in_order[:-1]}"
            )
            in_order = []

"""Who answers, and whether they take turns."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from support import api
from support.waiting import wait_until


def turns(url, count, threads=1):
    """Return which replica gave each of `count` answers of `/api/hello`: hostnames, in order."""

    def ask(_):
        answer = api.get(f"{url}/api/hello")
        assert answer.status_code == 200
        return answer.headers["X-Served-By"]

    if threads == 1:
        return [ask(n) for n in range(count)]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(ask, range(count)))


def out_of_turn(order, replicas):
    """Return after which answers, counted from 0, the turn among so many replicas is broken."""
    return [n for n in range(len(order) - replicas) if order[n] != order[n + replicas]]


def assert_strict(order, replicas):
    """Assert that the hostnames in `order` are those of `replicas` replicas, strictly in turn."""
    assert len(set(order)) == replicas, f"{replicas} replicas were to answer: {Counter(order)}"
    again = out_of_turn(order, replicas)
    assert again == [], f"out of turn after answers {again[:10]} of {len(order)}"


def assert_all_take_turns(stack, within=3):
    """Assert that all running replicas of a stack's API answer, and in strict turn.

    stack: a `support.projects.Project`. within: seconds until they do; the proxy's list of them
    may be two seconds old.
    """
    replicas = stack.hostnames("back-end")

    def settled():
        order = turns(stack.url, 10 * len(replicas))
        return set(order) == replicas and not out_of_turn(order, len(replicas))

    wait_until(settled, within, f"the replicas {replicas}, and no other, to answer in turn")
    assert_strict(turns(stack.url, 100), len(replicas))

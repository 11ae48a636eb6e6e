"""Who answers, and whether they take turns."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from support import api
from support.engine import wait_until


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


def assert_strict(order, replicas):
    """Assert that the hostnames in `order` are those of `replicas` replicas, strictly in turn."""
    assert len(set(order)) == replicas, f"{replicas} replicas were to answer: {Counter(order)}"
    again = [n for n in range(len(order) - replicas) if order[n] != order[n + replicas]]
    assert again == [], f"out of turn after answers {again[:10]} of {len(order)}"


def assert_all_take_turns(stack, within=5):
    """Assert that all running replicas of a stack's API answer, and in strict turn.

    stack: a `support.lab.Stack`. within: seconds until the last of them answers.
    """
    replicas = stack.hostnames("back-end")
    wait_until(
        lambda: set(turns(stack.url, 4 * len(replicas))) == replicas,
        within,
        f"the replicas {replicas} to answer, all of them and no other",
    )
    assert_strict(turns(stack.url, 100), len(replicas))

"""How the grader judges the shares of requests that API servers responded to."""

import pytest

from grader.errors import Fault, MachineFault
from grader.request_shares import judge_shares


def judge(counts, servers=("a-1", "a-2"), total=200):
    """Judge the shares of the containers `a-1` and `a-2`, the API servers of a task6."""
    judge_shares(total, counts, set(servers), "http://localhost", "proxy.conf")


@pytest.mark.parametrize(
    "counts",
    [
        {"a-1": 100, "a-2": 100},
        {"a-1": 115, "a-2": 85, "page": 1},
        {"a-1": 67, "a-2": 67, "b": 66},
    ],
)
def test_even_shares_pass(counts):
    judge(counts)


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"a-1": 150, "a-2": 50}, "got a-1 150, a-2 50; look at proxy.conf"),
        ({"a-1": 200, "a-2": 0}, "got a-1 200, a-2 0; look at"),
        ({"a-1": 67, "a-2": 67, "b": 20}, "b 20"),
    ],
)
def test_uneven_shares_are_a_fault(counts, words):
    with pytest.raises(Fault, match=words):
        judge(counts)


def test_a_single_api_server_is_a_fault():
    with pytest.raises(Fault, match="got a-1 200; fewer than two API servers got requests"):
        judge({"a-1": 200, "page": 0}, servers=["a-1"])


def test_too_few_responses_are_an_error():
    with pytest.raises(MachineFault, match="only 3 of 200 requests"):
        judge({"a-1": 3, "a-2": 0}, total=3)

"""task6: two replicas that take turns."""

from collections import Counter

import pytest
from playwright.sync_api import expect

from support import api
from support.commands import ROOT
from support.containers import assert_all_stop_at_once
from support.projects import configuration
from support.round_robin import assert_all_take_turns, assert_strict, turns
from support.site import A_HOSTNAME, the_page_keeps_up

pytestmark = pytest.mark.xdist_group("task6")


@pytest.mark.smoke
def test_the_api_answers_through_the_proxy(task6):
    api.assert_it_keeps_its_promises(task6.url)


@pytest.mark.smoke
def test_the_page_comes_from_the_front_end(task6):
    page = api.get(task6.url)
    assert page.status_code == 200
    assert page.headers["X-Served-By"] == "front-end"
    assert 'id="dynamic-content"' in page.text


@pytest.mark.smoke
def test_twenty_requests_take_turns(task6):
    order = turns(task6.url, 20)
    assert_strict(order, replicas=len(set(order)))
    assert len(set(order)) >= 2, f"one replica gave all answers: {order[0]}"


@pytest.mark.smoke
def test_every_answer_carries_an_id_of_its_own(task6):
    ids = {api.get(f"{task6.url}{path}").headers["X-Request-ID"] for path in ("/", "/api/hello")}
    assert len(ids) == 2


def test_a_thousand_sequential_requests_alternate_strictly(task6):
    order = turns(task6.url, 1000)
    assert_strict(order, replicas=2)
    assert set(order) == task6.hostnames("back-end")


def test_a_thousand_requests_on_16_threads_split_evenly(task6):
    assert sorted(Counter(turns(task6.url, 1000, threads=16)).values()) == [500, 500]


def test_the_file_says_how_to_start_two_api_servers():
    line = (ROOT / "task6/2-api-servers.txt").read_text()
    assert line == "docker compose up --build --scale back-end=2\n"
    assert configuration("task6")["services"]["back-end"]["deploy"]["replicas"] == 2


def test_the_host_publishes_the_proxys_port_and_no_other(task6):
    assert task6.published() == {"80/tcp": task6.url.rsplit(":", 1)[1]}


def test_the_page_shows_which_replica_answered(task6, visit):
    page = visit(task6.url)
    expect(page.locator("#served-by")).to_have_text(A_HOSTNAME)
    assert page.locator("#served-by").inner_text() in task6.hostnames("back-end")
    assert visit.errors == []


def test_the_page_waits_shows_the_answer_and_survives_an_outage(task6, visit):
    the_page_keeps_up(
        visit(task6.url),
        freeze=lambda: task6.compose("pause", "back-end"),
        thaw=lambda: task6.compose("unpause", "back-end"),
        stop=lambda: task6.compose("stop", "back-end"),
        start=lambda: task6.compose("start", "back-end"),
    )
    # The page was content with the first replica: the next test finds both at work.
    assert_all_take_turns(task6, within=10)


def test_all_stop_within_two_seconds(task6):
    assert_all_stop_at_once(task6.containers())
    task6.compose("up", "--detach", "--wait")

"""task6: a load balancer and two replicas of the API."""

from collections import Counter

import pytest
from playwright.sync_api import expect

from support import api
from support.commands import ROOT
from support.containers import assert_each_ends_by_itself
from support.projects import configuration
from support.round_robin import assert_all_replicas_respond, assert_round_robin, responders
from support.site import HOSTNAME, assert_the_page_survives_an_outage

pytestmark = pytest.mark.xdist_group("task6")


@pytest.mark.smoke
def test_the_api_responds_through_the_proxy(task6):
    api.assert_the_api_works(task6.url)


@pytest.mark.smoke
def test_the_page_comes_from_the_front_end(task6):
    page = api.get(task6.url)
    assert page.status_code == 200
    assert page.headers["X-Served-By"] == "front-end"
    assert 'id="dynamic-content"' in page.text


@pytest.mark.smoke
def test_20_consecutive_requests_reach_the_replicas_in_round_robin(task6):
    hostnames = responders(task6.url, 20)
    replicas = len(set(hostnames))
    assert replicas >= 2, f"expected two replicas or more, got all responses from {hostnames[0]}"
    assert_round_robin(hostnames, replicas)


@pytest.mark.smoke
def test_every_response_has_a_request_id_of_its_own(task6):
    ids = {api.get(f"{task6.url}{path}").headers["X-Request-ID"] for path in ("/", "/api/hello")}
    assert len(ids) == 2


def test_1000_consecutive_requests_alternate_between_two_replicas(task6):
    hostnames = responders(task6.url, 1000)
    assert_round_robin(hostnames, replicas=2)
    assert set(hostnames) == task6.hostnames("back-end")


def test_1000_requests_on_16_threads_are_split_500_to_500(task6):
    assert sorted(Counter(responders(task6.url, 1000, threads=16)).values()) == [500, 500]


def test_2_api_servers_txt_has_the_command_that_starts_two_api_servers():
    line = (ROOT / "task6/2-api-servers.txt").read_text()
    assert line == "docker compose up --build --scale back-end=2\n"
    assert configuration("task6")["services"]["back-end"]["deploy"]["replicas"] == 2


def test_only_the_proxys_port_is_published(task6):
    assert task6.published() == {"80/tcp": task6.url.rsplit(":", 1)[1]}


def test_the_page_shows_which_replica_responded(task6, visit):
    page = visit(task6.url)
    expect(page.locator("#served-by")).to_have_text(HOSTNAME)
    assert page.locator("#served-by").inner_text() in task6.hostnames("back-end")
    assert visit.errors == []


def test_the_page_shows_the_response_and_survives_an_outage(task6, visit):
    assert_the_page_survives_an_outage(
        visit(task6.url),
        freeze=lambda: task6.compose("pause", "back-end"),
        thaw=lambda: task6.compose("unpause", "back-end"),
        stop=lambda: task6.compose("stop", "back-end"),
        start=lambda: task6.compose("start", "back-end"),
    )
    # The page recovers with the first replica. The next test needs both.
    assert_all_replicas_respond(task6, within=10)


def test_all_containers_end_by_themselves_when_they_are_stopped(task6):
    assert_each_ends_by_itself(task6.containers())
    task6.compose("up", "--detach", "--wait")

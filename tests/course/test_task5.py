"""task5: a reverse proxy, the only way in."""

import re

import pytest
from playwright.sync_api import expect

from support import api
from support.commands import inspect
from support.containers import assert_all_stop_at_once
from support.projects import assert_all_are_hardened, configuration
from support.site import lit, the_page_keeps_up

pytestmark = pytest.mark.xdist_group("ports")


@pytest.mark.smoke
def test_the_url_decides_which_service_answers(task5):
    api.assert_it_keeps_its_promises(task5.url)
    assert api.get(task5.url).headers["X-Served-By"] == "front-end"
    assert api.get(f"{task5.url}/nope").headers["X-Served-By"] == "front-end"
    hello = api.get(f"{task5.url}/api/hello")
    assert {hello.headers["X-Served-By"]} == task5.hostnames("back-end")


def test_the_host_publishes_the_proxys_port_and_no_other(task5):
    assert task5.published() == {"80/tcp": task5.url.rsplit(":", 1)[1]}
    published = [s.get("ports") for s in configuration("task5")["services"].values()]
    assert [[p["published"] for p in ports] for ports in published if ports] == [["80"]]


def test_outside_the_two_services_no_origin_is_let_in(task5):
    answer = api.get(f"{task5.url}/api/hello", headers={"Origin": "http://localhost:9000"})
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_the_inside_cannot_be_left(task5):
    for service in ("back-end", "front-end"):
        container = inspect(task5.containers(service)[0])
        (network,) = container["NetworkSettings"]["Networks"]
        assert inspect(network)["Internal"]


def test_every_response_carries_the_id_of_its_request(task5):
    paths = ("/", "/api/hello", "/api/hello", "/api/nope", "/nope")
    ids = [api.get(task5.url + path).headers["X-Request-ID"] for path in paths]
    assert len(set(ids)) == len(paths)
    forged = api.get(f"{task5.url}/api/hello", headers={"X-Request-ID": "forged"})
    assert re.fullmatch("[0-9a-f]{32}", forged.headers["X-Request-ID"])


def test_the_page_waits_shows_the_answer_and_survives_an_outage(task5, visit):
    page = visit(task5.url)
    expect(page.locator("#dynamic-content")).to_have_text("Hello, World!")
    assert visit.errors == []
    the_page_keeps_up(
        page,
        freeze=lambda: task5.compose("pause", "back-end"),
        thaw=lambda: task5.compose("unpause", "back-end"),
        stop=lambda: task5.compose("stop", "back-end"),
        start=lambda: task5.compose("start", "back-end"),
    )


def fields(page):
    """Return what the address bar's answer shows: service, status and time, as texts."""
    return [
        page.locator(f"#answer-{field}").inner_text() for field in ("service", "status", "time")
    ]


@pytest.mark.parametrize(
    ("path", "service", "status"),
    [
        ("/", "front-end", "200"),
        ("/nope", "front-end", "404"),
        ("/api/hello", "back-end", "200"),
        ("/api/nope", "back-end", "404"),
    ],
)
def test_the_address_bar_shows_who_answered_and_lights_the_way(task5, visit, path, service, status):
    page = visit(task5.url)
    page.locator("#path").fill(path)
    page.locator("#path").press("Enter")
    expect(page.locator("#answer-status")).to_have_text(status)
    who, _, milliseconds = fields(page)
    assert {who} == (task5.hostnames("back-end") if service == "back-end" else {"front-end"})
    assert re.fullmatch(r"\d+ ms", milliseconds)
    assert lit(page) == {"proxy", service}


@pytest.mark.parametrize(
    "wrong", ["nope", "//evil.example/", "http://evil.example/", r"/\evil", ""]
)
def test_the_address_bar_refuses_what_is_no_path_of_its_own(task5, visit, wrong):
    page = visit(task5.url)
    page.locator("#path").fill(wrong)
    page.locator("#path").press("Enter")
    expect(page.locator("#answer-note")).to_contain_text(re.compile("starts with|another origin"))
    assert fields(page)[1] == "\N{EN DASH}"


def test_the_address_bar_names_the_proxy_when_the_api_is_gone(task5, visit):
    page = visit(task5.url)
    task5.compose("stop", "back-end")
    try:
        page.get_by_role("button", name="/api/hello", exact=True).click()
        expect(page.locator("#answer-service")).to_have_text("proxy")
        assert fields(page)[1] in ("502", "504")
    finally:
        task5.start_again("back-end")


def test_when_the_api_is_gone_the_page_still_comes(task5):
    task5.compose("stop", "back-end")
    try:
        answer = api.get(f"{task5.url}/api/hello")
        assert answer.status_code in (502, 504), "no address any more, or nobody at the old one"
        assert api.get(task5.url).status_code == 200, "the page needs no API"
    finally:
        task5.start_again("back-end")


def test_every_container_is_hardened(task5):
    assert_all_are_hardened(task5)


def test_all_stop_within_two_seconds(task5):
    assert_all_stop_at_once(task5.containers())
    task5.compose("up", "--detach", "--wait")

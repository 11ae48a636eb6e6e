"""task5: a reverse proxy is the only service with a published port."""

import re

import pytest
from playwright.sync_api import expect

from support import api
from support.commands import inspect
from support.containers import assert_each_ends_by_itself
from support.projects import assert_all_are_hardened, configuration
from support.site import assert_the_page_survives_an_outage, highlighted_arrows

pytestmark = pytest.mark.xdist_group("ports")


@pytest.mark.smoke
def test_the_path_decides_which_service_responds(task5):
    api.assert_the_api_works(task5.url)
    assert api.get(task5.url).headers["X-Served-By"] == "front-end"
    assert api.get(f"{task5.url}/nope").headers["X-Served-By"] == "front-end"
    hello = api.get(f"{task5.url}/api/hello")
    assert {hello.headers["X-Served-By"]} == task5.hostnames("back-end")


def test_only_the_proxys_port_is_published(task5):
    assert task5.published() == {"80/tcp": task5.url.rsplit(":", 1)[1]}
    published = [s.get("ports") for s in configuration("task5")["services"].values()]
    assert [[p["published"] for p in ports] for ports in published if ports] == [["80"]]


def test_cors_allows_no_other_origin(task5):
    response = api.get(f"{task5.url}/api/hello", headers={"Origin": "http://localhost:9000"})
    assert "Access-Control-Allow-Origin" not in response.headers


def test_the_services_behind_the_proxy_have_only_an_internal_network(task5):
    for service in ("back-end", "front-end"):
        container = inspect(task5.containers(service)[0])
        (network,) = container["NetworkSettings"]["Networks"]
        assert inspect(network)["Internal"]


def test_every_response_has_a_request_id_that_clients_cannot_choose(task5):
    paths = ("/", "/api/hello", "/api/hello", "/api/nope", "/nope")
    ids = [api.get(task5.url + path).headers["X-Request-ID"] for path in paths]
    assert len(set(ids)) == len(paths)
    forged = api.get(f"{task5.url}/api/hello", headers={"X-Request-ID": "forged"})
    assert re.fullmatch("[0-9a-f]{32}", forged.headers["X-Request-ID"])


def test_the_page_shows_the_response_and_survives_an_outage(task5, visit):
    page = visit(task5.url)
    expect(page.locator("#dynamic-content")).to_have_text("Hello, World!")
    assert visit.errors == []
    assert_the_page_survives_an_outage(
        page,
        freeze=lambda: task5.compose("pause", "back-end"),
        thaw=lambda: task5.compose("unpause", "back-end"),
        stop=lambda: task5.compose("stop", "back-end"),
        start=lambda: task5.compose("start", "back-end"),
    )


def shown_response(page):
    """Return what the page shows below its address bar: service, status and time, as texts."""
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
def test_the_address_bar_shows_the_response_and_highlights_its_path(
    task5, visit, path, service, status
):
    page = visit(task5.url)
    page.locator("#path").fill(path)
    page.locator("#path").press("Enter")
    expect(page.locator("#answer-status")).to_have_text(status)
    served_by, _, milliseconds = shown_response(page)
    assert {served_by} == (task5.hostnames("back-end") if service == "back-end" else {"front-end"})
    assert re.fullmatch(r"\d+ ms", milliseconds)
    assert highlighted_arrows(page) == {"proxy", service}


@pytest.mark.parametrize(
    "wrong", ["nope", "//evil.example/", "http://evil.example/", r"/\evil", ""]
)
def test_the_address_bar_refuses_anything_but_a_path_of_the_same_origin(task5, visit, wrong):
    page = visit(task5.url)
    page.locator("#path").fill(wrong)
    page.locator("#path").press("Enter")
    expect(page.locator("#answer-note")).to_contain_text(re.compile("starts with|another origin"))
    assert shown_response(page)[1] == "\N{EN DASH}"


def test_the_address_bar_names_the_proxy_when_the_api_is_stopped(task5, visit):
    page = visit(task5.url)
    task5.compose("stop", "back-end")
    try:
        page.get_by_role("button", name="/api/hello", exact=True).click()
        expect(page.locator("#answer-service")).to_have_text("proxy")
        assert shown_response(page)[1] in ("502", "504")
    finally:
        task5.start_again("back-end")


def test_the_proxy_still_serves_the_page_when_the_api_is_stopped(task5):
    task5.compose("stop", "back-end")
    try:
        # 502: Docker's DNS server knows no address. 504: nothing responds at the old address.
        assert api.get(f"{task5.url}/api/hello").status_code in (502, 504)
        assert api.get(task5.url).status_code == 200
    finally:
        task5.start_again("back-end")


def test_every_container_is_hardened(task5):
    assert_all_are_hardened(task5)


def test_all_containers_end_by_themselves_when_they_are_stopped(task5):
    assert_each_ends_by_itself(task5.containers())
    task5.compose("up", "--detach", "--wait")

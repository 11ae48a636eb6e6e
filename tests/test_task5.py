"""task5: a reverse proxy, the only way in."""

import pytest
import requests
from playwright.sync_api import expect
from support import api, lab
from support.engine import docker, inspect, processes, seconds_to_stop, wait_until
from support.page import the_page_keeps_up


@pytest.mark.smoke
def test_the_url_decides_which_service_answers(task5):
    api.assert_it_keeps_its_promises(task5.url)
    assert api.get(task5.url).headers["X-Served-By"] == "front-end"
    assert api.get(f"{task5.url}/nope").headers["X-Served-By"] == "front-end"
    hello = api.get(f"{task5.url}/api/hello")
    assert {hello.headers["X-Served-By"]} == task5.hostnames("back-end")


def test_the_host_publishes_the_proxys_port_and_no_other(task5):
    assert task5.published() == {"80/tcp": task5.url.rsplit(":", 1)[1]}
    published = [s.get("ports") for s in lab.configuration("task5")["services"].values()]
    assert [[p["published"] for p in ports] for ports in published if ports] == [["80"]]


def test_outside_the_two_services_no_origin_is_let_in(task5):
    answer = api.get(f"{task5.url}/api/hello", headers={"Origin": "http://localhost:9000"})
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_the_inside_cannot_be_left(task5):
    for service in ("back-end", "front-end"):
        container = inspect(task5.containers(service)[0])
        (network,) = container["NetworkSettings"]["Networks"]
        assert inspect_network(network)["Internal"]


def inspect_network(name):
    return inspect(docker("network", "inspect", "--format", "{{.Id}}", name))


def test_both_access_logs_show_the_id_that_the_answer_carries(task5):
    request_id = api.get(f"{task5.url}/api/hello").headers["X-Request-ID"]
    for service in ("proxy", "back-end"):
        wait_until(
            lambda service=service: request_id in task5.compose("logs", service),
            5,
            f"{service} to log it",
        )


def test_errors_under_api_are_json_and_html_elsewhere(task5):
    too_large = b"x" * 2_000_000
    answer = requests.post(f"{task5.url}/api/hello", data=too_large, timeout=5)
    assert (answer.status_code, answer.json()["status"]) == (413, 413)
    answer = requests.post(task5.url, data=too_large, timeout=5)
    assert answer.status_code == 413
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.headers["X-Served-By"] == "proxy"


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


@pytest.mark.parametrize(
    ("path", "service", "status"),
    [("/", "front-end", 200), ("/api/hello", None, 200), ("/nope", "front-end", 404)],
)
def test_the_visitor_tries_a_url_and_sees_who_answered(task5, visit, path, service, status):
    page = visit(task5.url)
    page.locator("#path").fill(path)
    page.locator("#path").press("Enter")
    (back_end,) = task5.hostnames("back-end")
    expect(page.locator("#answer-service")).to_contain_text(service or back_end)
    expect(page.locator("#answer-status")).to_contain_text(str(status))


def test_when_the_api_is_gone_the_proxy_says_so_in_json(task5):
    task5.compose("stop", "back-end")
    try:
        answer = api.get(f"{task5.url}/api/hello")
        assert answer.status_code in (502, 504), "no address any more, or nobody at the old one"
        assert answer.json()["status"] == answer.status_code
        assert answer.headers["X-Served-By"] == "proxy"
        assert api.get(task5.url).status_code == 200, "the page needs no API"
    finally:
        task5.compose("start", "back-end")


def test_every_container_is_hardened(task5):
    for name in task5.containers():
        lab.assert_hardened(name)
        assert all(uid != "0" for uid, _ in processes(name)), f"{name} runs as root"


def test_all_stop_within_two_seconds(task5):
    for name in task5.containers():
        assert seconds_to_stop(name) < 2, f"{name} is slow to stop"

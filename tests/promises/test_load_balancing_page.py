"""The load-balancing section of task6's page shows what really happened."""

import re
import time
from collections import Counter
from contextlib import closing

import pytest
from playwright.sync_api import expect

from promises.tab import Tab
from support.commands import ROOT, docker, inspect
from support.readme import the_command
from support.site import lit
from support.waiting import wait_until, wait_until_healthy

pytestmark = pytest.mark.xdist_group("task6")

LETTERS = "ABCDE"

#: A successful request in the proxy's access log: its ID, and the address of the replica.
LOGGED = re.compile(r'"GET /api/hello HTTP/1.1" 200 \d+ (\w+) ([\d.]+):5252 [\d.]+$', re.MULTILINE)


@pytest.fixture
def laboratory(task6, visit):
    """The page of task6, set to one concurrent request: a Playwright page."""
    page = visit(task6.url)
    expect(page.locator("#dynamic-content")).to_have_text("Hello, World!")
    page.locator("#lanes").select_option("1")
    return page


def burst(page, total):
    """Send 100 requests and wait until the page has counted `total` in all."""
    page.locator("#send-burst").click()
    expect(page.locator("#total")).to_have_text(str(total), timeout=30_000)
    expect(page.locator("#send-burst")).not_to_have_attribute("aria-disabled", "true")


def counts(page):
    """Return what the table shows, as a dict: replica's hostname -> number of responses."""
    return {
        row.get_attribute("data-replica"): int(row.locator(".count").inner_text())
        for row in page.locator("#counts tbody tr").all()
    }


def strip(page):
    """Return the letters of the replicas that sent the last 40 responses, oldest first."""
    return "".join(page.locator("#strip [data-replica]").all_inner_texts())


def logged(task6, ids):
    """Return how many of these requests the proxy's log attributes to each replica, as a dict.

    ids: the requests' IDs. The proxy writes a line up to a tenth of a second after the request.
    """
    hostnames = {}
    for name in task6.containers("back-end"):
        container = inspect(name)
        for network in container["NetworkSettings"]["Networks"].values():
            hostnames[network["IPAddress"]] = container["Config"]["Hostname"]

    def addresses():
        log = task6.compose("logs", "--no-color", "--no-log-prefix", "proxy")
        found = [address for request_id, address in LOGGED.findall(log) if request_id in ids]
        return found if len(found) == len(ids) else None

    found = wait_until(addresses, 5, f"the proxy to log {len(ids)} requests")
    return Counter(hostnames[address] for address in found)


def test_one_request_gets_one_response(task6, laboratory):
    laboratory.locator("#send-one").click()
    expect(laboratory.locator("#total")).to_have_text("1")
    assert sum(counts(laboratory).values()) == 1
    assert set(counts(laboratory)) <= task6.hostnames("back-end")
    assert lit(laboratory) == {"proxy", "back-end"}


def test_a_burst_alternates_strictly_and_the_page_agrees_with_the_logs(task6, laboratory):
    ids = set()
    laboratory.on("response", lambda response: ids.add(response.headers["x-request-id"]))
    burst(laboratory, 100)
    assert counts(laboratory) == logged(task6, ids)
    assert sorted(counts(laboratory).values()) == [50, 50]
    assert strip(laboratory) in ("AB" * 20, "BA" * 20)
    expect(laboratory.locator("#failed")).to_have_text("0")
    laboratory.set_viewport_size({"width": 1280, "height": 800})
    heading = laboratory.get_by_role("heading", name="Load balancing", exact=True)
    heading.evaluate("heading => heading.scrollIntoView()")
    laboratory.screenshot(path=ROOT / "tests/output/screenshots/task6-burst.png")


def test_concurrent_requests_do_not_freeze_the_page(laboratory):
    laboratory.evaluate(
        """() => {
            window.longest = 0;
            let last = performance.now();
            (function frame(now) {
                window.longest = Math.max(window.longest, now - last);
                last = now;
                requestAnimationFrame(frame);
            })(last);
        }"""
    )
    laboratory.locator("#lanes").select_option("8")
    burst(laboratory, 100)
    assert laboratory.evaluate("window.longest") < 500, "milliseconds between two frames"


def test_five_replicas_have_five_colours_and_a_killed_one_gets_no_requests(task6, laboratory):
    task6.run(the_command("task6", "docker compose up --wait --scale back-end=5"))
    try:
        wait_until(
            lambda: seen_by_a_burst(laboratory) == task6.hostnames("back-end"), 20, "five colours"
        )
        colours = laboratory.locator("#strip [data-replica]").evaluate_all(
            "cells => [...new Set(cells.map((cell) => getComputedStyle(cell).backgroundColor))]"
        )
        assert len(colours) == 5
        last_round = strip(laboratory)[-5:]
        assert sorted(last_round) == sorted(LETTERS)
        assert strip(laboratory) == last_round * 8

        killed = task6.containers("back-end")[-1]
        hostname = inspect(killed)["Config"]["Hostname"]
        docker("kill", killed)
        burst(laboratory, 200)
        stopped_at = counts(laboratory)[hostname]
        burst(laboratory, 300)
        assert counts(laboratory)[hostname] == stopped_at
        expect(laboratory.locator("#failed")).to_have_text("0")
    finally:
        task6.run(the_command("task6", "docker compose up --wait --scale back-end=2"))


def seen_by_a_burst(page):
    """Reset, send 100 requests, and return the names of the replicas that responded, as a set."""
    page.locator("#reset").click()
    burst(page, 100)
    return set(counts(page))


def test_failed_requests_are_counted_and_explained(task6, laboratory):
    replicas = task6.containers("back-end")
    task6.compose("stop", "back-end")
    try:
        laboratory.locator("#send-one").click()
        expect(laboratory.locator("#failed")).to_have_text("1")
        expect(laboratory.locator("#total")).to_have_text("1")
        expect(laboratory.locator("#lab-note")).to_contain_text(
            re.compile("50[24], served by proxy")
        )
    finally:
        task6.start_again("back-end")
        for replica in replicas:
            wait_until_healthy(replica)
    laboratory.locator("#reset").click()
    expect(laboratory.locator("#failed")).to_have_text("0")


def test_the_stream_pauses_while_the_tab_is_hidden(task6, browser):
    with closing(Tab(browser, task6.url)) as tab:
        assert_hiding_stops_the_stream(tab)


def assert_hiding_stops_the_stream(tab):
    """Start the stream, then assert that it pauses when the tab is hidden and goes on afterwards."""

    def total():
        return int(tab.evaluate("document.querySelector('#total').textContent"))

    wait_until(lambda: tab.evaluate("document.querySelector('#strip li') !== null"), 10, "the page")
    tab.evaluate("document.querySelector('#stream').click()")
    wait_until(lambda: total() > 3, 10, "the stream to start")

    tab.set_hidden(True)
    before = total()
    time.sleep(1.5)  # long enough for six responses
    assert total() <= before + 1, "expected no more than the one request that was under way"

    tab.set_hidden(False)
    wait_until(lambda: total() > before + 3, 10, "the stream to go on")


def test_thousands_of_responses_take_no_more_memory(laboratory):
    session = laboratory.context.new_cdp_session(laboratory)

    def footprint():
        for _ in range(2):  # the first collection makes more objects unreachable
            session.send("HeapProfiler.collectGarbage")
        return laboratory.evaluate("document.querySelectorAll('*').length"), heap(session)

    laboratory.locator("#lanes").select_option("8")
    burst(laboratory, 100)
    burst(laboratory, 200)
    elements, bytes_before = footprint()
    for hundreds in range(3, 23):
        burst(laboratory, hundreds * 100)
    elements_after, bytes_after = footprint()
    assert elements_after == elements
    assert bytes_after - bytes_before < 100_000


def heap(session):
    """Return the bytes of JavaScript objects that a page holds, by its DevTools session."""
    session.send("Performance.enable")
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(metric["value"] for metric in metrics if metric["name"] == "JSHeapUsedSize")

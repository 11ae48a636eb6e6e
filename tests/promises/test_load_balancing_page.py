"""The load-balancing section of task6's page shows which replica sent each response."""

import re
import time
from collections import Counter
from contextlib import closing

import pytest
from playwright.sync_api import expect

from promises.tab import Tab
from support.browser import NETWORK_CHANGED
from support.commands import docker, inspect
from support.readme import lab_command
from support.site import highlighted_arrows
from support.waiting import wait_until, wait_until_healthy

pytestmark = pytest.mark.xdist_group("task6")

LETTERS = "ABCDE"

#: A successful request in the proxy's access log: its ID, and the address of the replica.
LOGGED = re.compile(r'"GET /api/hello HTTP/1.1" 200 \d+ (\w+) ([\d.]+):5252 [\d.]+$', re.MULTILINE)


@pytest.fixture
def task6_page(task6, visit):
    """task6's page with one concurrent request selected: a Playwright page."""
    page = visit(task6.url)
    expect(page.locator("#dynamic-content")).to_have_text("Hello, World!")
    page.locator("#lanes").select_option("1")
    return page


@pytest.fixture
def cut_off(task6_page):
    """The page's requests that Chromium ended because a network came or went: a list.

    They never reached the proxy: see `support.browser.load`.
    """
    requests = []

    def note(request):
        if request.failure == NETWORK_CHANGED:
            requests.append(request)

    task6_page.on("requestfailed", note)
    return requests


def burst(page, total):
    """Click the button that sends 100 requests, and wait until the page shows `total` requests."""
    page.locator("#send-burst").click()
    expect(page.locator("#total")).to_have_text(str(total), timeout=30_000)
    expect(page.locator("#send-burst")).not_to_have_attribute("aria-disabled", "true")


def counts(page):
    """Return the counts in the page's table: a dict of a replica's hostname -> its responses."""
    return {
        row.get_attribute("data-replica"): int(row.locator(".count").inner_text())
        for row in page.locator("#counts tbody tr").all()
    }


def strip(page):
    """Return the letters of the replicas that sent the last 40 responses: a text, oldest first."""
    return "".join(page.locator("#strip [data-replica]").all_inner_texts())


def counts_in_the_log(task6, ids):
    """Return the counts in the proxy's access log, as `counts` does.

    ids: a set of the IDs of the requests to count.
    The proxy logs a request up to a tenth of a second after its response.
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


def test_one_request_gets_one_response(task6, task6_page):
    task6_page.locator("#send-one").click()
    expect(task6_page.locator("#total")).to_have_text("1")
    assert sum(counts(task6_page).values()) == 1
    assert set(counts(task6_page)) <= task6.hostnames("back-end")
    assert highlighted_arrows(task6_page) == {"proxy", "back-end"}


def test_the_responses_to_a_burst_alternate_and_the_page_agrees_with_the_log(
    task6, task6_page, cut_off
):
    ids = set()
    task6_page.on("response", lambda response: ids.add(response.headers["x-request-id"]))
    burst(task6_page, 100)
    assert counts(task6_page) == counts_in_the_log(task6, ids)
    most, least = sorted(counts(task6_page).values(), reverse=True)
    assert most + least == 100 - len(cut_off)
    assert most - least <= len(cut_off) % 2
    assert strip(task6_page) in ("AB" * 20, "BA" * 20)
    expect(task6_page.locator("#failed")).to_have_text(str(len(cut_off)))
    task6_page.set_viewport_size({"width": 1280, "height": 800})
    heading = task6_page.get_by_role("heading", name="Load balancing", exact=True)
    heading.evaluate("heading => heading.scrollIntoView()")


def test_concurrent_requests_do_not_freeze_the_page(task6_page):
    # The browser calls `frame` before it draws.
    task6_page.evaluate(
        """() => {
            window.drawn = new Set();
            (function frame() {
                window.drawn.add(document.querySelector("#total").textContent);
                requestAnimationFrame(frame);
            })();
        }"""
    )
    task6_page.locator("#lanes").select_option("8")
    burst(task6_page, 100)
    drawn = task6_page.evaluate("[...window.drawn]")
    assert len(drawn) > 3, f"expected to see the count grow, got only {drawn}"


def test_five_replicas_have_five_colours_and_a_killed_one_gets_no_requests(
    task6, task6_page, cut_off
):
    def round_robin_of_five():
        """Send 100 requests; returns whether the last 40 responses are in round robin of five."""
        cut_off.clear()
        task6_page.locator("#reset").click()
        burst(task6_page, 100)
        last_round = strip(task6_page)[-5:]
        return sorted(last_round) == sorted(LETTERS) and strip(task6_page) == last_round * 8

    task6.run(lab_command("task6", "docker compose up --wait --scale back-end=5"))
    try:
        wait_until(round_robin_of_five, 20, "responses from five replicas in round robin")
        assert set(counts(task6_page)) == task6.hostnames("back-end")
        colours = task6_page.locator("#strip [data-replica]").evaluate_all(
            "cells => [...new Set(cells.map((cell) => getComputedStyle(cell).backgroundColor))]"
        )
        assert len(colours) == 5

        killed = task6.containers("back-end")[-1]
        hostname = inspect(killed)["Config"]["Hostname"]
        docker("kill", killed)
        burst(task6_page, 200)
        stopped_at = counts(task6_page)[hostname]
        burst(task6_page, 300)
        assert counts(task6_page)[hostname] == stopped_at
        expect(task6_page.locator("#failed")).to_have_text(str(len(cut_off)))
    finally:
        task6.run(lab_command("task6", "docker compose up --wait --scale back-end=2"))


def test_failed_requests_are_counted_and_explained(task6, task6_page):
    replicas = task6.containers("back-end")
    task6.compose("stop", "back-end")
    try:
        task6_page.locator("#send-one").click()
        expect(task6_page.locator("#failed")).to_have_text("1")
        expect(task6_page.locator("#total")).to_have_text("1")
        expect(task6_page.locator("#lab-note")).to_contain_text(
            re.compile("50[24], served by proxy")
        )
    finally:
        task6.start_again("back-end")
        for replica in replicas:
            wait_until_healthy(replica)
    task6_page.locator("#reset").click()
    expect(task6_page.locator("#failed")).to_have_text("0")


def test_the_stream_pauses_while_the_tab_is_hidden(task6, browser):
    with closing(Tab(browser)) as tab:
        tab.load(task6.url)
        assert_hiding_pauses_the_stream(tab)


def assert_hiding_pauses_the_stream(tab):
    """Assert that the stream of requests pauses while the tab is hidden, and only then."""

    def total():
        return int(tab.evaluate("document.querySelector('#total').textContent"))

    wait_until(
        lambda: tab.evaluate("document.querySelector('#strip li') !== null"),
        10,
        "the page to show a response",
    )
    tab.evaluate("document.querySelector('#stream').click()")
    wait_until(lambda: total() > 3, 10, "the stream to start")

    tab.set_hidden(True)
    before = total()
    time.sleep(1.5)  # long enough for six responses
    assert total() <= before + 1, (
        f"expected at most the one request that was under way, got {total() - before}"
    )

    tab.set_hidden(False)
    wait_until(lambda: total() > before + 3, 10, "the stream to continue")


def test_the_page_uses_no_more_memory_after_a_second_thousand_responses(task6_page):
    session = task6_page.context.new_cdp_session(task6_page)

    def footprint():
        for _ in range(2):  # the first collection makes more objects unreachable
            session.send("HeapProfiler.collectGarbage")
        return task6_page.evaluate("document.querySelectorAll('*').length"), heap(session)

    task6_page.locator("#lanes").select_option("8")
    # In the first thousand, the browser compiles the script and fills its own lists.
    for hundreds in range(1, 11):
        burst(task6_page, hundreds * 100)
    elements, bytes_before = footprint()
    for hundreds in range(11, 21):
        burst(task6_page, hundreds * 100)
    elements_after, bytes_after = footprint()
    assert elements_after == elements
    assert bytes_after - bytes_before < 100_000


def heap(session):
    """Return the size of a page's JavaScript objects, in bytes.

    session: the page's DevTools session.
    """
    session.send("Performance.enable")
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(metric["value"] for metric in metrics if metric["name"] == "JSHeapUsedSize")

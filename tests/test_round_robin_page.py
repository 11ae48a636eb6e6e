"""task6's laboratory: what the page shows is what happened."""

import time
from contextlib import closing
from uuid import uuid4

import pytest
from playwright.sync_api import expect
from support import api, lab
from support.engine import ROOT, docker, inspect, wait_until, wait_until_healthy
from support.page import lit
from support.tab import Tab

LETTERS = "ABCDE"


@pytest.fixture
def laboratory(task6, visit):
    """The page of task6, its laboratory ready, one request at a time: a Playwright page."""
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
    """Return what the table shows, as a dict: replica's hostname -> answers."""
    return {
        row.get_attribute("data-replica"): int(row.locator(".count").inner_text())
        for row in page.locator("#counts tbody tr").all()
    }


def strip(page):
    """Return the last answers as the strip shows them: letters, oldest first."""
    return "".join(page.locator("#strip [data-replica]").all_inner_texts())


def logged(task6):
    """Return how often each replica's access log names the greeting, as a dict: hostname -> times.

    A replica writes its lines in order, a tenth of a second late at most: once that of a request
    sent now is there, all before it are.
    """
    mark = uuid4().hex
    replicas = task6.containers("back-end")
    for _ in replicas:  # one each: they take turns
        api.get(f"{task6.url}/api/hello?{mark}")

    def log(name):
        def with_the_mark():
            lines = docker("logs", name)
            return lines if mark in lines else None

        return wait_until(with_the_mark, 5, f"{name} to log a request")

    return {
        inspect(name)["Config"]["Hostname"]: log(name).count('"GET /api/hello HTTP')
        for name in replicas
    }


def test_one_request_is_one_answer(task6, laboratory):
    laboratory.locator("#send-one").click()
    expect(laboratory.locator("#total")).to_have_text("1")
    assert sum(counts(laboratory).values()) == 1
    assert set(counts(laboratory)) <= task6.hostnames("back-end")
    assert lit(laboratory) == {"proxy", "back-end"}


def test_a_burst_alternates_strictly_and_the_page_agrees_with_the_logs(task6, laboratory):
    before = logged(task6)
    burst(laboratory, 100)
    after = logged(task6)
    assert counts(laboratory) == {name: after[name] - before[name] for name in after}
    assert sorted(counts(laboratory).values()) == [50, 50]
    assert strip(laboratory) in ("AB" * 20, "BA" * 20)
    expect(laboratory.locator("#failed")).to_have_text("0")
    laboratory.set_viewport_size({"width": 1280, "height": 800})
    laboratory.get_by_role("heading", name="Who takes this one?").evaluate(
        "h => h.scrollIntoView()"
    )
    laboratory.screenshot(path=ROOT / "tests/output/screenshots/task6-burst.png")


def test_a_burst_of_many_at_a_time_does_not_freeze_the_page(laboratory):
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


def test_five_replicas_have_five_colours_and_one_that_is_killed_stops(task6, laboratory):
    task6.run(lab.the_command("task6", "docker compose up --wait --scale back-end=5"))
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
        task6.run(lab.the_command("task6", "docker compose up --wait --scale back-end=2"))


def seen_by_a_burst(page):
    """Start anew, send 100 requests, and return which replicas answered, as a set."""
    page.locator("#reset").click()
    burst(page, 100)
    return set(counts(page))


def test_failures_are_counted_in_the_open(task6, laboratory):
    replicas = task6.containers("back-end")
    task6.compose("stop", "back-end")
    try:
        laboratory.locator("#send-one").click()
        expect(laboratory.locator("#failed")).to_have_text("1")
        expect(laboratory.locator("#total")).to_have_text("1")
        expect(laboratory.locator("#lab-note")).to_contain_text("proxy said 503")
    finally:
        task6.start_again("back-end")
        for replica in replicas:
            wait_until_healthy(replica)
    laboratory.locator("#reset").click()
    expect(laboratory.locator("#failed")).to_have_text("0")


def test_the_stream_flows_and_a_hidden_tab_stops_it(task6, browser):
    with closing(Tab(browser, task6.url)) as tab:
        assert_hiding_stops_the_stream(tab)


def assert_hiding_stops_the_stream(tab):
    """Switch a tab's stream on, hide the tab and show it again: it flows only while it is seen."""

    def total():
        return int(tab.evaluate("document.querySelector('#total').textContent"))

    wait_until(lambda: tab.evaluate("document.querySelector('#strip li') !== null"), 10, "the page")
    tab.evaluate("document.querySelector('#stream').click()")
    wait_until(lambda: total() > 3, 10, "the stream to flow")

    tab.set_hidden(True)
    before = total()
    time.sleep(1.5)  # long enough for six answers of a stream that flows
    assert total() <= before + 1, "one may have been on its way"

    tab.set_hidden(False)
    wait_until(lambda: total() > before + 3, 10, "the stream to flow again")


def test_thousands_of_answers_take_no_more_memory(laboratory):
    session = laboratory.context.new_cdp_session(laboratory)

    def footprint():
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

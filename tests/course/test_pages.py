"""The page of each task: on different screens, by keyboard, in print, and without JavaScript."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from course.by_hand import by_hand
from support import api
from support.browser import load
from support.commands import ROOT
from support.ports import assert_ports_are_free
from support.projects import start_project
from support.steps import SITE

pytestmark = pytest.mark.xdist_group("ports")

#: The labels in the picture of each task's page, and how often each one appears.
LABELS = {
    "task2": {"front-end": 1},
    "task3": {"front-end": 1, "back-end": 1},
    "task4": {"front-end": 1, "back-end": 1, "Docker Compose": 1},
    "task5": {"front-end": 1, "back-end": 1, "Docker Compose": 1, "proxy": 1},
    "task6": {"front-end": 1, "back-end": 2, "Docker Compose": 1, "proxy": 1},
}


@pytest.fixture(scope="module", params=LABELS)
def running(request):
    """A task that has a page, started: a tuple of the task's name and the URL of its page."""
    task = request.param
    if task in ("task5", "task6"):
        yield task, request.getfixturevalue(task).url
        return
    # The pages of task3 and task4 send requests to the port that the labs publish.
    assert_ports_are_free(5252, 9000)
    start = start_project(task) if task == "task4" else by_hand(task, keep_ports=True)
    with start:
        yield task, "http://localhost:9000"


@pytest.fixture
def task(running):
    """The name of the running task, such as `task3`."""
    return running[0]


@pytest.fixture
def url(running):
    """The URL of the running task's page, as `http://localhost:…`."""
    return running[1]


def opened(page, url, **media):
    """Open a URL in a Playwright page, wait for the API's response if it shows one, and return it.

    media: options of `page.emulate_media`, such as color_scheme="dark".
    """
    page.emulate_media(**media)
    load(page, url)
    content = page.locator("#dynamic-content")
    if content.count():
        expect(content).to_have_text("Hello, World!")
    return page


def test_the_picture_shows_the_services_that_run(task, url, page):
    words = opened(page, url).locator("figure svg text").all_text_contents()
    assert {word: words.count(word) for word in LABELS["task6"] if word in words} == LABELS[task]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_accessibility_problem(url, page, scheme):
    found = Axe().run(opened(page, url, color_scheme=scheme))
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize(
    ("width", "height"), [(320, 640), (640, 400), (1280, 800), (3840, 2160)],
    ids=["phone", "zoom-200", "laptop", "4K"],
)  # fmt: skip
def test_the_page_fits_the_width_of_the_screen(url, page, width, height):
    page.set_viewport_size({"width": width, "height": height})
    opened(page, url)
    needed = page.evaluate("document.documentElement.scrollWidth")
    assert needed <= width, f"expected at most {width} pixels of width, got {needed}"


def test_the_layout_does_not_shift_while_the_page_loads(url, page):
    page.add_init_script(
        """window.shift = 0;
        new PerformanceObserver((list) => list.getEntries().forEach((entry) => {
            window.shift += entry.value;
        })).observe({ type: "layout-shift", buffered: true });"""
    )
    opened(page, url)
    assert page.evaluate("window.shift") == 0


def test_without_javascript_the_page_links_to_the_api(task, url, browser):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        load(page, url)
        expect(page.get_by_role("heading", level=1)).to_have_text("Softy Pinko")
        if task != "task2":
            link = page.locator("a[href$='/api/hello']")
            expect(link).to_be_visible()
            link.click()
            expect(page.locator("body")).to_have_text("Hello, World!")


def test_the_page_has_no_animation_for_visitors_who_prefer_reduced_motion(url, page):
    opened(page, url, reduced_motion="reduce")
    moving = page.evaluate(
        """[...document.querySelectorAll("*")].filter((element) => {
            const style = getComputedStyle(element);
            return style.transitionDuration !== "0s" || style.animationName !== "none";
        }).map((element) => element.outerHTML)"""
    )
    assert moving == []


def test_the_page_prints_dark_text_on_a_light_background(url, page):
    opened(page, url, media="print", color_scheme="dark")
    ink = page.evaluate("getComputedStyle(document.querySelector('h1')).color")
    paper = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert max(map(int, re.findall(r"\d+", ink)[:3])) < 128, f"expected a dark heading, got {ink}"
    assert min(map(int, re.findall(r"\d+", paper)[:3])) > 128, (
        f"expected a light background, got {paper}"
    )


def test_the_tab_key_reaches_every_control_and_the_page_shows_the_focus(url, page):
    opened(page, url)
    controls = page.locator("button:visible, input:visible, select:visible, a:visible").count()
    reached = set()
    for _ in range(controls):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                """() => {
                    const e = document.activeElement;
                    const style = getComputedStyle(e);
                    const unseen = style.outlineStyle === "none" && style.boxShadow === "none";
                    return (unseen ? "unseen: " : "") + e.outerHTML;
                }"""
            )
        )
    assert len(reached) == controls, (
        f"expected the Tab key to reach {controls} controls, it reached {reached}"
    )
    assert not [control for control in reached if control.startswith("unseen")]


def site_files(task):
    """Return the paths of all files of a task's site: a list."""
    return list((ROOT / task / SITE).iterdir())


def test_the_site_is_small_and_every_file_is_compressed(task, url):
    size = sum(file.stat().st_size for file in site_files(task))
    assert size < 30_000, f"expected less than 30,000 bytes in {task}/{SITE}, got {size}"
    for file in site_files(task):
        response = api.get(f"{url}/{file.name}", headers={"Accept-Encoding": "gzip"})
        assert response.headers.get("Content-Encoding") == "gzip", (
            f"{file.name}: expected Content-Encoding: gzip, got {response.headers}"
        )


def test_browsers_cache_all_files_except_the_page(task, url):
    for file in site_files(task):
        caching = "no-cache" if file.name == "index.html" else "max-age=60"
        response = api.get(f"{url}/{file.name}")
        assert response.headers["Cache-Control"] == caching, file.name
        again = api.get(response.url, headers={"If-None-Match": response.headers["ETag"]})
        assert (again.status_code, again.headers["Cache-Control"]) == (304, caching), file.name

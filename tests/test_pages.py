"""The page of each task, as anybody may look at it: any screen, any way to read, any way to type."""

import re
from contextlib import contextmanager

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from support import api, lab
from support.engine import ROOT, assert_ports_are_free

#: Where the screenshots go; git ignores it.
PICTURES = ROOT / "tests/output/screenshots"

#: What stands in the picture of each task, in the words of the picture itself.
SEEN = {
    "task2": {"front-end": 1},
    "task3": {"front-end": 1, "back-end": 1},
    "task4": {"front-end": 1, "back-end": 1, "Docker Compose": 1},
    "task5": {"front-end": 1, "back-end": 1, "Docker Compose": 1, "proxy": 1},
    "task6": {"front-end": 1, "back-end": 2, "Docker Compose": 1, "proxy": 1},
}


@contextmanager
def served(task):
    """Start a task and yield the URL of its page; task3's and task4's scripts need the real ports."""
    if task in ("task2", "task3"):
        with lab.containers(task, keep_ports=task == "task3") as started:
            yield started.url("front-end", 9000)
    elif task == "task4":
        with lab.stack(task):
            yield "http://localhost:9000"
    else:
        with lab.proxied(task) as started:
            yield started.url


@pytest.fixture(scope="module", params=SEEN)
def running(request):
    """Each of the tasks that have a page, in turn: its name, and its page's URL while it runs."""
    if request.param in ("task3", "task4"):
        assert_ports_are_free(5252, 9000)
    with served(request.param) as url:
        yield request.param, url


@pytest.fixture
def task(running):
    """The name of the task that runs."""
    return running[0]


@pytest.fixture
def url(running):
    """Where its page is, as `http://localhost:…`."""
    return running[1]


def opened(page, url, **media):
    """Open a page, wait until the API's answer is on it if it shows one, and return the page."""
    page.emulate_media(**media)
    page.goto(url)
    content = page.locator("#dynamic-content")
    if content.count():
        expect(content).to_have_text("Hello, World!")
    return page


def test_the_picture_shows_what_runs(task, url, page):
    words = opened(page, url).locator("figure svg text").all_text_contents()
    assert {word: words.count(word) for word in SEEN["task6"] if word in words} == SEEN[task]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(url, page, scheme):
    found = Axe().run(opened(page, url, color_scheme=scheme))
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize(
    ("width", "height"), [(320, 640), (640, 400), (1280, 800), (3840, 2160)],
    ids=["phone", "zoom-200", "laptop", "4K"],
)  # fmt: skip
def test_it_fits_the_screen(url, page, width, height):
    page.set_viewport_size({"width": width, "height": height})
    opened(page, url)
    needed = page.evaluate("document.documentElement.scrollWidth")
    assert needed <= width, f"{needed} pixels wide on a screen of {width}"


def test_nothing_jumps_while_it_loads(url, page):
    page.add_init_script(
        """window.shift = 0;
        new PerformanceObserver((list) => list.getEntries().forEach((e) => { window.shift += e.value; }))
            .observe({ type: "layout-shift", buffered: true });"""
    )
    opened(page, url)
    assert page.evaluate("window.shift") == 0


def test_without_javascript_it_still_says_what_it_is(task, url, browser):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(url)
        expect(page.get_by_role("heading", level=1)).to_have_text("Softy Pinko")
        if task != "task2":
            way = page.locator("a[href$='/api/hello']")
            expect(way).to_be_visible()
            way.click()
            expect(page.locator("body")).to_have_text("Hello, World!")


def test_it_keeps_still_for_who_wants_it_still(url, page):
    opened(page, url, reduced_motion="reduce")
    moving = page.evaluate(
        """[...document.querySelectorAll("*")].filter((element) => {
            const style = getComputedStyle(element);
            return style.transitionDuration !== "0s" || style.animationName !== "none";
        }).map((element) => element.outerHTML)"""
    )
    assert moving == []


def test_on_paper_it_is_dark_on_light(url, page):
    opened(page, url, media="print", color_scheme="dark")
    ink = page.evaluate("getComputedStyle(document.querySelector('h1')).color")
    paper = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert max(map(int, re.findall(r"\d+", ink)[:3])) < 128, f"the heading prints in {ink}"
    assert min(map(int, re.findall(r"\d+", paper)[:3])) > 128, f"it prints on {paper}"


def test_every_control_can_be_reached_by_keyboard_and_shows_it(url, page):
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
                    if (style.outlineStyle === "none" && style.boxShadow === "none") return "unseen: " + e.outerHTML;
                    return e.outerHTML;
                }"""
            )
        )
    assert len(reached) == controls, "Tab does not come by every control"
    assert not [control for control in reached if control.startswith("unseen")]


def test_the_whole_page_is_small_and_compressed_on_the_wire(task, url):
    site = ROOT / task / "front-end/softy-pinko-front-end"
    size = sum(file.stat().st_size for file in site.iterdir())
    assert size < 30_000, f"the page and what it needs are {size} bytes"
    for file in ("", "style.css", "icon.svg"):
        answer = api.get(f"{url}/{file}", headers={"Accept-Encoding": "gzip"})
        assert answer.headers["Content-Encoding"] == "gzip"


@pytest.mark.parametrize(
    ("file", "caching"), [("", "no-cache"), ("style.css", "max-age=60"), ("icon.svg", "max-age=60")]
)
def test_what_it_is_made_of_is_cached_and_the_page_is_asked_for_again(url, file, caching):
    answer = api.get(f"{url}/{file}")
    assert answer.headers["Cache-Control"] == caching
    again = api.get(f"{url}/{file}", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.headers["Cache-Control"]) == (304, caching)


@pytest.mark.parametrize("view", ["light", "dark", "phone"])
def test_a_screenshot_of_each_view_is_left(task, url, page, view):
    page.set_viewport_size({"width": 390 if view == "phone" else 1280, "height": 800})
    opened(page, url, color_scheme="dark" if view == "dark" else "light")
    picture = PICTURES / f"{task}-{view}.png"
    page.screenshot(path=picture, full_page=True)
    assert picture.stat().st_size > 10_000

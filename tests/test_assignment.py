"""What the assignment asks of everybody: of this repository, or with --course PATH of another.

Behaviour only, seen from outside. What a thing is called is for its author to say.
"""

from functools import partial

import pytest
from support.confined import container, containers, output_of
from support.confined_stack import stack
from support.contract import (
    GREETING,
    assert_cors_admits,
    assert_greets,
    assert_page_is_whole,
    assert_shared_evenly,
)
from support.course import Course
from support.engine import ROOT
from support.scaling import assert_ends_with_newline, two_api_servers
from support.visitor import assert_page_shows_the_answer

pytestmark = pytest.mark.assignment

ORIGIN = "http://localhost:9000"


@pytest.fixture(scope="session")
def course(request):
    """The `support.course.Course` of --course PATH, or this repository's."""
    return Course(request.config.getoption("course") or ROOT)


@pytest.fixture
def shows(playwright, browser_type_launch_args):
    """Assert that a page shows the API's answer; see `support.visitor`."""
    return partial(assert_page_shows_the_answer, playwright.chromium, browser_type_launch_args)


@pytest.fixture
def note(request):
    """A function that notes a sentence on what is unusual, though not wrong, for the report."""
    return lambda text: request.node.user_properties.append(("note", text))


#: task: how its images are started, as the assignment says.
START = {
    1: partial(containers, back_end=5252),
    2: partial(containers, back_end=5252, front_end=9000),
    3: partial(containers, back_end=5252, front_end=9000),
    4: stack,
    5: stack,
    6: partial(stack, scale=two_api_servers),
}


@pytest.fixture(scope="class")
def running(course, request):
    """The task of a test's class, built and started: a `support.confined.Running`."""
    number = request.cls.task
    with START[number](course, course.task(number)) as started:
        yield started


class TestTask0:
    def test_it_prints_the_greeting_and_nothing_else(self, course):
        (part, *_) = course.parts(course.task(0))
        with container(course, part) as started:
            printed = output_of(started)
        look = f"look at CMD or ENTRYPOINT in {course.shown(part.dockerfile)}"
        assert printed.strip() == GREETING, (
            f"running the image was to print {GREETING!r} alone, and printed {printed[:80]!r}; {look}"
        )


class Api:
    """What is asked of the API of tasks that publish it on 5252 by `docker run`."""

    def test_the_api_greets_on_5252(self, running):
        api = f"http://{running.address(running.the('back-end'), 5252)}"
        where = running.look("back-end", ".py", "Dockerfile")
        assert_greets(api, running.of("back-end"), "http://localhost:5252/api/hello", where)


class TestTask1(Api):
    task = 1


class Page:
    """What is asked of the page of tasks that publish it on 9000 by `docker run`."""

    def test_the_page_is_whole_on_9000(self, running):
        page = f"http://{running.address(running.the('front-end'), 9000)}"
        where = running.look("front-end", ".conf", ".html", "Dockerfile")
        assert_page_is_whole(page, running.of("front-end"), ORIGIN, where)


class TestTask2(Api, Page):
    task = 2


class TestTask3(Api, Page):
    task = 3

    def test_cors_admits_the_page(self, running):
        api = f"http://{running.address(running.the('back-end'), 5252)}"
        what, where = "http://localhost:5252/api/hello", running.look("back-end", ".py")
        assert_cors_admits(ORIGIN, api, running.of("back-end"), what, where)

    def test_the_page_shows_the_answer(self, running, shows):
        published = {
            port: running.address(running.the(role), port)
            for role, port in (("back-end", 5252), ("front-end", 9000))
        }
        shows(f"{ORIGIN}/", published, running.look("front-end", ".html", ".js"))


class TestTask4:
    task = 4

    def test_the_file_publishes_the_api(self, running, note):
        back_end = running.the("back-end")
        port = running.port(back_end, 5252)
        published = running.published[back_end][port]
        if published != 5252:
            note(f"{running.file} publishes the API on {published}, not 5252")
        url, what = running.address(back_end, port), f"http://localhost:{published}/api/hello"
        where = running.look("back-end", ".py", "Dockerfile")
        assert_greets(f"http://{url}", running.of("back-end"), what, where)

    def test_the_file_publishes_the_page(self, running, note):
        front_end = running.the("front-end")
        port = running.port(front_end, 9000)
        published = running.published[front_end][port]
        if published != 9000:
            note(f"{running.file} publishes the page on {published}, not 9000")
        url, what = running.address(front_end, port), f"http://localhost:{published}"
        where = running.look("front-end", ".conf", ".html", "Dockerfile")
        assert_page_is_whole(f"http://{url}", running.of("front-end"), what, where)

    def test_the_page_shows_the_answer(self, running, shows):
        front_end = running.the("front-end")
        published = running.published[front_end][running.port(front_end, 9000)]
        where = running.look("front-end", ".html", ".js")
        shows(f"http://localhost:{published}/", running.all_published(), where)


class TestTask5:
    task = 5

    @pytest.fixture
    def door(self, running):
        """The proxy: its name, its URL in truth, and its URL as its author would write it."""
        name = running.door()
        port = running.port(name, 80)
        published = running.published[name][port]
        what = "http://localhost" if published == 80 else f"http://localhost:{published}"
        return name, f"http://{running.address(name, port)}", what

    def test_the_host_publishes_the_proxys_port_and_no_other(self, running, door, note):
        name, _, what = door
        others = {
            other: ports for other, ports in running.published.items() if ports and other != name
        }
        said = ", ".join(f"{n} on {', '.join(map(str, p.values()))}" for n, p in others.items())
        assert not others, (
            f"the host was to publish the proxy's port and no other, and {running.file} publishes "
            f"{said} too; take these 'ports:' away"
        )
        if what != "http://localhost":
            note(f"{running.file} publishes the proxy as {what}, not on port 80")

    def test_the_proxy_passes_the_api(self, running, door):
        _, url, what = door
        where = running.look("proxy", ".conf", ".cfg", ".template", "Dockerfile")
        assert_greets(url, running.all(), f"{what}/api/hello", f"{where} and {running.file}")

    def test_the_proxy_passes_the_page(self, running, door):
        _, url, what = door
        where = running.look("proxy", ".conf", ".cfg", ".template", "Dockerfile")
        assert_page_is_whole(url, running.all(), what, f"{where} and {running.file}")

    def test_the_page_shows_the_answer(self, running, door, shows):
        _, _, what = door
        shows(f"{what}/", running.all_published(), running.look("front-end", ".html", ".js"))


class TestTask6(TestTask5):
    task = 6

    def test_two_api_servers_share_the_requests_evenly(self, running, door):
        name, url, what = door
        where = running.look("proxy", ".conf", ".cfg", ".template", "Dockerfile")
        assert_greets(url, running.all(), f"{what}/api/hello", f"{where} and {running.file}")
        behind = [c for c in running.all() if c not in running.containers[name]]
        assert_shared_evenly(url, running.of("back-end"), behind, what, where)

    def test_the_command_for_two_api_servers_is_a_line(self, course):
        assert_ends_with_newline(course, course.task(6))

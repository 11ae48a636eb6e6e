"""What the assignment asks of everybody: of this repository, or with --course PATH of another.

Behaviour only, seen from outside. What a thing is called is for its author to say.
"""

from functools import partial

import pytest
from support.api import GREETING
from support.confined import container, containers, output_of
from support.confined_stack import stack
from support.contract import (
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
#: How files are called that say what a front-end and a proxy do.
SITE = (".conf", ".html", "Dockerfile")
PROXY = (".conf", ".cfg", ".template", "Caddyfile", "Dockerfile")


@pytest.fixture(scope="session")
def course(request):
    """The `support.course.Course` of --course PATH, or this repository's."""
    return Course(request.config.getoption("course") or ROOT)


@pytest.fixture
def shows(playwright, browser_type_launch_args, request):
    """Assert that a page shows the API's answer; see `support.visitor`.

    Where the API or the page itself has failed already, it does so again for the same reason.
    """
    if earlier := vars(request.cls).get("failure"):
        raise earlier
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
    """What is asked of an API that `docker run` publishes on 5252."""

    def test_the_api_greets_on_5252(self, running):
        url = running.url("back-end", 5252)
        where = running.look("back-end", ".py", "Dockerfile")
        assert_greets(url, running.of("back-end"), "http://localhost:5252/api/hello", where)


class Page:
    """What is asked of a page that `docker run` publishes on 9000."""

    def test_the_page_is_whole_on_9000(self, running):
        url, where = running.url("front-end", 9000), running.look("front-end", *SITE)
        assert_page_is_whole(url, running.of("front-end"), ORIGIN, where)


class Cors:
    """What is asked of an API for the sake of a page of another origin."""

    def test_cors_admits_the_page(self, running):
        url, what = running.url("back-end", 5252), "http://localhost:5252/api/hello"
        where = running.look("back-end", ".py")
        assert_cors_admits(ORIGIN, url, running.of("back-end"), what, where)


class Composed:
    """What is asked of an API and a page that a Compose file publishes, on ports of its choice."""

    def test_the_file_publishes_the_api(self, running, note):
        written = running.written("back-end", 5252)
        if written != ORIGIN.replace("9000", "5252"):
            note(f"{running.file} publishes the API as {written}, not on port 5252")
        url, where = running.url("back-end", 5252), running.look("back-end", ".py", "Dockerfile")
        assert_greets(url, running.of("back-end"), f"{written}/api/hello", where)

    def test_the_file_publishes_the_page(self, running, note):
        written = running.written("front-end", 9000)
        if written != ORIGIN:
            note(f"{running.file} publishes the page as {written}, not on port 9000")
        url, where = running.url("front-end", 9000), running.look("front-end", *SITE)
        assert_page_is_whole(url, running.of("front-end"), written, where)


class Proxied:
    """What is asked of a stack that has one door, its proxy."""

    def test_the_host_publishes_the_proxys_port_and_no_other(self, running, note):
        written = running.written("proxy", 80)
        said = ", ".join(
            f"{name} on {', '.join(map(str, ports.values()))}"
            for name, ports in running.published.items()
            if ports and name != running.the("proxy")
        )
        assert not said, (
            f"the host was to publish the proxy's port and no other, and {running.file} publishes "
            f"{said} too; take these 'ports:' away"
        )
        if written != "http://localhost":
            note(f"{running.file} publishes the proxy as {written}, not on port 80")

    def test_the_proxy_passes_the_api(self, running):
        url, what = running.url("proxy", 80), f"{running.written('proxy', 80)}/api/hello"
        assert_greets(url, running.all(), what, running.look("proxy", *PROXY))

    def test_the_proxy_passes_the_page(self, running):
        url, what = running.url("proxy", 80), running.written("proxy", 80)
        assert_page_is_whole(url, running.all(), what, running.look("proxy", *PROXY))


class Shared:
    """What is asked of two API servers behind one proxy."""

    def test_two_api_servers_share_the_requests_evenly(self, running):
        url, what = running.url("proxy", 80), running.written("proxy", 80)
        where = running.look("proxy", *PROXY)
        assert_greets(url, running.all(), f"{what}/api/hello", where)
        behind = [name for name in running.all() if name not in running.of("proxy")]
        assert_shared_evenly(url, running.of("back-end"), behind, what, where)

    def test_the_command_for_two_api_servers_is_a_line(self, course):
        assert_ends_with_newline(course, course.task(6))


class Shown:
    """What is asked of a page whose script asks the API."""

    def test_the_page_shows_the_answer(self, running, shows):
        door = ("front-end", 9000) if self.task < 5 else ("proxy", 80)
        where = running.look("front-end", ".html", ".js")
        shows(f"{running.written(*door)}/", running.all_published(), where)


# What is asked first stands last: pytest begins with the tests of the outermost base.
class TestTask1(Api):
    task = 1


class TestTask2(Page, Api):
    task = 2


class TestTask3(Shown, Cors, Page, Api):
    task = 3


class TestTask4(Shown, Composed):
    task = 4


class TestTask5(Shown, Proxied):
    task = 5


class TestTask6(Shown, Shared, Proxied):
    task = 6

"""What the assignment asks: for each task how it is started, and what is checked then.

A check is a function of a `Running`, the `Deadlines` and a function that notes what is unusual
but right. It raises `Fault` with a sentence if the course is wrong.
"""

from contextlib import contextmanager
from functools import partial

from grader.browser import check_shown
from grader.builds import build
from grader.course import parts_of_dockerfiles
from grader.errors import Fault, MachineFault
from grader.responses import (
    GREETING,
    check_cors,
    check_greeting,
    check_page,
    check_shares,
)
from grader.running import Running, by_role, images, output_of, start_container, start_part, tag_of
from grader.stack import API_SERVERS, stack, two_api_servers

ORIGIN, API = "http://localhost:9000", "http://localhost:5252/api/hello"
#: How files are called that say what a back end, a front end and a proxy do.
CODE, SITE = (".py", "Dockerfile"), (".conf", ".html", "Dockerfile")
PROXY = (".conf", ".cfg", ".template", "Caddyfile", "Dockerfile")


@contextmanager
def one_image(connected, course, folder, deadlines):
    """Build and start task0's image; yields a `Running`."""
    part, *_ = parts_of_dockerfiles(course, folder)
    tag = tag_of(connected, part.name)
    build(connected, part, tag, deadlines)
    running = Running(connected, course, course.shown(folder), by_role([part]))
    running.containers[part.name] = [start_container(connected, part, tag)]
    yield running


def prints_the_greeting(running, deadlines, note):
    """The image prints the greeting and nothing else."""
    (name,) = running.all()
    printed = output_of(running.connected, name, deadlines.start)
    if printed.strip() != GREETING:
        (part,) = (part for parts in running.parts.values() for part in parts)
        raise Fault(
            f"running the image: expected it to print {GREETING!r} and nothing else, got "
            f"{printed[:80]!r}; look at CMD or ENTRYPOINT in {running.course.shown(part.dockerfile)}"
        )


def api_on_5252(running, deadlines, note):
    """The API that `docker run` publishes on 5252 greets."""
    where = running.look("back-end", *CODE)
    check_greeting(running, "back-end", running.url("back-end", 5252), API, where, deadlines)


def api_is_worth_a_note(running, deadlines, note):
    """Task 2 asks for the front end. A back end that is there and doesn't respond is a note."""
    if "back-end" not in running.parts:
        return
    try:
        start_part(running, "back-end", 5252, deadlines)
        api_on_5252(running, deadlines, note)
    except (Fault, MachineFault) as problem:
        note(f"task 2 asks for the front end only, and the back end doesn't work: {problem}")


def page_on_9000(running, deadlines, note):
    """The page that `docker run` publishes on 9000 is there, with its assets."""
    where = running.look("front-end", *SITE)
    check_page(running, "front-end", running.url("front-end", 9000), ORIGIN, where, deadlines)


def cors_for_the_page(running, deadlines, note):
    """The page's script may read what the API responds."""
    where = running.look("back-end", ".py")
    check_cors(running, ORIGIN, running.url("back-end", 5252), API, where, deadlines)


def publishes(running, role, what, usual, note):
    """Note if a role isn't published on its usual port; returns its URL as its author writes it."""
    written = running.written(role, usual)
    if running.is_random(role, usual):
        port = running.port(role, usual)
        note(
            f"{running.file} publishes {what} on a random port of the host; write "
            f"'{usual}:{port}' to publish it on port {usual}"
        )
    elif written != ("http://localhost" if usual == 80 else f"http://localhost:{usual}"):
        note(f"{running.file} publishes {what} as {written}, not on port {usual}")
    return written


def api_of_the_file(running, deadlines, note):
    """The Compose file publishes the API."""
    what = f"{publishes(running, 'back-end', 'the API', 5252, note)}/api/hello"
    where = running.look("back-end", *CODE)
    check_greeting(running, "back-end", running.url("back-end", 5252), what, where, deadlines)


def page_of_the_file(running, deadlines, note):
    """The Compose file publishes the page."""
    what = publishes(running, "front-end", "the page", 9000, note)
    where = running.look("front-end", *SITE)
    check_page(running, "front-end", running.url("front-end", 9000), what, where, deadlines)


def one_port(running, deadlines, note):
    """The host publishes the proxy's port and no other."""
    running.port("proxy", 80)
    others = ", ".join(
        f"{name} on {', '.join(str(port or 'a random port') for port in ports.values())}"
        for name, ports in running.published.items()
        if ports and name != running.the("proxy")
    )
    if others:
        raise Fault(
            f"{running.file}: expected the host to publish the proxy's port and no other, and it "
            f"publishes {others} too; remove these 'ports:'"
        )
    publishes(running, "proxy", "the proxy", 80, note)


def api_through_the_proxy(running, deadlines, note):
    """The proxy passes the API."""
    what, where = f"{running.written('proxy', 80)}/api/hello", running.look("proxy", *PROXY)
    check_greeting(running, "proxy", running.url("proxy", 80), what, where, deadlines)


def page_through_the_proxy(running, deadlines, note):
    """The proxy passes the page."""
    what, where = running.written("proxy", 80), running.look("proxy", *PROXY)
    check_page(running, "proxy", running.url("proxy", 80), what, where, deadlines)


def two_api_servers_share(running, deadlines, note):
    """Two API servers share the requests evenly."""
    where = running.look("proxy", *PROXY)
    check_shares(running, running.url("proxy", 80), running.written("proxy", 80), where, deadlines)


def api_servers_is_a_line(running, deadlines, note):
    """`2-api-servers.txt` ends with a newline; a missing one is a note."""
    for file in sorted(running.course.path.glob(f"{running.file.split('/')[0]}/{API_SERVERS}")):
        if not running.course.read(file).endswith("\n"):
            note(
                f"{running.course.shown(file)} doesn't end with a newline, so a shell's 'read' skips its line"
            )


def shown_in_a_browser(running, deadlines, note, role="front-end", usual=9000):
    """The page's script asks the API, and the page shows the response."""
    random = [
        f"{name}'s port {port}"
        for name, ports in running.published.items()
        for port, written in ports.items()
        if written is None
    ]
    remark = f"; {', '.join(random)} is published on a random port of the host" if random else ""
    where = running.look("front-end", ".html", ".js")
    url = f"{running.written(role, usual)}/"
    check_shown(url, running.all_published(), remark, where, deadlines)


shown_by_the_proxy = partial(shown_in_a_browser, role="proxy", usual=80)
PROXIED = (one_port, api_through_the_proxy, page_through_the_proxy)

#: task -> how it is started.
START = {
    0: one_image,
    1: partial(images, back_end=5252),
    2: partial(images, front_end=9000),
    3: partial(images, back_end=5252, front_end=9000),
    4: stack,
    5: stack,
    6: partial(stack, scale=two_api_servers),
}

#: task -> its checks.
CHECKS = {
    0: (prints_the_greeting,),
    1: (api_on_5252,),
    2: (page_on_9000, api_is_worth_a_note),
    3: (api_on_5252, page_on_9000, cors_for_the_page, shown_in_a_browser),
    4: (api_of_the_file, page_of_the_file, shown_in_a_browser),
    5: (*PROXIED, shown_by_the_proxy),
    6: (*PROXIED, two_api_servers_share, api_servers_is_a_line, shown_by_the_proxy),
}

#: Checks that would only repeat what an earlier one found.
ONLY_IF_ALL_IS_RIGHT = (shown_in_a_browser, shown_by_the_proxy, two_api_servers_share)

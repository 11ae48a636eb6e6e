"""What the assignment asks of each task: how the task is started, and what is checked then.

A check is a function of a `RunningTask`, the `Deadlines` and a function `note`. It raises
`Fault` if the task is wrong, and calls `note` with a text on what is unusual but right.
"""

from functools import partial

from grader.api_servers import API_SERVERS, two_api_servers
from grader.browser_check import check_shown
from grader.compose_project import run_compose_project
from grader.container_state import output_of
from grader.docker_run import run_images, run_one_image, start_part
from grader.errors import Fault, MachineFault
from grader.http_checks import GREETING, check_cors, check_greeting, check_page
from grader.request_shares import check_shares

ORIGIN, API = "http://localhost:9000", "http://localhost:5252/api/hello"
#: Suffixes of the files that define a back end, a front end and a proxy.
CODE, SITE = (".py", "Dockerfile"), (".conf", ".html", "Dockerfile")
PROXY = (".conf", ".cfg", ".template", "Caddyfile", "Dockerfile")


def prints_the_greeting(running, deadlines, note):
    """The image prints the greeting and nothing else."""
    (name,) = running.all_containers()
    printed = output_of(running.daemon, name, deadlines.start)
    if printed.strip() != GREETING:
        (part,) = (part for parts in running.parts.values() for part in parts)
        raise Fault(
            f"running the image: expected it to print {GREETING!r} and nothing else, got "
            f"{printed[:80]!r}; look at CMD or ENTRYPOINT in "
            f"{running.submission.shown(part.dockerfile)}"
        )


def api_on_5252(running, deadlines, note):
    """The API on port 5252 responds with the greeting."""
    where = running.files_to_look_at("back-end", *CODE)
    url = running.real_url("back-end", 5252)
    check_greeting(running, "back-end", url, API, where, deadlines)


def api_is_worth_a_note(running, deadlines, note):
    """Task 2 asks for the front end only, so a back end that doesn't work is a note."""
    if "back-end" not in running.parts:
        return
    try:
        start_part(running, "back-end", 5252, deadlines)
        api_on_5252(running, deadlines, note)
    except (Fault, MachineFault) as problem:
        note(f"task 2 asks for the front end only, and the back end doesn't work: {problem}")


def page_on_9000(running, deadlines, note):
    """The page on port 9000 and its assets exist."""
    where = running.files_to_look_at("front-end", *SITE)
    check_page(running, "front-end", running.real_url("front-end", 9000), ORIGIN, where, deadlines)


def cors_for_the_page(running, deadlines, note):
    """The API allows the page's script to read its response."""
    where = running.files_to_look_at("back-end", ".py")
    check_cors(running, ORIGIN, running.real_url("back-end", 5252), API, where, deadlines)


def published_url(running, role, what, usual, note):
    """Return a role's URL as its author would type it; note if its port isn't the usual one."""
    written = running.written_url(role, usual)
    if running.has_random_port(role, usual):
        port = running.port(role, usual)
        note(
            f"{running.file} publishes {what} on a random port of the host; write "
            f"'{usual}:{port}' to publish it on port {usual}"
        )
    elif written != ("http://localhost" if usual == 80 else f"http://localhost:{usual}"):
        note(f"{running.file} publishes {what} as {written}, not on port {usual}")
    return written


def published_api(running, deadlines, note):
    """The Compose file publishes the API."""
    what = f"{published_url(running, 'back-end', 'the API', 5252, note)}/api/hello"
    where = running.files_to_look_at("back-end", *CODE)
    url = running.real_url("back-end", 5252)
    check_greeting(running, "back-end", url, what, where, deadlines)


def published_page(running, deadlines, note):
    """The Compose file publishes the page."""
    what = published_url(running, "front-end", "the page", 9000, note)
    where = running.files_to_look_at("front-end", *SITE)
    check_page(running, "front-end", running.real_url("front-end", 9000), what, where, deadlines)


def only_the_proxy_is_published(running, deadlines, note):
    """The host publishes the proxy's port and no other."""
    running.port("proxy", 80)
    others = ", ".join(
        f"{name} on {', '.join(str(port or 'a random port') for port in ports.values())}"
        for name, ports in running.published.items()
        if ports and name != running.part_name("proxy")
    )
    if others:
        raise Fault(
            f"{running.file}: expected the host to publish the proxy's port and no other, and it "
            f"publishes {others} too; remove these 'ports:'"
        )
    published_url(running, "proxy", "the proxy", 80, note)


def api_through_the_proxy(running, deadlines, note):
    """The proxy passes requests to the API."""
    what = f"{running.written_url('proxy', 80)}/api/hello"
    where = running.files_to_look_at("proxy", *PROXY)
    check_greeting(running, "proxy", running.real_url("proxy", 80), what, where, deadlines)


def page_through_the_proxy(running, deadlines, note):
    """The proxy passes requests to the front end."""
    what = running.written_url("proxy", 80)
    where = running.files_to_look_at("proxy", *PROXY)
    check_page(running, "proxy", running.real_url("proxy", 80), what, where, deadlines)


def two_api_servers_share(running, deadlines, note):
    """Two API servers respond to even shares of the requests."""
    what = running.written_url("proxy", 80)
    where = running.files_to_look_at("proxy", *PROXY)
    check_shares(running, running.real_url("proxy", 80), what, where, deadlines)


def api_servers_file_is_a_line(running, deadlines, note):
    """`2-api-servers.txt` ends with a newline; a missing one is a note."""
    task = running.file.split("/")[0]
    for file in sorted(running.submission.path.glob(f"{task}/{API_SERVERS}")):
        if not running.submission.read(file).endswith("\n"):
            note(
                f"{running.submission.shown(file)} doesn't end with a newline, so a shell's "
                "'read' skips its line"
            )


def shown_in_a_browser(running, deadlines, note, role="front-end", usual=9000):
    """In a browser, the page's script requests the API and the page shows the response."""
    random = [
        f"{name}'s port {port}"
        for name, ports in running.published.items()
        for port, written in ports.items()
        if written is None
    ]
    remark = f"; {', '.join(random)} is published on a random port of the host" if random else ""
    where = running.files_to_look_at("front-end", ".html", ".js")
    url = f"{running.written_url(role, usual)}/"
    check_shown(url, running.all_published(), remark, where, deadlines)


shown_by_the_proxy = partial(shown_in_a_browser, role="proxy", usual=80)
PROXIED = (only_the_proxy_is_published, api_through_the_proxy, page_through_the_proxy)

#: task -> how it is started.
START = {
    0: run_one_image,
    1: partial(run_images, back_end=5252),
    2: partial(run_images, front_end=9000),
    3: partial(run_images, back_end=5252, front_end=9000),
    4: run_compose_project,
    5: run_compose_project,
    6: partial(run_compose_project, scale=two_api_servers),
}

#: task -> its checks.
CHECKS = {
    0: (prints_the_greeting,),
    1: (api_on_5252,),
    2: (page_on_9000, api_is_worth_a_note),
    3: (api_on_5252, page_on_9000, cors_for_the_page, shown_in_a_browser),
    4: (published_api, published_page, shown_in_a_browser),
    5: (*PROXIED, shown_by_the_proxy),
    6: (*PROXIED, two_api_servers_share, api_servers_file_is_a_line, shown_by_the_proxy),
}

#: These are skipped after a fault: they would only repeat it.
ONLY_IF_ALL_IS_RIGHT = (shown_in_a_browser, shown_by_the_proxy, two_api_servers_share)

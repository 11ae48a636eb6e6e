"""Fixtures for all tests, and additions to pytest's report."""

import signal
import subprocess
from contextlib import suppress

import pytest
import requests

pytest.register_assert_rewrite("support", "course", "promises", "tools")

from support import browser
from support.commands import docker, run
from support.images import BASE_IMAGES, substitute, untagged_images
from support.machine import machine
from support.projects import OWN_IMAGES, Project, start_proxied_project

#: The groups of tests that take more than two minutes.
LONGEST_FIRST = ("task6", "swarm", "labs", "machine", "ports")


def stop(number, frame):
    """Stop the run. Another signal doesn't interrupt the clean-up.

    pytest-xdist sends one to its workers after five seconds. It kills them after ten.
    """
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def pytest_configure(config):
    """Make Ctrl-C and SIGTERM stop the run with its clean-up, and check the URL of --base-url."""
    # A shell that starts the tests in the background makes them ignore Ctrl-C.
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, stop)
    url = config.getoption("base_url")
    if url:
        try:
            requests.get(url, timeout=5)
        except requests.ConnectionError:
            raise pytest.UsageError(
                f"Nothing responds at {url}. Start the stack with script/up."
            ) from None


def pytest_report_header():
    """Return lines for the head of the report: the versions of Docker, of the browser and so on."""
    try:
        engine = docker("version", "--format", "{{.Server.Version}}")
    except AssertionError:
        return "Docker Engine: expected a running daemon, got no response. Type 'script/bootstrap'."
    compose = docker("compose", "version", "--short")
    path = browser.find() or browser.find_downloaded()
    version = "none that starts. Type 'script/test', which installs one."
    with suppress(AssertionError):  # the browser doesn't start
        version = run([path, "--version"]).strip() if path else version
    return [
        f"Docker Engine {engine}, Compose {compose}",
        f"browser: {version}",
        *(f"base image {image}" for image in base_images()),
    ]


def pytest_terminal_summary(terminalreporter):
    """Print the report of each load at the end of the run."""
    reports = (report for reports in terminalreporter.stats.values() for report in reports)
    calls = (report for report in reports if getattr(report, "when", None) == "call")
    loads = [text for call in calls for name, text in call.user_properties if name == "load"]
    if loads:
        terminalreporter.section("requests of each load")
        terminalreporter.write("\n".join(loads) + "\n")


def base_images():
    """Yield a line for each base image on this machine: whether it is official or a substitute."""
    for name in BASE_IMAGES:
        with suppress(AssertionError):  # this machine lacks the image
            made = substitute(name)
            yield f"{name}: SUBSTITUTE, {made}" if made else f"{name}: official"


def pytest_collection_modifyitems(config, items):
    """Put the longest groups first, so that no worker begins one at the end.

    With --base-url, keep only task6's smoke tests. The other tests start what they test.
    """

    def place(item):
        marker = item.get_closest_marker("xdist_group")
        group = marker.args[0] if marker else None
        return LONGEST_FIRST.index(group) if group in LONGEST_FIRST else len(LONGEST_FIRST)

    items.sort(key=place)
    if not config.getoption("base_url"):
        return
    kept = [
        item for item in items if item.path.name == "test_task6.py" and "smoke" in item.keywords
    ]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


@pytest.fixture(scope="session", autouse=True)
def remove_replaced_images(pytestconfig):
    """Remove, at the end, the images that lost their tag to images of this run.

    With --base-url, the tests build nothing, so this fixture does nothing.
    """
    if pytestconfig.getoption("base_url"):
        yield
        return
    before = untagged_images()
    yield
    # An image may have been removed already.
    subprocess.run(
        ["docker", "rmi", *(untagged_images() - before)], capture_output=True, check=False
    )


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    """The browser's launch options, for pytest-playwright: a dict.

    They name an installed browser. If there is none, Playwright uses the one it has downloaded.
    """
    return {
        **browser_type_launch_args,
        "args": browser.ARGUMENTS,
        "executable_path": browser.find(),
    }


@pytest.fixture
def visit(page):
    """A function that opens a URL and returns the loaded Playwright page.

    `visit.errors` is a list of the errors in the browser's console, but for those on requests
    that `support.browser.load` repeats.
    When the test ends, it asserts that the page sent no request to another machine.
    """
    requested = []
    page.on("request", lambda request: requested.append(request.url))

    def open_page(url):
        browser.load(page, url)
        return page

    open_page.errors = []

    def note(message):
        if message.type == "error" and browser.NETWORK_CHANGED not in message.text:
            open_page.errors.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: open_page.errors.append(str(error)))
    yield open_page
    others = [url for url in requested if not url.startswith("http://localhost:")]
    assert not others, f"expected no request to another machine, got {others}"


@pytest.fixture(scope="session")
def task5():
    """task5, started with the command of its lab on a free port: a `support.projects.Project`."""
    with start_proxied_project("task5") as started:
        yield started


@pytest.fixture(scope="session")
def task6(base_url):
    """task6, started with the command of its lab on a free port: a `support.projects.Project`.

    With --base-url, the stack that already runs at this URL. Only the `url` is set then.
    """
    if base_url:
        yield Project("task6", base_url.rstrip("/"), {})
        return
    with start_proxied_project("task6", COMPOSE_FILE=OWN_IMAGES) as started:
        yield started


@pytest.fixture(scope="session")
def computer():
    """A `support.machine.Machine` with Docker Engine installed, not running, and without images."""
    with machine("computer") as started:
        yield started


@pytest.fixture(scope="session")
def ready(computer):
    """The same `Machine` after `script/setup/engine`: the daemon runs and has the base images."""
    done = computer.type("script/setup/engine")
    assert done.returncode == 0, f"script/setup/engine: expected 0, got:\n{done.stdout}"
    computer.load(*BASE_IMAGES)
    return computer

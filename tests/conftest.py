"""Fixtures of all tests, and the head of the report."""

import signal
import subprocess
from contextlib import suppress

import pytest
import requests

pytest.register_assert_rewrite("support", "course", "promises", "tools")

from support import browser
from support.commands import docker, run
from support.images import BASE_IMAGES, replaced, substitute
from support.machine import machine
from support.projects import Project, proxied


def pytest_configure(config):
    """Let Ctrl-C and SIGTERM end a run that then cleans up; check the address of --base-url."""
    # A shell that runs the tests in the background makes them ignore Ctrl-C.
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, signal.default_int_handler)
    url = config.getoption("base_url")
    if url:
        try:
            requests.get(url, timeout=5)
        except requests.ConnectionError:
            raise pytest.UsageError(
                f"Nothing responds at {url}. Start the stack with script/up."
            ) from None


def pytest_report_header():
    """Return what the tests run on: lines for the head of the report."""
    try:
        engine = docker("version", "--format", "{{.Server.Version}}")
    except AssertionError:
        return "engine: none answers; script/bootstrap sees to one"
    compose = docker("compose", "version", "--short")
    path = browser.find() or browser.find_playwrights_own()
    version = "none; script/test sees to one"
    with suppress(AssertionError):  # it does not start
        version = run([path, "--version"]).strip() if path else version
    return [
        f"engine {engine}, Compose {compose}",
        f"browser: {version}",
        *(f"base image {image}" for image in base_images()),
    ]


def pytest_terminal_summary(terminalreporter):
    """Show the report of every load at the end."""
    reports = (report for reports in terminalreporter.stats.values() for report in reports)
    properties = (pair for report in reports for pair in getattr(report, "user_properties", []))
    loads = [text for name, text in properties if name == "load"]
    if loads:
        terminalreporter.section("what became of every request")
        terminalreporter.write("\n".join(loads) + "\n")


def base_images():
    """Yield each base image that is here, and whether it is the official one or a substitute."""
    for name in BASE_IMAGES:
        with suppress(AssertionError):  # it is not here
            made = substitute(name)
            yield f"{name}: SUBSTITUTE, {made}" if made else f"{name}: official"


def pytest_collection_modifyitems(config, items):
    """With --base-url, keep the smoke tests of task6: all others start what they test."""
    if not config.getoption("base_url"):
        return
    kept = [
        item for item in items if item.path.name == "test_task6.py" and "smoke" in item.keywords
    ]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


@pytest.fixture(scope="session", autouse=True)
def no_image_is_left_without_a_name(pytestconfig):
    """Remove, when all is done, the images that this run's builds have replaced.

    Not with --base-url: nothing of the course is built then.
    """
    if pytestconfig.getoption("base_url"):
        yield
        return
    before = replaced()
    yield
    # An image may be gone already.
    subprocess.run(["docker", "rmi", *(replaced() - before)], capture_output=True, check=False)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    """Launch options of the browser, for pytest-playwright: the one installed here, if any."""
    return {
        **browser_type_launch_args,
        "args": browser.ARGUMENTS,
        "executable_path": browser.find(),
    }


@pytest.fixture
def visit(page):
    """Open pages as a visitor does, and notice what a visitor would not.

    A function: URL -> the Playwright page, loaded. When the test ends, every
    request must have stayed on this machine.
    `visit.errors` lists what the page wrote to the console as an error.
    """
    seen = []
    page.on("request", lambda request: seen.append(request.url))

    def open_page(url):
        page.goto(url)
        return page

    open_page.errors = []
    page.on(
        "console",
        lambda message: message.type == "error" and open_page.errors.append(message.text),
    )
    page.on("pageerror", lambda error: open_page.errors.append(str(error)))
    yield open_page
    strangers = [url for url in seen if not url.startswith("http://localhost:")]
    assert not strangers, f"the page asked for something outside this machine: {strangers}"


@pytest.fixture(scope="session")
def task5():
    """task5 as its README starts it, on a free port: a `support.projects.Project`."""
    with proxied("task5") as started:
        yield started


@pytest.fixture(scope="session")
def task6(base_url):
    """task6 as its README starts it, on a free port: a `support.projects.Project`.

    With --base-url, the stack that is up there already; only its `url` is known.
    """
    if base_url:
        yield Project("task6", base_url.rstrip("/"), {})
        return
    with proxied("task6") as started:
        yield started


@pytest.fixture(scope="session")
def computer():
    """A `support.machine.Machine` whose engine is installed, does not run, and has no image yet."""
    with machine("computer") as started:
        yield started


@pytest.fixture(scope="session")
def ready(computer):
    """The same `Machine` after `script/setup/engine`, with the base images.

    It has the containerd image store, which is the default from Docker Engine 29 on.
    """
    setting = '{"features": {"containerd-snapshotter": true}}'
    computer.type(f"mkdir -p /etc/docker; echo '{setting}' >/etc/docker/daemon.json")
    done = computer.type("script/setup/engine")
    assert done.returncode == 0, done.stdout
    computer.load(*BASE_IMAGES)
    return computer

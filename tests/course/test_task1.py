"""task1: the API in a container."""

import pytest

from course.by_hand import by_hand
from support import api
from support.commands import ROOT, docker, inspect
from support.containers import assert_each_ends_by_itself, processes
from support.images import PYTHON

pytestmark = pytest.mark.xdist_group("docker")


@pytest.fixture(scope="module")
def task1():
    """task1, started with the commands of its lab on a free port: a `course.by_hand.ByHand`."""
    with by_hand("task1") as started:
        yield started


@pytest.fixture(scope="module")
def url(task1):
    """The URL of the API, as `http://localhost:…`."""
    return task1.url("back-end", 5252)


@pytest.mark.smoke
def test_the_api_responds_with_the_greeting_and_with_errors_in_json(url):
    api.assert_the_api_works(url)


def test_every_response_names_the_container_that_sent_it(task1, url):
    hostname = inspect(task1.names["back-end"])["Config"]["Hostname"]
    for path in ("/api/hello", "/api/health", "/api/nope"):
        assert api.get(url + path).headers["X-Served-By"] == hostname


def test_gunicorn_serves_the_api_and_does_not_run_as_root(task1):
    found = processes(task1.names["back-end"])
    assert any("gunicorn" in command for _, command in found), found
    assert all(uid != "0" for uid, _ in found), found


def installed(image):
    """Return the Python packages of an image: a set of texts such as `Flask==3.1.2`."""
    freeze = (
        "from importlib.metadata import distributions; "
        "print(*(f'{d.name}=={d.version}' for d in distributions()))"
    )
    return set(docker("run", "--rm", image, "python", "-c", freeze).split())


def test_requirements_txt_lists_every_installed_package_with_its_exact_version():
    lines = (ROOT / "task1/requirements.txt").read_text().splitlines()
    packages = {line for line in lines if line and not line.startswith("#")}
    added = installed("softy-pinko:task1") - installed(PYTHON)
    assert {p.lower() for p in added} == {p.lower() for p in packages}


def test_the_container_ends_by_itself_when_it_is_stopped(task1):
    assert_each_ends_by_itself(task1.names.values())

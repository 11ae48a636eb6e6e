"""task1: a service, the API."""

import pytest

from course.by_hand import by_hand
from support import api
from support.commands import ROOT, docker, inspect
from support.containers import assert_all_stop_at_once, processes
from support.images import PYTHON

pytestmark = pytest.mark.xdist_group("docker")


@pytest.fixture(scope="module")
def task1():
    """task1 as its README starts it, on a free port: a `course.by_hand.ByHand`."""
    with by_hand("task1") as started:
        yield started


@pytest.fixture(scope="module")
def url(task1):
    """Where the API is, as `http://localhost:…`."""
    return task1.url("back-end", 5252)


@pytest.mark.smoke
def test_the_api_greets_and_answers_errors_in_json(url):
    api.assert_it_keeps_its_promises(url)


def test_every_answer_says_which_container_gave_it(task1, url):
    hostname = inspect(task1.names["back-end"])["Config"]["Hostname"]
    for path in ("/api/hello", "/api/health", "/api/nope"):
        assert api.get(url + path).headers["X-Served-By"] == hostname


def test_it_is_served_by_gunicorn_as_an_ordinary_user(task1):
    found = processes(task1.names["back-end"])
    assert any("gunicorn" in command for _, command in found), found
    assert all(uid != "0" for uid, _ in found), found


def installed(image):
    """Return the Python packages of an image with their versions, as a set of `name==version`."""
    freeze = (
        "import importlib.metadata as m; print(*(d.name+'=='+d.version for d in m.distributions()))"
    )
    return set(docker("run", "--rm", image, "python", "-c", freeze).split())


def test_every_package_has_an_exact_version():
    lines = (ROOT / "task1/requirements.txt").read_text().splitlines()
    packages = {line for line in lines if line and not line.startswith("#")}
    added = installed("softy-pinko:task1") - installed(PYTHON)
    assert {p.lower() for p in added} == {p.lower() for p in packages}


def test_it_stops_within_two_seconds(task1):
    assert_all_stop_at_once(task1.names.values())

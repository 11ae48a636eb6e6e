"""task2: a second service, the page."""

import pytest

from course.by_hand import by_hand
from support import api
from support.commands import docker
from support.containers import assert_all_stop_at_once, processes

pytestmark = pytest.mark.xdist_group("docker")


@pytest.fixture(scope="module")
def task2():
    """task2 as its README starts it, on free ports: a `course.by_hand.ByHand`."""
    with by_hand("task2") as started:
        yield started


@pytest.fixture(scope="module")
def url(task2):
    """Where the page is, as `http://localhost:…`."""
    return task2.url("front-end", 9000)


@pytest.mark.smoke
def test_nginx_serves_the_page(url):
    page = api.get(url)
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    assert page.headers["X-Served-By"] == "front-end"


def test_the_page_opens_in_a_browser_with_all_that_it_names(visit, page, url):
    answers = {}
    page.on("response", lambda answer: answers.update({answer.url: answer.status}))
    visit(url)
    assert page.title().startswith("Softy Pinko")
    assert answers[f"{url}/"] == answers[f"{url}/style.css"] == 200
    assert set(answers.values()) == {200}
    assert visit.errors == []


def test_a_page_that_is_not_there_is_a_small_html_page(url):
    answer = api.get(f"{url}/nope")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.headers["X-Served-By"] == "front-end"


def test_the_site_and_its_configuration_are_where_nginx_looks(task2):
    name = task2.names["front-end"]
    configuration = docker("exec", name, "cat", "/etc/nginx/conf.d/default.conf")
    assert "root /var/www/html/softy-pinko-front-end;" in configuration
    assert "index.html" in docker("exec", name, "ls", "/var/www/html/softy-pinko-front-end")


def test_the_back_end_is_task1s(task2):
    api.assert_it_keeps_its_promises(task2.url("back-end", 5252))


def test_nginx_runs_as_an_ordinary_user(task2):
    found = processes(task2.names["front-end"])
    assert any("nginx" in command for _, command in found), found
    assert all(uid != "0" for uid, _ in found), found


def test_both_stop_within_two_seconds(task2):
    assert_all_stop_at_once(task2.names.values())

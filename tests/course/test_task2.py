"""task2: a second container, in which Nginx serves the page."""

import pytest

from course.by_hand import by_hand
from support import api
from support.commands import docker
from support.containers import assert_each_ends_by_itself, processes

pytestmark = pytest.mark.xdist_group("docker")


@pytest.fixture(scope="module")
def task2():
    """task2, started with the commands of its lab on free ports: a `course.by_hand.ByHand`."""
    with by_hand("task2") as started:
        yield started


@pytest.fixture(scope="module")
def url(task2):
    """The URL of the page, as `http://localhost:…`."""
    return task2.url("front-end", 9000)


@pytest.mark.smoke
def test_nginx_serves_the_page(url):
    page = api.get(url)
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    assert page.headers["X-Served-By"] == "front-end"


def test_a_browser_loads_the_page_and_all_files_that_it_links_to(visit, page, url):
    statuses = {}
    page.on("response", lambda response: statuses.update({response.url: response.status}))
    visit(url)
    assert page.title().startswith("Softy Pinko")
    assert statuses[f"{url}/"] == statuses[f"{url}/style.css"] == 200
    assert set(statuses.values()) == {200}, statuses
    assert visit.errors == []


def test_a_missing_page_gets_404_and_an_html_page(url):
    response = api.get(f"{url}/nope")
    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/html")
    assert response.headers["X-Served-By"] == "front-end"


def test_the_site_and_the_configuration_are_in_the_folders_of_the_assignment(task2):
    name = task2.names["front-end"]
    configuration = docker("exec", name, "cat", "/etc/nginx/conf.d/default.conf")
    assert "root /var/www/html/softy-pinko-front-end;" in configuration
    assert "index.html" in docker("exec", name, "ls", "/var/www/html/softy-pinko-front-end")


def test_the_api_works_as_in_task1(task2):
    api.assert_the_api_works(task2.url("back-end", 5252))


def test_nginx_does_not_run_as_root(task2):
    found = processes(task2.names["front-end"])
    assert any("nginx" in command for _, command in found), found
    assert all(uid != "0" for uid, _ in found), found


def test_both_containers_end_by_themselves_when_they_are_stopped(task2):
    assert_each_ends_by_itself(task2.names.values())

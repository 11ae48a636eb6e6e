"""task3: the page requests the API and shows its response."""

import pytest

from course.by_hand import by_hand
from support import api
from support.browser import load
from support.commands import ROOT, docker
from support.containers import assert_each_ends_by_itself
from support.ports import assert_ports_are_free, free_port
from support.readme import section
from support.site import assert_the_page_survives_an_outage
from support.waiting import wait_until

pytestmark = pytest.mark.xdist_group("ports")

#: The page's origin, to which CORS gives access.
ORIGIN = "http://localhost:9000"


@pytest.fixture(scope="module")
def task3():
    """task3, started with the commands of its lab on free ports: a `course.by_hand.ByHand`."""
    with by_hand("task3") as started:
        yield started


@pytest.fixture(scope="module")
def url(task3):
    """The URL of the API, as `http://localhost:…`."""
    return task3.url("back-end", 5252)


@pytest.mark.smoke
def test_both_services_respond(task3, url):
    api.assert_the_api_works(url)
    assert 'id="dynamic-content"' in api.get(task3.url("front-end", 9000)).text


def test_cors_allows_the_page_and_no_other_origin(url):
    def allowed(origin):
        response = api.get(f"{url}/api/hello", headers={"Origin": origin})
        return response.headers.get("Access-Control-Allow-Origin")

    assert allowed(ORIGIN) == ORIGIN
    for other in ("http://localhost:9001", "http://localhost", "https://localhost:9000", "null"):
        assert allowed(other) is None


def test_cors_follows_the_environment_variable(task3):
    script = """
import api
for origin in ("http://a", "http://b", "http://localhost:9000"):
    response = api.app.test_client().get("/api/hello", headers={"Origin": origin})
    print(response.headers.get("Access-Control-Allow-Origin"))
"""
    image = ("softy-pinko-back-end:task3", "python3", "-c", script)
    two = docker("run", "--rm", "--env", "ALLOWED_ORIGINS=http://a http://b", *image)
    assert two.split() == ["http://a", "http://b", "None"]
    none = docker("run", "--rm", "--env", "ALLOWED_ORIGINS=", *image)
    assert none.split() == ["None", "None", "None"]


def test_the_page_shows_the_response_and_survives_an_outage(visit):
    assert_ports_are_free(5252, 9000)
    with by_hand("task3", keep_ports=True) as task3:
        api_container = task3.names["back-end"]
        assert_the_page_survives_an_outage(
            visit(ORIGIN),
            freeze=lambda: docker("pause", api_container),
            thaw=lambda: docker("unpause", api_container),
            stop=lambda: docker("stop", api_container),
            start=lambda: task3.start_again("back-end"),
        )


def test_the_browsers_console_says_what_the_lab_explains(task3, url, page):
    said = []
    page.on("console", lambda message: said.append(message.text))
    load(page, task3.url("front-end", 9000))
    explained = section((ROOT / "task3/README.md").read_text(), "Troubleshooting")
    for address, message in (
        (url, "blocked by CORS policy"),
        (f"http://localhost:{free_port()}", "net::ERR_CONNECTION_REFUSED"),
        ("http://back-end:5252", "net::ERR_NAME_NOT_RESOLVED"),
    ):
        assert f"`{message}`" in explained

        def says(address=address, message=message):
            page.evaluate("(url) => fetch(url).catch(() => {})", f"{address}/api/hello")
            return any(message in text for text in said)

        # A network that another test creates may interrupt the request.
        wait_until(says, 10, f"the console to say {message} after a request to {address}")


def test_both_containers_end_by_themselves_when_they_are_stopped(task3):
    assert_each_ends_by_itself(task3.names.values())

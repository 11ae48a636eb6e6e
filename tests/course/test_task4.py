"""task4: the same two services, started by Docker Compose."""

from datetime import datetime

import pytest

from support import api
from support.commands import inspect
from support.containers import assert_each_ends_by_itself
from support.ports import assert_ports_are_free
from support.projects import configuration, start_project
from support.site import assert_the_page_survives_an_outage

pytestmark = pytest.mark.xdist_group("ports")

FREE_PORTS = """
services:
  back-end:
    ports: !override ["127.0.0.1::5252"]
  front-end:
    ports: !override ["127.0.0.1::9000"]
"""


@pytest.fixture(scope="module")
def task4(tmp_path_factory):
    """task4, started with the command of its lab on free ports: a `support.projects.Project`."""
    free_ports = tmp_path_factory.mktemp("task4") / "free-ports.yml"
    free_ports.write_text(FREE_PORTS)
    with start_project("task4", COMPOSE_FILE=f"docker-compose.yml:{free_ports}") as started:
        yield started


# This test comes first, because Docker only keeps the last five health checks.
def test_the_front_end_starts_once_the_back_end_is_healthy(task4):
    back_end, front_end = (inspect(task4.containers(s)[0]) for s in ("back-end", "front-end"))
    checks = back_end["State"]["Health"]["Log"]
    healthy = next(datetime.fromisoformat(c["End"]) for c in checks if c["ExitCode"] == 0)
    assert healthy < datetime.fromisoformat(front_end["State"]["StartedAt"])


@pytest.mark.smoke
def test_one_command_starts_both_services(task4):
    api.assert_the_api_works(task4.service_url("back-end", 5252))
    page = api.get(task4.service_url("front-end", 9000))
    assert page.headers["X-Served-By"] == "front-end"


def test_the_compose_file_names_build_context_dockerfile_image_and_ports():
    services = configuration("task4")["services"]
    assert set(services) == {"back-end", "front-end"}
    for name, port in (("back-end", "5252"), ("front-end", "9000")):
        service = services[name]
        assert service["build"]["context"].endswith(f"task4/{name}")
        assert service["build"]["dockerfile"] == "Dockerfile"
        assert service["image"] == f"softy-pinko-{name}:task4"
        assert [(p["published"], p["target"]) for p in service["ports"]] == [(port, int(port))]


def test_the_page_shows_the_response_and_survives_an_outage(visit):
    assert_ports_are_free(5252, 9000)
    with start_project("task4") as task4:
        assert_the_page_survives_an_outage(
            visit("http://localhost:9000"),
            freeze=lambda: task4.compose("pause", "back-end"),
            thaw=lambda: task4.compose("unpause", "back-end"),
            stop=lambda: task4.compose("stop", "back-end"),
            start=lambda: task4.compose("start", "back-end"),
        )


def test_both_containers_end_by_themselves_when_they_are_stopped(task4):
    assert_each_ends_by_itself(task4.containers())

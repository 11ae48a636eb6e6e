"""Compose files that the grader accepts, and what it changes before it starts them."""

from pathlib import Path

import pytest

from grader.compose_config import limited, understand
from grader.errors import Fault
from grader.submission import Submission
from support.commands import ROOT
from support.copies import add, write

FILE = "task4/docker-compose.yml"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("services: [", "isn't valid YAML in line 1"),
        ("a: &a [*a]\nservices: {api: {image: ubuntu}}", "isn't on the grader's list"),
        ("x" * 2_000_000, "is larger than a Compose file may be"),
        ("{}", "doesn't understand|expected services"),
        ("services: {api: {image: ubuntu, ports: [x]}}", "Compose doesn't understand"),
    ],
    ids=["no YAML", "a YAML cycle", "too large", "no services", "an invalid port"],
)
def test_an_invalid_compose_file_is_a_fault(one_service, no_daemon, text, sentence):
    write(FILE, text)(one_service.path)
    with pytest.raises(Fault, match=sentence):
        understand(no_daemon, one_service, one_service.path / "task4")


def test_all_harmless_keys_are_allowed(one_service, no_daemon):
    write(FILE, (Path(__file__).parent / "harmless.yml").read_text())(one_service.path)
    write("task4/more.yml", "services: {base: {image: ubuntu}}")(one_service.path)
    write("task4/my.env", "A=1\n")(one_service.path)
    understood = understand(no_daemon, one_service, one_service.path / "task4")
    assert set(understood["services"]) == {"api", "web", "base"}


@pytest.mark.parametrize("task", ["task4", "task5", "task6"])
def test_the_compose_files_of_this_course_are_allowed(no_daemon, task):
    course = Submission(ROOT)
    assert understand(no_daemon, course, course.path / task)["services"]


def test_the_teachers_variables_are_empty(one_service, no_daemon, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    add(
        FILE,
        """\
    environment:
      A: '<${HOME}${AWS_SECRET_ACCESS_KEY}${DOCKER_HOST}${USER}>'
      AWS_SECRET_ACCESS_KEY:
      B: '$$HOME'
    env_file: my.env
    build: {context: api, args: [AWS_SECRET_ACCESS_KEY]}
""",
    )(one_service.path)
    write("task4/my.env", "C=<${AWS_SECRET_ACCESS_KEY}>\n")(one_service.path)
    understood = understand(no_daemon, one_service, one_service.path / "task4")
    assert "secret" not in str(understood)
    safe, _ = limited(no_daemon, understood)
    assert safe["services"]["api"]["environment"] == {"A": "<>", "B": "$$HOME", "C": "<>"}


def test_variables_of_the_tasks_own_env_file_are_used(one_service, no_daemon):
    add(FILE, "    environment: {A: '${A}', B: '${B:-usual}'}\n")(one_service.path)
    write("task4/.env", "A=ours\n")(one_service.path)
    understood = understand(no_daemon, one_service, one_service.path / "task4")
    assert understood["services"]["api"]["environment"] == {"A": "ours", "B": "usual"}


def test_names_ports_and_limits_are_replaced_by_the_graders(one_service, no_daemon):
    add(
        FILE,
        """\
    container_name: mine
    ports: ['80:80']
    mem_limit: 8g
    labels: {traefik.enable: 'true'}
    networks: [inner]
networks: {inner: {name: theirs}}
""",
    )(one_service.path)
    understood = understand(no_daemon, one_service, one_service.path / "task4")
    safe, tags = limited(no_daemon, understood)
    api = safe["services"]["api"]
    assert safe["name"] == "softy-pinko-check-none"
    assert api["ports"] == [{"target": 80, "host_ip": "127.0.0.1", "protocol": "tcp"}]
    assert api["mem_limit"] == "512m"
    assert api["pids_limit"] == 512
    assert api["logging"] == {"driver": "local"}
    assert api["networks"] == {"inner": {"aliases": ["mine"]}}
    assert "labels" not in api
    assert "container_name" not in api
    assert "name" not in safe["networks"]["inner"]
    assert tags == {}

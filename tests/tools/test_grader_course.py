"""How the grader finds the tasks and the parts of a course, and which verdict a task gets."""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import requests
from docker.errors import APIError

from grader import grading, stack
from grader.course import (
    Course,
    compose_files,
    empty_folders,
    parts_of_dockerfiles,
    task_folder,
    tasks,
)
from grader.deadlines import Deadlines
from grader.engine import our_command
from grader.errors import Fault, MachineFault, Missing
from grader.running import Running, check_that_it_runs, output_of
from support.copies import copy_of_the_course, empty, write


@pytest.fixture
def course(tmp_path):
    """A copy of our task2, task4 and task6."""
    return Course(copy_of_the_course(tmp_path / "course", [2, 4, 6]).resolve())


def test_tasks_may_be_written_in_other_ways(tmp_path):
    for name in ("Task0", "task-1", "task_2", "task 3", "task7", "tasks"):
        (tmp_path / name).mkdir()
    assert sorted(tasks(tmp_path)) == [0, 1, 2, 3]


def test_a_task_that_is_not_there_or_empty_is_missing(course):
    (course.path / "task5").mkdir()
    for number in (0, 5):
        with pytest.raises(Missing):
            task_folder(course, number)


def test_a_task_that_leads_out_of_the_course_is_a_fault(course, tmp_path):
    write("elsewhere/Dockerfile", "FROM ubuntu\n")(tmp_path)
    (course.path / "task0").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Fault, match="task0 is a link that leads out of the course"):
        task_folder(course, 0)


def test_roles_are_told_by_what_is_in_a_folder(course):
    write("task2/x/Dockerfile", "FROM nginx\nCOPY y.conf /etc\n")(course.path)
    write("task2/x/y.conf", "location / { proxy_pass http://z; }")(course.path)
    parts = parts_of_dockerfiles(course, course.path / "task2")
    assert {part.name: part.role() for part in parts} == {
        "back-end": "back-end", "front-end": "front-end", "x": "proxy",
    }  # fmt: skip


def test_files_outside_the_course_are_not_read(course, tmp_path):
    write("secret.conf", "proxy_pass")(tmp_path)
    (course.path / "task2/back-end/secret.conf").symlink_to(tmp_path / "secret.conf")
    part = parts_of_dockerfiles(course, course.path / "task2")[0]
    assert not [file for file in part.files() if file.name == "secret.conf"]
    with pytest.raises(Fault, match="leads out"):
        course.read(course.path / "task2/back-end/secret.conf")


def test_no_dockerfile_and_no_compose_file_are_faults(course):
    write("task0/README.md", "Later.")(course.path)
    with pytest.raises(Fault, match="expected a Dockerfile in task0, got none"):
        parts_of_dockerfiles(course, course.path / "task0")
    with pytest.raises(Fault, match="expected a Compose file in task0, got none"):
        compose_files(course, course.path / "task0")


def test_empty_folders_are_told_from_submodules(course):
    empty("task2/front-end/softy-pinko-front-end")(course.path)
    (sentence,) = empty_folders(course, course.path / "task2")
    assert "perhaps a git submodule whose files were never committed" in sentence
    path = "task2/front-end/softy-pinko-front-end"
    write(".gitmodules", f'[submodule "s"]\n\tpath = {path}\n')(course.path)
    (sentence,) = empty_folders(course, course.path / "task2")
    assert f"{path} is empty: it is a git submodule that wasn't fetched" in sentence


def running(**facts):
    """Return a `Running` of a container with these facts."""
    state = {"ExitCode": facts.pop("code", 0), "OOMKilled": facts.pop("oom", False)}
    container = SimpleNamespace(
        status=facts.pop("status", "running"),
        attrs={"State": state, "RestartCount": facts.pop("restarts", 0)},
        logs=lambda **options: iter([b"line\nValueError: no\nend\n"]),
    )
    client = SimpleNamespace(containers=SimpleNamespace(get=lambda name: container))
    return Running(SimpleNamespace(client=client, run="run"), None, "task4", {})


@pytest.mark.parametrize(
    ("facts", "needed"),
    [({}, True), ({"restarts": 3}, True), ({"status": "exited"}, False)],
)
def test_a_container_that_runs_or_has_done_its_work_is_no_fault(facts, needed):
    check_that_it_runs(running(**facts), "run-api-1", needed, "api.py")


@pytest.mark.parametrize(
    ("facts", "needed", "words"),
    [
        ({"status": "exited"}, True, "status 0"),
        ({"status": "exited", "code": 1}, False, "status 1; its last line is: ValueError: no; look"),
        ({"restarts": 4, "code": 2}, False, "expected api-1 to keep running"),
        ({"status": "exited", "code": 137, "oom": True}, True, "512 MB"),
    ],
)  # fmt: skip
def test_a_container_that_has_ended_is_a_fault(facts, needed, words):
    with pytest.raises(Fault, match=words):
        check_that_it_runs(running(**facts), "run-api-1", needed, "api.py")


def test_a_container_that_never_ends_is_a_fault_in_task0():
    with pytest.raises(Fault, match=r"expected the container to print and end"):
        output_of(running().connected, "run-task0", 0.1)


def two_api_servers(course, services):
    """Return what `--scale` says for these services, of which `back-end` is the API."""
    parts = {"back-end": [SimpleNamespace(name="back-end")]}
    started = SimpleNamespace(course=course, parts=parts, file="task6/docker-compose.yml")
    return stack.two_api_servers(started, services, course.path / "task6")


@pytest.mark.parametrize(
    ("text", "service", "scales"),
    [
        ("docker compose up --scale back-end=2\n", {}, {"back-end": 2}),
        ("docker-compose up -d --scale back-end=3", {}, {"back-end": 3}),
        (None, {"deploy": {"replicas": 2}}, {}),
        (None, {"scale": 2}, {}),
        (None, {}, {"back-end": 2}),
    ],
)
def test_two_api_servers_are_started_as_the_author_says(course, text, service, scales):
    file = course.path / "task6/2-api-servers.txt"
    file.unlink() if text is None else file.write_text(text)
    assert two_api_servers(course, {"back-end": service}) == scales


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("docker compose up --scale api=2\n", "scales api, and .* has no such service"),
        ("docker compose up --scale back-end=99\n", "starts 99 containers of back-end"),
        ("docker compose up --scale back-end=2\n", "calls the container of back-end 'mine'"),
    ],
)
def test_two_api_servers_that_cannot_be_started_are_a_fault(course, text, words):
    (course.path / "task6/2-api-servers.txt").write_text(text)
    with pytest.raises(Fault, match=words):
        two_api_servers(course, {"back-end": {"container_name": "mine"}})


def test_a_port_that_docker_chooses_is_told_from_one_that_is_written():
    ports = [
        {"target": 5252, "protocol": "tcp"},
        {"target": 80, "published": "8080", "protocol": "tcp"},
        {"target": 53, "published": "53", "protocol": "udp"},
    ]
    assert stack.written_ports({"ports": ports}) == {5252: None, 80: 8080}


def verdict(monkeypatch, course, check, ping=lambda: True):
    """Grade task2 with one check, on an engine that only pings; returns the verdict."""

    @contextmanager
    def started(connected, course, folder, deadlines):
        yield None

    @contextmanager
    def nothing_to_remove(connected, folder):
        yield connected

    monkeypatch.setitem(grading.START, 2, started)
    monkeypatch.setitem(grading.CHECKS, 2, (check,))
    monkeypatch.setattr(grading, "task_run", nothing_to_remove)
    connected = SimpleNamespace(client=SimpleNamespace(ping=ping))
    return grading.grade_task(connected, course, 2, Deadlines())


def failing(error):
    """Return a check that raises an exception."""

    def check(running, deadlines, note):
        raise error

    return check


def test_a_check_that_finds_nothing_passes_with_its_notes(monkeypatch, course):
    got = verdict(monkeypatch, course, lambda running, deadlines, note: note("all is well"))
    assert (got["verdict"], got["reason"]) == ("passed", "Note: all is well.")


def test_a_fault_fails_the_task(monkeypatch, course):
    got = verdict(monkeypatch, course, failing(Fault("expected a\x1b[31m, got b")))
    assert (got["verdict"], got["reason"]) == ("failed", "Expected a [31m, got b.")


def gone():
    """Fail as the SDK does when the daemon is gone."""
    raise requests.ConnectionError("('Connection aborted.', FileNotFoundError(2))")


def test_a_fault_is_not_believed_when_the_daemon_is_gone(monkeypatch, course):
    got = verdict(monkeypatch, course, failing(Fault("got no response")), ping=gone)
    assert got["verdict"] == "error"
    assert "Docker Engine doesn't respond. Start it" in got["reason"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MachineFault("the disk is full. Make room"), "The disk is full. Make room."),
        (KeyError("x"), "The grader itself failed in check (test_grader_course.py, line"),
        (OSError("No space left on device"), "The disk is full"),
        (AssertionError("x"), "The grader itself failed"),
    ],
)
def test_what_is_not_the_courses_fault_is_an_error(monkeypatch, course, error, words):
    got = verdict(monkeypatch, course, failing(error))
    assert got["verdict"] == "error"
    assert got["reason"].startswith(words)


def test_a_command_of_ours_that_fails_is_an_error():
    for error in (APIError("500 Server Error"), requests.ReadTimeout("x"), OSError("x")):
        with pytest.raises(MachineFault), our_command():
            raise error

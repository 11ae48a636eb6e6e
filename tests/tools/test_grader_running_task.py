"""What the grader finds out about containers and their ports, without Docker Engine."""

from types import SimpleNamespace

import pytest

from grader import assignment
from grader.api_servers import two_api_servers
from grader.compose_config import written_ports
from grader.container_state import check_that_it_runs, output_of, sockets
from grader.deadlines import Deadlines
from grader.errors import Fault
from grader.request_shares import check_shares
from grader.running_task import RunningTask
from grader.submission import Submission
from support.copies import copy_of_the_course


def container(status="running", exit_code=0, restarts=0, out_of_memory=False):
    """Return a container as Docker's SDK describes it."""
    state = {"ExitCode": exit_code, "OOMKilled": out_of_memory}
    return SimpleNamespace(
        status=status,
        attrs={"State": state, "RestartCount": restarts},
        ports={"5252/tcp": [{"HostPort": "49153"}]},
        logs=lambda **options: iter([b"line\nValueError: no\nend\n"]),
    )


def running(seen=None, published=None, **parts):
    """Return a `RunningTask` whose containers all look like `seen`.

    parts: role (with an underscore) -> the name of its part.
    """
    client = SimpleNamespace(containers=SimpleNamespace(get=lambda name: seen))
    daemon = SimpleNamespace(client=client, run_name="run")
    roles = {
        role.replace("_", "-"): [SimpleNamespace(name=name, files=list)]
        for role, name in parts.items()
    }
    task = RunningTask(daemon, None, "task4/docker-compose.yml", roles)
    task.containers_of = {name: [f"run-{name}-1"] for name in parts.values()}
    task.published = published or {}
    return task


@pytest.mark.parametrize(
    ("seen", "needed"),
    [
        (container(), True),
        (container("restarting", 1, restarts=6), True),
        (container(restarts=8), True),
        (container(status="exited"), False),
    ],
    ids=["it runs", "it restarts", "it runs after many restarts", "it has done its work"],
)
def test_a_container_that_runs_or_has_done_its_work_is_accepted(seen, needed):
    check_that_it_runs(running(seen), "run-api-1", needed, "api.py")


@pytest.mark.parametrize(
    ("seen", "needed", "words"),
    [
        (container("exited"), True, "status 0"),
        (container("exited", 1), False, "status 1; its last line is: ValueError: no; look"),
        (container("restarting", 2, restarts=7), False, "expected api-1 to keep running"),
        (container("exited", 137, out_of_memory=True), True, "more than 512 MB of memory"),
    ],
    ids=["it ended", "it failed", "it restarts again and again", "it had too little memory"],
)
def test_a_container_that_has_ended_is_a_fault(seen, needed, words):
    with pytest.raises(Fault, match=words):
        check_that_it_runs(running(seen), "run-api-1", needed, "api.py")


def test_a_container_of_task0_that_does_not_end_is_a_fault():
    with pytest.raises(Fault, match=r"expected the container to print a text and end"):
        output_of(running(container()).daemon, "run-task0", 0.1)


def test_an_api_server_of_task6_that_has_ended_is_a_fault():
    task = running(container("exited", 1), back_end="api")
    with pytest.raises(Fault, match="expected api-1 to keep running"):
        check_shares(task, "http://127.0.0.1:9", "http://localhost", "proxy.conf", Deadlines())


def test_a_role_that_no_part_has_is_a_fault():
    with pytest.raises(Fault, match="expected a front-end, got none among api"):
        running(back_end="api").part_name("front-end")


def test_a_role_without_a_published_port_is_a_fault():
    task = running(back_end="api", published={"api": {}})
    with pytest.raises(Fault, match=r"expected api to be published .* got no 'ports:' of it"):
        task.port("back-end", 5252)


def test_a_fault_in_a_browser_mentions_random_ports(monkeypatch):
    remarks = []
    monkeypatch.setattr(assignment, "check_shown", lambda *words: remarks.append(words[2]))
    published = {"api": {5252: None}, "web": {9000: 9000}}
    task = running(container(), published, back_end="api", front_end="web")
    task.address = lambda name, port: "127.0.0.1:49153"
    assignment.shown_in_a_browser(task, Deadlines(), print)
    assert remarks == ["; api's port 5252 is published on a random port of the host"]


def test_random_ports_are_told_apart_from_written_ones():
    ports = [
        {"target": 5252, "protocol": "tcp"},
        {"target": 80, "published": "8080", "protocol": "tcp"},
        {"target": 53, "published": "53", "protocol": "udp"},
    ]
    assert written_ports({"ports": ports}) == {5252: None, 80: 8080}


TCP = """  sl  local_address rem_address   st tx_queue
   0: 00000000:1484 00000000:0000 0A 00000000:00000000
   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000
   2: 0B00007F:9C40 00000000:0000 0A 00000000:00000000
   3: 0100007F:1484 0100007F:D0C0 01 00000000:00000000
"""


def test_listening_sockets_are_read_from_the_kernels_table():
    assert sockets(TCP) == {"0.0.0.0:5252", "127.0.0.1:8080"}


@pytest.fixture
def scale(tmp_path):
    """A function: what `--scale` gets for task6, whose `2-api-servers.txt` has this text.

    service: the service `back-end` of the Compose file, as a dict. text: None if there is no
    such file.
    """
    submission = Submission(copy_of_the_course(tmp_path / "submission", [6]).resolve())
    task = running(back_end="back-end")
    task.submission = submission

    def values(text, service):
        file = submission.path / "task6/2-api-servers.txt"
        file.unlink() if text is None else file.write_text(text)
        return two_api_servers(task, {"back-end": service}, submission.path / "task6")

    return values


@pytest.mark.parametrize(
    ("text", "service", "expected"),
    [
        ("docker compose up --scale back-end=2\n", {}, {"back-end": 2}),
        ("docker-compose up -d --scale back-end=3", {}, {"back-end": 3}),
        ("docker compose up --scale back-end=1\n", {}, {"back-end": 1}),
        (None, {"deploy": {"replicas": 2}}, {}),
        (None, {"scale": 2}, {}),
        (None, {}, {"back-end": 2}),
    ],
)
def test_the_author_chooses_how_many_api_servers_are_started(scale, text, service, expected):
    assert scale(text, service) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("docker compose up --scale api=2\n", "scales api, and .* has no such service"),
        ("docker compose up --scale back-end=99\n", "starts 99 containers of back-end"),
        ("docker compose up --scale back-end=2\n", "'mine', so there can be only one, and"),
        (None, "'mine', so there can be only one; remove 'container_name'"),
    ],
)
def test_a_number_of_api_servers_that_cannot_be_started_is_a_fault(scale, text, words):
    with pytest.raises(Fault, match=words):
        scale(text, {"container_name": "mine"})

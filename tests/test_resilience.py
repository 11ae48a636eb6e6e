"""task6 under a steady load, while what is behind the proxy fails and changes: no request is lost."""

import shutil
from collections import Counter
from contextlib import contextmanager

import pytest
import requests
from support import api, lab
from support.api import GREETING
from support.copies import swap
from support.engine import ROOT, docker, inspect, run, wait_until, wait_until_healthy
from support.images import UBUNTU
from support.load import Load
from support.turns import assert_all_take_turns, assert_strict, turns


@pytest.fixture
def hello(task6):
    """The URL of task6's greeting. Afterwards both replicas must take strict turns again."""
    yield f"{task6.url}/api/hello"
    assert len(task6.hostnames("back-end")) == 2
    assert_all_take_turns(task6)


def crash(container):
    """Kill a container's main process as the kernel would, from outside and without a word to Docker."""
    pid = inspect(container)["State"]["Pid"]
    kill = ("sh", "-c", f"kill -9 {pid}")
    docker("run", "--rm", "--privileged", "--pid", "host", "--network", "none", UBUNTU, *kill)


@contextmanager
def killed(replica):
    """Kill a container; start it again afterwards, and wait until it is healthy."""
    docker("kill", replica)
    try:
        yield
    finally:
        docker("start", replica)
        wait_until_healthy(replica)


@contextmanager
def frozen(replica):
    """Freeze a container, and thaw it afterwards."""
    docker("pause", replica)
    try:
        yield
    finally:
        docker("unpause", replica)


@contextmanager
def cut_off(replica):
    """Take a container's network away, and give it back afterwards, with its name."""
    (network,) = inspect(replica)["NetworkSettings"]["Networks"]
    docker("network", "disconnect", network, replica)
    try:
        yield
    finally:
        docker("network", "connect", "--alias", "back-end", network, replica)


def test_a_replica_that_crashes_comes_back_by_itself(task6, hello):
    replica = task6.containers("back-end")[0]
    with Load("a replica crashes", hello) as load:
        load.wait_for(400)
        crash(replica)
        wait_until(lambda: inspect(replica)["RestartCount"] == 1, 10, f"{replica} to come back")
        wait_until_healthy(replica)
        load.wait_for(400)


def test_a_replica_that_is_killed_is_not_missed(task6, hello):
    replica = task6.containers("back-end")[0]
    with Load("a replica is killed", hello) as load:
        load.wait_for(400)
        with killed(replica):
            load.wait_for(800)
        load.wait_for(400)


def test_a_replica_freezes_and_thaws(task6, hello):
    replica = task6.containers("back-end")[0]
    with Load("a replica freezes", hello) as load:
        load.wait_for(400)
        with frozen(replica):
            load.wait_for(1600)
        load.wait_for(400)


def test_all_replicas_are_restarted_one_after_the_other(task6, hello):
    with Load("the replicas are restarted", hello) as load:
        for replica in task6.containers("back-end"):
            load.wait_for(400)
            docker("restart", replica)
            wait_until_healthy(replica)
        load.wait_for(400)


def test_five_replicas_share_the_load_and_two_again(task6, hello):
    with Load("scaled to five and back", hello) as load:
        load.wait_for(400)
        task6.run(lab.the_command("task6", "docker compose up --wait --scale back-end=5"))
        five = task6.hostnames("back-end")
        assert len(five) == 5
        wait_until(lambda: load.latest(20) == five, 2, "all five replicas to take their share")
        load.wait_for(500)
        shares = Counter(answer.served_by for answer in load.answers[-500:])
        assert all(90 <= share <= 110 for share in shares.values()), shares
        task6.run(lab.the_command("task6", "docker compose up --wait --scale back-end=2"))
        load.wait_for(400)


def test_all_but_one_leave_and_come_back(task6, hello):
    with Load("scaled to one and back", hello) as load:
        load.wait_for(400)
        task6.compose("up", "--detach", "--wait", "--scale", "back-end=1")
        load.wait_for(1200)
        task6.run(lab.the_command("task6", "docker compose up --wait --scale back-end=2"))
        load.wait_for(400)


def test_a_replica_is_cut_off_from_the_network(task6, hello):
    replica = task6.containers("back-end")[0]
    with Load("a replica is cut off", hello) as load:
        load.wait_for(400)
        with cut_off(replica):
            load.wait_for(1600)
        load.wait_for(400)


def test_the_proxys_configuration_is_reloaded(task6, hello):
    with Load("the proxy is reloaded", hello, task6.url, bodies=None) as load:
        for _ in range(3):
            load.wait_for(400)
            task6.run(lab.the_command("task6", "docker compose exec proxy nginx -s reload"))
        load.wait_for(400)


def test_the_front_end_is_restarted_and_no_page_is_missed(task6, hello):
    with Load("the front-end is restarted", task6.url, bodies=None) as load:
        load.wait_for(400)
        task6.compose("restart", "front-end")
        load.wait_for(400)


def test_all_replicas_are_gone_and_one_comes_back(task6, hello):
    replicas = task6.containers("back-end")
    docker("kill", *replicas)
    try:
        for _ in range(5):
            answer = api.get(hello)
            assert answer.status_code == 503
            assert answer.json()["status"] == 503
            assert answer.elapsed.total_seconds() < 2.5
        docker("start", replicas[0])
        wait_until_healthy(replicas[0])
        wait_until(lambda: api.get(hello).status_code == 200, 2, "the API to answer again")
    finally:
        docker("start", *replicas)
        for replica in replicas:
            wait_until_healthy(replica)


def test_a_request_that_may_not_be_repeated_is_sent_once(task6, hello):
    with frozen(task6.containers("back-end")[0]):
        answers = [requests.post(hello, timeout=5) for _ in range(6)]
    # The healthy replica has refused its share, the frozen one has kept us waiting.
    statuses = {answer.status_code for answer in answers}
    assert statuses == {405, 503}

    def times_seen(request_id):
        return task6.compose("logs", "back-end").count(request_id)

    assert_all_take_turns(task6)  # so the one that was frozen has done what it had before it
    refused = [answer.headers["X-Request-ID"] for answer in answers if answer.status_code == 405]
    wait_until(lambda: times_seen(refused[-1]), 5, "the last one to be logged")
    assert all(times_seen(request_id) == 1 for request_id in refused)
    assert all(times_seen(answer.headers["X-Request-ID"]) <= 1 for answer in answers)


@pytest.fixture
def edited(tmp_path):
    """A copy of task6 to edit, started: a `support.lab.Stack` whose `folder` is the copy.

    Its images have the names of the real ones, which are built again afterwards.
    """
    copy = tmp_path / "task6"
    shutil.copytree(ROOT / "task6", copy)
    try:
        with lab.proxied("task6", folder=copy) as started:
            yield started
    finally:
        run("docker compose build --quiet back-end", cwd=ROOT / "task6")


def test_a_new_version_reaches_all_replicas(edited):
    old = edited.hostnames("back-end")
    new_greeting = "Hello, new World!"
    swap("back-end/api.py", GREETING, new_greeting)(edited.folder)
    note_the_old, add_the_new, take_the_old = lab.commands("task6", "A new version")
    both = [GREETING, new_greeting]
    with Load("a new version", f"{edited.url}/api/hello", bodies=both) as load:
        load.wait_for(400)
        edited.run(note_the_old)
        edited.run(add_the_new)
        load.wait_for(400)
        edited.run(take_the_old)
        load.wait_for(400)
    new = edited.hostnames("back-end")
    assert len(new) == 2
    assert not new & old, f"an old replica stayed: {new & old}"
    assert load.answers[0].body == GREETING
    assert load.answers[-1].body == new_greeting
    assert_strict(turns(edited.url, 100), 2)

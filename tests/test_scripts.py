"""The scripts, on machines of their own: what they do, and what they say when they cannot."""

import re
import subprocess
import sys

import pytest
from support.engine import ROOT, RUN, docker, free_port
from support.images import UBUNTU
from support.interrupt import interrupt
from support.turns import assert_strict


def on_a_bare_machine(*options):
    """Run script/up in a container that has no engine, with these options of `docker run`.

    Returns a `subprocess.CompletedProcess`.
    """
    name = f"{RUN}-bare"
    words = ["docker", "run", "--rm", "--name", name, "--volume", f"{ROOT}:/course:ro", *options]
    try:
        return subprocess.run(
            [*words, UBUNTU, "/course/script/up"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    finally:
        subprocess.run(["docker", "rm", "--force", name], capture_output=True, check=False)


def test_without_docker_and_without_root_it_says_what_to_install():
    done = on_a_bare_machine("--user", "nobody")
    assert done.returncode == 1
    assert "There is no Docker here. Install it as https://docs.docker.com/" in done.stderr


def test_without_a_network_it_says_to_check_it():
    done = on_a_bare_machine("--network", "none")
    assert done.returncode == 1
    why = r"apt (cannot reach its mirror|cannot read the next Debian from this machine's mirror|offers no engine \S+ or newer)"
    assert re.search(rf"{why}\. Check the network, then run this again", done.stderr), done.stderr


def test_an_engine_that_does_not_run_is_named_to_an_ordinary_user(computer):
    done = computer.type("script/up", user="nobody")
    assert done.returncode == 1
    assert "The engine is installed but not running." in done.stdout


def test_bootstrap_says_what_is_ready_and_is_safe_to_run_again(ready):
    for _ in range(2):
        done = ready.type("script/bootstrap")
        assert done.returncode == 0, done.stdout
        assert "Engine" in done.stdout
        assert "Base image ubuntu:latest" in done.stdout


@pytest.mark.parametrize("its_number", ["stays", "goes to another process"])
def test_an_engine_that_died_uncleanly_starts_again(ready, its_number):
    kill = "for file in docker.pid docker/containerd/containerd.pid; do kill -9 $(cat /run/$file); done"
    ready.type(f"{kill}; while docker ps >/dev/null 2>&1; do sleep 0.05; done")
    if its_number == "goes to another process":  # as it does after a reboot
        ready.type("echo 1 >/var/run/docker.pid")
    done = ready.type("script/engine")
    assert done.returncode == 0, done.stdout
    assert "ready" in done.stdout


def test_up_starts_task6_and_down_leaves_nothing(ready):
    for _ in range(2):  # the second finds the first's
        done = ready.type("script/up")
        assert done.returncode == 0, done.stdout
        assert "Softy Pinko is up: http://localhost/" in done.stdout
    asked = "for i in $(seq 20); do curl -s -o /dev/null -w '%header{x-served-by} ' localhost/api/hello; done"
    order = ready.type(asked).stdout.split()
    assert len(order) == 20
    assert_strict(order, replicas=2)

    # What a learner started by hand goes too.
    by_hand = ready.type("docker run --detach --name front-end softy-pinko-front-end:task6")
    assert by_hand.returncode == 0, by_hand.stdout
    done = ready.type("script/down")
    assert done.returncode == 0, done.stdout
    assert "softy-pinko-back-end:task6" in done.stdout, "it says what it leaves"
    assert ready.running() == []
    (remove,) = re.findall(r"To remove these too: (.*)", done.stdout)
    done = ready.type(remove)
    assert done.returncode == 0, done.stdout


def test_a_taken_port_is_named_with_its_owner_and_the_way_out(ready):
    ready.type(
        "docker run --detach --name neighbour --publish 80:8080 nginxinc/nginx-unprivileged:1.30"
    )
    try:
        done = ready.type("script/up")
        assert done.returncode == 1
        assert (
            "Port 80 is taken by the container neighbour. Type 'PORT=8080 script/up'" in done.stdout
        )
        done = ready.type("PORT=8080 script/up")
        assert done.returncode == 0, done.stdout
        assert "Softy Pinko is up: http://localhost:8080/" in done.stdout
    finally:
        ready.type("script/down; docker rm --force neighbour")
    assert ready.running() == []


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1"])
def test_a_port_that_is_none_is_refused(ready, port):
    done = ready.type(f"PORT={port} script/up")
    assert done.returncode == 1
    assert "a port is a number from 1 to 65535" in done.stdout


def test_a_build_that_fails_leaves_nothing_running(ready):
    ready.check_out("/tmp/broken")
    ready.type("echo 'nonsense==1' >>/tmp/broken/task6/back-end/requirements.txt")
    done = ready.type("/tmp/broken/script/up")
    assert done.returncode == 1
    assert "task6 did not come up; the reason stands above." in done.stdout
    assert ready.running() == []


def test_ctrl_c_during_up_leaves_nothing_running(ready):
    # With `set -m` what runs in the background may be interrupted, as at a terminal.
    begun = 'until [ -n "$(docker ps --all --quiet)" ]; do sleep 0.05; done'
    done = ready.type(f"set -m; script/up & {begun}; kill -INT -- -$!; wait $!")
    assert "Nothing was left running that was not before." in done.stdout
    assert ready.running() == []


def test_a_second_up_while_one_runs_says_so(ready):
    first = "script/up >/tmp/first.log 2>&1 & until [ -L /tmp/softy-pinko-up.lock ]; do :; done"
    done = ready.type(f"{first}; script/up; echo $?; wait; tail -n 4 /tmp/first.log")
    assert "Another script/up is at work" in done.stdout
    assert "Softy Pinko is up" in done.stdout, "the first is not disturbed"
    ready.type("script/down")
    assert ready.running() == []


def test_a_stack_that_is_up_can_be_asked_and_is_left_as_it_is(task6):
    before = task6.compose("ps", "--quiet")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--base-url", task6.url],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert re.search(r"collected \d+ items / \d+ deselected / 4 selected", done.stdout)
    assert "4 passed" in done.stdout
    assert task6.compose("ps", "--quiet") == before


def test_a_stack_that_is_not_up_is_named():
    nowhere = f"http://localhost:{free_port()}"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--base-url", nowhere],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert f"Nobody answers on {nowhere}; start the stack with script/up" in done.stdout


def test_ctrl_c_during_the_tests_leaves_nothing_running():
    tests = [sys.executable, "-m", "pytest", "-q", "tests/test_task6.py", "-k", "alternate"]
    ours = ("ps", "--all", "--quiet", "--filter")
    interrupt(
        tests, "softy-pinko-test-", lambda name: len(docker(*ours, f"name={name}").split()) == 4
    )

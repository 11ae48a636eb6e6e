"""The scripts: what they do on machines of their own, and what they say if something is missing."""

import re
import shutil

import pytest

from support.commands import ROOT, run
from support.round_robin import assert_round_robin

pytestmark = pytest.mark.xdist_group("machine")


def test_up_starts_task6_and_down_leaves_nothing(ready):
    for _ in range(2):  # the second time it runs already
        done = ready.type("script/up")
        assert done.returncode == 0, done.stdout
        assert "Softy Pinko is up: http://localhost/" in done.stdout
    asked = "for i in $(seq 20); do curl -s -o /dev/null -w '%header{x-served-by} ' localhost/api/hello; done"
    order = ready.type(asked).stdout.split()
    assert len(order) == 20
    assert_round_robin(order, replicas=2)

    # script/down also removes what a learner started with `docker run`.
    by_hand = ready.type("docker run --detach --name front-end softy-pinko-front-end:task6")
    assert by_hand.returncode == 0, by_hand.stdout
    done = ready.type("script/down")
    assert done.returncode == 0, done.stdout
    assert "softy-pinko-back-end:task6" in done.stdout, (
        "script/down didn't list the images that stay"
    )
    assert ready.running() == []
    (remove,) = re.findall(r"To remove them too: (.*)", done.stdout)
    done = ready.type(remove)
    assert done.returncode == 0, done.stdout


def test_the_callers_compose_variables_do_not_reach_up_and_down(ready):
    theirs = "COMPOSE_FILE=other.yml COMPOSE_PROJECT_NAME=other COMPOSE_PROFILES=other"
    done = ready.type(f"{theirs} script/up")
    assert done.returncode == 0, done.stdout
    names = ready.type("docker ps --format '{{.Names}}'").stdout.split()
    assert len(names) == 4
    assert all(name.startswith("softy-pinko-task6-") for name in names), names
    done = ready.type(f"{theirs} script/down")
    assert done.returncode == 0, done.stdout
    assert ready.running() == []


def test_up_works_in_a_clone_that_only_its_owner_can_read(ready):
    ready.check_out("/tmp/private", umask="077")
    assert ready.type("stat -c %a /tmp/private/task6/proxy/proxy.conf").stdout == "600\n"
    try:
        done = ready.type("/tmp/private/script/up")
        assert done.returncode == 0, done.stdout
        for path, expected in ("api/hello", "Hello, World!"), ("", "<title>"):
            response = ready.type(f"curl --fail --silent localhost/{path}")
            assert expected in response.stdout, f"/{path} responded with: {response.stdout}"
    finally:
        ready.type("script/down")


def test_up_works_with_a_proxy_that_docker_gives_to_every_container(ready):
    # A proxy that nobody can reach: each request that went through it would fail.
    address = "http://127.0.0.1:9"
    settings = (
        f'{{"proxies": {{"default": {{"httpProxy": "{address}", "httpsProxy": "{address}"}}}}}}'
    )
    # pip needs the network, so its layer is built before.
    built = ready.type("docker compose --project-directory task6 build")
    assert built.returncode == 0, built.stdout
    ready.type(f"mkdir -p ~/.docker; echo '{settings}' >~/.docker/config.json")
    try:
        done = ready.type("script/up")
        assert done.returncode == 0, done.stdout
        given = ready.type("docker exec softy-pinko-task6-proxy-1 printenv http_proxy")
        assert given.stdout.strip() == address, (
            "the test needs a container with the proxy's address"
        )
        assert ready.type("curl --fail --silent localhost/api/hello").stdout == "Hello, World!"
    finally:
        ready.type("rm ~/.docker/config.json; script/down")


def test_a_port_in_use_is_named_with_its_owner_and_the_way_out(ready):
    ready.type(
        "docker run --detach --name neighbour --publish 80:8080 nginxinc/nginx-unprivileged:1.30"
    )
    try:
        done = ready.type("script/up")
        assert done.returncode == 1
        assert (
            "Port 80 is in use by the container neighbour. Type 'PORT=8080 script/up'"
            in done.stdout
        )
        done = ready.type("PORT=8080 script/up")
        assert done.returncode == 0, done.stdout
        assert "Softy Pinko is up: http://localhost:8080/" in done.stdout
    finally:
        ready.type("script/down; docker rm --force neighbour")
    assert ready.running() == []


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1"])
def test_an_invalid_port_is_refused(ready, port):
    done = ready.type(f"PORT={port} script/up")
    assert done.returncode == 1
    assert "a port is a number from 1 to 65535" in done.stdout


def test_a_build_that_fails_leaves_nothing_running(ready):
    ready.check_out("/tmp/broken")
    ready.type("echo 'nonsense==1' >>/tmp/broken/task6/back-end/requirements.txt")
    done = ready.type("/tmp/broken/script/up")
    assert done.returncode == 1
    assert "task6 didn't start. See the log above." in done.stdout
    assert ready.running() == []


def test_ctrl_c_during_up_leaves_nothing_running(ready):
    # With `set -m` a process in the background can be interrupted, as in a terminal.
    begun = 'until [ -n "$(docker ps --all --quiet)" ]; do sleep 0.05; done'
    done = ready.type(f"set -m; script/up & {begun}; kill -INT -- -$!; wait $!")
    assert "Stopped. Everything that this script started is stopped again." in done.stdout
    assert ready.running() == []


def test_a_second_up_while_one_runs_says_so(ready):
    first = "script/up >/tmp/first.log 2>&1 & until [ -L /tmp/softy-pinko-up.lock ]; do :; done"
    done = ready.type(f"{first}; script/up; echo $?; wait; tail -n 4 /tmp/first.log")
    assert "Another script/up is running" in done.stdout
    assert "Softy Pinko is up" in done.stdout, "the second script/up disturbed the first"
    ready.type("script/down")
    assert ready.running() == []


def test_carry_deletes_a_file_that_was_deleted(tmp_path):
    clone = tmp_path / "course"
    run(["git", "clone", "--quiet", str(ROOT), str(clone)])
    for folder in ("script", "tests/support"):  # as they are here, perhaps not yet committed
        shutil.copytree(ROOT / folder, clone / folder, dirs_exist_ok=True)
    (clone / "task2/front-end/softy-pinko-front-end.conf").unlink()
    run(["script/carry", "2"], cwd=clone)
    left = [path.parent.parent.name for path in clone.glob("task*/front-end/*.conf")]
    assert left == [], f"script/carry left the file in {left}"

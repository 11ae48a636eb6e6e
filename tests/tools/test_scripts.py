"""script/up, script/down and script/carry, on a machine of their own."""

import re
import shutil

import pytest

from support.commands import ROOT, run
from support.round_robin import assert_round_robin

pytestmark = pytest.mark.xdist_group("machine")


def assert_nothing_is_left(machine):
    """Assert that the machine has no container, and no network of the course."""
    assert machine.running() == [], machine.type("docker ps --all; docker network ls").stdout


#: Variables of the caller's, which are meant for other projects.
COMPOSE_VARIABLES = "COMPOSE_FILE=other.yml COMPOSE_PROJECT_NAME=other COMPOSE_PROFILES=other"


def test_up_starts_task6_and_down_leaves_nothing(ready):
    for variables in "", COMPOSE_VARIABLES:  # the second time, task6 is running
        done = ready.type(f"{variables} script/up")
        assert done.returncode == 0, done.stdout
        assert "Softy Pinko is up: http://localhost/" in done.stdout
        names = ready.type("docker ps --format '{{.Names}}'").stdout.split()
        assert len(names) == 4
        assert all(name.startswith("softy-pinko-task6-") for name in names), names
    twenty_requests = (
        "for i in $(seq 20); do "
        "curl -s -o /dev/null -w '%header{x-served-by} ' localhost/api/hello; done"
    )
    replicas = ready.type(twenty_requests).stdout.split()
    assert len(replicas) == 20
    assert_round_robin(replicas, replicas=2)

    # script/down also removes containers of `docker run`.
    started = ready.type("docker run --detach --name front-end softy-pinko-front-end:task6")
    assert started.returncode == 0, started.stdout
    done = ready.type(f"{COMPOSE_VARIABLES} script/down")
    assert done.returncode == 0, done.stdout
    assert "softy-pinko-back-end:task6" in done.stdout, "script/down didn't list its images"
    assert_nothing_is_left(ready)
    (remove,) = re.findall(r"To remove them too: (.*)", done.stdout)
    done = ready.type(remove)
    assert done.returncode == 0, done.stdout


def test_up_works_on_another_port_for_a_docker_group_user_in_a_private_clone(ready):
    # The path has a space, and only the user can read the files.
    clone, user = "/tmp/my course", "learner"
    added = ready.type(f"useradd --create-home --groups docker {user}")
    assert added.returncode == 0, added.stdout
    ready.check_out("/tmp/clone", umask="077")
    moved = ready.type(f"mv /tmp/clone '{clone}' && chown --recursive {user} '{clone}'")
    assert moved.returncode == 0, moved.stdout
    mode = ready.type("stat -c %a task6/proxy/proxy.conf", folder=clone).stdout
    assert mode == "600\n", "the test needs files that others can't read"
    try:
        done = ready.type("PORT=8080 script/up", user=user, folder=clone)
        assert done.returncode == 0, done.stdout
        assert "Softy Pinko is up: http://localhost:8080/" in done.stdout
        for path, expected in ("api/hello", "Hello, World!"), ("", "<title>"):
            response = ready.type(f"curl --fail --silent localhost:8080/{path}")
            assert expected in response.stdout, f"/{path} responded with: {response.stdout}"
    finally:
        done = ready.type("script/down", user=user, folder=clone)
    assert done.returncode == 0, done.stdout
    assert_nothing_is_left(ready)


def test_up_works_with_a_proxy_that_docker_passes_to_every_container(ready):
    # Nothing listens there, so each request that goes through this proxy fails.
    proxy = "http://127.0.0.1:9"
    settings = f'{{"proxies": {{"default": {{"httpProxy": "{proxy}", "httpsProxy": "{proxy}"}}}}}}'
    # pip needs the network, so its layer is built first.
    built = ready.type("docker compose --project-directory task6 build")
    assert built.returncode == 0, built.stdout
    ready.type(f"mkdir -p ~/.docker; echo '{settings}' >~/.docker/config.json")
    try:
        done = ready.type("script/up")
        assert done.returncode == 0, done.stdout
        passed = ready.type("docker exec softy-pinko-task6-proxy-1 printenv http_proxy").stdout
        assert passed.strip() == proxy, "the test needs a container that knows the proxy"
        assert ready.type("curl --fail --silent localhost/api/hello").stdout == "Hello, World!"
    finally:
        ready.type("rm ~/.docker/config.json; script/down")


def test_a_port_in_use_is_reported_with_its_owner_and_a_solution(ready):
    nginx = "nginxinc/nginx-unprivileged:1.30"
    ready.type(f"docker run --detach --name neighbour --publish 80:8080 {nginx}")
    try:
        done = ready.type("script/up")
    finally:
        ready.type("docker rm --force neighbour")
    assert done.returncode == 1
    assert "Port 80 is in use by the container neighbour." in done.stdout
    assert "Type 'PORT=8080 script/up' to use another port." in done.stdout
    assert_nothing_is_left(ready)


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1"])
def test_an_invalid_port_is_refused(ready, port):
    done = ready.type(f"PORT={port} script/up")
    assert done.returncode == 1
    assert "a port is a number from 1 to 65535" in done.stdout


def test_a_failed_build_leaves_nothing_running(ready):
    ready.check_out("/tmp/broken")
    ready.type("echo 'nonsense==1' >>/tmp/broken/task6/back-end/requirements.txt")
    done = ready.type("/tmp/broken/script/up")
    assert done.returncode == 1
    assert "task6 didn't start. See the log above." in done.stdout
    assert_nothing_is_left(ready)


def test_ctrl_c_ends_up_although_a_command_handles_it(ready):
    # The signal goes to the script alone, as if the command that it waits for had handled it.
    begin = "set -m; : >/tmp/up.log; script/up >/tmp/up.log 2>&1 & up=$!"
    wait = "until grep --quiet 'are ready' /tmp/up.log; do :; done"
    done = ready.type(f"{begin}; {wait}; kill -INT $up; wait $up")
    assert done.returncode == 130
    assert_nothing_is_left(ready)


@pytest.mark.parametrize("moment", ["Network .* Creating", "Container .* Starting"])
def test_ctrl_c_during_up_leaves_nothing_running(ready, moment):
    # With `set -m` a process in the background can be interrupted, as in a terminal.
    begin = "set -m; : >/tmp/up.log; script/up >/tmp/up.log 2>&1 & up=$!"
    wait = f"until grep --quiet '{moment}' /tmp/up.log; do :; done"
    done = ready.type(f"{begin}; {wait}; kill -INT -- -$up; wait $up")
    assert done.returncode == 130
    log = ready.type("cat /tmp/up.log").stdout
    # A creation that is interrupted may be completed after everything has been removed.
    assert re.search("proxy-1 .*Created", log), f"Compose was interrupted:\n{log}"
    assert "Stopped. If task6 wasn't running before, its containers have been stopped." in log
    assert_nothing_is_left(ready)


def test_a_second_up_says_that_one_is_running(ready):
    lock = "/tmp/softy-pinko-up.lock"
    first = f"set -m; script/up >/tmp/first.log 2>&1 & until [ -L {lock} ]; do :; done"
    both = f"{first}; script/up; echo $! $(readlink {lock}); kill -INT -- -$!; wait $!"
    printed = ready.type(both).stdout
    ((started, owner),) = re.findall(r"^(\d+) (\d+)$", printed, re.MULTILINE)
    assert f"Another script/up is running (process {started})" in printed
    assert owner == started, "the second script/up took the first one's lock"
    assert_nothing_is_left(ready)


def test_carry_deletes_a_file_that_was_deleted(tmp_path):
    clone = tmp_path / "course"
    run(["git", "clone", "--quiet", str(ROOT), str(clone)])
    for folder in ("script", "tests/support"):  # with changes that aren't committed yet
        shutil.copytree(ROOT / folder, clone / folder, dirs_exist_ok=True)
    (clone / "task2/front-end/softy-pinko-front-end.conf").unlink()
    run(["script/carry", "2"], cwd=clone)
    left = [path.parent.parent.name for path in clone.glob("task*/front-end/*.conf")]
    assert left == [], f"script/carry left the file in {left}"

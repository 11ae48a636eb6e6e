"""The scripts: what they do on machines of their own, and what they say if something is missing."""

import re
import shutil
import subprocess
import sys

import pytest
from support.engine import ROOT, RUN, docker, free_port, run, wait_until
from support.images import UBUNTU
from support.interrupt import interrupt
from support.machine import Machine
from support.turns import assert_strict

#: Waits until the machine's daemon no longer answers.
UNTIL_IT_IS_GONE = "while docker ps >/dev/null 2>&1; do sleep 0.05; done"


def in_a_container(*options, command="/course/script/up"):
    """Run a command in a container that has no engine, with these options of `docker run`.

    Returns a `subprocess.CompletedProcess`.
    """
    name = f"{RUN}-bare"
    words = ["docker", "run", "--rm", "--name", name, "--volume", f"{ROOT}:/course:ro", *options]
    try:
        return subprocess.run(
            [*words, UBUNTU, "bash", "-c", command],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    finally:
        subprocess.run(["docker", "rm", "--force", name], capture_output=True, check=False)


def test_without_docker_and_without_root_it_says_what_to_install():
    done = in_a_container("--user", "nobody")
    assert done.returncode == 1
    assert "Docker isn't installed. Install it: https://docs.docker.com/" in done.stderr


def test_without_a_network_it_says_to_check_it():
    done = in_a_container("--network", "none")
    assert done.returncode == 1
    why = r"apt (can't reach its mirror|can't read the next Debian release from this machine's mirror|has no Docker Engine \S+ or newer)"
    assert re.search(rf"{why}\. Check the network, then run this again", done.stderr), done.stderr


#: Acts as Debian 12: apt has an engine that is too old, and a newer one only while the extra
#: source is there. `apt-get install` says whether it is, and installs a Docker that always
#: answers, unless BROKEN is set.
DEBIAN_12 = r"""
mkdir /stubs
cat >/stubs/stub <<'END'
#!/bin/bash
extra=$(ls /etc/apt/sources.list.d/softy-pinko.list /etc/apt/preferences.d/softy-pinko 2>/dev/null)
case "${0##*/} $*" in
  "apt-get indextargets"*) echo "bookworm http://mirror.example/debian" ;;
  "apt-get install"*)
    echo "installed with: "$extra >>/tmp/log
    if [ -n "$BROKEN" ]; then exit 100; fi
    ln -s stub /stubs/docker; ln -s stub /stubs/dockerd ;;
  "apt-cache policy docker.io" | "apt-cache policy docker-compose")
    if [ -n "$extra" ]; then echo "  Candidate: 28.5"; else echo "  Candidate: 1.29"; fi ;;
  "docker info"*) echo / ;;
  "docker version"* | "docker compose"*) echo 28.5 ;;
esac
END
chmod +x /stubs/stub
for name in apt-get apt-cache dpkg; do ln -s stub /stubs/$name; done
printf 'ID=debian\nVERSION_CODENAME=bookworm\n' >/tmp/os-release
cp --remove-destination /tmp/os-release /etc/os-release
PATH=/stubs:$PATH /course/script/engine
status=$?
cat /tmp/log
ls /etc/apt/*/softy-pinko* 2>/dev/null
exit $status
"""


@pytest.mark.parametrize("broken", ["", "yes"], ids=["succeeds", "fails"])
def test_the_extra_apt_source_is_gone_after_an_installation_that(broken):
    done = in_a_container("--env", f"BROKEN={broken}", command=DEBIAN_12)
    assert done.returncode == (1 if broken else 0), done.stdout + done.stderr
    added = "/etc/apt/preferences.d/softy-pinko /etc/apt/sources.list.d/softy-pinko.list"
    assert f"installed with: {added}" in done.stdout, "the test needs the extra source"
    left = [line for line in done.stdout.splitlines() if line.startswith("/etc/apt/")]
    assert left == [], "script/engine left its apt source or preferences behind"


def test_an_engine_that_does_not_run_is_named_to_an_ordinary_user(computer):
    done = computer.type("script/up", user="nobody")
    assert done.returncode == 1
    assert "Docker Engine is installed but isn't running." in done.stdout


def test_bootstrap_says_what_is_ready_and_is_safe_to_run_again(ready):
    for _ in range(2):
        done = ready.type("script/bootstrap")
        assert done.returncode == 0, done.stdout
        assert re.search(r"Docker Engine \S+ and Compose \S+ are ready\.", done.stdout)
        assert "Base image ubuntu:latest" in done.stdout


@pytest.mark.parametrize("its_number", ["stays", "goes to another process"])
def test_an_engine_that_died_uncleanly_starts_again(ready, its_number):
    kill = "for file in docker.pid docker/containerd/containerd.pid; do kill -9 $(cat /run/$file); done"
    ready.type(f"{kill}; {UNTIL_IT_IS_GONE}")
    if its_number == "goes to another process":  # as it does after a reboot
        ready.type("echo 1 >/var/run/docker.pid")
    done = ready.type("script/engine")
    assert done.returncode == 0, done.stdout
    assert "ready" in done.stdout


def assert_a_pipe_closes(type_command, script):
    """Assert that pipes to and from a script close as soon as it ends.

    type_command: a function that runs a shell command and returns its output.
    """
    # `yes` ends when nobody can read from it any more, `cat` when nobody can write to it.
    printed = type_command(f"yes | {{ {script}; date +%s.%N; }} 2>&1 | cat; date +%s.%N")
    ended, closed = map(float, printed.split()[-2:])
    assert closed - ended < 0.5, (
        f"a pipe of {script} closed {closed - ended:.1f} s after the script had ended; "
        f"a background process held it open. The script printed:\n{printed}"
    )


@pytest.mark.parametrize("script", ["engine", "bootstrap", "up"])
def test_a_pipe_closes_as_soon_as_a_script_ends_that_starts_the_daemon(ready, script):
    try:
        ready.type(f"kill $(cat /run/docker.pid); {UNTIL_IT_IS_GONE}")
        assert_a_pipe_closes(lambda command: ready.type(command).stdout, f"script/{script}")
    finally:
        ready.type("script/engine; script/down")


@pytest.mark.parametrize("script", ["base-images", "down", "lint"])
def test_a_pipe_closes_as_soon_as_a_script_ends(ready, script):
    assert_a_pipe_closes(lambda command: ready.type(command).stdout, f"script/{script}")


@pytest.mark.timeout(300)  # script/bench may have to install its packages
@pytest.mark.parametrize("script", ["carry", "check --help", "test --help", "bench --help"])
def test_a_pipe_closes_as_soon_as_a_script_on_this_machine_ends(script):
    assert_a_pipe_closes(lambda command: run(command, timeout=290), f"script/{script}")


def test_up_starts_task6_and_down_leaves_nothing(ready):
    for _ in range(2):  # the second time it runs already
        done = ready.type("script/up")
        assert done.returncode == 0, done.stdout
        assert "Softy Pinko is up: http://localhost/" in done.stdout
    asked = "for i in $(seq 20); do curl -s -o /dev/null -w '%header{x-served-by} ' localhost/api/hello; done"
    order = ready.type(asked).stdout.split()
    assert len(order) == 20
    assert_strict(order, replicas=2)

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


def test_the_callers_compose_variables_do_not_reach_the_tests(tmp_path):
    (tmp_path / "test_it.py").write_text(
        "import os\n"
        "def test_none():\n"
        "    assert [name for name in os.environ if name.startswith('COMPOSE_')] == []\n"
    )
    theirs = {"COMPOSE_FILE": "other.yml", "COMPOSE_PROJECT_NAME": "other"}
    assert "1 passed" in run(["script/test", str(tmp_path)], env=theirs)


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


EVENTS = {
    "the daemon was stopped": lambda machine: machine.type(
        f"kill $(cat /run/docker.pid); {UNTIL_IT_IS_GONE}"
    ),
    "the daemon was killed": lambda machine: machine.type(
        f"kill -KILL $(cat /run/docker.pid); {UNTIL_IT_IS_GONE}"
    ),
    "the machine lost power": Machine.lose_power,
}


@pytest.mark.parametrize("event", EVENTS)
def test_the_stack_comes_back_with_the_daemon_after(ready, event):
    healthy = "docker ps --quiet --filter health=healthy --filter name=softy-pinko-task6"
    hello = "curl --fail --silent --max-time 1 localhost/api/hello"

    def everything_is_back():
        return (
            len(ready.type(healthy).stdout.split()) == 4
            and ready.type(hello).stdout == "Hello, World!"
        )

    done = ready.type("script/up")
    assert done.returncode == 0, done.stdout
    try:
        EVENTS[event](ready)
        done = ready.type("script/engine")
        assert done.returncode == 0, done.stdout
        wait_until(everything_is_back, 30, f"task6 to respond again after {event}")
    finally:
        ready.type("script/engine; script/down")


@pytest.fixture(scope="module")
def registry(ready):
    """A registry with two images on the machine `ready`, stopped: a function that types a command.

    The command runs in a copy of the course whose Dockerfiles build on these images, and where
    script/substitute is quick.
    """
    docker("build", "--tag", "softy-pinko-test-registry", "tests/registry")
    ready.load("softy-pinko-test-registry")
    ready.check_out("/tmp/bases")
    names = "s|^FROM [a-z]+:.*|FROM localhost:5000/one:1|; s|^FROM [a-z]+/.*|FROM localhost:5000/some/two:1|"
    image = (
        "printf 'FROM scratch\\nCOPY %s /\\n' {} | docker build --quiet --tag {} --file - script"
    )
    done = ready.type(
        f"""set -e
        sed -i -E '{names}' task*/Dockerfile task*/*/Dockerfile
        echo 'is_debian() {{ true; }}' >>script/lib.sh
        cat >script/substitute <<'END'
{image.format("lib.sh", '"$1"')} --label substitute='Debian forky'
END
        docker run --detach --name registry --publish 5000:5000 softy-pinko-test-registry
        until curl --silent localhost:5000/v2/; do sleep 0.05; done
        for name in one some/two; do
          {image.format("engine", "localhost:5000/$name:1")}
          docker push --quiet localhost:5000/$name:1
          docker rmi localhost:5000/$name:1
        done
        docker stop registry""",
        folder="/tmp/bases",
    )
    assert done.returncode == 0, done.stdout
    yield lambda command: ready.type(command, folder="/tmp/bases")
    ready.type(
        "docker rm --force --volumes registry; docker rmi --force $(docker images --quiet 'localhost:5000/*')"
    )


@pytest.fixture
def bases(registry):
    """The same, without base images or a memory of attempts to pull them."""
    registry(
        "docker stop registry; rm -rf ~/.cache/softy-pinko;"
        "docker rmi --force $(docker images --format '{{.Repository}}:{{.Tag}}' 'localhost:5000/*')"
    )
    return registry


START_REGISTRY = (
    "docker start registry && until curl --silent localhost:5000/v2/; do sleep 0.05; done"
)


def test_a_substitute_is_built_only_without_a_registry_and_replaced_with_one(bases):
    done = bases("script/base-images")
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("Pulling") == 1, "it waited twice for a registry that can't be reached"
    for name in ("one", "some/two"):
        assert f"Can't reach the registry of localhost:5000/{name}:1. Building" in done.stdout
        assert f"Base image localhost:5000/{name}:1: SUBSTITUTE, Debian forky" in done.stdout
    substitute = bases("docker inspect --format '{{.Id}}' localhost:5000/one:1").stdout.strip()

    done = bases("script/base-images")
    assert done.returncode == 0, done.stdout
    assert "warning: Can't reach the registry, so the images that are here stay" in done.stdout
    assert "Building" not in done.stdout

    bases(START_REGISTRY)
    done = bases("script/base-images")
    assert done.returncode == 0, done.stdout
    for name in ("one", "some/two"):
        assert f"Base image localhost:5000/{name}:1: ready." in done.stdout
    gone = bases(f"docker image inspect {substitute}")
    assert gone.returncode != 0, "the substitute is still there"


def test_official_images_are_pulled_once_a_day_and_kept_if_that_fails(bases):
    bases(START_REGISTRY)
    done = bases("script/base-images")
    assert done.returncode == 0, done.stdout
    assert "Building" not in done.stdout
    assert "Pulling" not in bases("script/base-images").stdout, "it pulled twice on the same day"

    a_day_later = "touch --date='25 hours ago' ~/.cache/softy-pinko/*"
    done = bases(f"{a_day_later}; script/base-images")
    assert done.stdout.count("Pulling") == 2

    done = bases(f"docker stop registry; {a_day_later}; script/base-images")
    assert done.returncode == 0, done.stdout
    assert "warning: Can't reach the registry, so the images that are here stay" in done.stdout
    assert "Base image localhost:5000/one:1: ready." in done.stdout


def test_an_image_that_the_registry_does_not_have_is_fatal_only_if_it_is_missing(bases):
    bases(START_REGISTRY)
    name = "sed -i s/one:1/{}/ task0/Dockerfile"
    try:
        done = bases(f"{name.format('one:2')}; script/base-images")
        assert done.returncode == 1
        assert re.search(r"Can't pull localhost:5000/one:2: .*not found", done.stdout), done.stdout
        bases("docker tag localhost:5000/some/two:1 localhost:5000/one:2")
        done = bases("script/base-images")
        assert done.returncode == 0, done.stdout
        why = r"warning: Can't pull localhost:5000/one:2, so the image that is here stays: .*not found"
        assert re.search(why, done.stdout), done.stdout
    finally:
        bases("sed -i s/one:2/one:1/ task0/Dockerfile")


@pytest.mark.parametrize("home", ["--unset=HOME", "HOME=/proc", "XDG_CACHE_HOME=/dev/null"])
def test_without_a_home_directory_each_run_tries_to_pull(bases, home):
    bases(START_REGISTRY)
    for _ in range(2):
        done = bases(f"env {home} script/base-images")
        assert done.returncode == 0, done.stdout
        assert "Pulling" in done.stdout
        assert "/proc" not in done.stdout


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

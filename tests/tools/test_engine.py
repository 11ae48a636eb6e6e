"""script/setup/engine, on machines of their own: it installs and starts Docker Engine."""

import re
import subprocess

import pytest

from support.commands import ROOT, RUN, run
from support.images import UBUNTU
from support.machine import Machine
from support.waiting import wait_until

pytestmark = pytest.mark.xdist_group("machine")

#: Waits until the machine's daemon no longer responds.
UNTIL_IT_HAS_ENDED = "while docker ps >/dev/null 2>&1; do sleep 0.05; done"


def in_a_container(*options, command="/course/script/up"):
    """Run a command in a container without Docker Engine. options: for `docker run`.

    Returns a `subprocess.CompletedProcess`.
    """
    name = f"{RUN}-bare"
    words = ["docker", "run", "--rm", "--name", name, "--volume", f"{ROOT}:/course:ro", *options]
    try:
        return subprocess.run(
            [*words, UBUNTU, "bash", "-c", command],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        subprocess.run(["docker", "rm", "--force", name], capture_output=True, check=False)


def test_without_docker_and_without_root_it_says_what_to_install():
    done = in_a_container("--user", "nobody")
    assert done.returncode == 1
    assert "Docker isn't installed. Install it: https://docs.docker.com/" in done.stderr


def test_without_a_network_it_says_to_check_the_network():
    # Without this setting, apt waits and tries again before it gives up.
    no_retries = "echo 'Acquire::Retries \"0\";' >/etc/apt/apt.conf.d/no-retries"
    done = in_a_container("--network", "none", command=f"{no_retries}; /course/script/up")
    assert done.returncode == 1
    reasons = (
        "apt can't reach its mirror",
        r"apt can't read Debian 14 \(forky\) from this machine's mirror",
        r"apt lacks Docker Engine \S+ or newer, or Compose \S+ or newer",
    )
    sentences = rf"({'|'.join(reasons)})\. Check the network, then run this again"
    assert re.search(sentences, done.stderr), done.stderr


#: Acts as Debian 12: apt has a Docker Engine that is too old, and a newer one while there is an
#: extra source. `apt-get install` logs the extra files, and installs a `docker` that always
#: responds, unless BROKEN is set.
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
PATH=/stubs:$PATH /course/script/setup/engine
status=$?
cat /tmp/log
ls /etc/apt/*/softy-pinko* 2>/dev/null
exit $status
"""


@pytest.mark.parametrize("broken", ["", "yes"], ids=["which succeeds", "which fails"])
def test_the_extra_apt_source_is_removed_after_an_installation(broken):
    done = in_a_container("--env", f"BROKEN={broken}", command=DEBIAN_12)
    assert done.returncode == (1 if broken else 0), done.stdout + done.stderr
    added = "/etc/apt/preferences.d/softy-pinko /etc/apt/sources.list.d/softy-pinko.list"
    assert f"installed with: {added}" in done.stdout, "the test needs the extra source"
    left = [line for line in done.stdout.splitlines() if line.startswith("/etc/apt/")]
    assert left == [], "script/setup/engine left its apt source or preferences behind"


def test_an_ordinary_user_is_told_that_the_engine_is_not_running():
    installed = "mkdir /tmp/bin; ln -s /bin/true /tmp/bin/dockerd; PATH=/tmp/bin:$PATH"
    done = in_a_container("--user", "nobody", command=f"{installed} /course/script/up")
    assert done.returncode == 1
    assert "Docker Engine is installed but isn't running." in done.stderr


def test_bootstrap_reports_what_is_ready_and_can_run_again(ready):
    for _ in range(2):
        done = ready.type("script/bootstrap")
        assert done.returncode == 0, done.stdout
        assert re.search(r"Docker Engine \S+ and Compose \S+ are ready\.", done.stdout)
        assert "Base image ubuntu:latest" in done.stdout


@pytest.mark.parametrize("process_id", ["is unused", "belongs to another process"])
def test_an_engine_that_was_killed_starts_again_if_its_process_id(ready, process_id):
    kill = "kill -9 $(cat /run/docker.pid) $(cat /run/docker/containerd/containerd.pid)"
    ready.type(f"{kill}; {UNTIL_IT_HAS_ENDED}")
    if process_id == "belongs to another process":  # as it may after a reboot
        ready.type("echo 1 >/var/run/docker.pid")
    done = ready.type("script/setup/engine")
    assert done.returncode == 0, done.stdout
    assert "ready" in done.stdout


def assert_a_pipe_closes(type_command, script):
    """Assert that pipes to and from a script close as soon as it ends.

    type_command: a function that runs a shell command and returns its output.
    """
    # `yes` ends when nothing can read from its pipe any more, and `cat` when nothing can write.
    printed = type_command(f"yes | {{ {script}; date +%s.%N; }} 2>&1 | cat; date +%s.%N")
    ended, closed = map(float, printed.split()[-2:])
    assert closed - ended < 0.5, (
        f"a pipe of {script} closed {closed - ended:.1f} s after the script had ended; "
        f"a background process held it open. The script printed:\n{printed}"
    )


def test_a_pipe_closes_as_soon_as_up_ends_after_it_has_started_the_daemon(ready):
    try:
        ready.type(f"kill $(cat /run/docker.pid); {UNTIL_IT_HAS_ENDED}")
        assert_a_pipe_closes(lambda command: ready.type(command).stdout, "script/up")
    finally:
        ready.type("script/setup/engine; script/down")


@pytest.mark.parametrize("script", ["base-images", "down", "lint"])
def test_a_pipe_closes_as_soon_as_a_script_ends(ready, script):
    assert_a_pipe_closes(lambda command: ready.type(command).stdout, f"script/{script}")


@pytest.mark.timeout(300)  # script/bench may have to install its packages
@pytest.mark.parametrize("script", ["carry", "check --help", "test --help", "bench --help"])
def test_a_pipe_closes_as_soon_as_a_script_on_this_machine_ends(script):
    assert_a_pipe_closes(lambda command: run(command, timeout=290), f"script/{script}")


@pytest.fixture(scope="module")
def task6_is_up(ready):
    """The machine `ready`, on which script/up has started task6."""
    done = ready.type("script/up")
    assert done.returncode == 0, done.stdout
    yield ready
    ready.type("script/setup/engine; script/down")


EVENTS = {
    "the daemon was stopped": lambda machine: machine.type(
        f"kill $(cat /run/docker.pid); {UNTIL_IT_HAS_ENDED}"
    ),
    "the daemon was killed": lambda machine: machine.type(
        f"kill -KILL $(cat /run/docker.pid); {UNTIL_IT_HAS_ENDED}"
    ),
    "the machine lost power": Machine.lose_power,
}


@pytest.mark.parametrize("event", EVENTS)
def test_the_stack_starts_again_with_the_daemon_after(task6_is_up, event):
    healthy = "docker ps --quiet --filter health=healthy --filter name=softy-pinko-task6"
    hello = "curl --fail --silent --max-time 1 localhost/api/hello"

    def responds_again():
        return (
            len(task6_is_up.type(healthy).stdout.split()) == 4
            and task6_is_up.type(hello).stdout == "Hello, World!"
        )

    EVENTS[event](task6_is_up)
    done = task6_is_up.type("script/setup/engine")
    assert done.returncode == 0, done.stdout
    wait_until(responds_again, 30, f"task6 to respond again after {event}")

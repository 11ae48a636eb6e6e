"""script/test and pytest: with a stack that is running, and after Ctrl-C."""

import subprocess
import sys

import pytest

from support.commands import ROOT, docker, run
from support.ports import free_port
from tools.interrupt import interrupt

pytestmark = pytest.mark.xdist_group("task6")


def test_the_callers_compose_variables_do_not_affect_the_tests(tmp_path):
    (tmp_path / "test_it.py").write_text(
        "import os\n"
        "def test_none():\n"
        "    assert [name for name in os.environ if name.startswith('COMPOSE_')] == []\n"
    )
    variables = {"COMPOSE_FILE": "other.yml", "COMPOSE_PROJECT_NAME": "other"}
    assert "1 passed" in run(["script/test", str(tmp_path)], env=variables)


def smoke_tests(url):
    """Run the smoke tests on a stack that is running; returns a `subprocess.CompletedProcess`."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "--base-url", url],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_smoke_tests_pass_on_a_running_stack_and_leave_it_unchanged(task6):
    before = task6.compose("ps", "--quiet")
    done = smoke_tests(task6.url)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
    assert task6.compose("ps", "--quiet") == before


def test_the_smoke_tests_say_that_no_stack_is_running():
    nowhere = f"http://localhost:{free_port()}"
    done = smoke_tests(nowhere)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"Nothing responds at {nowhere}. Start the stack with script/up." in done.stderr


def test_ctrl_c_during_the_tests_leaves_nothing_running():
    tests = [sys.executable, "-m", "pytest", "-q", "tests/course/test_task6.py", "-k", "alternate"]
    ours = ("ps", "--all", "--quiet", "--filter")
    interrupt(
        tests, "softy-pinko-test-", lambda name: len(docker(*ours, f"name={name}").split()) == 4
    )

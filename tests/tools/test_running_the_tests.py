"""script/test and pytest: against a stack that runs, and when they are interrupted."""

import subprocess
import sys

import pytest

from support.commands import ROOT, docker, run
from support.ports import free_port
from tools.interrupt import interrupt

pytestmark = pytest.mark.xdist_group("task6")


def test_the_callers_compose_variables_do_not_reach_the_tests(tmp_path):
    (tmp_path / "test_it.py").write_text(
        "import os\n"
        "def test_none():\n"
        "    assert [name for name in os.environ if name.startswith('COMPOSE_')] == []\n"
    )
    theirs = {"COMPOSE_FILE": "other.yml", "COMPOSE_PROJECT_NAME": "other"}
    assert "1 passed" in run(["script/test", str(tmp_path)], env=theirs)


def test_a_stack_that_is_up_can_be_asked_and_is_left_as_it_is(task6):
    before = task6.compose("ps", "--quiet")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--base-url", task6.url],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout
    assert task6.compose("ps", "--quiet") == before


def test_a_stack_that_is_not_up_is_named():
    nowhere = f"http://localhost:{free_port()}"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--base-url", nowhere],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"Nothing responds at {nowhere}. Start the stack with script/up." in done.stderr


def test_ctrl_c_during_the_tests_leaves_nothing_running():
    tests = [sys.executable, "-m", "pytest", "-q", "tests/course/test_task6.py", "-k", "alternate"]
    ours = ("ps", "--all", "--quiet", "--filter")
    interrupt(
        tests, "softy-pinko-test-", lambda name: len(docker(*ours, f"name={name}").split()) == 4
    )

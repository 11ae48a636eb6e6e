"""script/check: what it prints and writes, its exit status, and that it leaves nothing."""

import os
import subprocess
import sys
import time
from xml.etree import ElementTree

import pytest
from support.copies import check, copy_of_the_course
from support.engine import ROOT, docker
from support.interrupt import interrupt


def test_the_script_finds_our_own_course_right_within_a_minute(tmp_path):
    junit = tmp_path / "junit.xml"
    start = time.monotonic()
    status, verdicts, printed = check(
        copy_of_the_course(tmp_path / "course"), "--junit", junit, script=[ROOT / "script/check"]
    )
    assert status == 0, printed
    assert time.monotonic() - start < 60
    assert list(verdicts) == [f"task{number}" for number in range(7)]
    assert {verdict["verdict"] for verdict in verdicts.values()} == {"passed"}
    assert all(verdict["seconds"] > 0 for verdict in verdicts.values())
    assert "This builds and runs what stands in the Dockerfiles there" in printed
    assert printed.splitlines()[-1].startswith("7 of 7 passed: ")
    (suite,) = ElementTree.parse(junit).getroot()
    assert (int(suite.get("tests")) > 7, suite.get("failures"), suite.get("errors")) == (
        True,
        "0",
        "0",
    )


def test_a_task_that_is_not_there_is_missing_and_the_next_is_checked(tmp_path):
    course = copy_of_the_course(tmp_path / "course", [1])
    status, verdicts, printed = check(course, "--task", "0-1")
    assert status == 1
    assert verdicts["task0"]["verdict"] == "missing"
    assert verdicts["task1"]["verdict"] == "passed"
    assert "task0  not there" in printed
    assert printed.endswith(f"1 of 2 passed: {course}\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere"], "nowhere is no folder"),
        (["."], "has no folder task0 … task6; did you mean course?"),
        (["course", "--task", "7"], "'7' is no task; write 3, or 3-5, from 0 to 6"),
        (["course", "--task", "5-3"], "'5-3' is no task"),
        (["course", "--json", "no/such.json"], "no/such.json cannot be written"),
        ([], "the following arguments are required: PATH"),
    ],
)
def test_what_cannot_be_checked_is_named_with_status_2(tmp_path, words, sentence):
    copy_of_the_course(tmp_path / "course", [0])
    done = subprocess.run(
        [ROOT / "script/check", *words], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert sentence in done.stderr


def test_without_an_engine_it_says_so_with_status_2():
    done = subprocess.run(
        [ROOT / "script/check", ROOT],
        env={**os.environ, "DOCKER_HOST": "tcp://127.0.0.1:9"},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert "DOCKER_HOST names tcp://127.0.0.1:9, and no engine answers there." in done.stderr


def test_ctrl_c_leaves_nothing(tmp_path):
    course = copy_of_the_course(tmp_path / "course", [6])
    status, said = interrupt(
        [sys.executable, "-m", "support.checker", course, "--task", "6"],
        "softy-pinko-test-",
        lambda name: docker("ps", "--all", "--quiet", "--filter", f"name={name}"),
        env={"PYTHONPATH": str(ROOT / "tests")},
    )
    assert status == 130, said
    assert "Nothing that was started is left." in said

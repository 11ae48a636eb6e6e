"""script/check: its words, its files, its exit statuses, many courses, and that it leaves nothing."""

import csv
import json
import os
import subprocess
import sys
from xml.etree import ElementTree

import pytest

import grader.__main__ as command
from support.commands import ROOT, docker
from support.copies import copy_of_the_course
from tools.interrupt import interrupt

#: In place of Python, a worker that needs no engine: tasks 0 to 4 get these verdicts.
WORKER = """#!/bin/sh
case "$3" in *broken*) echo "it broke" >&2; exit 9 ;; esac
echo "$3" >>"$0.log"
say() { case "$3" in *"[$1]"*|*" $1,"*|*"[$1,"*|*" $1]"*) echo "{\\"task\\": $1, \\"verdict\\": \\"$2\\", \\"reason\\": \\"=Because.\\", \\"seconds\\": 1}" ;; esac; }
say 0 passed "$3"; say 1 failed "$3"; say 2 missing "$3"; say 3 ${THIRD:-error} "$3"; say 4 passed "$3"
"""


@pytest.fixture
def class_of_two(tmp_path, monkeypatch):
    """The folders of two courses, which `WORKER` grades."""
    worker = tmp_path / "worker"
    worker.write_text(WORKER)
    worker.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(worker))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("signal.signal", lambda *words: None)
    for name in ("ada", "grace"):
        (tmp_path / "courses" / name / "task0").mkdir(parents=True)
    return ["courses/ada", "courses/grace"]


def test_many_courses_are_graded_in_one_command(class_of_two, capsys, tmp_path):
    status = command.main([*class_of_two, "--task", "0-4", "--jobs", "2", "--json", "a.json", "--csv", "a.csv", "--junit", "a.xml"])  # fmt: skip
    assert status == 3
    printed = capsys.readouterr().out
    assert "courses/ada    task1  FAILED     1.0 s  =Because.\n" in printed
    assert "2 of 5 passed, 1 not graded: courses/grace\n" in printed

    verdicts = json.loads((tmp_path / "a.json").read_text())
    assert set(verdicts) == set(class_of_two)
    assert verdicts["courses/ada"]["task0"] == {
        "verdict": "passed",
        "reason": "=Because.",
        "seconds": 1,
    }
    with open("a.csv", newline="") as file:
        first, _ = csv.DictReader(file)
    assert [first[f"task{n}"] for n in range(7)] == [
        "passed",
        "failed",
        "missing",
        "error",
        "passed",
        "",
        "",
    ]
    assert first["passed"] == "2"
    assert "task1: =Because." in first["reasons"]
    for suite in ElementTree.parse("a.xml").getroot():
        assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("5", "2", "1")


def test_it_goes_on_after_a_course_that_breaks_the_grader(class_of_two, capsys, tmp_path):
    (tmp_path / "courses/broken/task0").mkdir(parents=True)
    assert command.main(["courses/broken", *class_of_two, "--task", "0-1"]) == 3
    printed = capsys.readouterr().out
    assert "The grader's process ended with status 9: it broke Grade again." in printed
    assert "1 of 2 passed: courses/grace" in printed


def test_resumed_it_grades_only_what_is_missing_and_errors_again(
    class_of_two, tmp_path, monkeypatch
):
    log = tmp_path / "worker.log"
    assert command.main([class_of_two[0], "--task", "0-3", "--resume", "a.json"]) == 3
    log.unlink()
    monkeypatch.setenv("THIRD", "passed")
    assert command.main([*class_of_two, "--task", "0-3", "--resume", "a.json"]) == 1
    asked = {words[0]: words[2] for words in map(json.loads, log.read_text().splitlines())}
    assert asked == {"courses/ada": [3], "courses/grace": [0, 1, 2, 3]}
    log.unlink()
    assert command.main([*class_of_two, "--task", "0-3", "--resume", "a.json"]) == 1
    assert not log.exists()


def test_a_spreadsheet_takes_no_cell_for_a_formula(class_of_two):
    from grader.reports import as_csv

    assert as_csv({"=cmd()": {}}).splitlines()[1].startswith("'=cmd()")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere"], "there is no folder nowhere"),
        (["."], "has no folder task0 … task6; did you mean course, or ./*?"),
        (["course", "--task", "7"], "'7' is no task; write 3, or 3-5, from 0 to 6"),
        (["course", "--task", "5-3"], "'5-3' is no task"),
        (["course", "--jobs", "0"], "--jobs is 0"),
        (["course", "--deadline", "x=1"], "'x=1' is no deadline; write NAME=SECONDS"),
        (["course", "--json", "no/such.json"], "no/such.json can't be written"),
        (["course", "--resume", "course/task0/Dockerfile"], "isn't a file that --resume or --json"),
        ([], "the following arguments are required: PATH"),
    ],
)
def test_what_cannot_be_graded_is_named_with_status_2(tmp_path, words, sentence):
    copy_of_the_course(tmp_path / "course", [0])
    done = subprocess.run(
        [sys.executable, "-m", "grader", *words], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests")}, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert sentence in done.stderr


def test_without_an_engine_the_script_says_so_with_status_2():
    done = subprocess.run(
        [ROOT / "script/check", ROOT], env={**os.environ, "DOCKER_HOST": "tcp://127.0.0.1:9"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "DOCKER_HOST names tcp://127.0.0.1:9, and no engine answers there." in done.stderr


def test_when_the_engine_goes_away_the_verdict_is_an_error(tmp_path):
    course = copy_of_the_course(tmp_path / "course", [0])
    done = subprocess.run(
        [sys.executable, "-O", "-m", "grader", course, "--task", "0"], timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests"), "DOCKER_HOST": "tcp://127.0.0.1:9"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 3
    assert "task0  ERROR" in done.stdout
    assert "Docker Engine doesn't respond. Start it" in done.stdout


def test_ctrl_c_leaves_nothing(tmp_path):
    course = copy_of_the_course(tmp_path / "course", [6])
    status, said = interrupt(
        [sys.executable, "-m", "grader", course, "--task", "6"],
        "softy-pinko-check-",
        lambda name: docker("ps", "--all", "--quiet", "--filter", f"name={name}"),
        env={"PYTHONPATH": str(ROOT / "tests")},
    )
    assert status == 130, said
    assert "Stopped. Nothing that was started is left." in said


def test_the_grader_has_no_assert_and_imports_nothing_of_the_tests():
    for file in (ROOT / "tests/grader").glob("*.py"):
        lines = [line.strip() for line in file.read_text().splitlines()]
        found = [
            line for line in lines if line.startswith(("assert ", "from support", "import support"))
        ]
        assert not found, f"{file.name}: {found}"

"""script/check: its options, its files, its exit statuses, and how it ends."""

import csv
import json
import os
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from grader.__main__ import main
from grader.verdict_files import as_csv
from support.commands import ROOT, docker, run
from support.copies import copy_of_the_course
from tools.interrupt import interrupt

#: Replaces Python. It acts as a worker that gives tasks 0 to 4 these verdicts, without Docker
#: Engine, and writes its argument to a log. In the folder `broken` it fails.
WORKER = r"""#!/bin/sh
case "$3" in *broken*) echo "it broke" >&2; exit 9 ;; esac
echo "$3" >>"$0.log"
print_verdict() {
  case "$3" in *"[$1]"* | *" $1,"* | *"[$1,"* | *" $1]"*)
    echo "{\"task\": $1, \"verdict\": \"$2\", \"reason\": \"=Because.\", \"seconds\": 1}" ;;
  esac
}
print_verdict 0 passed "$3"
print_verdict 1 failed "$3"
print_verdict 2 missing "$3"
print_verdict 3 "${THIRD:-error}" "$3"
print_verdict 4 passed "$3"
"""


@pytest.fixture
def two_submissions(tmp_path, monkeypatch):
    """The folders of two submissions in the current folder. `WORKER` grades them."""
    worker = tmp_path / "worker"
    worker.write_text(WORKER)
    worker.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(worker))
    monkeypatch.setattr("signal.signal", lambda *words: None)
    monkeypatch.chdir(tmp_path)
    for name in ("ada", "grace"):
        (tmp_path / "class" / name / "task0").mkdir(parents=True)
    return ["class/ada", "class/grace"]


def test_one_command_grades_many_submissions(two_submissions, capsys, tmp_path):
    files = ["--json", "a.json", "--csv", "a.csv", "--junit", "a.xml"]
    status = main([*two_submissions, "--task", "0-4", "--jobs", "2", *files])
    assert status == 3
    printed = capsys.readouterr().out
    assert "class/ada    task1  FAILED     1.0 s  =Because.\n" in printed
    assert "2 of 5 passed, 1 not graded: class/grace\n" in printed

    verdicts = json.loads((tmp_path / "a.json").read_text())
    assert set(verdicts) == set(two_submissions)
    passed = {"verdict": "passed", "reason": "=Because.", "seconds": 1}
    assert verdicts["class/ada"]["task0"] == passed

    with open("a.csv", newline="") as file:
        first, _ = csv.DictReader(file)
    expected = ["passed", "failed", "missing", "error", "passed", "", ""]
    assert [first[f"task{number}"] for number in range(7)] == expected
    assert first["passed"] == "2"
    assert "task1: =Because." in first["reasons"]

    for suite in ElementTree.parse("a.xml").getroot():
        assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("5", "2", "1")


def test_a_submission_that_breaks_the_grader_does_not_stop_the_others(
    two_submissions, capsys, tmp_path
):
    (tmp_path / "class/broken/task0").mkdir(parents=True)
    assert main(["class/broken", *two_submissions, "--task", "0-1"]) == 3
    printed = capsys.readouterr().out
    assert "The grader's process ended with status 9: it broke. Grade again." in printed
    assert "1 of 2 passed: class/grace" in printed


def test_a_resumed_run_grades_missing_tasks_and_errors(two_submissions, tmp_path, monkeypatch):
    log = tmp_path / "worker.log"
    first, second = two_submissions
    assert main([first, "--task", "0-3", "--resume", "a.json"]) == 3
    log.unlink()
    monkeypatch.setenv("THIRD", "passed")
    assert main([*two_submissions, "--task", "0-3", "--resume", "a.json"]) == 1
    graded = {words[0]: words[2] for words in map(json.loads, log.read_text().splitlines())}
    assert graded == {first: [3], second: [0, 1, 2, 3]}
    log.unlink()
    assert main([*two_submissions, "--task", "0-3", "--resume", "a.json"]) == 1
    assert not log.exists()


def test_no_cell_of_the_csv_file_is_a_formula():
    assert as_csv({"=cmd()": {}}).splitlines()[1].startswith("'=cmd()")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere"], "there is no folder nowhere"),
        (["."], "has no folder task0 … task6; did you mean ada, or ./*?"),
        (["ada", "--task", "7"], "'7' isn't a task; write 3, or 3-5, from 0 to 6"),
        (["ada", "--task", "5-3"], "'5-3' isn't a task"),
        (["ada", "--jobs", "0"], "--jobs is 0, but it must be 1 or more"),
        (["ada", "--deadline", "x=1"], "'x=1' isn't a deadline; write NAME=SECONDS"),
        (["ada", "--json", "no/such.json"], "no/such.json can't be written"),
        (["ada", "--resume", "ada/task0/Dockerfile"], "wasn't written by --resume or --json"),
        ([], "the following arguments are required: PATH"),
    ],
)
def test_an_invalid_option_is_named_with_status_2(tmp_path, monkeypatch, capsys, words, sentence):
    copy_of_the_course(tmp_path / "ada", [0])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err


#: An address where no daemon responds.
NO_DAEMON = {"DOCKER_HOST": "tcp://127.0.0.1:9"}


def test_without_a_daemon_the_script_ends_with_status_2():
    done = subprocess.run(
        [ROOT / "script/check", ROOT],
        env={**os.environ, **NO_DAEMON},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "DOCKER_HOST is tcp://127.0.0.1:9, but no Docker Engine responds there." in done.stderr


def test_a_daemon_that_stops_responding_is_an_error(tmp_path):
    submission = copy_of_the_course(tmp_path / "ada", [0])
    done = subprocess.run(
        [sys.executable, "-m", "grader", submission, "--task", "0"],
        env={**os.environ, **NO_DAEMON, "PYTHONPATH": str(ROOT / "tests")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3
    assert "task0  ERROR" in done.stdout
    assert "Docker Engine doesn't respond. Start it" in done.stdout


#: Presses Ctrl-C while it creates something.
CREATES = """
import os, signal
from grader.daemon import uninterrupted
try:
    with uninterrupted():
        os.kill(os.getpid(), signal.SIGINT)
        print("created")
except KeyboardInterrupt:
    print("stopped")
"""


def test_ctrl_c_waits_while_containers_are_created():
    environment = {"PYTHONPATH": str(ROOT / "tests")}
    assert run([sys.executable, "-c", CREATES], env=environment) == "created\nstopped\n"


def test_ctrl_c_leaves_nothing(tmp_path):
    submission = copy_of_the_course(tmp_path / "ada", [6])
    status, output = interrupt(
        [sys.executable, "-m", "grader", submission, "--task", "6"],
        "softy-pinko-check-",
        lambda name: docker("ps", "--all", "--quiet", "--filter", f"name={name}"),
        env={"PYTHONPATH": str(ROOT / "tests")},
    )
    assert status == 130, output
    assert "Stopped. Everything that was started has been removed." in output

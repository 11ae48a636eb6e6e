"""script/check grades submissions with Docker Engine, in one command for all tests.

The submissions are our own course and copies of it with one change each. A teacher grades them,
whose environment has a secret, and whose Docker configuration has a proxy.
"""

import csv
import json
import os
import re
import subprocess
from typing import NamedTuple

import pytest

from support.commands import PATIENCE, ROOT
from support.copies import copy_of_the_course
from tools.cases import ERRORS, FAULTS, HARMLESS, TEN, VARIATIONS
from tools.interrupt import assert_nothing_is_left, finish

pytestmark = pytest.mark.xdist_group("grader")

#: Deadlines that are long enough for the cases, some of which make the grader wait for one.
DEADLINES = ("--deadline", "still=2", "--deadline", "response=20", "--deadline", "page=10")


class Graded(NamedTuple):
    """What `script/check` has printed and written.

    folders: case -> its submission. process: its ID. verdicts: of the JSON file. rows: of the
    CSV file.
    """

    folders: dict
    process: int
    status: int
    printed: str
    verdicts: dict
    rows: list

    def verdict(self, case):
        """Return the verdict of a case."""
        task = ALL[case].task
        return self.verdicts[str(self.folders[case])][f"task{task}"]


ALL = {**TEN, **FAULTS, **VARIATIONS, **ERRORS}


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Our course and a submission for each case, graded: a `Graded`."""
    folder = tmp_path_factory.mktemp("submissions")
    (folder / "docker").mkdir()
    proxy = {"httpProxy": "http://127.0.0.1:9", "httpsProxy": "http://127.0.0.1:9"}
    (folder / "docker/config.json").write_text(json.dumps({"proxies": {"default": proxy}}))
    environment = {"DOCKER_CONFIG": str(folder / "docker"), "AWS_SECRET_ACCESS_KEY": "secret"}

    folders = {}
    # Those that take longest come first, so that none of them runs alone at the end.
    for number, (name, case) in enumerate(sorted(ALL.items(), key=lambda item: -item[1].task)):
        folders[name] = copy_of_the_course(folder / f"{number:02}", [case.task])
        for edit in case.edits:
            edit(folders[name])
    files = ("--json", folder / "verdicts.json", "--csv", folder / "verdicts.csv")
    process = subprocess.Popen(
        [ROOT / "script/check", ROOT, *folders.values(), "--jobs", "5", *DEADLINES, *files],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    printed = finish(process, PATIENCE)
    print(printed)  # pytest shows it if a test fails
    with (folder / "verdicts.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    verdicts = json.loads((folder / "verdicts.json").read_text())
    return Graded(folders, process.pid, process.returncode, printed, verdicts, rows)


def test_ten_copies_with_ten_faults_get_the_right_ten_verdicts(graded):
    rows = {row["submission"]: row for row in graded.rows}
    for name, case in TEN.items():
        verdict, row = graded.verdict(name), rows[str(graded.folders[name])]
        assert verdict["verdict"] == row[f"task{case.task}"] == "failed", name
        assert re.search(case.words, verdict["reason"]), verdict["reason"]
        assert verdict["reason"] in row["reasons"]
        assert {row[f"task{n}"] for n in range(7) if n != case.task} == {"missing"}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_docker_reports_fails_the_task(graded, name):
    verdict = graded.verdict(name)
    assert verdict["verdict"] == "failed", verdict["reason"]
    assert re.search(FAULTS[name].words, verdict["reason"]), verdict["reason"]


@pytest.mark.parametrize("name", VARIATIONS)
def test_a_variation_that_is_right_passes(graded, name):
    verdict, words = graded.verdict(name), VARIATIONS[name].words
    assert verdict["verdict"] == "passed", verdict["reason"]
    if words:
        assert re.search(words, verdict["reason"]), verdict["reason"]
    else:
        assert verdict["reason"] == ""


@pytest.mark.parametrize("name", ERRORS)
def test_a_failure_of_the_network_is_an_error(graded, name):
    verdict = graded.verdict(name)
    assert verdict["verdict"] == "error", verdict["reason"]
    assert re.search(ERRORS[name].words, verdict["reason"]), verdict["reason"]
    assert "grade again" in verdict["reason"]


def test_errors_have_an_exit_status_of_their_own(graded):
    assert graded.status == 3, graded.printed
    assert "Errors don't count against a student." in graded.printed.splitlines()[-1]


def test_our_own_course_passes_without_a_note(graded):
    ours = graded.verdicts[str(ROOT)]
    assert list(ours) == [f"task{number}" for number in range(7)]
    assert {(each["verdict"], each["reason"]) for each in ours.values()} == {("passed", "")}, ours
    assert f"7 of 7 passed: {ROOT}\n" in graded.printed


def test_nothing_is_left_and_no_submission_is_changed(graded):
    assert_nothing_is_left(f"softy-pinko-check-{graded.process}-")
    assert not list(graded.folders[HARMLESS].glob("task4/*/new"))

"""The grader, on a real engine: right verdicts, and sentences that say what is wrong."""

import json
import re

import pytest

from support.commands import ROOT, docker
from tools.cases import ERRORS, FAULTS, TEN, VARIATIONS, few_copies, grader, one_copy_each, read

pytestmark = pytest.mark.xdist_group("grader")

#: Waits that are long enough where something is slow on purpose, and no longer.
SHORT = ["--deadline", "still=2", "--deadline", "response=20", "--deadline", "page=10"]


def graded(folder, copies, *words, **options):
    """Grade copies in one command; returns (status, verdicts, CSV rows, what was printed)."""
    files = ["--json", folder / "verdicts.json", "--csv", folder / "verdicts.csv"]
    paths = dict.fromkeys(copies.values())
    status, printed = grader(*paths, "--jobs", "5", *SHORT, *files, *words, **options)
    return status, *read(folder), printed


@pytest.fixture(scope="module")
def ten(tmp_path_factory):
    """Ten copies, graded in one command: (the copies, status, verdicts, rows, what was printed)."""
    folder = tmp_path_factory.mktemp("ten")
    copies = one_copy_each(folder, TEN)
    return copies, *graded(folder, copies)


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """All other cases and our own course, graded by a teacher with secrets and a proxy."""
    folder = tmp_path_factory.mktemp("many")
    configuration = folder / "docker"
    configuration.mkdir()
    proxy = {"httpProxy": "http://127.0.0.1:9", "httpsProxy": "http://127.0.0.1:9"}
    (configuration / "config.json").write_text(json.dumps({"proxies": {"default": proxy}}))
    secrets = {"DOCKER_CONFIG": str(configuration), "AWS_SECRET_ACCESS_KEY": "secret"}
    copies = few_copies(folder, FAULTS) | {
        name: copy
        for kind, cases in (("right", VARIATIONS), ("errors", ERRORS))
        for name, copy in few_copies(folder / kind, cases).items()
    }
    copies["ours"] = ROOT
    return copies, *graded(folder, copies, env=secrets, script=[ROOT / "script/check"])


def test_ten_copies_with_ten_faults_get_the_right_ten_verdicts(ten):
    copies, status, verdicts, rows, printed = ten
    assert status == 1, printed
    assert [row["course"] for row in rows] == [str(copy) for copy in copies.values()]
    for (task, words, *_), copy, row in zip(TEN.values(), copies.values(), rows, strict=True):
        print(verdicts[str(copy)][f"task{task}"])
        verdict = verdicts[str(copy)][f"task{task}"]
        assert verdict["verdict"] == row[f"task{task}"] == "failed", printed
        assert re.search(words, verdict["reason"]), verdict["reason"]
        assert verdict["reason"] in row["reasons"]
        assert {row[f"task{n}"] for n in range(7) if n != task} == {"missing"}


def verdict_of(many, case, cases):
    """Return the verdict of a case's task, and the words that it must have."""
    copies, _, verdicts, _, _ = many
    task, words, *_ = cases[case]
    return verdicts[str(copies[case])][f"task{task}"], words


@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_is_named(many, case):
    verdict, words = verdict_of(many, case, FAULTS)
    assert verdict["verdict"] == "failed", verdict["reason"]
    assert re.search(words, verdict["reason"]), verdict["reason"]


@pytest.mark.parametrize("case", VARIATIONS)
def test_an_honest_variation_passes(many, case):
    verdict, words = verdict_of(many, case, VARIATIONS)
    assert verdict["verdict"] == "passed", verdict["reason"]
    if words:
        assert re.search(words, verdict["reason"]), verdict["reason"]
    else:
        assert verdict["reason"] == ""


@pytest.mark.parametrize("case", ERRORS)
def test_what_the_machine_or_the_network_is_to_blame_for_is_an_error(many, case):
    verdict, words = verdict_of(many, case, ERRORS)
    assert verdict["verdict"] == "error", verdict["reason"]
    assert re.search(words, verdict["reason"]), verdict["reason"]
    assert "grade again" in verdict["reason"]


def test_errors_have_an_exit_status_of_their_own(many):
    _, status, _, _, printed = many
    assert status == 3
    assert printed.rstrip().endswith(
        "Errors don't count against a student. Do what they say, then grade again."
    )


def test_the_grader_leaves_nothing_and_changes_no_course(ten, many):
    for listing in ("ps --all --format {{.Names}}", "network ls --format {{.Name}}",
                    "volume ls --format {{.Name}}", "images --format {{.Repository}}"):  # fmt: skip
        assert "softy-pinko-check-" not in docker(*listing.split())
    copies, *_ = many
    assert not list(
        copies["4: an extra service that ends, and all that is harmless"].glob("task4/*/new")
    )


def test_our_own_course_passes_without_a_note(many):
    copies, _, verdicts, _, printed = many
    ours = verdicts[str(copies["ours"])]
    assert list(ours) == [f"task{number}" for number in range(7)]
    assert {(each["verdict"], each["reason"]) for each in ours.values()} == {("passed", "")}, ours
    assert f"7 of 7 passed: {ROOT}\n" in printed

"""Checks somebody's course: the assignment's tests, pointed at their folder, as a table.

`script/check` calls this, after it has seen to an engine and the packages.
"""

import argparse
import json
import re
import signal
import sys
from pathlib import Path

import pytest

from support.course import Course, NotThereError
from support.engine import ROOT

TESTS = ROOT / "tests/test_assignment.py"
WARNING = (
    "This builds and runs what stands in the Dockerfiles there, on this machine: with 512 MB a\n"
    "container, a deadline, and ports of 127.0.0.1 alone. Check no course that you would not run."
)
SHOWN = {"passed": "passed", "failed": "FAILED", "missing": "not there"}


def numbers(text):
    """Return the tasks that `3` or `3-5` means, as a range; for argparse."""
    found = re.fullmatch(r"([0-6])(?:-([0-6]))?", text)
    if not found or int(found[2] or found[1]) < int(found[1]):
        raise argparse.ArgumentTypeError(f"'{text}' is no task; write 3, or 3-5, from 0 to 6")
    return range(int(found[1]), int(found[2] or found[1]) + 1)


def arguments(words):
    """Return what the command line says, or end with status 2 and a sentence."""
    parser = argparse.ArgumentParser(
        prog="script/check",
        description="Build and run somebody's task0 … task6 and say which do what the assignment asks.",
        epilog="Exit status: 0 if all passed, 1 if not, 2 if there is no course or no engine.",
        allow_abbrev=False,
    )
    parser.add_argument("path", metavar="PATH", type=Path, help="the folder with task0 … task6")
    parser.add_argument(
        "--task", type=numbers, default=range(7), metavar="N", help="3, or 3-5; all, if not given"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the verdicts as JSON")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write pytest's JUnit report")
    given = parser.parse_args(words)
    if not given.path.is_dir():
        parser.error(f"{given.path} is no folder")
    if not Course(given.path).tasks():
        below = next((p.parent for p in sorted(given.path.glob("*/task[0-6]"))), None)
        meant = f"; did you mean {below}?" if below else ""
        parser.error(f"{given.path} has no folder task0 … task6{meant}")
    for file in filter(None, (given.json, given.junit)):
        if not file.absolute().parent.is_dir():
            parser.error(f"{file} cannot be written: there is no folder {file.absolute().parent}")
    return given


class Verdicts:
    """A plugin of pytest that collects what became of each task, and prints a row as it ends.

    found: task -> {"verdict": "passed", "failed" or "missing", "reason": sentences, "seconds": …}.
    """

    def __init__(self, tasks):
        self.tasks = tasks
        self.found = {}

    def pytest_collection_modifyitems(self, config, items):
        """Leave out the tasks that were not asked for."""
        items[:] = [item for item in items if number(item) in self.tasks]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item, call):
        """Note what a phase of a test says of its task."""
        report = yield
        row = self.found.setdefault(
            f"task{number(item)}", {"verdict": "passed", "reason": [], "seconds": 0}
        )
        row["seconds"] += report.duration
        if call.excinfo is not None:
            missing = call.excinfo.errisinstance(NotThereError)
            row["verdict"] = "missing" if missing else "failed"
            row["reason"].append(sentence(call.excinfo))
        elif report.when == "teardown":
            row["reason"] += [f"Note: {text}." for name, text in item.user_properties]
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item, nextitem):
        """Print a task's row when its last test is done."""
        done = yield
        if nextitem is None or number(nextitem) != number(item):
            name = f"task{number(item)}"
            row = self.found[name]
            row["reason"] = " ".join(dict.fromkeys(row["reason"]))
            row["seconds"] = round(row["seconds"], 1)
            shown = SHOWN[row["verdict"]]
            print(
                f"{name}  {shown:9}  {row['seconds']:5.1f} s  {row['reason']}".rstrip(), flush=True
            )
        return done


def number(item):
    """Return the number of the task that a test is about."""
    return int(item.cls.__name__.removeprefix("TestTask"))


def sentence(excinfo):
    """Return why a test failed, in one sentence, without what pytest adds for programmers."""
    if not excinfo.errisinstance((AssertionError, pytest.fail.Exception)):
        return f"The check itself could not go on: {excinfo.exconly()}."
    text = str(excinfo.value).split("\nassert ")[0]
    text = re.sub(r"\s+", " ", text).strip()
    first = text.split(" ", 1)[0]
    if "/" not in first and "." not in first:  # no path
        text = text[:1].upper() + text[1:]
    return f"{text}."


def main(words):
    """Check a course; returns the exit status of script/check."""
    given = arguments(words)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    verdicts = Verdicts(given.task)
    print(f"{WARNING}\n", flush=True)
    options = [
        *("-c", ROOT / "pyproject.toml", "--rootdir", ROOT, "-p", "no:terminal"),
        *("-p", "no:cacheprovider", "-o", "addopts=--strict-markers", "-o", "timeout=900"),
        *("--course", given.path.resolve()),
    ]
    if given.junit:
        options.append(f"--junitxml={given.junit.absolute()}")
    status = pytest.main([*map(str, options), str(TESTS)], plugins=[verdicts])
    if status == pytest.ExitCode.INTERRUPTED:
        print("Stopped. Nothing that was started is left.")
        return 130
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        print(f"The check itself failed: {status!r}.", file=sys.stderr)
        return 2
    if given.json:
        given.json.write_text(json.dumps(verdicts.found, indent=2, ensure_ascii=False) + "\n")
    passed = [row for row in verdicts.found.values() if row["verdict"] == "passed"]
    print(f"\n{len(passed)} of {len(given.task)} passed: {given.path}")
    return 0 if len(passed) == len(given.task) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

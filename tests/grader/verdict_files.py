"""Writes verdicts as JSON, CSV and JUnit.

In all functions, `verdicts` is a dict: submission -> task -> {"verdict", "reason", "seconds"}.
"""

import csv
import io
import json
import os
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from grader.grading import ERROR, FAILED, MISSING, PASSED

TASKS = [f"task{number}" for number in range(7)]


def write(file, text):
    """Replace a file in one step, so that an interruption leaves either the old or the new one."""
    with tempfile.NamedTemporaryFile(
        "w", dir=Path(file).absolute().parent, delete=False, encoding="utf-8", newline=""
    ) as new:
        new.write(text)
    Path(new.name).chmod(0o644)
    os.replace(new.name, file)


def as_json(verdicts):
    """Return the verdicts as JSON."""
    return json.dumps(verdicts, indent=2, ensure_ascii=False) + "\n"


def as_csv(verdicts):
    """Return a CSV row for each submission: the verdicts, how many passed, and the reasons."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(["submission", *TASKS, "passed", "reasons"])
    for submission, tasks in verdicts.items():
        shown = [tasks.get(name, {}).get("verdict", "") for name in TASKS]
        reasons = [
            f"{name}: {tasks[name]['reason']}"
            for name in TASKS
            if tasks.get(name, {}).get("reason")
        ]
        cells = [submission, *shown, shown.count(PASSED), "\n".join(reasons)]
        table.writerow([harmless(cell) for cell in cells])
    return text.getvalue()


def harmless(cell):
    """Return a cell that no spreadsheet takes for a formula. Reasons may quote the submission."""
    return f"'{cell}" if str(cell).startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def as_junit(verdicts):
    """Return a JUnit report with a suite for each submission and a case for each task."""
    root = ElementTree.Element("testsuites")
    for submission, tasks in verdicts.items():
        kinds = [each["verdict"] for each in tasks.values()]
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=submission,
            tests=str(len(kinds)),
            errors=str(kinds.count(ERROR)),
            failures=str(kinds.count(FAILED) + kinds.count(MISSING)),
            skipped="0",
            time=str(round(sum(each["seconds"] for each in tasks.values()), 1)),
        )
        for name, each in tasks.items():
            case = ElementTree.SubElement(
                suite, "testcase", classname=submission, name=name, time=str(each["seconds"])
            )
            kind = {FAILED: "failure", MISSING: "failure", ERROR: "error"}.get(each["verdict"])
            element = ElementTree.SubElement(case, kind or "system-out")
            element.text = each["reason"]
            if kind:
                element.set("message", each["reason"])
    return ElementTree.tostring(root, encoding="unicode") + "\n"

"""Grades one task: starts it, runs its checks, and returns one of four verdicts."""

import time
import traceback

from grader.assignment import CHECKS, ONLY_IF_ALL_IS_RIGHT, START
from grader.daemon import check_that_it_responds
from grader.errors import Fault, MachineFault, Missing
from grader.machine_faults import blame_the_machine
from grader.running_task import task_run
from grader.submission import empty_folders, task_folder

PASSED, FAILED, MISSING, ERROR = "passed", "failed", "missing", "error"


def grade_task(daemon, submission, number, deadlines):
    """Grade a task; returns {"verdict": …, "reason": sentences, "seconds": …}."""
    begun = time.monotonic()
    verdict, sentences = judge(daemon, submission, number, deadlines)
    reason = " ".join(dict.fromkeys(map(as_sentence, sentences)))
    return {"verdict": verdict, "reason": reason, "seconds": round(time.monotonic() - begun, 1)}


def judge(daemon, submission, number, deadlines):
    """Return (the verdict of a task, a list of reasons).

    After a `Fault`, Docker Engine must still respond. Otherwise the verdict is an error.
    """
    notes, faults = [], []
    try:
        folder = task_folder(submission, number)
        try:
            with task_run(daemon, folder) as of_the_task:
                faults = run_checks(
                    of_the_task, submission, folder, number, deadlines, notes.append
                )
        except Fault as fault:
            faults = [fault]
        if faults:
            check_that_it_responds(daemon)
            faults += empty_folders(submission, folder)
    except Missing as missing:
        return MISSING, [missing]
    except Fault as fault:
        return FAILED, [fault]
    except MachineFault as fault:
        return ERROR, [fault]
    except Exception as error:  # a mistake in the grader doesn't count against the student
        return ERROR, [unexpected(error)]
    if faults:
        return FAILED, faults
    return PASSED, [f"Note: {text}" for text in dict.fromkeys(notes)]


def run_checks(daemon, submission, folder, number, deadlines, note):
    """Start a task and run its checks; returns the list of `Fault`s that they raise."""
    faults = []
    with START[number](daemon, submission, folder, deadlines) as running:
        for check in CHECKS[number]:
            if faults and check in ONLY_IF_ALL_IS_RIGHT:
                continue
            try:
                check(running, deadlines, note)
            except Fault as fault:
                faults.append(fault)
    return faults


def unexpected(error):
    """Return a sentence on an exception that the grader didn't expect."""
    try:
        blame_the_machine(str(error))
    except MachineFault as fault:
        return fault
    place = traceback.extract_tb(error.__traceback__)[-1]
    file = place.filename.rsplit("/", 1)[-1]
    return (
        f"the grader itself failed in {place.name} ({file}, line {place.lineno}): "
        f"{type(error).__name__}: {error}. Grade again; if it fails again, report it"
    )


def as_sentence(reason):
    """Return a reason with a capital letter and a full stop.

    A reason may quote the submission, and a terminal prints it, so control characters are
    removed.
    """
    text = " ".join("".join(c if c.isprintable() else " " for c in str(reason)).split())
    first = text.split(" ", 1)[0]
    if "/" not in first and "." not in first:  # not a path
        text = text[:1].upper() + text[1:]
    return f"{text}{'' if text.endswith('.') else '.'}"

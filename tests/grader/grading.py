"""Grades a task: starts it, runs its checks, and says which of four verdicts it gets."""

import time
import traceback

from grader.course import empty_folders, task_folder
from grader.engine import blame_the_machine, still_responds
from grader.errors import Fault, MachineFault, Missing
from grader.running import task_run
from grader.tasks import CHECKS, ONLY_IF_ALL_IS_RIGHT, START

PASSED, FAILED, MISSING, ERROR = "passed", "failed", "missing", "error"


def grade_task(connected, course, number, deadlines):
    """Return what became of a task: {"verdict": …, "reason": sentences, "seconds": …}."""
    begun = time.monotonic()
    verdict, sentences = judge(connected, course, number, deadlines)
    reason = " ".join(dict.fromkeys(map(as_sentence, sentences)))
    return {"verdict": verdict, "reason": reason, "seconds": round(time.monotonic() - begun, 1)}


def judge(connected, course, number, deadlines):
    """Return the verdict of a task, and a list of reasons.

    A `Fault` is only believed while Docker Engine responds.
    """
    notes, faults = [], []
    try:
        folder = task_folder(course, number)
        try:
            with task_run(connected, folder) as ours:
                faults = run_checks(ours, course, folder, number, deadlines, notes.append)
        except Fault as fault:
            faults = [fault]
        if faults:
            still_responds(connected)
            faults += empty_folders(course, folder)
    except Missing as missing:
        return MISSING, [missing]
    except Fault as fault:
        return FAILED, [fault]
    except MachineFault as fault:
        return ERROR, [fault]
    except Exception as error:  # a mistake in the grader is not the student's
        return ERROR, [unexpected(error)]
    if faults:
        return FAILED, faults
    return PASSED, [f"Note: {text}" for text in dict.fromkeys(notes)]


def run_checks(ours, course, folder, number, deadlines, note):
    """Start a task and run its checks; returns the faults that they find."""
    faults = []
    with START[number](ours, course, folder, deadlines) as running:
        for check in CHECKS[number]:
            if faults and check in ONLY_IF_ALL_IS_RIGHT:
                continue
            try:
                check(running, deadlines, note)
            except Fault as fault:
                faults.append(fault)
    return faults


def unexpected(error):
    """Return the sentence on an exception that the grader didn't expect; or MachineFault's own."""
    try:
        blame_the_machine(str(error))
    except MachineFault as fault:
        return fault
    place = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"the grader itself failed in {place.name} ({place.filename.rsplit('/', 1)[-1]}, line "
        f"{place.lineno}): {type(error).__name__}: {error}. Grade again; if it fails again, report it"
    )


def as_sentence(reason):
    """Return a reason with a capital letter and a full stop, and no control characters.

    A stranger's words are in it, and it is printed in a terminal.
    """
    text = " ".join("".join(c if c.isprintable() else " " for c in str(reason)).split())
    first = text.split(" ", 1)[0]
    if "/" not in first and "." not in first:  # no path
        text = text[:1].upper() + text[1:]
    return f"{text}{'' if text.endswith('.') else '.'}"

"""Grades one course in a process of its own, and prints each verdict as a line of JSON.

`grader.__main__` starts one for each course. Told to end, it removes what it has started.
"""

import json
import signal
import sys
from pathlib import Path

from grader.course import Course
from grader.deadlines import Deadlines
from grader.engine import engine
from grader.errors import MachineFault
from grader.grading import ERROR, as_sentence, grade_task


def end(number, frame):
    """End once; another signal doesn't interrupt the clean-up."""
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def main(path, run, tasks, deadlines):
    """Grade these tasks of a course. tasks: a list of numbers. deadlines: a dict."""
    waiting = list(tasks)
    try:
        with engine(run) as connected:
            while waiting:
                course = Course(Path(path).resolve())
                verdict = grade_task(connected, course, waiting[0], Deadlines(**deadlines))
                print(json.dumps({"task": waiting.pop(0), **verdict}), flush=True)
    except MachineFault as fault:
        for number in waiting:
            verdict = {"verdict": ERROR, "reason": as_sentence(fault), "seconds": 0}
            print(json.dumps({"task": number, **verdict}), flush=True)


if __name__ == "__main__":
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, end)
    try:
        main(*json.loads(sys.argv[1]))
    except KeyboardInterrupt:
        sys.exit(130)

"""Grades one submission in a process of its own, and prints each verdict as a line of JSON.

`grader.session` starts one worker for each submission. A worker that gets SIGTERM or SIGINT
removes what it has started, then ends.
"""

import json
import signal
import sys
from pathlib import Path

from grader.daemon import connect
from grader.deadlines import Deadlines
from grader.errors import MachineFault
from grader.grading import ERROR, as_sentence, grade_task
from grader.submission import Submission


def end(number, frame):
    """Interrupt the grading. Another signal doesn't interrupt the clean-up."""
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def main(path, run_name, tasks, deadlines):
    """Grade these tasks of a submission.

    path: the submission's folder. run_name: see `grader.daemon.Daemon`. tasks: a list of
    numbers. deadlines: a dict with the fields of `Deadlines`.
    """
    waiting = list(tasks)
    try:
        with connect(run_name) as daemon:
            while waiting:
                submission = Submission(Path(path).resolve())
                verdict = grade_task(daemon, submission, waiting[0], Deadlines(**deadlines))
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

"""The command line: grades courses, prints a table as it goes, and writes the verdicts down.

`script/check` starts this as `python -m grader`, when there are an engine and the packages.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, fields
from pathlib import Path

from grader.course import tasks
from grader.deadlines import Deadlines
from grader.engine import engine
from grader.errors import MachineFault
from grader.grading import ERROR, FAILED, MISSING, PASSED
from grader.reports import as_csv, as_json, as_junit, write

WARNING = """This builds and runs what these courses contain, on this machine: in containers with 512 MB
of memory, with deadlines, on ports of 127.0.0.1. What a Compose file may ask for is limited;
builds have a network. tests/grader/README.md says more."""
SHOWN = {PASSED: "passed", FAILED: "FAILED", MISSING: "missing", ERROR: "ERROR"}
#: Exit statuses.
ALL_PASSED, NOT_ALL_PASSED, NOTHING_TO_GRADE, SOME_ERRORS, INTERRUPTED = 0, 1, 2, 3, 130


def numbers(text):
    """Return the tasks that `3` or `3-5` means, as a range; for argparse."""
    found = re.fullmatch(r"([0-6])(?:-([0-6]))?", text)
    if not found or int(found[2] or found[1]) < int(found[1]):
        raise argparse.ArgumentTypeError(f"'{text}' is no task; write 3, or 3-5, from 0 to 6")
    return range(int(found[1]), int(found[2] or found[1]) + 1)


def deadline(text):
    """Return what `build=900` means, as a pair; for argparse."""
    names = [each.name for each in fields(Deadlines)]
    name, _, seconds = text.partition("=")
    if name not in names or not re.fullmatch(r"\d+(\.\d+)?", seconds):
        raise argparse.ArgumentTypeError(
            f"'{text}' is no deadline; write NAME=SECONDS, NAME one of {', '.join(names)}"
        )
    return name, float(seconds)


def arguments(words):
    """Return what the command line says, or end with status 2 and a sentence."""
    parser = argparse.ArgumentParser(
        prog="script/check",
        description="Build and run somebody's task0 … task6 and say which do what the assignment asks.",
        epilog="Exit status: 0 if all tasks passed; 1 if not; 2 if there is nothing to grade, or no "
        "engine; 3 if a task couldn't be graded because of this machine or the network.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("paths", metavar="PATH", type=Path, nargs="+", help="a folder with task0 … task6")
    add("--task", type=numbers, default=range(7), metavar="N", help="3, or 3-5; default: all")
    add("--jobs", type=int, default=1, metavar="N", help="grade so many courses at a time")
    add("--json", type=Path, metavar="FILE", help="write the verdicts as JSON")
    add("--csv", type=Path, metavar="FILE", help="write a row for each course")
    add("--junit", type=Path, metavar="FILE", help="write a JUnit report")
    add(
        "--resume",
        type=Path,
        metavar="FILE",
        help="keep the verdicts in this JSON file, and grade only what is missing in it",
    )
    add(
        "--deadline",
        type=deadline,
        action="append",
        default=[],
        metavar="NAME=SECONDS",
        help="such as build=900; NAME is one of "
        + ", ".join(each.name for each in fields(Deadlines)),
    )
    given = parser.parse_args(words)
    if given.jobs < 1:
        parser.error(f"--jobs is {given.jobs}, and has to be 1 or more")
    for file in filter(None, (given.json, given.csv, given.junit, given.resume)):
        if not file.absolute().parent.is_dir():
            parser.error(f"{file} can't be written: there is no folder {file.absolute().parent}")
    given.paths = list(dict.fromkeys(given.paths))
    for path in given.paths:
        if not path.exists():
            parser.error(f"there is no folder {path}")
    for path in [path for path in given.paths if not path.is_dir()]:
        if len(given.paths) == 1:
            parser.error(f"{path} is no folder")
        print(f"Skipped: {path} is no folder.", file=sys.stderr)
        given.paths.remove(path)
    if len(given.paths) == 1 and not tasks(given.paths[0]):
        below = next((p.parent for p in sorted(given.paths[0].glob("*/task[0-6]"))), None)
        meant = f"; did you mean {below}, or {given.paths[0]}/*?" if below else ""
        parser.error(f"{given.paths[0]} has no folder task0 … task6{meant}")
    return given


def earlier(parser_error, file):
    """Return the verdicts of an earlier run. Errors aren't among them: they are graded again."""
    if file is None or not file.exists():
        return {}
    try:
        written = json.loads(file.read_text())
        return {
            course: {name: each for name, each in found.items() if each["verdict"] != ERROR}
            for course, found in written.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        parser_error(f"{file} isn't a file that --resume or --json has written")


class Session:
    """The verdicts so far, where they are printed and written, and the processes at work."""

    def __init__(self, given, verdicts):
        self.given = given
        self.verdicts = verdicts
        self.width = max(len(str(path)) for path in given.paths) if len(given.paths) > 1 else 0
        self.processes = {}
        self.stopped = False
        self.lock = threading.Lock()

    def add(self, path, number, verdict):
        """Keep a verdict, print its row, and write all files anew."""
        with self.lock:
            found = self.verdicts.setdefault(str(path), {})
            found[f"task{number}"] = {key: verdict[key] for key in ("verdict", "reason", "seconds")}
            self.verdicts[str(path)] = dict(sorted(found.items()))
            course = f"{path!s:{self.width}}  " if self.width else ""
            shown = SHOWN[verdict["verdict"]]
            row = (
                f"{course}task{number}  {shown:7}  {verdict['seconds']:5.1f} s  {verdict['reason']}"
            )
            print(row.rstrip(), flush=True)
            self.write()

    def write(self):
        """Write the verdicts to all files that were asked for."""
        chosen = {
            str(p): self.verdicts[str(p)] for p in self.given.paths if str(p) in self.verdicts
        }
        for file, text in (
            (self.given.resume, as_json(self.verdicts)),
            (self.given.json, as_json(chosen)),
            (self.given.csv, as_csv(chosen)),
            (self.given.junit, as_junit(chosen)),
        ):
            if file:
                write(file, text)

    def stop(self):
        """Tell all workers to end, and to remove what they have started."""
        with self.lock:
            self.stopped = True
            for process in self.processes.values():
                process.terminate()


def grade(session, path):
    """Grade what is missing of a course, in a process of its own."""
    done = session.verdicts.get(str(path), {})
    waiting = [number for number in session.given.task if f"task{number}" not in done]
    if not waiting:
        return
    run = f"softy-pinko-check-{os.getpid()}-{session.given.paths.index(path)}"
    deadlines = asdict(Deadlines(**dict(session.given.deadline)))
    words = json.dumps([str(path), run, waiting, deadlines])
    with session.lock:
        if session.stopped:
            return
        # A session of its own: Ctrl-C reaches it through us only, and once.
        process = subprocess.Popen(
            [sys.executable, "-m", "grader.worker", words], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        )  # fmt: skip
        session.processes[path] = process
    with process:
        said = deque(maxlen=5)
        listener = threading.Thread(target=lambda: said.extend(process.stderr), daemon=True)
        listener.start()
        for line in process.stdout:
            verdict = json.loads(line)
            waiting.remove(verdict["task"])
            session.add(path, verdict["task"], verdict)
        listener.join()
    status = process.returncode
    if waiting and not session.stopped:
        remove_what_is_left(run)
        reason = f"The grader's process ended with status {status}: {''.join(said).strip()[-300:]} Grade again."
        for number in waiting:
            session.add(path, number, {"verdict": ERROR, "reason": reason, "seconds": 0})


def remove_what_is_left(run):
    """Remove what a worker that was killed has started."""
    try:
        with engine(run):
            pass
    except MachineFault as fault:
        print(f"{run} may have left containers: {fault}.", file=sys.stderr)


def summary(session):
    """Print a line for each course; returns the exit status."""
    counted = []
    for path in session.given.paths:
        found = session.verdicts.get(str(path), {})
        kinds = [
            found[name]["verdict"]
            for name in map("task{}".format, session.given.task)
            if name in found
        ]
        errors = f", {kinds.count(ERROR)} not graded" if ERROR in kinds else ""
        print(f"{kinds.count(PASSED)} of {len(session.given.task)} passed{errors}: {path}")
        counted += kinds
    if ERROR in counted:
        print("Errors don't count against a student. Do what they say, then grade again.")
        return SOME_ERRORS
    return ALL_PASSED if set(counted) == {PASSED} else NOT_ALL_PASSED


def main(words):
    """Grade courses; returns the exit status of script/check."""
    given = arguments(words)

    def usage_error(text):
        print(f"script/check: error: {text}", file=sys.stderr)
        sys.exit(NOTHING_TO_GRADE)

    session = Session(given, earlier(usage_error, given.resume))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    print(f"{WARNING}\n", flush=True)
    pool = ThreadPoolExecutor(given.jobs)
    try:
        for future in as_completed([pool.submit(grade, session, path) for path in given.paths]):
            future.result()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        session.stop()
        pool.shutdown(wait=True, cancel_futures=True)
        print("Stopped. Nothing that was started is left.")
        return INTERRUPTED
    finally:
        session.stop()
    session.write()
    print()
    return summary(session)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

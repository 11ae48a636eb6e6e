"""One run of `script/check`: starts a worker for each submission, prints and writes verdicts."""

import json
import os
import subprocess
import sys
import threading
from collections import deque
from dataclasses import asdict
from pathlib import Path

from grader.daemon import connect
from grader.deadlines import Deadlines
from grader.errors import MachineFault
from grader.grading import ERROR, FAILED, MISSING, PASSED
from grader.verdict_files import as_csv, as_json, as_junit, write

SHOWN = {PASSED: "passed", FAILED: "FAILED", MISSING: "missing", ERROR: "ERROR"}


class Session:
    """The verdicts so far, and the workers that are running.

    options: of `grader.command_line.parse`. verdicts: submission -> task -> verdict.
    """

    def __init__(self, options, verdicts):
        self.options = options
        self.verdicts = verdicts
        several = len(options.paths) > 1
        self.width = max(len(str(path)) for path in options.paths) if several else 0
        self.workers = {}
        self.stopped = False
        self.lock = threading.Lock()

    def add(self, path, number, verdict):
        """Keep the verdict of a task, print its row, and update all files."""
        with self.lock:
            found = self.verdicts.setdefault(str(path), {})
            found[f"task{number}"] = {key: verdict[key] for key in ("verdict", "reason", "seconds")}
            self.verdicts[str(path)] = dict(sorted(found.items()))
            submission = f"{path!s:{self.width}}  " if self.width else ""
            shown, seconds = SHOWN[verdict["verdict"]], verdict["seconds"]
            row = f"{submission}task{number}  {shown:7}  {seconds:5.1f} s  {verdict['reason']}"
            print(row.rstrip(), flush=True)
            self.write_files()

    def write_files(self):
        """Write the verdicts to all files that the options name."""
        names = map(str, self.options.paths)
        chosen = {name: self.verdicts[name] for name in names if name in self.verdicts}
        for file, text in (
            (self.options.resume, as_json(self.verdicts)),
            (self.options.json, as_json(chosen)),
            (self.options.csv, as_csv(chosen)),
            (self.options.junit, as_junit(chosen)),
        ):
            if file:
                write(file, text)

    def grade(self, path):
        """Grade the tasks of a submission that have no verdict yet, in a worker process."""
        done = self.verdicts.get(str(path), {})
        waiting = [number for number in self.options.task if f"task{number}" not in done]
        if not waiting:
            return
        run_name = f"softy-pinko-check-{os.getpid()}-{self.options.paths.index(path)}"
        worker = self.start_worker(path, run_name, waiting)
        if worker is None:
            return
        with worker:
            errors = deque(maxlen=5)
            reader = threading.Thread(target=lambda: errors.extend(worker.stderr), daemon=True)
            reader.start()
            for line in worker.stdout:
                verdict = json.loads(line)
                waiting.remove(verdict["task"])
                self.add(path, verdict["task"], verdict)
            reader.join()
        if waiting and not self.stopped:
            remove_what_is_left(run_name)
            reason = (
                f"The grader's process ended with status {worker.returncode}: "
                f"{''.join(errors).strip()[-300:]}. Grade again."
            )
            for number in waiting:
                self.add(path, number, {"verdict": ERROR, "reason": reason, "seconds": 0})

    def start_worker(self, path, run_name, tasks):
        """Start a worker for these tasks; returns the process, or None if the run was stopped."""
        deadlines = asdict(Deadlines(**dict(self.options.deadline)))
        words = json.dumps([str(path), run_name, tasks, deadlines])
        with self.lock:
            if self.stopped:
                return None
            # In a session of its own, the worker gets no SIGINT from the terminal. `stop` ends it.
            self.workers[path] = subprocess.Popen(
                [sys.executable, "-m", "grader.worker", words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
            )
            return self.workers[path]

    def stop(self):
        """Tell all workers to remove what they have started, and to end."""
        with self.lock:
            self.stopped = True
            for worker in self.workers.values():
                worker.terminate()


def remove_what_is_left(run_name):
    """Remove what a worker that was killed has started."""
    try:
        with connect(run_name):
            pass
    except MachineFault as fault:
        print(f"{run_name} may have left containers: {fault}.", file=sys.stderr)

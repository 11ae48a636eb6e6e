"""The entry point: grades submissions, prints a table and a summary, and writes the verdicts.

`script/check` runs this as `python -m grader` once Docker Engine and the packages are ready.
"""

import json
import signal
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed

from grader.command_line import parse
from grader.grading import ERROR, PASSED
from grader.session import Session

WARNING = """This command builds and runs untrusted code on this machine. Each container gets 512 MB
of memory, a deadline, and ports on 127.0.0.1. A Compose file may contain only allowed keys.
Builds can use the network. For details, see tests/grader/README.md."""
#: Exit statuses.
ALL_PASSED, NOT_ALL_PASSED, NOTHING_TO_GRADE, SOME_ERRORS, INTERRUPTED = 0, 1, 2, 3, 130


def earlier_verdicts(file):
    """Return the verdicts in a file of an earlier run, without errors: they are graded again."""
    if file is None or not file.exists():
        return {}
    try:
        written = json.loads(file.read_text())
        return {
            submission: {name: each for name, each in found.items() if each["verdict"] != ERROR}
            for submission, found in written.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        print(f"script/check: error: {file} wasn't written by --resume or --json", file=sys.stderr)
        sys.exit(NOTHING_TO_GRADE)


def print_summary(session):
    """Print a line for each submission; returns the exit status."""
    counted = []
    for path in session.options.paths:
        found = session.verdicts.get(str(path), {})
        names = [f"task{number}" for number in session.options.task]
        kinds = [found[name]["verdict"] for name in names if name in found]
        errors = f", {kinds.count(ERROR)} not graded" if ERROR in kinds else ""
        print(f"{kinds.count(PASSED)} of {len(names)} passed{errors}: {path}")
        counted += kinds
    if ERROR in counted:
        print(
            "Errors don't count against a student. Follow the advice in each error, then grade "
            "again."
        )
        return SOME_ERRORS
    return ALL_PASSED if set(counted) == {PASSED} else NOT_ALL_PASSED


def main(words):
    """Grade submissions; returns the exit status of `script/check`."""
    options = parse(words)
    session = Session(options, earlier_verdicts(options.resume))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    print(f"{WARNING}\n", flush=True)
    pool = ThreadPoolExecutor(options.jobs)
    try:
        for future in as_completed([pool.submit(session.grade, path) for path in options.paths]):
            future.result()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        session.stop()
        pool.shutdown(wait=True, cancel_futures=True)
        print("Stopped. Everything that was started has been removed.")
        return INTERRUPTED
    finally:
        session.stop()
    session.write_files()
    print()
    return print_summary(session)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Reads the command line of `script/check`."""

import argparse
import re
import sys
from dataclasses import fields
from pathlib import Path

from grader.deadlines import Deadlines
from grader.submission import task_folders

DESCRIPTION = (
    "Build and run a student's task0 … task6, and report which tasks do what the assignment asks."
)
EXIT_STATUS = (
    "Exit status: 0 if all tasks passed; 1 if not; 2 if there is nothing to grade, or no Docker "
    "Engine; 3 if a task couldn't be graded because of this machine or the network; 130 after "
    "Ctrl-C."
)


def task_numbers(text):
    """Return the tasks that `3` or `3-5` means, as a range."""
    found = re.fullmatch(r"([0-6])(?:-([0-6]))?", text)
    if not found or int(found[2] or found[1]) < int(found[1]):
        raise argparse.ArgumentTypeError(f"'{text}' isn't a task; write 3, or 3-5, from 0 to 6")
    return range(int(found[1]), int(found[2] or found[1]) + 1)


def deadline(text):
    """Return what `build=900` means, as (name, seconds)."""
    names = [each.name for each in fields(Deadlines)]
    name, _, seconds = text.partition("=")
    if name not in names or not re.fullmatch(r"\d+(\.\d+)?", seconds):
        raise argparse.ArgumentTypeError(
            f"'{text}' isn't a deadline; write NAME=SECONDS, where NAME is one of "
            f"{', '.join(names)}"
        )
    return name, float(seconds)


def new_parser():
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="script/check", description=DESCRIPTION, epilog=EXIT_STATUS, allow_abbrev=False
    )
    add = parser.add_argument
    add("paths", metavar="PATH", type=Path, nargs="+", help="a folder with task0 … task6")
    add("--task", type=task_numbers, default=range(7), metavar="N", help="3, or 3-5; default: all")
    add("--jobs", type=int, default=1, metavar="N", help="how many folders to grade at a time")
    add("--json", type=Path, metavar="FILE", help="write the verdicts as JSON")
    add("--csv", type=Path, metavar="FILE", help="write a CSV row for each folder")
    add("--junit", type=Path, metavar="FILE", help="write a JUnit report")
    add(
        "--resume",
        type=Path,
        metavar="FILE",
        help="keep the verdicts that are in this JSON file, grade the rest, and update the file",
    )
    add(
        "--deadline",
        type=deadline,
        action="append",
        default=[],
        metavar="NAME=SECONDS",
        help="for example build=900; NAME is one of "
        + ", ".join(each.name for each in fields(Deadlines)),
    )
    return parser


def parse(words):
    """Return the options in these words, or end with status 2 and an error message."""
    parser = new_parser()
    options = parser.parse_args(words)
    if options.jobs < 1:
        parser.error(f"--jobs is {options.jobs}, but it must be 1 or more")
    for file in filter(None, (options.json, options.csv, options.junit, options.resume)):
        folder = file.absolute().parent
        if not folder.is_dir():
            parser.error(f"{file} can't be written: there is no folder {folder}")
    options.paths = list(dict.fromkeys(options.paths))
    for path in options.paths:
        if not path.exists():
            parser.error(f"there is no folder {path}")
    for path in [path for path in options.paths if not path.is_dir()]:
        if len(options.paths) == 1:
            parser.error(f"{path} isn't a folder")
        print(f"Skipped: {path} isn't a folder.", file=sys.stderr)
        options.paths.remove(path)
    if len(options.paths) == 1 and not task_folders(options.paths[0]):
        (path,) = options.paths
        below = next((p.parent for p in sorted(path.glob("*/task[0-6]"))), None)
        meant = f"; did you mean {below}, or {path}/*?" if below else ""
        parser.error(f"{path} has no folder task0 … task6{meant}")
    return options

"""The files of a submission: its tasks, its Compose files, its empty folders.

No file outside the submission is read.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from grader.errors import Fault, Missing

#: Compose uses the first of these that exists, and merges the first override that exists.
COMPOSE_FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
OVERRIDES = (
    *("compose.override.yml", "compose.override.yaml"),
    *("docker-compose.override.yml", "docker-compose.override.yaml"),
)

#: How many bytes of a file are read, unless told otherwise.
MOST_BYTES_READ = 50_000


@dataclass(frozen=True)
class Submission:
    """A student's folder with task0 … task6. path: the folder, without symbolic links."""

    path: Path

    def has(self, path):
        """Return whether a path is inside the submission, after following symbolic links."""
        try:
            return Path(path).resolve().is_relative_to(self.path)
        except (OSError, RuntimeError):  # a link that leads to itself
            return False

    def shown(self, path):
        """Return a path as text: relative to the submission if it is inside."""
        path = Path(path)
        return str(path.relative_to(self.path)) if path.is_relative_to(self.path) else str(path)

    def read(self, path, limit=MOST_BYTES_READ):
        """Return the start of a file's text; raises Fault if the path leads outside."""
        if not self.has(path):
            raise Fault(f"{self.shown(path)} is a link that leads outside the submission")
        with path.open("rb") as file:
            return file.read(limit).decode(errors="replace")


def hidden(path, root):
    """Return whether a path below `root` is in a hidden folder or in `node_modules`."""
    below = path.relative_to(root).parts if root.is_dir() else ()
    return any(part.startswith(".") or part == "node_modules" for part in below)


def task_folders(path):
    """Return the folders of the tasks in a folder, as a dict: number -> path."""
    return {
        int(folder.name[-1]): folder
        for folder in sorted(Path(path).iterdir(), reverse=True)
        if re.fullmatch(r"task[-_ ]?[0-6]", folder.name, re.IGNORECASE) and folder.is_dir()
    }


def task_folder(submission, number):
    """Return the folder of a task; raises Missing if there is none, or if it is empty."""
    folder = task_folders(submission.path).get(number)
    if folder is None:
        raise Missing(f"there is no folder task{number}")
    if not submission.has(folder):
        raise Fault(f"{submission.shown(folder)} is a link that leads outside the submission")
    if not any(folder.iterdir()):
        raise Missing(f"the folder {submission.shown(folder)} is empty")
    return folder


def empty_folders(submission, folder):
    """Return a sentence for each empty folder of a task.

    Git doesn't store empty folders. One that is empty is probably an unfetched submodule.
    """
    submodules = set()
    for file in (submission.path / ".gitmodules", folder / ".gitmodules"):
        if file.is_file():
            paths = re.findall(r"^\s*path\s*=\s*(.+?)\s*$", submission.read(file), re.MULTILINE)
            submodules |= {file.parent / path for path in paths}
    sentences = []
    for place in sorted(folder.rglob("*")):
        if place.is_symlink() or not place.is_dir() or hidden(place, folder):
            continue
        if any(place.iterdir()):
            continue
        cause = (
            "it is a git submodule that wasn't fetched; run 'git submodule update --init', or ask "
            "the author to commit its files"
            if place in submodules
            else "perhaps a git submodule whose files were never committed"
        )
        sentences.append(f"{submission.shown(place)} is empty: {cause}")
    return sentences


def compose_files(submission, folder):
    """Return the Compose files that `docker compose` reads in a folder, the main one first."""
    main = next((folder / name for name in COMPOSE_FILES if (folder / name).is_file()), None)
    if main is None:
        raise Fault(f"expected a Compose file in {submission.shown(folder)}, got none")
    override = next((folder / name for name in OVERRIDES if (folder / name).is_file()), None)
    return [main, override] if override else [main]

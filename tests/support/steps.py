"""The table of the files that each task adds or changes, and how to carry a change on."""

import subprocess

from support.commands import ROOT

SITE = "front-end/softy-pinko-front-end"

#: The number of each task, and the files that it adds or changes. All its other files are exact
#: copies of the previous task's files, except the pages (*.md). No task removes a file.
STEPS = {
    1: {".dockerignore", "Dockerfile", "api.py", "requirements.txt"},
    2: {
        *("front-end/.dockerignore", "front-end/Dockerfile"),
        *("front-end/softy-pinko-front-end.conf",),
        *(f"{SITE}/icon.svg", f"{SITE}/index.html", f"{SITE}/style.css"),
    },
    3: {
        *("back-end/api.py", "back-end/requirements.txt"),
        *(f"{SITE}/index.html", f"{SITE}/style.css"),
    },
    4: {"docker-compose.yml", f"{SITE}/index.html", f"{SITE}/style.css"},
    5: {
        *("docker-compose.yml", f"{SITE}/index.html", f"{SITE}/style.css"),
        *("back-end/api.py", "back-end/requirements.txt"),
        *("proxy/.dockerignore", "proxy/Dockerfile", "proxy/proxy.conf"),
    },
    6: {
        *("docker-compose.yml", "docker-stack.yml", "2-api-servers.txt", "proxy/proxy.conf"),
        *(
            "back-end/Dockerfile",
            "back-end/gunicorn.conf.py",
            "back-end/head_with_body.py",
            "back-end/worker.py",
        ),
        *(f"{SITE}/index.html", f"{SITE}/laboratory.js", f"{SITE}/style.css"),
    },
}


def files(task):
    """Return a task's files: a dict of path inside the task -> content in bytes."""
    listed = git("ls-files", "--cached", "--others", "--exclude-standard", task)
    there = {path: ROOT / task / path for path in inside(task, listed)}
    # Git lists a deleted file until the deletion is committed.
    return {path: file.read_bytes() for path, file in there.items() if file.exists()}


def deleted(task):
    """Return the files of a task that were deleted since the last commit: paths inside the task."""
    gone = inside(task, git("diff", "--name-only", "--diff-filter=D", "--no-renames", "HEAD", task))
    return [path for path in gone if not (ROOT / task / path).exists()]


def git(*words):
    """Run `git` with these arguments and return the lines of its output."""
    return subprocess.run(
        ["git", *words], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()


def inside(task, paths):
    """Turn paths of the repository into paths inside a task. Pages (*.md) are left out."""
    relative = [path.removeprefix(f"{task}/") for path in paths]
    return [path for path in relative if not path.endswith(".md")]


def previous_files(number):
    """Return the files of the previous task, as `files` does; task2 has task1's in `back-end/`."""
    previous = files(f"task{number - 1}")
    if number == 2:
        return {f"back-end/{path}": content for path, content in previous.items()}
    return previous


def carry(number):
    """Copy each file of a task to the later tasks, up to the first that changes this file.

    number: the task's number, 1 to 5.
    A file that was deleted since the last commit is deleted from the later tasks too.
    Prints the path of each file that it changed.
    """
    now = files(f"task{number}")
    for path in [*now, *deleted(f"task{number}")]:
        content = now.get(path)
        for later in range(number + 1, 7):
            if later == 2:
                path = f"back-end/{path}"
            if path in STEPS[later]:
                break
            there = ROOT / f"task{later}" / path
            if content == (there.read_bytes() if there.exists() else None):
                continue
            if content is None:
                there.unlink()
            else:
                there.parent.mkdir(parents=True, exist_ok=True)
                there.write_bytes(content)
            print(there.relative_to(ROOT))

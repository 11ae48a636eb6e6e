"""The course's plan: which files each task adds or changes against the one before."""

import subprocess

from support.commands import ROOT

SITE = "front-end/softy-pinko-front-end"

#: What each task adds or changes against the one before. Each task has its own pages (*.md).
#: All else is the same, byte for byte, and nothing is gone. The table is the course's plan.
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
    """Return what a task holds, as a dict: path inside the task -> the file's bytes."""
    listed = git("ls-files", "--cached", "--others", "--exclude-standard", task)
    there = {path: ROOT / task / path for path in inside(task, listed)}
    # Git lists a file that was deleted until the deletion is committed.
    return {path: file.read_bytes() for path, file in there.items() if file.exists()}


def deleted(task):
    """Return which files of a task were deleted since the last commit, as paths inside the task."""
    gone = inside(task, git("diff", "--name-only", "--diff-filter=D", "--no-renames", "HEAD", task))
    return [path for path in gone if not (ROOT / task / path).exists()]


def git(*words):
    """Run `git` with these words and return the lines that it printed."""
    return subprocess.run(
        ["git", *words], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()


def inside(task, paths):
    """Return paths of the repository as paths inside a task, without the task's README.md."""
    relative = [path.removeprefix(f"{task}/") for path in paths]
    return [path for path in relative if not path.endswith(".md")]


def before(number):
    """Return the files of the task before; task2 finds those of task1 in `back-end/`."""
    previous = files(f"task{number - 1}")
    if number == 2:
        return {f"back-end/{path}": content for path, content in previous.items()}
    return previous


def carry(number):
    """Copy each file of a task to the later tasks, up to the first that has a version of its own.

    A file that was deleted since the last commit is deleted there too.
    number: the task's, from 1 to 5. Prints each file that this changed.
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

"""Each task is one step from the one before: what it does not change is the same, byte for byte."""

import subprocess

import pytest
from support.engine import ROOT

SITE = "front-end/softy-pinko-front-end"

#: What each task adds or changes against the one before; README.md each task has for itself.
#: All else is the same, byte for byte, and nothing is gone. The table is the course's plan.
STEPS = {
    1: {".dockerignore", "Dockerfile", "api.py", "gunicorn.conf.py", "requirements.txt"},
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
        *("proxy/.dockerignore", "proxy/Dockerfile", "proxy/proxy.conf"),
    },
    6: {
        *("docker-compose.yml", "2-api-servers.txt", "proxy/proxy.conf"),
        *(f"{SITE}/index.html", f"{SITE}/style.css"),
    },
}


def files(task):
    """Return what a task holds, as a dict: path inside the task -> the file's bytes."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", task],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    there = {path.removeprefix(f"{task}/"): (ROOT / path).read_bytes() for path in listed}
    return {path: content for path, content in there.items() if path != "README.md"}


def before(number):
    """Return the files of the task before; task2 finds those of task1 in `back-end/`."""
    previous = files(f"task{number - 1}")
    if number == 2:
        return {f"back-end/{path}": content for path, content in previous.items()}
    return previous


@pytest.mark.parametrize("number", STEPS)
def test_a_task_changes_what_the_table_says_and_nothing_else(number):
    now, then = files(f"task{number}"), before(number)
    assert set(then) <= set(now), f"gone since the task before: {set(then) - set(now)}"
    changed = {path for path in now if now[path] != then.get(path)}
    assert changed == STEPS[number]


def test_every_task_has_a_readme_that_leads_to_the_next():
    for number in range(6):
        assert f"(../task{number + 1}/README.md)" in (ROOT / f"task{number}/README.md").read_text()
    assert "(../README.md)" in (ROOT / "task6/README.md").read_text()


def test_the_stylesheet_only_grows():
    for number in range(3, 7):
        style = f"{SITE}/style.css"
        assert files(f"task{number}")[style].startswith(files(f"task{number - 1}")[style])

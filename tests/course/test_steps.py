"""Each task is one step from the one before: what it does not change is the same, byte for byte."""

import pytest

from support.commands import ROOT, run
from support.steps import SITE, STEPS, before, files


@pytest.mark.parametrize("number", STEPS)
def test_a_task_changes_what_the_table_says_and_nothing_else(number):
    now, then = files(f"task{number}"), before(number)
    assert set(then) <= set(now), f"gone since the task before: {set(then) - set(now)}"
    changed = {path for path in now if now[path] != then.get(path)}
    assert changed == STEPS[number]


def test_the_stylesheet_only_grows():
    for number in range(3, 7):
        style = f"{SITE}/style.css"
        assert files(f"task{number}")[style].startswith(files(f"task{number - 1}")[style])


def test_carry_takes_a_change_on_to_the_first_task_with_a_version_of_its_own(tmp_path):
    clone = tmp_path / "course"
    run(["git", "clone", "--quiet", str(ROOT), str(clone)])
    for path in ("task1/gunicorn.conf.py", "task1/requirements.txt"):
        with (clone / path).open("a") as file:
            file.write("# changed\n")
    printed = run("script/carry 1", cwd=clone)
    changed = {line for line in printed.splitlines() if "|" not in line and line.startswith("task")}
    own = {6: "gunicorn.conf.py", 3: "requirements.txt"}
    assert changed == {
        f"task{later}/back-end/{path}" for first, path in own.items() for later in range(2, first)
    }

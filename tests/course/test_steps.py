"""Each task is one step from the previous task: all files that it doesn't change are copies."""

import pytest

from support.commands import ROOT, run
from support.steps import SITE, STEPS, files, previous_files


@pytest.mark.parametrize("number", STEPS)
def test_a_task_changes_only_the_files_that_the_table_lists(number):
    now, previous = files(f"task{number}"), previous_files(number)
    missing = set(previous) - set(now)
    assert not missing, (
        f"task{number}: expected all files of the previous task, {missing} are missing"
    )
    changed = {path for path in now if now[path] != previous.get(path)}
    assert changed == STEPS[number], "see STEPS in tests/support/steps.py, and script/carry"


def test_each_stylesheet_begins_with_the_previous_tasks_stylesheet():
    for number in range(3, 7):
        style = f"{SITE}/style.css"
        assert files(f"task{number}")[style].startswith(files(f"task{number - 1}")[style])


def test_carry_copies_a_change_until_a_task_has_its_own_version_of_the_file(tmp_path):
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

"""Each task is one step from the one before: what it does not change is the same, byte for byte."""

import pytest
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

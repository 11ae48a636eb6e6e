"""The commands of every README are run, in order, on a machine that has only a clean checkout.

What a README shows below a command is what the command prints; `...` stands for what varies
(IDs, times, sizes) or is of no interest. A command with nothing below it only has to succeed.
A block after a comment `<!-- not run: why -->` is not run.
"""

import doctest
import re
import subprocess

import pytest
from support import lab
from support.engine import ROOT, run, wait_until

LABS = [f"task{number}/README.md" for number in range(7)]
#: How a program tells a terminal to change its colour or to move the cursor.
COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
DOCUMENTS = [*LABS, "README.md", "CONTRIBUTING.md"]


@pytest.fixture(scope="module")
def checkout(ready):
    """The `Machine` with a clean checkout in `/clone`, and no image but the base images."""
    ready.type("docker images --quiet 'softy-pinko-*' | xargs --no-run-if-empty docker rmi --force")
    ready.check_out("/clone")
    return ready


@pytest.fixture
def clone(checkout):
    """The same with nothing of the course running, before and after."""
    yield checkout
    checkout.type("script/down")


def looks_like(shown, printed):
    """Return whether what a command printed is what the README shows, `...` for anything."""
    checker = doctest.OutputChecker()
    return checker.check_output(shown, printed, doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)


@pytest.mark.parametrize("document", [*LABS, "README.md"])
def test_every_command_prints_what_the_readme_shows(clone, document):
    folder = f"/clone/{document.rpartition('/')[0]}"
    for command, shown, is_run in lab.steps((ROOT / document).read_text()):
        if not is_run:
            continue
        done = clone.type(command, folder=folder, terminal=True)
        printed = COLOUR.sub("", done.stdout.replace("\r", ""))
        assert done.returncode == 0, f"{document}: $ {command}\n{printed}"
        assert not shown or looks_like(shown, printed), (
            f"{document}: $ {command}\nprinted:\n{printed}\nbut the README shows:\n{shown}"
        )
    # A container of --rm is gone a moment after it has stopped.
    wait_until(lambda: clone.running() == [], 5, f"nothing of {document} to be left running")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_somewhere(document):
    path = ROOT / document
    for target in re.findall(r"\]\((?!https?:)([^)#]*)(?:#[^)]*)?\)", path.read_text()):
        assert not target or (path.parent / target).exists(), f"{document} links to {target}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_anchor_is_a_heading(document):
    path = ROOT / document
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]*)\)", path.read_text()):
        headings = re.findall(
            r"^#+ (.*)$", (path.parent / target if target else path).read_text(), re.MULTILINE
        )
        slugs = {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}
        assert anchor in slugs, f"{document} links to #{anchor}"


@pytest.mark.parametrize("document", LABS[1:])
def test_the_difference_it_shows_is_the_real_one(document):
    blocks = re.findall(
        r"^```diff\n--- (\S+)\n\+\+\+ (\S+)\n(.*?)^```",
        (ROOT / document).read_text(),
        re.DOTALL | re.MULTILINE,
    )
    assert blocks, f"{document} shows no difference"
    for before, after, shown in blocks:
        real = subprocess.run(
            ["diff", "--unified=9999", before, after], cwd=ROOT, capture_output=True, text=True
        ).stdout
        assert shown in real, f"{document}: this is not the difference from {before} to {after}"


def test_every_task_leads_to_the_next():
    for number in range(6):
        assert f"(../task{number + 1}/README.md)" in (ROOT / LABS[number]).read_text()
    assert "(../README.md)" in (ROOT / LABS[6]).read_text()


def test_the_readmes_are_under_version_control():
    assert set(DOCUMENTS) <= set(run("git ls-files '*.md'").split())

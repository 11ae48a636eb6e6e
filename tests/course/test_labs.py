"""Each lab's commands print what the lab shows, and its links, messages and differences are right.

The commands run in order on a machine with a clean checkout. In the output that a lab shows, `...`
stands for what varies, such as IDs, times and sizes. On a line of its own, it stands for any
number of lines. A command without output below it only has to succeed. Lines that begin with the
prompt of a shell in a container, such as `nobody@...:/$ tty`, are typed there. A block after a
comment `<!-- not run: why -->` isn't run.
"""

import re
import subprocess

import pytest

from course.mistakes import MISTAKES
from support.commands import ROOT, run
from support.images import build_helper
from support.readme import console_commands, section
from support.waiting import wait_until

pytestmark = pytest.mark.xdist_group("labs")

LABS = [f"task{number}/README.md" for number in range(7)]
#: A control sequence with which a program changes the terminal's colour or moves the cursor.
COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
#: A line that is typed at the prompt of a shell in a container.
AT_A_PROMPT = re.compile(r"^(.+@\S+[$#]) (.+)$", re.MULTILINE)
DOCUMENTS = [
    *LABS,
    *("task6/SWARM.md", "task6/YOUR-APPLICATION.md", "task6/GUARANTEES.md"),
    *("tests/bench/README.md", "tests/grader/README.md"),
    *("README.md", "CONTRIBUTING.md"),
]


@pytest.fixture(scope="module")
def checkout(ready):
    """The `Machine` with a clean checkout in `/clone`, the base images, and a registry's image."""
    ready.type("docker images --quiet 'softy-pinko-*' | xargs --no-run-if-empty docker rmi --force")
    ready.check_out("/clone")
    registry = build_helper("registry")
    ready.load(registry)
    ready.type(f"docker tag {registry} registry:3; docker rmi {registry}")
    return ready


@pytest.fixture
def clone(checkout):
    """The same `Machine`. When the test ends, script/down stops what still runs."""
    yield checkout
    checkout.type("script/down")


def pattern(text):
    """Return a regular expression for a text of a README: `...` stands for anything."""
    return re.escape(text).replace(r"\.\.\.", ".*")


def looks_like(shown, printed):
    """Return whether a command printed what the lab shows.

    shown, printed: texts. Blank lines and the width of white space are ignored.
    """

    def whole(line):
        return r"(.*\n)*?" if line == "..." else r"[ \t]+".join(map(pattern, line.split())) + "\n"

    expected = "".join(whole(line) for line in shown.splitlines() if line.strip())
    lines = "".join(f"{line.strip()}\n" for line in printed.splitlines() if line.strip())
    return bool(re.fullmatch(expected, lines))


@pytest.mark.parametrize("document", [*LABS, "README.md"])
def test_every_command_prints_what_the_page_shows(clone, document):
    folder = f"/clone/{document.rpartition('/')[0]}"
    for command, shown, is_run in console_commands((ROOT / document).read_text()):
        if not is_run:
            continue
        if typed := [(pattern(prompt), line) for prompt, line in AT_A_PROMPT.findall(shown)]:
            done = clone.type_at_prompts(command, typed, folder=folder)
        else:
            done = clone.type(command, folder=folder, terminal=True)
        printed = COLOUR.sub("", done.stdout.replace("\r", ""))
        assert done.returncode == 0, (
            f"{document}: $ {command}\nexpected exit status 0, got {done.returncode}:\n{printed}"
        )
        assert not shown or looks_like(shown, printed), (
            f"{document}: $ {command}\nexpected, as the page shows:\n{shown}\ngot:\n{printed}"
        )
    # Docker removes a container of `docker run --rm` a moment after it has stopped.
    wait_until(
        lambda: clone.running() == [], 5, f"no container or network of {document} to be left"
    )


@pytest.mark.parametrize(("task", "message", "command"), MISTAKES)
def test_a_mistake_prints_the_message_that_the_lab_explains(clone, task, message, command):
    explained = section((ROOT / task / "README.md").read_text(), "Troubleshooting")
    assert f"`{message}`" in explained, f"{task}/README.md: expected `{message}`, got:\n{explained}"
    printed = clone.type(command, folder=f"/clone/{task}").stdout
    clone.type("docker rmi --force softy-pinko:mine")
    assert re.search(re.escape(message).replace("…", ".*"), printed), (
        f"$ {command}\nexpected the message that the lab explains: {message}\ngot:\n{printed}"
    )


def test_a_clone_lacks_a_folder_that_is_a_repository_of_its_own(tmp_path):
    explained = section((ROOT / "task2/README.md").read_text(), "Troubleshooting")
    git = "git -c user.name=me -c user.email=me@example.org"
    made = run(
        "git init --quiet mine/site && cd mine && git init --quiet && "
        "echo Hello >site/index.html && "
        f"(cd site && git add . && {git} commit --quiet --message Site) && "
        f"git add site 2>&1 && {git} commit --quiet --message Mine && git ls-files --stage && "
        "git clone --quiet . ../clone",
        cwd=tmp_path,
    )
    for message in ("warning: adding embedded git repository", "160000"):
        assert f"`{message}`" in explained
        assert message in made
    assert list((tmp_path / "clone/site").iterdir()) == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_points_to_a_file(document):
    path = ROOT / document
    for target in re.findall(r"\]\((?!https?:)([^)#]*)(?:#[^)]*)?\)", path.read_text()):
        assert not target or (path.parent / target).exists(), (
            f"{document}: expected a file at the link's target {target}, got none"
        )


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_anchor_is_the_anchor_of_a_heading(document):
    path = ROOT / document
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]*)\)", path.read_text()):
        headings = re.findall(
            r"^#+ (.*)$", (path.parent / target if target else path).read_text(), re.MULTILINE
        )
        slugs = {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}
        assert anchor in slugs, f"{document}: expected a heading for #{anchor}, got {slugs}"


@pytest.mark.parametrize("document", LABS[1:])
def test_a_lab_shows_the_real_difference_between_two_tasks(document):
    blocks = re.findall(
        r"^```diff\n--- (\S+)\n\+\+\+ (\S+)\n(.*?)^```",
        (ROOT / document).read_text(),
        re.DOTALL | re.MULTILINE,
    )
    assert blocks, f"{document}: expected a ```diff block, got none"
    for before, after, shown in blocks:
        real = subprocess.run(
            ["diff", "--unified=9999", before, after], cwd=ROOT, capture_output=True, text=True
        ).stdout
        assert shown in real, (
            f"{document}: expected a part of this difference:\n{real}\ngot:\n{shown}"
        )


def test_every_lab_links_to_the_next_lab():
    for number in range(6):
        assert f"(../task{number + 1}/README.md)" in (ROOT / LABS[number]).read_text()
    assert "(../README.md)" in (ROOT / LABS[6]).read_text()

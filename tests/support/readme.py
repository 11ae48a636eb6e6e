"""The commands of a lab, and the output that it shows."""

import re
from itertools import takewhile

from support.commands import ROOT

#: A ```console block, and before it perhaps the comment that says why it is not run.
CONSOLE = re.compile(
    r"(<!-- not run: [^\n]+ -->\n)?^```console\n(.*?)^```", re.DOTALL | re.MULTILINE
)


def steps(text):
    """Yield what the blocks of a README show, in order: (command, output shown below, is it run).

    A `$ ` at the start of a line is the shell's prompt. Lines that follow it directly and start
    with `> ` continue the command. The output is "" if the README shows none.
    """
    for not_run, block in CONSOLE.findall(text):
        for step in block.removeprefix("$ ").split("\n$ "):
            first, *lines = step.splitlines()
            more = [*takewhile(lambda line: line.startswith("> "), lines)]
            command = "\n".join([first, *(line.removeprefix("> ") for line in more)])
            yield command, "".join(f"{line}\n" for line in lines[len(more) :]), not not_run


def commands(task, heading=None):
    """Return the commands that a task's lab tells the learner to type, in order.

    The lab is `README.md` and, in task6, `SWARM.md`.
    heading: only those under this heading, such as "Steps" or "Roll out a new version".
    """
    pages = [ROOT / task / name for name in ("README.md", "SWARM.md")]
    text = "\n".join(page.read_text() for page in pages if page.exists())
    if heading:
        text = section(text, heading)
    return [command for command, _, _ in steps(text)]


def section(text, heading):
    """Return what is under a heading, up to the next one of the same level or a higher one.

    A number before the heading, as in `### 5. Roll out a new version`, is ignored.
    """
    level, rest = re.search(
        rf"^(#+) (?:\d+\. )?{re.escape(heading)}\n(.*)", text, re.MULTILINE | re.DOTALL
    ).groups()
    return re.split(rf"^#{{1,{len(level)}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def the_command(task, start):
    """Return the first command of a task's lab that starts with `start`."""
    for command in commands(task):
        if command.startswith(start):
            return command
    raise AssertionError(f"The lab of {task} has no command that starts with '{start}'")

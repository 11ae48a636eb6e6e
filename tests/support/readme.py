"""The commands of a lab, and the output that the lab shows."""

import re
from itertools import takewhile

from support.commands import ROOT

#: A ```console block, and the comment before it, if any, that says why it isn't run.
CONSOLE = re.compile(
    r"(<!-- not run: [^\n]+ -->\n)?^```console\n(.*?)^```", re.DOTALL | re.MULTILINE
)


def console_commands(text):
    """Yield a tuple (command, output, whether it is run) for each command in a page's text.

    A `$ ` at the start of a line is the shell's prompt. The lines below that start with `> `
    continue the command. The output is "" if the page shows none.
    """
    for not_run, block in CONSOLE.findall(text):
        for step in block.removeprefix("$ ").split("\n$ "):
            first, *lines = step.splitlines()
            more = [*takewhile(lambda line: line.startswith("> "), lines)]
            command = "\n".join([first, *(line.removeprefix("> ") for line in more)])
            yield command, "".join(f"{line}\n" for line in lines[len(more) :]), not not_run


def lab_commands(task, heading=None):
    """Return a list of the commands in a task's lab.

    The lab is `README.md` and, in task6, `SWARM.md`.
    heading: return only the commands below this heading, such as "Roll out a new version".
    """
    pages = [ROOT / task / name for name in ("README.md", "SWARM.md")]
    text = "\n".join(page.read_text() for page in pages if page.exists())
    if heading:
        text = section(text, heading)
    return [command for command, _, _ in console_commands(text)]


def section(text, heading):
    """Return the text below a heading, up to the next heading of the same or a higher level.

    heading: without a number that may stand before it, as in `### 5. Roll out a new version`.
    """
    level, rest = re.search(
        rf"^(#+) (?:\d+\. )?{re.escape(heading)}\n(.*)", text, re.MULTILINE | re.DOTALL
    ).groups()
    return re.split(rf"^#{{1,{len(level)}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def lab_command(task, start):
    """Return the first command of a task's lab that starts with the text `start`.

    Raises AssertionError if there is none.
    """
    for command in lab_commands(task):
        if command.startswith(start):
            return command
    raise AssertionError(f"{task}'s lab: expected a command that starts with '{start}', got none")

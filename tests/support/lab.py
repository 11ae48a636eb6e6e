"""The commands of a task's README, and what they start."""

import json
import re
import shlex
import subprocess
from contextlib import contextmanager
from itertools import takewhile

from support.engine import (
    ROOT,
    RUN,
    docker,
    free_port,
    inspect,
    processes,
    run,
    seconds_to_stop,
    wait_until_healthy,
)  # fmt: skip

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


def build(task):
    """Build a task's images with every `docker build` of its README."""
    builds = [command for command in commands(task, "Steps") if command.startswith("docker build ")]
    assert builds, f"{task}/README.md does not say how to build"
    for command in builds:
        run(command, cwd=ROOT / task)


class Containers:
    """What the `docker run` commands of a task's README start.

    names: a container's name in the README -> its name here.
    """

    def __init__(self, task, keep_ports):
        self.task = task
        self.keep_ports = keep_ports
        self.names = {}

    def start(self):
        """Run the README's commands, then wait until all containers are healthy.

        Unless `keep_ports`, the host's side of each published port is a free one
        of 127.0.0.1: a stack that the user has running is not in the way.
        """
        for command in commands(self.task, "Steps"):
            if command.startswith("docker run "):
                self.run(command)
        for name in self.names.values():
            wait_until_healthy(name)

    def run(self, command):
        """Run one of the README's `docker run` commands, made ours."""
        run(self.made_ours(command), cwd=ROOT / self.task)

    def start_again(self, name):
        """Start the container that the README calls `name` once more, after it was stopped."""
        self.run(next(c for c in commands(self.task, "Steps") if f" --name {name} " in c))
        wait_until_healthy(self.names[name])

    def made_ours(self, command):
        """Return the README's command with a name of this run and, if need be, a free port."""
        words = shlex.split(command)
        name = words[words.index("--name") + 1]
        self.names[name] = f"{RUN}-{name}{'-real-ports' if self.keep_ports else ''}"
        words[words.index("--name") + 1] = self.names[name]
        if not self.keep_ports:
            at = words.index("--publish") + 1
            words[at] = f"127.0.0.1:{free_port()}:{words[at].split(':')[-1]}"
        return words

    def url(self, name, port):
        """Return where on this machine the container's port is published, as `http://…`."""
        published = docker("port", self.names[name], str(port)).splitlines()[0]
        return f"http://localhost:{published.rsplit(':', 1)[1]}"

    def remove(self):
        """Remove every container of this run; none is left, however the tests ended."""
        for name in self.names.values():
            subprocess.run(["docker", "rm", "--force", name], capture_output=True, check=False)


@contextmanager
def containers(task, keep_ports=False):
    """Build and start a task of plain `docker` commands; yields `Containers`, removes them after."""
    build(task)
    started = Containers(task, keep_ports)
    try:
        started.start()
        yield started
    finally:
        started.remove()


class Stack:
    """A Compose project of this run: one task's services.

    task: the folder's name. folder: its path, which may be that of a copy.
    url: where its only published port is, as `http://localhost:…`; None if it has several.
    """

    def __init__(self, task, url, env, folder=None):
        self.task = task
        self.folder = folder or ROOT / task
        self.url = url
        self.env = {"COMPOSE_PROJECT_NAME": f"{RUN}-{task}", **env}

    def run(self, command):
        """Run a command of the README in the task's folder, on this project."""
        return run(command, cwd=self.folder, env=self.env)

    def compose(self, *words):
        """Run `docker compose` with these words on this project; returns what it printed."""
        return self.run(["docker", "compose", "--progress", "quiet", *words]).strip()

    def start_again(self, service):
        """Start a service that was stopped, and wait until it is healthy."""
        self.compose("start", service)
        for name in self.containers(service):
            wait_until_healthy(name)

    def containers(self, *services):
        """Return the names of the running containers, of all services or of these."""
        return self.compose("ps", "--format", "{{.Name}}", *services).split()

    def hostnames(self, service):
        """Return the hostnames of a service's running containers, as a set."""
        return {inspect(name)["Config"]["Hostname"] for name in self.containers(service)}

    def published(self):
        """Return all ports that the project publishes on the host, container's port -> host's."""
        ports = {}
        for name in self.containers():
            for port, hosts in inspect(name)["NetworkSettings"]["Ports"].items():
                if hosts:
                    ports[port] = hosts[0]["HostPort"]
        return ports

    def service_url(self, service, port):
        """Return where a service's port is published, as `http://localhost:…`."""
        return f"http://localhost:{self.compose('port', service, str(port)).rsplit(':', 1)[1]}"


@contextmanager
def stack(task, url=None, folder=None, **env):
    """Start a task with the Compose command of its README; yields a `Stack`, takes it down after.

    url: see `Stack`. folder: a copy of the task to start instead. env: variables for Compose, such as PORT.
    """
    started = Stack(task, url, env, folder)
    try:
        started.run(the_command(task, "docker compose up"))
        yield started
    finally:
        started.compose("down", "--timeout", "2", "--volumes", "--remove-orphans")


def configuration(task, file="docker-compose.yml"):
    """Return a file of a task as Compose understands it, as a dict."""
    command = f"docker compose --file {file} config --format json"
    return json.loads(run(command, cwd=ROOT / task))


def assert_hardened(container):
    """Assert that a running container can write to no disk, and has no power but its own."""
    host = inspect(container)["HostConfig"]
    assert host["ReadonlyRootfs"], f"{container} can write to its root file system"
    assert host["CapDrop"] == ["ALL"], f"{container} has capabilities"
    assert not host["CapAdd"], f"{container} is given capabilities"
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert not host["Privileged"]


def assert_all_are_hardened(stack):
    """Assert that a stack has containers, all of them hardened, and none with a process of root's."""
    names = stack.containers()
    assert names, f"nothing of {stack.task} runs"
    for name in names:
        assert_hardened(name)
        assert all(uid != "0" for uid, _ in processes(name)), f"{name} runs as root"


def assert_all_stop_at_once(names, within=2):
    """Stop these containers, and assert that there are some and none takes longer than `within` seconds."""
    assert names, "nothing runs that could be stopped"
    for name in names:
        took = seconds_to_stop(name)
        assert took < within, f"{name} takes {took:.1f} s to stop"


@contextmanager
def proxied(task, folder=None, **env):
    """Start task5 or task6, or a copy of it, with its proxy on a free port; see `stack`."""
    port = free_port()
    url = f"http://localhost:{port}"
    with stack(task, url, folder, PORT=f"127.0.0.1:{port}", **env) as started:
        yield started

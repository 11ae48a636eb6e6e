"""Somebody else's images and containers: built, run and removed again, within bounds.

Whatever is started may use 512 MB, 512 processes and a port of 127.0.0.1, and has a time to
come up. Whatever is built or started has the run's name in its own, and is removed at the end;
the build cache stays, so that the next check is quick.
"""

import os
import re
import subprocess
from contextlib import ExitStack, contextmanager

from support.engine import RUN

MEMORY = "512m"
PROCESSES = 512
#: Seconds that a build may take.
BUILD = 300


def attempt(command, seconds, cwd=None):
    """Run a stranger's command; returns (whether it ended well, all that it printed).

    seconds: what it may take; it is ended then.
    """
    ours = ("COMPOSE_FILE", "COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES", "PORT")
    environment = {key: value for key, value in os.environ.items() if key not in ours}
    try:
        done = subprocess.run(
            command, cwd=cwd, env=environment, timeout=seconds, check=False, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            errors="replace",
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return False, f"it was not done after {seconds} s and was ended"
    return done.returncode == 0, done.stdout


def remove(*words):
    """Run a `docker` command that removes something, which may be gone already."""
    subprocess.run(["docker", *words], capture_output=True, check=False, timeout=120)


def why(output):
    """Return the two lines that tell most of a failed build or start, as one."""
    lines = [re.sub(r"^#\d+ [\d.]+ |^ *> *", "", line).strip() for line in output.splitlines()]
    lines = [line for line in lines if line and not set(line) <= set("-=> ")]
    telling = [
        line
        for line in lines
        if re.search(r"error|not found|^E: |fatal|denied|cannot|no such", line, re.IGNORECASE)
    ]
    chosen = dict.fromkeys([*telling[:1], *(telling[-1:] or lines[-1:])])
    return " … ".join(line[:300] for line in chosen) or "it said nothing"


def build(course, part, tag):
    """Build a part's image and tag it; raises AssertionError with the reason if it cannot be."""
    course.assert_all_is_there(part)
    dockerfile = course.shown(part.dockerfile)
    done, output = attempt(
        ["docker", "build", "--progress", "plain", "--tag", tag,
         "--file", str(part.dockerfile), str(part.context)],
        BUILD,
    )  # fmt: skip
    assert done, f"{dockerfile} was to build, and does not: {why(output)}; look at {dockerfile}"


class Running:
    """The containers of one task.

    parts: role -> the `Part`s that play it. containers: a part's name -> its containers.
    published: a part's name -> {container's port: the host's, as the author wrote it}.
    file: what starts them, as its author calls it: a Compose file, or the task's folder.
    """

    def __init__(self, course, parts, file):
        self.course = course
        self.parts = {}
        for part in parts:
            self.parts.setdefault(part.role(), []).append(part)
        self.containers = {}
        self.published = {}
        self.file = file

    def all(self):
        """Return the names of all containers."""
        return [name for names in self.containers.values() for name in names]

    def the(self, role):
        """Return the name of the part that plays a role; of several, the one that is published."""
        others = {part.name: role for role, parts in self.parts.items() for part in parts}
        assert role in self.parts, (
            f"{self.file} was to start a {role}, and none was found among {', '.join(others)}"
        )
        names = [part.name for part in self.parts[role]]
        return next((name for name in names if self.published.get(name)), names[0])

    def of(self, role):
        """Return the names of the containers that play a role."""
        return [name for part in self.parts.get(role, []) for name in self.containers[part.name]]

    def port(self, role, usual):
        """Return the container's port at which to ask a role: the usual one, if it is published."""
        name = self.the(role)
        ports = self.published[name]
        assert ports, (
            f"{name} was to be published on the host, and {self.file} publishes no port of it"
        )
        return usual if usual in ports else next(iter(ports))

    def written(self, role, usual):
        """Return the URL of a role as its author would write it, `http://localhost:…`."""
        port = self.published[self.the(role)][self.port(role, usual)]
        return "http://localhost" if port == 80 else f"http://localhost:{port}"

    def url(self, role, usual):
        """Return the URL of a role as it is here, `http://127.0.0.1:…`."""
        return f"http://{self.address(self.the(role), self.port(role, usual))}"

    def address(self, name, port):
        """Return where on this machine a part's port is, as `127.0.0.1:…`."""
        said = attempt(["docker", "port", self.containers[name][0], str(port)], 30)[1]
        found = re.search(r"127\.0\.0\.1:\d+", said)
        # A container that has ended publishes nothing; nobody listens on port 9.
        return found.group() if found else "127.0.0.1:9"

    def all_published(self):
        """Return where every published port is: the host's as the author wrote it -> `127.0.0.1:…`."""
        return {
            written: self.address(name, port)
            for name, ports in self.published.items()
            for port, written in ports.items()
        }

    def look(self, role, *suffixes):
        """Return the files of a role that a reader should look at, as their author calls them."""
        files = [p for part in self.parts.get(role, []) for p in part.files()]
        chosen = [self.course.shown(p) for p in files if p.name.endswith(suffixes)]
        return ", ".join(chosen[:3]) or self.file


@contextmanager
def image(course, part):
    """Build a part's image; yields its tag, and removes it after."""
    tag = f"{RUN}-{part.name.lower()}:check"
    tag = re.sub(r"[^a-z0-9:-]+", "-", tag)
    try:
        build(course, part, tag)
        yield tag
    finally:
        remove("rmi", "--force", tag)


@contextmanager
def container(course, part, *ports):
    """Build a part and run it, its ports published on free ones of 127.0.0.1; yields its name."""
    with image(course, part) as tag:
        name = tag.replace(":", "-")
        publish = [word for port in ports for word in ("--publish", f"127.0.0.1::{port}")]
        bounds = ("--memory", MEMORY, "--pids-limit", str(PROCESSES))
        try:
            started, said = attempt(
                ["docker", "run", "--detach", "--name", name, *bounds, *publish, tag], 60
            )
            dockerfile = course.shown(part.dockerfile)
            assert started, f"{dockerfile} builds, and its image does not run: {why(said)}"
            yield name
        finally:
            remove("rm", "--force", "--volumes", name)


@contextmanager
def containers(course, folder, **ports):
    """Build and run what a task without Compose has; yields a `Running`, and removes it after.

    ports: role (with an underscore) -> the port that the assignment gives it.
    """
    parts = course.parts(folder)
    running = Running(course, parts, course.shown(folder))
    if len(parts) == len(ports) == 1:  # whatever it looks like
        running.parts = {role.replace("_", "-"): parts for role in ports}
    chosen = {running.the(role.replace("_", "-")): port for role, port in ports.items()}
    with ExitStack() as stack:
        for part in parts:
            if part.name in chosen:
                port = chosen[part.name]
                running.published[part.name] = {port: port}
                name = stack.enter_context(container(course, part, port))
                running.containers[part.name] = [name]
        yield running


def output_of(container, seconds=60):
    """Return all that a container prints until it ends; raises AssertionError if it does not end."""
    ended, _ = attempt(["docker", "wait", container], seconds)
    assert ended, (
        f"the container was to print its greeting and end, and still runs after {seconds} s"
    )
    return attempt(["docker", "logs", container], 30)[1]


def last_line(container):
    """Return what a container said last: the exception, if there is one, or else its last line."""
    lines = attempt(["docker", "logs", "--tail", "40", container], 30)[1].strip().splitlines()
    exceptions = [line for line in lines if re.match(r"\w+(Error|Exception)\b", line)]
    return (exceptions or lines or ["nothing"])[-1].strip()[:300]

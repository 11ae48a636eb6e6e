"""The images and containers of one task: built, started within bounds, and removed again.

A container may use 512 MB, 512 processes, and ports of 127.0.0.1 only. It is on a network that
it shares with the containers of its task only. All that is started has the run's name.
"""

import re
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

import docker

from grader.builds import build
from grader.course import parts_of_dockerfiles
from grader.engine import (
    MEMORY,
    PROCESSES,
    Engine,
    blame_the_machine,
    clean_up,
    our_command,
    short,
)
from grader.errors import Fault

#: Has `cat`, which the service's own image may lack. task0 builds on it, so it is here.
HELPER = "ubuntu:latest"


@dataclass
class Running:
    """The containers of one task.

    connected: an `Engine` whose run is this task's. course: the `Course`. file: what starts
    them, as its author calls it. parts: role -> the `Part`s that play it. containers: a part's
    name -> its containers' names. published: a part's name -> {the container's port: the host's
    as it is written, None if Docker is to choose one}. network: of a task without Compose.
    """

    connected: Engine
    course: object
    file: str
    parts: dict
    containers: dict = field(default_factory=dict)
    published: dict = field(default_factory=dict)
    network: str | None = None

    def all(self):
        """Return the names of all containers."""
        return [name for names in self.containers.values() for name in names]

    def short(self, name):
        """Return what its author would call a container."""
        return name.removeprefix(f"{self.connected.run}-").removesuffix("-check")

    def the(self, role):
        """Return the name of the part that plays a role; of several, the one that is published."""
        if role not in self.parts:
            others = [part.name for parts in self.parts.values() for part in parts]
            raise Fault(f"{self.file}: expected a {role}, got none among {', '.join(others)}")
        names = [part.name for part in self.parts[role]]
        return next((name for name in names if self.published.get(name)), names[0])

    def of(self, role):
        """Return the names of the containers that play a role."""
        return [name for part in self.parts.get(role, []) for name in self.containers[part.name]]

    def port(self, role, usual):
        """Return the container's port at which to ask a role: the usual one, if it is published."""
        name = self.the(role)
        ports = self.published[name]
        if not ports:
            raise Fault(
                f"{self.file}: expected {name} to be published on the host, got no 'ports:' of it"
            )
        return usual if usual in ports else next(iter(ports))

    def is_random(self, role, usual):
        """Return whether Docker chooses the host's port of a role."""
        return self.published[self.the(role)][self.port(role, usual)] is None

    def written(self, role, usual):
        """Return the URL of a role as its author would type it, `http://localhost:…`."""
        name, port = self.the(role), self.port(role, usual)
        written = self.published[name][port] or int(self.address(name, port).split(":")[1])
        return "http://localhost" if written == 80 else f"http://localhost:{written}"

    def url(self, role, usual):
        """Return the URL of a role as it is here, `http://127.0.0.1:…`."""
        return f"http://{self.address(self.the(role), self.port(role, usual))}"

    def address(self, name, port):
        """Return where on this machine a part's port is, as `127.0.0.1:…`."""
        with our_command():
            published = self.connected.client.containers.get(self.containers[name][0]).ports
        bound = published.get(f"{port}/tcp") or []
        # A container that has ended publishes nothing; nobody listens on port 9.
        return f"127.0.0.1:{bound[0]['HostPort']}" if bound else "127.0.0.1:9"

    def all_published(self):
        """Return where every published port is: the host's as it is written -> `127.0.0.1:…`."""
        found = {}
        for name, ports in self.published.items():
            for port, written in ports.items():
                address = self.address(name, port)
                found[written or int(address.split(":")[1])] = address
        return found

    def look(self, role, *suffixes):
        """Return the files of a role that a reader should look at, as their author calls them."""
        files = [p for part in self.parts.get(role, []) for p in part.files()]
        chosen = [self.course.shown(p) for p in files if p.name.endswith(suffixes)]
        return ", ".join(chosen[:3]) or self.file


@contextmanager
def task_run(connected, folder):
    """Yield the `Engine` for one task, with a name of its own; removes all of it after."""
    name = re.sub(r"[^a-z0-9]+", "", folder.name.lower())
    of_the_task = replace(connected, run=f"{connected.run}-{name}")
    try:
        yield of_the_task
    finally:
        clean_up(of_the_task)


def by_role(parts):
    """Return a dict: role -> the parts that play it."""
    roles = {}
    for part in parts:
        roles.setdefault(part.role(), []).append(part)
    return roles


def tag_of(connected, name):
    """Return the name that the image of a part or service gets."""
    return f"{connected.run}-{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-') or 'image'}:check"


def start_container(connected, part, tag, network=None, ports=()):
    """Start a container of an image with `docker run`'s defaults, within bounds; returns its name."""
    name = tag.replace(":", "-")
    dockerfile = part.course.shown(part.dockerfile)
    try:
        connected.client.containers.run(
            tag, detach=True, name=name, network=network, use_config_proxy=False,
            ports={f"{port}/tcp": ("127.0.0.1", None) for port in ports},
            mem_limit=MEMORY, memswap_limit=MEMORY, pids_limit=PROCESSES,
            log_config=docker.types.LogConfig(type="local"),
        )  # fmt: skip
    except docker.errors.APIError as error:
        blame_the_machine(str(error))
        raise Fault(
            f"{dockerfile} builds, and its image doesn't start: {short(error.explanation)}; "
            f"look at CMD or ENTRYPOINT in {dockerfile}"
        ) from None
    return name


@contextmanager
def images(connected, course, folder, deadlines, **ports):
    """Build and run what a task without Compose has; yields a `Running`.

    ports: role (with an underscore) -> the port that the assignment gives it.
    """
    parts = parts_of_dockerfiles(course, folder)
    running = Running(connected, course, course.shown(folder), by_role(parts))
    only = parts[0].role() if len(parts) == len(ports) == 1 else None
    if len(parts) == len(ports) == 1 and ("back_end" in ports or only != "back-end"):
        running.parts = {role.replace("_", "-"): parts for role in ports}
    with our_command():
        running.network = connected.client.networks.create(f"{connected.run}-network").name
    for role, port in ports.items():
        start_part(running, role.replace("_", "-"), port, deadlines)
    yield running


def start_part(running, role, port, deadlines):
    """Build and start a part of a task without Compose, published on a free port of 127.0.0.1."""
    name = running.the(role)
    part = next(part for part in running.parts[role] if part.name == name)
    course, tag = running.course, tag_of(running.connected, name)
    task = course.path / part.dockerfile.relative_to(course.path).parts[0]
    contexts = list(dict.fromkeys([part.dockerfile.parent, task, course.path]))
    build(running.connected, part, tag, deadlines, contexts=contexts)
    running.published[name] = {port: port}
    started = start_container(running.connected, part, tag, running.network, [port])
    running.containers[name] = [started]


def container(connected, name):
    """Return a container of the SDK with its state of now."""
    with our_command():
        return connected.client.containers.get(name)


def output_of(connected, name, seconds):
    """Return all that a container prints until it ends; raises Fault if it doesn't end."""
    end = time.monotonic() + seconds
    while container(connected, name).status not in ("exited", "dead"):
        if time.monotonic() > end:
            raise Fault(
                f"expected the container to print and end, and it still runs after {seconds:.0f} s"
            )
        time.sleep(0.05)
    return logs(connected, name)


def logs(connected, name, limit=100_000, **options):
    """Return what a container has printed, up to so many bytes."""
    text = b""
    with our_command():
        for piece in connected.client.containers.get(name).logs(
            stream=True, follow=False, **options
        ):
            text += piece
            if len(text) > limit:
                break
    return text[:limit].decode(errors="replace")


def last_line(connected, name):
    """Return what a container said last: the exception, if there is one, or else its last line."""
    lines = logs(connected, name, tail=40).strip().splitlines()
    exceptions = [line for line in lines if re.match(r"\w+(Error|Exception)\b", line)]
    return short((exceptions or lines or ["nothing"])[-1])


def check_that_it_runs(running, name, needed, where):
    """Return whether a container runs; raise Fault if it has ended, or is restarted again and again.

    needed: whether it is asked for something. One that isn't may do its work and end with 0.
    """
    seen = container(running.connected, name)
    state = seen.attrs["State"]
    ended = seen.status in ("exited", "dead") or seen.attrs["RestartCount"] >= 4
    if not ended or (state["ExitCode"] == 0 and not needed):
        return not ended
    memory = " because it needs more than 512 MB of memory" if state.get("OOMKilled") else ""
    raise Fault(
        f"expected {running.short(name)} to keep running, and it ended with status "
        f"{state['ExitCode']}{memory}; its last line is: {last_line(running.connected, name)}; "
        f"look at {where}"
    )


def listens_on(running, name):
    """Return where a container's processes listen, as a set of `address:port`; None if unknown.

    A container of ours looks, in the service's network: its image may have no shell and no `cat`.
    """
    options = {"network_mode": f"container:{name}", "remove": True, "cap_drop": ["ALL"]}
    seen = None
    with suppress(
        docker.errors.APIError, docker.errors.ContainerError, docker.errors.ImageNotFound
    ):
        seen = running.connected.client.containers.run(
            HELPER, ["cat", "/proc/net/tcp", "/proc/net/tcp6"], name=f"{running.connected.run}-look",
            mem_limit=MEMORY, use_config_proxy=False, **options,
        ).decode()  # fmt: skip
    return None if seen is None else sockets(seen)


def sockets(table):
    """Return where processes listen, as a set of `address:port`. table: of /proc/net/tcp."""
    found = set()
    for address, port in re.findall(
        r"^ *\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ 0A", table, re.MULTILINE
    ):
        if address == "0B00007F":  # Docker's own DNS server
            continue
        local = address.endswith(("0100007F", "01000000"))
        found.add(f"{'127.0.0.1' if local else '0.0.0.0'}:{int(port, 16)}")
    return found


def received(running, names):
    """Return how many bytes each container has received from its networks, as a dict."""
    counts = {}
    for name in names:
        with our_command():
            seen = running.connected.client.api.stats(name, stream=False, one_shot=True)
        counts[name] = sum(each["rx_bytes"] for each in (seen.get("networks") or {}).values())
    return counts

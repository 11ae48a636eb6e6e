"""A task whose containers run: their names, roles, ports and URLs."""

import re
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from grader.daemon import Daemon, clean_up
from grader.errors import Fault
from grader.machine_faults import no_fault_of_the_student
from grader.submission import Submission


@dataclass
class RunningTask:
    """The containers of one task.

    daemon: a `Daemon` whose `run_name` is this task's.
    submission: the `Submission` that the task belongs to.
    file: what starts the containers, as its author calls it: a Compose file or a folder.
    parts: role -> the list of `Part`s that have it.
    containers_of: a part's name -> the list of its containers' names.
    published: a part's name -> {container's port: host's port as the author wrote it, or None
    if Docker chooses it}.
    network: the name of the task's network, if there is no Compose file.
    """

    daemon: Daemon
    submission: Submission
    file: str
    parts: dict
    containers_of: dict = field(default_factory=dict)
    published: dict = field(default_factory=dict)
    network: str | None = None

    def all_containers(self):
        """Return the names of all containers."""
        return [name for names in self.containers_of.values() for name in names]

    def short_name(self, container):
        """Return a container's name as its author would write it."""
        return container.removeprefix(f"{self.daemon.run_name}-").removesuffix("-check")

    def part_name(self, role):
        """Return the name of the part with a role. If there are several, a published one."""
        if role not in self.parts:
            others = [part.name for parts in self.parts.values() for part in parts]
            raise Fault(f"{self.file}: expected a {role}, got none among {', '.join(others)}")
        names = [part.name for part in self.parts[role]]
        return next((name for name in names if self.published.get(name)), names[0])

    def containers_with(self, role):
        """Return the names of the containers with a role."""
        parts = self.parts.get(role, [])
        return [name for part in parts for name in self.containers_of[part.name]]

    def port(self, role, usual):
        """Return the container's port of a role: the usual one, if it is published."""
        name = self.part_name(role)
        ports = self.published[name]
        if not ports:
            raise Fault(
                f"{self.file}: expected {name} to be published on the host, got no 'ports:' of it"
            )
        return usual if usual in ports else next(iter(ports))

    def has_random_port(self, role, usual):
        """Return whether Docker chooses the host's port of a role."""
        return self.published[self.part_name(role)][self.port(role, usual)] is None

    def written_url(self, role, usual):
        """Return the URL of a role as its author would type it, `http://localhost:…`."""
        name, port = self.part_name(role), self.port(role, usual)
        written = self.published[name][port] or int(self.address(name, port).split(":")[1])
        return "http://localhost" if written == 80 else f"http://localhost:{written}"

    def real_url(self, role, usual):
        """Return the URL of a role on this machine, `http://127.0.0.1:…`."""
        return f"http://{self.address(self.part_name(role), self.port(role, usual))}"

    def address(self, name, port):
        """Return where a part's port is published on this machine, as `127.0.0.1:…`."""
        with no_fault_of_the_student():
            container = self.daemon.client.containers.get(self.containers_of[name][0])
        bound = container.ports.get(f"{port}/tcp") or []
        # A container that has ended publishes nothing. Nothing listens on port 9.
        return f"127.0.0.1:{bound[0]['HostPort']}" if bound else "127.0.0.1:9"

    def all_published(self):
        """Return a dict: each host port as its author wrote it -> its address, `127.0.0.1:…`."""
        found = {}
        for name, ports in self.published.items():
            for port, written in ports.items():
                address = self.address(name, port)
                found[written or int(address.split(":")[1])] = address
        return found

    def files_to_look_at(self, role, *suffixes):
        """Return up to three files of a role with these suffixes, as text for a sentence."""
        files = [p for part in self.parts.get(role, []) for p in part.files()]
        chosen = [self.submission.shown(p) for p in files if p.name.endswith(suffixes)]
        return ", ".join(chosen[:3]) or self.file


@contextmanager
def task_run(daemon, folder):
    """Yield the `Daemon` of one task, with a run name of its own; removes what it started."""
    name = re.sub(r"[^a-z0-9]+", "", folder.name.lower())
    of_the_task = replace(daemon, run_name=f"{daemon.run_name}-{name}")
    try:
        yield of_the_task
    finally:
        clean_up(of_the_task)


def tag_of(daemon, name):
    """Return the tag for the image of a part or service."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "image"
    return f"{daemon.run_name}-{slug}:check"

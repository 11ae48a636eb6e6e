"""Builds and runs the images of tasks 0 to 3, which have no Compose file.

A container gets at most 512 MB of memory, 512 processes, and ports of 127.0.0.1. Its network is
shared with the other containers of its task only.
"""

from contextlib import contextmanager

import docker

from grader.daemon import MEMORY, PROCESSES, uninterrupted
from grader.errors import Fault
from grader.image_builds import build_image
from grader.machine_faults import blame_the_machine, no_fault_of_the_student, one_line
from grader.parts import by_role, parts_of_dockerfiles
from grader.running_task import RunningTask, tag_of


@contextmanager
def run_one_image(daemon, submission, folder, deadlines):
    """Build and start the image of task 0; yields a `RunningTask`."""
    part, *_ = parts_of_dockerfiles(submission, folder)
    tag = tag_of(daemon, part.name)
    build_image(daemon, part, tag, deadlines)
    running = RunningTask(daemon, submission, submission.shown(folder), by_role([part]))
    create_network(running)
    running.containers_of[part.name] = [start_container(running, part, tag)]
    yield running


@contextmanager
def run_images(daemon, submission, folder, deadlines, **ports):
    """Build and start the images of tasks 1 to 3; yields a `RunningTask`.

    ports: role (with an underscore) -> the port that the assignment gives it.
    """
    parts = parts_of_dockerfiles(submission, folder)
    running = RunningTask(daemon, submission, submission.shown(folder), by_role(parts))
    only = parts[0].role() if len(parts) == len(ports) == 1 else None
    if len(parts) == len(ports) == 1 and ("back_end" in ports or only != "back-end"):
        running.parts = {role.replace("_", "-"): parts for role in ports}
    create_network(running)
    for role, port in ports.items():
        start_part(running, role.replace("_", "-"), port, deadlines)
    yield running


def create_network(running):
    """Create the task's network, so that no other container of this machine shares it."""
    daemon = running.daemon
    with no_fault_of_the_student():
        running.network = daemon.client.networks.create(f"{daemon.run_name}-network").name


def start_part(running, role, port, deadlines):
    """Build and start the part with a role, with its port published on a free one of 127.0.0.1."""
    name = running.part_name(role)
    part = next(part for part in running.parts[role] if part.name == name)
    submission, tag = running.submission, tag_of(running.daemon, name)
    task = submission.path / part.dockerfile.relative_to(submission.path).parts[0]
    contexts = list(dict.fromkeys([part.dockerfile.parent, task, submission.path]))
    build_image(running.daemon, part, tag, deadlines, contexts=contexts)
    running.published[name] = {port: port}
    running.containers_of[name] = [start_container(running, part, tag, [port])]


def start_container(running, part, tag, ports=()):
    """Start a container as `docker run` does, within the grader's limits; returns its name."""
    name = tag.replace(":", "-")
    dockerfile = part.submission.shown(part.dockerfile)
    try:
        with uninterrupted():
            running.daemon.client.containers.run(
                tag, detach=True, name=name, network=running.network, use_config_proxy=False,
                ports={f"{port}/tcp": ("127.0.0.1", None) for port in ports},
                mem_limit=MEMORY, memswap_limit=MEMORY, pids_limit=PROCESSES,
                log_config=docker.types.LogConfig(type="local"),
            )  # fmt: skip
    except docker.errors.APIError as error:
        blame_the_machine(str(error))
        raise Fault(
            f"{dockerfile} builds, and its image doesn't start: {one_line(error.explanation)}; "
            f"look at CMD or ENTRYPOINT in {dockerfile}"
        ) from None
    return name

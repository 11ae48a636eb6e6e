"""Builds and starts tasks 4 to 6 with Docker Compose, within the grader's limits."""

import json
import shutil
from contextlib import contextmanager

import docker

from grader.compose_config import copy_mounts, error_message, limited, understand, written_ports
from grader.container_state import last_line
from grader.daemon import docker_command, uninterrupted
from grader.errors import Fault, MachineFault
from grader.image_builds import build_image, options_of_service
from grader.machine_faults import blame_the_machine, no_fault_of_the_student
from grader.parts import by_role, parts_of_services
from grader.running_task import RunningTask
from grader.submission import compose_files


@contextmanager
def run_compose_project(daemon, submission, folder, deadlines, scale=None):
    """Build and start a task with Compose; yields a `RunningTask`.

    scale: a function that returns how many containers of each service to start; see
    `grader.api_servers.two_api_servers`. Default: as many as the file says.
    """
    configuration = understand(daemon, submission, folder)
    services = configuration["services"]
    parts = parts_of_services(submission, configuration)
    file = submission.shown(compose_files(submission, folder)[0])
    running = RunningTask(daemon, submission, file, by_role(parts.values()))
    running.published = {name: written_ports(services[name]) for name in parts}
    published = [part for part in parts.values() if running.published[part.name]]
    if len(published) == 1:  # whatever its files contain, every request goes through it
        running.parts.setdefault("proxy", published)
    scales = scale(running, services, folder) if scale else {}
    safe, tags = limited(daemon, configuration)
    scratch = daemon.scratch / daemon.run_name
    pulled = []
    try:
        for name, tag in tags.items():
            build_service(daemon, services[name], parts[name], tag, scratch, deadlines)
        for service in safe["services"].values():
            if service["image"] not in tags.values() and pull(daemon, service["image"], file):
                pulled.append(service["image"])
        copy_mounts(safe, scratch)
        up(daemon, safe, scratch, scales, deadlines, file)
        for name in parts:
            found = project_containers(daemon, f"com.docker.compose.service={name}")
            running.containers_of[name] = sorted(each.name for each in found)
        yield running
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        for image in pulled:
            with no_fault_of_the_student():
                daemon.client.images.remove(image, force=True)


def build_service(daemon, service, part, tag, scratch, deadlines):
    """Build the image of a service; see `grader.image_builds`."""
    options = options_of_service(service)
    if inline := service["build"].get("dockerfile_inline"):
        scratch.mkdir(parents=True, exist_ok=True)
        (scratch / "Dockerfile").write_text(inline)
        options.append(f"--file={scratch / 'Dockerfile'}")
    build_image(daemon, part, tag, deadlines, options)


def pull(daemon, image, file):
    """Pull an image unless it is on this machine; returns whether it was pulled."""
    try:
        daemon.client.images.get(image)
        return False
    except docker.errors.ImageNotFound:
        pass
    finished = docker_command(daemon, "pull", "--quiet", image, seconds=600)
    if finished.status == 0:
        return True
    if finished.status is None:
        raise MachineFault(
            f"pulling {image} took longer than 600 s. Check the network, then grade again"
        )
    blame_the_machine(finished.errors)
    raise Fault(
        f"{file} names the image {image}, which can't be pulled: "
        f"{error_message(finished.errors)}; look at {file}"
    )


def up(daemon, configuration, scratch, scales, deadlines, file):
    """Create and start the containers of a configuration of `limited` with Compose."""
    scratch.mkdir(parents=True, exist_ok=True)
    written, no_variables = scratch / "compose.json", scratch / "no.env"
    written.write_text(json.dumps(configuration))
    no_variables.touch()
    scaling = [word for name, count in scales.items() for word in ("--scale", f"{name}={count}")]
    compose = (
        "compose", "--file", written, "--project-directory", scratch, "--env-file", no_variables,
        "--project-name", daemon.run_name, "--progress", "plain",
    )  # fmt: skip
    options = ("--no-build", "--pull", "never", *scaling)
    with uninterrupted():
        finished = docker_command(daemon, *compose, "create", *options, seconds=deadlines.start)
    if finished.status == 0:
        start = ("up", "--detach", *options)
        finished = docker_command(daemon, *compose, *start, seconds=deadlines.start)
    if finished.status == 0:
        return
    blame_the_machine(finished.errors)
    failures = last_lines_of_failed_containers(daemon)
    if finished.status is None:
        raise Fault(
            f"expected 'docker compose up' to start {file} within {deadlines.start:.0f} s, and it "
            f"didn't{failures}; look at {file}"
        )
    reason = error_message(finished.errors).replace(f"{daemon.run_name}-", "")
    raise Fault(f"'docker compose up' doesn't start {file}: {reason}{failures}; look at {file}")


def project_containers(daemon, *labels):
    """Return the containers of this task's Compose project with these labels, as SDK objects."""
    of_the_project = f"com.docker.compose.project={daemon.run_name}"
    with no_fault_of_the_student():
        return daemon.client.containers.list(all=True, filters={"label": [of_the_project, *labels]})


def last_lines_of_failed_containers(daemon):
    """Return the last line of each container that has failed or is unhealthy, as text."""
    text = ""
    for each in project_containers(daemon):
        state = each.attrs["State"]
        health = (state.get("Health") or {}).get("Status")
        failed = state["Status"] in ("exited", "restarting") and state["ExitCode"] != 0
        if failed or health == "unhealthy":
            name = each.name.removeprefix(f"{daemon.run_name}-")
            text += f"; the last line of {name} is: {last_line(daemon, each.name)}"
    return text

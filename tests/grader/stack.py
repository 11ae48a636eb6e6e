"""A stranger's Compose file: checked, then built and started within bounds."""

import json
import re
import shutil
from contextlib import contextmanager
from pathlib import Path

import docker

from grader.allowed import check_as_understood, check_as_written
from grader.builds import build, options_of_service
from grader.course import compose_files, parts_of_services
from grader.engine import (
    MEMORY,
    PROCESSES,
    blame_the_machine,
    docker_command,
    our_command,
    short,
)
from grader.errors import Fault, MachineFault
from grader.rules import MOST_REPLICAS
from grader.running import Running, by_role, last_line, tag_of

#: One line: the Compose command that starts two API servers.
API_SERVERS = "2-api-servers.txt"


def understand(connected, course, folder):
    """Return a task's Compose file as Compose understands it, as a dict; refuses what isn't safe."""
    files = compose_files(course, folder)
    check_as_written(course, folder, files)
    variables = folder / ".env" if (folder / ".env").is_file() else connected.place / "no.env"
    if variables.parent == connected.place:
        variables.touch()
    # Not even DOCKER_HOST: what Compose sees here, the file can use.
    environment = {name: connected.environment[name] for name in ("PATH", "DOCKER_CONFIG")}
    words = [word for file in files for word in ("--file", file)]
    done = docker_command(
        connected, "compose", *words, "--project-directory", folder, "--env-file", variables,
        "config", "--format", "json", seconds=60, environment=environment, cwd=folder,
    )  # fmt: skip
    shown = course.shown(files[0])
    if done.status is None:
        raise MachineFault("'docker compose config' took longer than 60 s. Grade again")
    if done.status != 0:
        if re.search(r"unknown (shorthand )?flag|is not a docker command", done.errors):
            raise MachineFault(
                "'docker compose' is missing. Run script/bootstrap, then grade again"
            )
        raise Fault(f"Compose doesn't understand {shown}: {message(done.errors)}; look at {shown}")
    configuration = json.loads(done.output)
    if not configuration.get("services"):
        raise Fault(f"{shown}: expected services, got none")
    check_as_understood(course, files[0], configuration)
    return configuration


def message(errors):
    """Return what Compose says went wrong: its last line that is no warning."""
    lines = [line.strip() for line in errors.splitlines() if "level=warning" not in line]
    return short(" ".join(list(filter(None, lines))[-1:])) or "it didn't say why"


def bounded(connected, configuration):
    """Return a copy of a configuration that the grader may start, and service -> the tag to build.

    Names are the run's own, ports are free ones of 127.0.0.1, and limits are the grader's.
    What services find by the name of a container they still find by that name.
    """
    safe = json.loads(json.dumps(configuration))
    tags = {name: tag_of(connected, name) for name, s in safe["services"].items() if s.get("build")}
    built = {safe["services"][name].get("image"): tag for name, tag in tags.items()}
    for name, service in safe["services"].items():
        service["image"] = tags.get(name) or built.get(service.get("image"), service.get("image"))
        for key in ("build", "develop", "labels", "label_file", "env_file", "pull_policy"):
            service.pop(key, None)
        for key in ("mem_reservation", "memswap_limit", "pull_refresh_after"):
            service.pop(key, None)
        service.get("deploy", {}).pop("resources", None)
        service.get("deploy", {}).pop("labels", None)
        # Without a value, Compose would take it from the environment.
        variables = service.get("environment") or {}
        service["environment"] = {k: v for k, v in variables.items() if v is not None}
        service["ports"] = [
            {"target": port["target"], "host_ip": "127.0.0.1", "protocol": port["protocol"]}
            for port in service.get("ports") or []
        ]
        service |= {"mem_limit": MEMORY, "pids_limit": PROCESSES, "logging": {"driver": "local"}}
        called = service.pop("container_name", None)
        for network in service.get("networks") or {} if called else ():
            joined = service["networks"][network] or {}
            aliases = [*joined.get("aliases", []), called]
            service["networks"][network] = joined | {"aliases": aliases}
    for kind in ("networks", "volumes"):
        for thing in (safe.get(kind) or {}).values():
            for key in ("name", "labels"):
                (thing or {}).pop(key, None)
    return safe | {"name": connected.run}, tags


def copy_mounts(configuration, place):
    """Replace each mounted path of the course by a copy of it, in place.

    So no container changes the course, or puts a link where another container's mount was checked.
    """
    copies = {}
    for service in configuration["services"].values():
        for volume in service.get("volumes") or []:
            if volume["type"] != "bind":
                continue
            source = Path(volume["source"]).resolve()
            if source not in copies:
                copies[source] = copy = place / str(len(copies)) / (source.name or "mount")
                copy.parent.mkdir(parents=True)
                if source.is_dir():
                    ignored = shutil.ignore_patterns(".git")
                    shutil.copytree(source, copy, symlinks=True, ignore=ignored)
                elif source.is_file():
                    shutil.copy2(source, copy)
                else:
                    copy.mkdir()  # as Docker does
            volume["source"] = str(copies[source])


def two_api_servers(running, services, folder):
    """Return what `--scale` has to say so that there are two API servers, service -> number.

    The Compose file may say it, or `2-api-servers.txt`, or neither yet.
    """
    file = folder / API_SERVERS
    text = running.course.read(file) if file.is_file() else ""
    scales = {name: int(count) for name, count in re.findall(r"--scale[ =]([^\s=]+)=(\d+)", text)}
    shown = running.course.shown(file)
    for name, count in scales.items():
        if name not in services:
            raise Fault(f"{shown} scales {name}, and {running.file} has no such service")
        if count > MOST_REPLICAS:
            raise Fault(
                f"{shown} starts {count} containers of {name}; the grader starts up to {MOST_REPLICAS}"
            )
        if count > 1 and (called := services[name].get("container_name")):
            raise Fault(
                f"{running.file} calls the container of {name} '{called}', so there can be only one, "
                f"and {shown} asks for {count}; remove 'container_name'"
            )
    if scales:
        return scales
    back_ends = [part.name for part in running.parts.get("back-end", [])]
    if len(back_ends) == 1 and replicas(services[back_ends[0]]) < 2:
        if called := services[back_ends[0]].get("container_name"):
            raise Fault(
                f"{running.file} calls the container of {back_ends[0]} '{called}', so there can be "
                "only one; remove 'container_name'"
            )
        return {back_ends[0]: 2}
    return {}


def replicas(service):
    """Return how many containers of a service its Compose file asks for."""
    return int((service.get("deploy") or {}).get("replicas") or service.get("scale") or 1)


def written_ports(service):
    """Return {the container's port: the host's as it is written, None if Docker chooses it}."""
    return {
        port["target"]: int(str(port["published"]).split("-")[0]) if port.get("published") else None
        for port in service.get("ports") or []
        if port.get("protocol", "tcp") == "tcp"
    }


@contextmanager
def stack(connected, course, folder, deadlines, scale=None):
    """Build and start a task with Compose; yields a `Running`.

    scale: a function that says how many containers of a service to start instead of what the
    file says; see `two_api_servers`.
    """
    configuration = understand(connected, course, folder)
    services = configuration["services"]
    parts = parts_of_services(course, configuration)
    file = course.shown(compose_files(course, folder)[0])
    running = Running(connected, course, file, by_role(parts.values()))
    running.published = {name: written_ports(services[name]) for name in parts}
    published = [part for part in parts.values() if running.published[part.name]]
    if len(published) == 1:  # the only way in, whatever it looks like
        running.parts.setdefault("proxy", published)
    scales = scale(running, services, folder) if scale else {}
    safe, tags = bounded(connected, configuration)
    place = connected.place / connected.run
    pulled = []
    try:
        for name, tag in tags.items():
            build_service(connected, services[name], parts[name], tag, place, deadlines)
        for service in safe["services"].values():
            if service["image"] not in tags.values() and pull(connected, service["image"], file):
                pulled.append(service["image"])
        copy_mounts(safe, place)
        up(connected, safe, place, scales, deadlines, file)
        for name in parts:
            label = f"com.docker.compose.service={name}"
            with our_command():
                found = connected.client.containers.list(
                    all=True,
                    filters={"label": [f"com.docker.compose.project={connected.run}", label]},
                )
            running.containers[name] = sorted(each.name for each in found)
        yield running
    finally:
        shutil.rmtree(place, ignore_errors=True)
        for image in pulled:
            with our_command():
                connected.client.images.remove(image, force=True)


def build_service(connected, service, part, tag, place, deadlines):
    """Build the image of a service; see `grader.builds`."""
    options = options_of_service(service)
    if inline := service["build"].get("dockerfile_inline"):
        place.mkdir(parents=True, exist_ok=True)
        (place / "Dockerfile").write_text(inline)
        options.append(f"--file={place / 'Dockerfile'}")
    build(connected, part, tag, deadlines, options)


def pull(connected, image, file):
    """Pull an image unless it is here; returns whether it was pulled."""
    client = connected.client
    try:
        client.images.get(image)
        return False
    except docker.errors.ImageNotFound:
        pass
    done = docker_command(connected, "pull", "--quiet", image, seconds=600)
    if done.status == 0:
        return True
    if done.status is None:
        raise MachineFault(
            f"pulling {image} took longer than 600 s. Check the network, then grade again"
        )
    blame_the_machine(done.errors)
    raise Fault(
        f"{file} names the image {image}, which can't be pulled: {message(done.errors)}; look at {file}"
    )


def up(connected, configuration, place, scales, deadlines, file):
    """Start what `bounded` returned with `docker compose up`."""
    place.mkdir(parents=True, exist_ok=True)
    written, no_variables = place / "compose.json", place / "no.env"
    written.write_text(json.dumps(configuration))
    no_variables.touch()
    scaling = [word for name, count in scales.items() for word in ("--scale", f"{name}={count}")]
    done = docker_command(
        connected, "compose", "--file", written, "--project-directory", place,
        "--env-file", no_variables, "--project-name", connected.run, "--progress", "plain",
        "up", "--detach", "--no-build", "--pull", "never", *scaling, seconds=deadlines.start,
    )  # fmt: skip
    if done.status == 0:
        return
    blame_the_machine(done.errors)
    said = last_words(connected)
    if done.status is None:
        raise Fault(
            f"expected 'docker compose up' to start {file} within {deadlines.start:.0f} s, and it "
            f"didn't{said}; look at {file}"
        )
    reason = message(done.errors).replace(f"{connected.run}-", "")
    raise Fault(f"'docker compose up' doesn't start {file}: {reason}{said}; look at {file}")


def last_words(connected):
    """Return what the containers that have ended or are unhealthy said last, in words."""
    with our_command():
        found = connected.client.containers.list(
            all=True, filters={"label": f"com.docker.compose.project={connected.run}"}
        )
    said = ""
    for each in found:
        state = each.attrs["State"]
        health = (state.get("Health") or {}).get("Status")
        failed = state["Status"] in ("exited", "restarting") and state["ExitCode"] != 0
        if failed or health == "unhealthy":
            name = each.name.removeprefix(f"{connected.run}-")
            said += f"; the last line of {name} is: {last_line(connected, each.name)}"
    return said

"""A student's Compose file: read by Compose, checked, and changed so that it is safe to start."""

import json
import re
import shutil
from pathlib import Path

from grader.allowed import check_as_understood, check_as_written
from grader.daemon import MEMORY, PROCESSES, docker_command
from grader.errors import Fault, MachineFault
from grader.machine_faults import one_line
from grader.running_task import tag_of
from grader.submission import compose_files


def understand(daemon, submission, folder):
    """Return a task's Compose file as `docker compose config` prints it, as a dict.

    Raises Fault if it contains something that isn't allowed.
    """
    files = compose_files(submission, folder)
    check_as_written(submission, folder, files)
    variables = folder / ".env" if (folder / ".env").is_file() else daemon.scratch / "no.env"
    if variables.parent == daemon.scratch:
        variables.touch()
    # Not even DOCKER_HOST: the Compose file can read each variable that Compose sees.
    environment = {name: daemon.environment[name] for name in ("PATH", "DOCKER_CONFIG")}
    words = [word for file in files for word in ("--file", file)]
    finished = docker_command(
        daemon, "compose", *words, "--project-directory", folder, "--env-file", variables,
        "config", "--format", "json", seconds=60, environment=environment, cwd=folder,
    )  # fmt: skip
    shown = submission.shown(files[0])
    if finished.status is None:
        raise MachineFault("'docker compose config' took longer than 60 s. Grade again")
    if finished.status != 0:
        if re.search(r"unknown (shorthand )?flag|is not a docker command", finished.errors):
            raise MachineFault(
                "'docker compose' is missing. Run script/bootstrap, then grade again"
            )
        reason = error_message(finished.errors)
        raise Fault(f"Compose doesn't understand {shown}: {reason}; look at {shown}")
    configuration = json.loads(finished.output)
    if not configuration.get("services"):
        raise Fault(f"{shown}: expected services, got none")
    check_as_understood(submission, files[0], configuration)
    return configuration


def error_message(errors):
    """Return the last line that a `docker` command printed, without warnings."""
    lines = [line.strip() for line in errors.splitlines() if "level=warning" not in line]
    return one_line(" ".join(list(filter(None, lines))[-1:])) or "there was no message"


def limited(daemon, configuration):
    """Return (a copy of a configuration that is safe to start, service -> the tag to build).

    Names are the run's own, ports are free ones of 127.0.0.1, and limits are the grader's.
    A service that was found by its container's name can still be found by that name.
    """
    safe = json.loads(json.dumps(configuration))
    services = safe["services"]
    tags = {name: tag_of(daemon, name) for name, each in services.items() if each.get("build")}
    built = {services[name].get("image"): tag for name, tag in tags.items()}
    for name, service in services.items():
        service["image"] = tags.get(name) or built.get(service.get("image"), service.get("image"))
        limit_service(service)
    for kind in ("networks", "volumes"):
        for definition in (safe.get(kind) or {}).values():
            for key in ("name", "labels"):
                (definition or {}).pop(key, None)
    return safe | {"name": daemon.run_name}, tags


def limit_service(service):
    """Change a service of a configuration so that it is safe to start."""
    for key in ("build", "develop", "labels", "label_file", "env_file", "pull_policy"):
        service.pop(key, None)
    for key in ("mem_reservation", "memswap_limit", "pull_refresh_after"):
        service.pop(key, None)
    service.get("deploy", {}).pop("resources", None)
    service.get("deploy", {}).pop("labels", None)
    # Compose takes a variable without a value from its own environment.
    variables = service.get("environment") or {}
    service["environment"] = {k: v for k, v in variables.items() if v is not None}
    service["ports"] = [
        {"target": port["target"], "host_ip": "127.0.0.1", "protocol": port["protocol"]}
        for port in service.get("ports") or []
    ]
    service |= {"mem_limit": MEMORY, "pids_limit": PROCESSES, "logging": {"driver": "local"}}
    container_name = service.pop("container_name", None)
    for network in service.get("networks") or {} if container_name else ():
        joined = service["networks"][network] or {}
        aliases = [*joined.get("aliases", []), container_name]
        service["networks"][network] = joined | {"aliases": aliases}


def copy_mounts(configuration, folder):
    """Copy each mounted path of the submission to a folder, and mount the copies instead.

    So a container can't change the submission, and can't replace a checked path by a link.
    """
    copies = {}
    for service in configuration["services"].values():
        for volume in service.get("volumes") or []:
            if volume["type"] != "bind":
                continue
            source = Path(volume["source"]).resolve()
            if source not in copies:
                copies[source] = folder / str(len(copies)) / (source.name or "mount")
                copy_path(source, copies[source])
            volume["source"] = str(copies[source])


def copy_path(source, copy):
    """Copy a file or folder. If it doesn't exist, make a folder, as Docker does."""
    copy.parent.mkdir(parents=True)
    if source.is_dir():
        shutil.copytree(source, copy, symlinks=True, ignore=shutil.ignore_patterns(".git"))
    elif source.is_file():
        shutil.copy2(source, copy)
    else:
        copy.mkdir()


def written_ports(service):
    """Return {container's port: host's port as written, or None if Docker chooses it}."""
    return {
        port["target"]: int(str(port["published"]).split("-")[0]) if port.get("published") else None
        for port in service.get("ports") or []
        if port.get("protocol", "tcp") == "tcp"
    }

"""Somebody else's Compose file, started within bounds; see `support.confined`."""

import json
import tempfile
from contextlib import contextmanager
from pathlib import Path

from support.confined import BUILD, MEMORY, PROCESSES, Running, attempt, last_line, remove, why
from support.course import compose_file, parts_of_services
from support.engine import RUN, docker

#: Seconds that everything Compose does after the build may take.
UP_SECONDS = 120

#: What a service may ask of Compose that would give it power over this machine.
POWERS = (
    *("privileged", "devices", "device_cgroup_rules", "cap_add", "gpus", "use_api_socket"),
    *("pid", "ipc", "uts", "cgroup", "userns_mode", "cgroup_parent"),
)


def configuration(course, folder):
    """Return a task's Compose file as Compose understands it, as a dict."""
    file = compose_file(folder)
    assert file, f"{course.shown(folder)} was to have a Compose file, and has none"
    understood, said = attempt(
        ["docker", "compose", "--project-directory", ".", "config", "--format", "json"], 60, folder
    )
    assert understood, f"Compose does not understand {course.shown(file)}: {why(said)}"
    # Warnings stand before the object.
    return json.loads(said[said.index("{\n") :])


def assert_it_stays_in_bounds(course, folder, understood):
    """Assert that no service asks for power over this machine, or for files outside the course."""
    file = course.shown(compose_file(folder))
    for name, service in understood["services"].items():
        asked = [power for power in POWERS if service.get(power)]
        options = service.get("security_opt") or []
        asked += [option for option in options if not option.startswith("no-new-privileges")]
        assert not asked, (
            f"{file} gives {name} power over the host ({', '.join(asked)}), which a check does not allow"
        )
        assert service.get("network_mode") != "host", (
            f"{file} puts {name} on the host's own network, which publishes all its ports at once; "
            "publish the ports it needs with 'ports:'"
        )
        for volume in service.get("volumes") or []:
            assert volume["type"] != "bind" or is_inside(course, volume["source"]), (
                f"{file} mounts {volume['source']} into {name}, which is outside the course"
            )

    for kind in ("secrets", "configs"):
        for name, thing in (understood.get(kind) or {}).items():
            assert "file" not in thing or is_inside(course, thing["file"]), (
                f"{file} reads {thing['file']} as {name}, which is outside the course"
            )
    for name, volume in (understood.get("volumes") or {}).items():
        assert not (volume or {}).get("driver_opts"), (
            f"{file} gives the volume {name} options of its driver, which a check does not allow"
        )


def is_inside(course, path):
    """Return whether a path lies in the course's folder, links followed: they may lead out of it."""
    return Path(path).resolve().is_relative_to(course.path)


def bounded(services, project):
    """Change the services, in place, to what a check may run; returns the images that get built.

    Their names are the check's own, so are their images'; what another service finds by the
    name of a container it finds still.
    """
    built = {}
    for name, service in services.items():
        if service.get("build"):
            service["build"].pop("tags", None)
            tag = f"{project}-{name}:check".lower()
            built[service.get("image", tag)] = tag
    for service in services.values():
        service["image"] = built.get(service.get("image"), service.get("image"))
    for name, service in services.items():
        if service.get("build") and not service["image"]:
            service["image"] = f"{project}-{name}:check".lower()
        service["ports"] = [
            {"target": port["target"], "host_ip": "127.0.0.1", "protocol": port["protocol"]}
            for port in service.get("ports") or []
        ]
        service.get("deploy", {}).pop("resources", None)
        service.pop("mem_reservation", None)
        service.pop("memswap_limit", None)
        service |= {"mem_limit": MEMORY, "pids_limit": PROCESSES}
        called = service.pop("container_name", None)
        for network in service.get("networks") or {} if called else ():
            joined = service["networks"][network] or {}
            service["networks"][network] = joined | {
                "aliases": [*joined.get("aliases", []), called]
            }
    return list(built.values())


@contextmanager
def stack(course, folder, scale=None):
    """Build and start a task with Compose; yields a `Running`, and takes it down after.

    scale: a function that says how many containers of a service to start instead of what the
    file says; see `support.scaling.two_api_servers`.
    """
    understood = configuration(course, folder)
    services = understood["services"]
    file = course.shown(compose_file(folder))
    parts = parts_of_services(understood)
    assert_it_stays_in_bounds(course, folder, understood)
    for part in parts.values():
        if part.context:
            course.assert_all_is_there(part)
    running = Running(course, parts.values(), file)
    for name in parts:
        ports = services[name].get("ports") or []
        # A port without a host's side gets a free one: nobody knows it before.
        running.published[name] = {
            p["target"]: int(str(p.get("published") or p["target"]).split("-")[0]) for p in ports
        }
    published = [part for part in parts.values() if running.published[part.name]]
    if len(published) == 1:  # the only way in, whatever it looks like
        running.parts.setdefault("proxy", published)
    scales = scale(running, services, folder) if scale else {}
    for name, count in scales.items():
        named = services[name].get("container_name")
        assert not named or count < 2, (
            f"{file} calls {name}'s container '{named}', so there can be one only, and not {count}; "
            "take 'container_name' away"
        )
    project = f"{RUN}-{folder.name.lower()}"
    pulled = [
        s["image"] for s in services.values() if not s.get("build") and is_new(s.get("image"))
    ]
    images = bounded(services, project)
    for kind in ("networks", "volumes"):
        for thing in (understood.get(kind) or {}).values():
            if thing and not thing.get("external"):
                thing.pop("name", None)
    with tempfile.TemporaryDirectory() as place:
        bounded_file = Path(place, "compose.json")
        bounded_file.write_text(json.dumps(understood | {"name": project}))
        compose = ("docker", "compose", "--file", str(bounded_file), "--project-directory", str(folder),
                   "--project-name", project)  # fmt: skip
        try:
            built, said = attempt([*compose, "--progress", "plain", "build"], BUILD)
            assert built, f"{file} was to build, and does not: {why(said)}"
            scaling = [
                word for pair in scales.items() for word in ("--scale", "{}={}".format(*pair))
            ]
            up, said = attempt(
                [*compose, "--progress", "plain", "up", "--detach", *scaling], UP_SECONDS
            )
            assert up, (
                f"'docker compose up' was to start {file}, and does not: {why(said)}{last_words(project)}"
            )
            for name in services:
                listed = docker("ps", "--all", "--format", "{{.Names}}",
                                "--filter", f"label=com.docker.compose.project={project}",
                                "--filter", f"label=com.docker.compose.service={name}")  # fmt: skip
                running.containers[name] = sorted(listed.split())
            yield running
        finally:
            remove(*compose[1:], "down", "--timeout", "0", "--volumes", "--remove-orphans")
            if images or pulled:
                remove("rmi", "--force", *images, *pulled)


def is_new(image):
    """Return whether this machine does not have an image yet."""
    return not attempt(["docker", "image", "inspect", image], 30)[0]


def last_words(project):
    """Return what the containers of a project that have ended or are unhealthy said last."""
    said = ""
    for state in ("status=exited", "status=restarting", "health=unhealthy"):
        names = docker(
            "ps",
            "--all",
            "--filter",
            f"name={project}-",
            "--filter",
            state,
            "--format",
            "{{.Names}}",
        )
        for name in names.split():
            said += f"; {name.removeprefix(f'{project}-')} said last: {last_line(name)}"
    return said

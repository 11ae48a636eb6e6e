"""How an author starts two API servers: by the Compose file, by `2-api-servers.txt`, or not yet."""

import re

#: One line, the Compose command that starts two API servers.
FILE = "2-api-servers.txt"


def two_api_servers(running, services, folder):
    """Return what `--scale` has to say so that there are two API servers, service -> number.

    running: a `support.confined.Running`, not started yet. services: those of the Compose file.
    """
    file = folder / FILE
    text = file.read_text(errors="replace") if file.is_file() else ""
    scales = {name: int(count) for name, count in re.findall(r"--scale[ =]([^\s=]+)=(\d+)", text)}
    strangers = sorted(set(scales) - set(services))
    assert not strangers, (
        f"{folder.name}/{FILE} scales {strangers[0]}, and {running.file} has no such service"
    )
    if scales:
        return scales
    back_ends = [part.name for part in running.parts.get("back-end", [])]
    if len(back_ends) == 1 and replicas(services[back_ends[0]]) < 2:
        return {back_ends[0]: 2}
    return {}


def replicas(service):
    """Return how many containers of a service its Compose file asks for."""
    return int((service.get("deploy") or {}).get("replicas") or service.get("scale") or 1)


def assert_ends_with_newline(course, folder):
    """Assert that `2-api-servers.txt`, if there is one, is a line: a newline ends it."""
    file = folder / FILE
    text = file.read_text(errors="replace") if file.is_file() else "\n"
    assert text.endswith("\n"), (
        f"{course.shown(file)} was to be a line, and no newline ends it; a shell's 'read' passes over it"
    )

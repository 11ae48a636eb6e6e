"""How many API servers task 6 starts: the Compose file or `2-api-servers.txt` says it."""

import re

from grader.errors import Fault
from grader.rules import MOST_REPLICAS

#: This file has one line: the Compose command that starts two API servers.
API_SERVERS = "2-api-servers.txt"


def two_api_servers(running, services, folder):
    """Return the values for `--scale`, so that two API servers run: service -> number.

    `2-api-servers.txt` comes first, then the Compose file. Without `--scale`, the back end gets
    two if the file asks for fewer.
    """
    file = folder / API_SERVERS
    text = running.submission.read(file) if file.is_file() else ""
    scales = {name: int(count) for name, count in re.findall(r"--scale[ =]([^\s=]+)=(\d+)", text)}
    shown = running.submission.shown(file)
    for name, count in scales.items():
        if name not in services:
            raise Fault(f"{shown} scales {name}, and {running.file} has no such service")
        if count > MOST_REPLICAS:
            raise Fault(
                f"{shown} starts {count} containers of {name}; the grader starts up to "
                f"{MOST_REPLICAS}"
            )
        if count > 1 and (container_name := services[name].get("container_name")):
            raise Fault(
                f"{running.file} calls the container of {name} '{container_name}', so there can "
                f"be only one, and {shown} asks for {count}; remove 'container_name'"
            )
    if scales:
        return scales
    back_ends = [part.name for part in running.parts.get("back-end", [])]
    if len(back_ends) == 1 and replicas(services[back_ends[0]]) < 2:
        if container_name := services[back_ends[0]].get("container_name"):
            raise Fault(
                f"{running.file} calls the container of {back_ends[0]} '{container_name}', so "
                "there can be only one; remove 'container_name'"
            )
        return {back_ends[0]: 2}
    return {}


def replicas(service):
    """Return how many containers of a service its Compose file asks for."""
    return int((service.get("deploy") or {}).get("replicas") or service.get("scale") or 1)

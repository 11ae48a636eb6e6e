"""Builds an image, and says in a sentence why it couldn't be built.

BuildKit reports what it does as JSON: `docker build --progress rawjson`.
"""

import base64
import json
import re
from pathlib import Path

from grader.engine import blame_the_machine, docker_command, short
from grader.errors import Fault, MachineFault


def build(connected, part, tag, deadlines, options=(), contexts=None):
    """Build a part's image and tag it; raises Fault if the course can't be built.

    options: for `docker build`. contexts: the folders to build it from, one after the other,
    until one has the files that the Dockerfile copies; its own context, if not given.
    """
    course, failure = part.course, None
    file = ["--file", part.dockerfile] if part.dockerfile else []
    shown = course.shown(part.dockerfile) if file else f"'dockerfile_inline' of {part.name}"
    for context in contexts or [part.context]:
        check_paths(course, part, context)
        done = docker_command(
            connected, "build", "--progress", "rawjson", "--provenance=false", "--tag", tag,
            *file, *options, context, seconds=deadlines.build,
        )  # fmt: skip
        if done.status == 0:
            part.context = context
            return
        if done.status is None:
            raise MachineFault(
                f"building {shown} took longer than {deadlines.build:.0f} s. "
                "Grade again with fewer --jobs, or with more time: --deadline build=900"
            )
        reason, lacks = why(done.errors, shown, course.shown(context) or ".")
        failure = failure or reason
        if not lacks:
            break
    raise Fault(failure)


def check_paths(course, part, context):
    """Raise Fault unless a part's build context and Dockerfile are there, inside the course."""
    for path in filter(None, (context, part.dockerfile, context / ".dockerignore")):
        if not course.has(path):
            raise Fault(
                f"{course.shown(path)} is outside the course, or a link that leads out of it"
            )
    if not context.is_dir():
        raise Fault(
            f"{part.name} is built from {course.shown(context)}, and there is no such folder"
        )
    if part.dockerfile and not part.dockerfile.is_file():
        raise Fault(
            f"{part.name} is built with {course.shown(part.dockerfile)}, and there is no such file"
        )


def reports(text):
    """Yield the JSON objects of BuildKit's report, and every other line as a string."""
    for line in text.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            yield line


def why(text, dockerfile, context):
    """Return why a build failed, and whether its context lacks a file; or raise MachineFault.

    text: all that `docker build` wrote to standard error. dockerfile, context: for the sentence.
    """
    step, error, said, lines = None, "", {}, []
    for report in reports(text):
        if not isinstance(report, dict):
            lines.append(report)
            continue
        for vertex in report.get("vertexes") or []:
            if vertex.get("error") and "context canceled" not in vertex["error"]:
                step, error = vertex, vertex["error"]
        for log in report.get("logs") or []:
            data = base64.b64decode(log.get("data") or "").decode(errors="replace")
            said[log["vertex"]] = said.get(log["vertex"], "") + data
    log = said.get(step["digest"], "") if step else ""
    last = next((line for line in reversed(lines) if line.startswith("ERROR")), "")
    blame_the_machine(f"{error}\n{last}\n{log[-20_000:]}")

    if lacking := re.search(r'"/?([^"]+)": not found', error):
        return (
            f"{dockerfile} copies {lacking[1]}, and its build context, {context}, has no such file "
            f"or excludes it; look at {dockerfile}"
        ), True
    if step and (status := re.search(r"exit code: (\d+)", error)):
        command = re.sub(r"^\[.*?\] ", "", step["name"])
        return (
            f"{dockerfile} doesn't build: '{short(command, 120)}' ended with status {status[1]} and "
            f"said: {telling(log)}; look at {dockerfile}"
        ), False
    if not last:
        raise MachineFault(f"'docker build' itself failed: {short(text[-300:])}. Grade again")
    last = re.sub(r"^ERROR: |failed to build: |failed to solve: ", "", last)
    return f"{dockerfile} doesn't build: {short(last)}; look at {dockerfile}", False


def telling(log):
    """Return the one or two lines of a log that say most about a failure."""
    lines = [line.strip() for line in re.split(r"[\r\n]+", log) if line.strip()]
    signs = r"error|not found|^E: |fatal|denied|cannot|no such"
    errors = [line for line in lines if re.search(signs, line, re.IGNORECASE)]
    chosen = dict.fromkeys([*errors[:1], *(errors[-1:] or lines[-1:])])
    return " … ".join(short(line) for line in chosen) or "nothing"


def options_of_service(service):
    """Return the options of `docker build` for a service of a Compose file.

    service: as `docker compose config` returns it. What isn't passed on changes no image.
    """
    build = service["build"]
    options = []
    for name, value in (build.get("args") or {}).items():
        if value is not None:
            options.append(f"--build-arg={name}={value}")
    for name, folder in (build.get("additional_contexts") or {}).items():
        options.append(f"--build-context={name}={Path(folder)}")
    if build.get("target"):
        options.append(f"--target={build['target']}")
    if build.get("network"):
        options.append(f"--network={build['network']}")
    if service.get("platform"):
        options.append(f"--platform={service['platform']}")
    return options

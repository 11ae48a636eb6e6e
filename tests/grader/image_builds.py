"""Builds images, and says why a build failed.

`docker build --progress rawjson` reports each step as JSON.
"""

import base64
import json
import re
from pathlib import Path

from grader.daemon import docker_command
from grader.errors import Fault, MachineFault
from grader.machine_faults import blame_the_machine, one_line


def build_image(daemon, part, tag, deadlines, options=(), contexts=None):
    """Build a part's image and tag it; raises Fault if it can't be built.

    options: more options for `docker build`.
    contexts: folders to try as the build context, in this order, until one has the files that
    the Dockerfile copies. Default: the part's own context.
    """
    submission, first_reason = part.submission, None
    file = ["--file", part.dockerfile] if part.dockerfile else []
    shown = submission.shown(part.dockerfile) if file else f"'dockerfile_inline' of {part.name}"
    for context in contexts or [part.context]:
        check_paths(submission, part, context)
        finished = docker_command(
            daemon, "build", "--progress", "rawjson", "--provenance=false", "--tag", tag,
            *file, *options, context, seconds=deadlines.build,
        )  # fmt: skip
        if finished.status == 0:
            part.context = context
            return
        if finished.status is None:
            raise MachineFault(
                f"building {shown} took longer than {deadlines.build:.0f} s. "
                "Grade again with fewer --jobs, or with more time: --deadline build=900"
            )
        reason, lacks_a_file = why_it_failed(
            finished.errors, shown, submission.shown(context) or "."
        )
        first_reason = first_reason or reason
        if not lacks_a_file:
            break
    raise Fault(first_reason)


def check_paths(submission, part, context):
    """Raise Fault unless a part's build context and Dockerfile exist inside the submission."""
    for path in filter(None, (context, part.dockerfile, context / ".dockerignore")):
        if not submission.has(path):
            raise Fault(
                f"{submission.shown(path)} is outside the submission, or a link that leads outside"
            )
    if not context.is_dir():
        raise Fault(
            f"{part.name} is built from {submission.shown(context)}, and there is no such folder"
        )
    if part.dockerfile and not part.dockerfile.is_file():
        raise Fault(
            f"{part.name} is built with {submission.shown(part.dockerfile)}, and there is no such "
            "file"
        )


def report_lines(text):
    """Yield each JSON object of BuildKit's report as a dict, and each other line as a string."""
    for line in text.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            yield line


def why_it_failed(text, dockerfile, context):
    """Return (why a build failed, whether its context lacks a file), or raise MachineFault.

    text: everything that `docker build` wrote to standard error.
    dockerfile, context: their paths, for the sentence.
    """
    step, error, logs, lines = None, "", {}, []
    for report in report_lines(text):
        if not isinstance(report, dict):
            lines.append(report)
            continue
        for vertex in report.get("vertexes") or []:
            if vertex.get("error") and "context canceled" not in vertex["error"]:
                step, error = vertex, vertex["error"]
        for log in report.get("logs") or []:
            data = base64.b64decode(log.get("data") or "").decode(errors="replace")
            logs[log["vertex"]] = logs.get(log["vertex"], "") + data
    log = logs.get(step["digest"], "") if step else ""
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
            f"{dockerfile} doesn't build: '{one_line(command, 120)}' ended with status "
            f"{status[1]} and printed: {telling_lines(log)}; look at {dockerfile}"
        ), False
    if not last:
        raise MachineFault(f"'docker build' itself failed: {one_line(text[-300:])}. Grade again")
    last = re.sub(r"^ERROR: |failed to build: |failed to solve: ", "", last)
    return f"{dockerfile} doesn't build: {one_line(last)}; look at {dockerfile}", False


def telling_lines(log):
    """Return the one or two lines of a log that say most about a failure, as one line."""
    lines = [line.strip() for line in re.split(r"[\r\n]+", log) if line.strip()]
    signs = r"error|not found|^E: |fatal|denied|cannot|no such"
    errors = [line for line in lines if re.search(signs, line, re.IGNORECASE)]
    chosen = dict.fromkeys([*errors[:1], *(errors[-1:] or lines[-1:])])
    return " … ".join(one_line(line) for line in chosen) or "nothing"


def options_of_service(service):
    """Return the options of `docker build` for a service of a Compose file, as a list.

    service: as `docker compose config` returns it. Settings that don't change the image are
    left out.
    """
    section = service["build"]
    options = []
    for name, value in (section.get("args") or {}).items():
        if value is not None:
            options.append(f"--build-arg={name}={value}")
    for name, folder in (section.get("additional_contexts") or {}).items():
        options.append(f"--build-context={name}={Path(folder)}")
    if section.get("target"):
        options.append(f"--target={section['target']}")
    if section.get("network"):
        options.append(f"--network={section['network']}")
    if service.get("platform"):
        options.append(f"--platform={service['platform']}")
    return options

"""Why a build failed, in a sentence, and whose fault it is: from BuildKit's own reports."""

import base64
import json

import pytest

from grader.builds import options_of_service, why
from grader.engine import blame_the_machine
from grader.errors import MachineFault


def report(step, error, log="", last=None):
    """Return what `docker build --progress rawjson` writes when a step fails."""
    vertex = {"vertexes": [{"digest": "sha256:1", "name": step, "error": error}]}
    logs = {"logs": [{"vertex": "sha256:1", "data": base64.b64encode(log.encode()).decode()}]}
    ending = last or f"ERROR: failed to build: failed to solve: {error}"
    return "\n".join([json.dumps(logs), json.dumps(vertex), "Dockerfile:2", ending])


def test_a_command_that_fails_is_named_with_its_last_words():
    error = 'process "/bin/sh -c nonsense" did not complete successfully: exit code: 127'
    log = "one\ntwo\n/bin/sh: 1: nonsense: not found\n"
    sentence, lacks = why(report("[2/2] RUN nonsense", error, log), "task0/Dockerfile", "task0")
    assert sentence == (
        "task0/Dockerfile doesn't build: 'RUN nonsense' ended with status 127 and said: "
        "/bin/sh: 1: nonsense: not found; look at task0/Dockerfile"
    )
    assert not lacks


def test_a_file_that_is_not_in_the_build_context_is_named():
    error = 'failed to calculate checksum of ref a::b: "/app.ini": not found'
    sentence, lacks = why(report("[2/2] COPY app.ini /", error), "task1/Dockerfile", "task1")
    assert sentence.startswith("task1/Dockerfile copies app.ini, and its build context, task1, has")
    assert lacks


def test_a_dockerfile_that_is_not_understood_is_a_fault():
    text = "ERROR: failed to build: failed to solve: dockerfile parse error on line 1: unknown instruction: FORM"
    sentence, _ = why(text, "task1/Dockerfile", "task1")
    assert "doesn't build: dockerfile parse error on line 1: unknown instruction: FORM" in sentence


@pytest.mark.parametrize(
    ("error", "log", "advice"),
    [
        ('failed to do request: Head "https://registry.example.invalid/v2/": dial tcp: no such host', "", "network"),
        ("unexpected status from HEAD request: 503 Service Unavailable", "", "network"),
        ("toomanyrequests: You have reached your pull rate limit", "", "registry limits"),
        ("write /var/lib/docker/x: no space left on device", "", "disk is full"),
        ("exit code: 100", "E: Failed to fetch http://mirror.example.invalid/x  Temporary failure resolving", "network"),
        ("exit code: 1", "pip._vendor.urllib3.exceptions.NewConnectionError: Failed", "network"),
        ("exit code: 1", "OSError: [Errno 28] No space left on device", "disk is full"),
    ],
)  # fmt: skip
def test_what_the_machine_or_the_network_is_to_blame_for_is_no_fault(error, log, advice):
    with pytest.raises(MachineFault, match=advice):
        why(report("[2/2] RUN x", error, log), "task1/Dockerfile", "task1")


def test_a_command_of_ours_that_fails_is_no_fault():
    with pytest.raises(MachineFault, match="'docker build' itself failed: unknown flag"):
        why("unknown flag: --progress", "task1/Dockerfile", "task1")


def test_an_image_that_is_not_in_its_registry_is_a_fault():
    error = "docker.io/library/ubuntu:nosuch: not found"
    sentence, lacks = why(report("[internal] load metadata", error), "task0/Dockerfile", "task0")
    assert "ubuntu:nosuch: not found" in sentence
    assert not lacks


@pytest.mark.parametrize(
    "text",
    [
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.",
        "Error response from daemon: all predefined address pools have been fully subnetted",
        "Error response from daemon: No such image: redis:latest",
        "fork/exec: resource temporarily unavailable",
    ],
)
def test_a_daemon_that_cannot_serve_is_no_fault(text):
    with pytest.raises(MachineFault, match=r"[Gg]rade again"):
        blame_the_machine(text)


def test_what_a_students_program_says_is_no_sign_of_the_machine():
    blame_the_machine("ModuleNotFoundError: No module named 'flsk'")


def test_only_what_changes_the_image_is_passed_to_the_build():
    service = {
        "platform": "linux/amd64",
        "build": {"context": "/c", "args": {"A": "1", "B": None}, "target": "last", "tags": ["x"],
                  "additional_contexts": {"shared": "/c/shared"}, "network": "none"},
    }  # fmt: skip
    assert options_of_service(service) == [
        *("--build-arg=A=1", "--build-context=shared=/c/shared", "--target=last"),
        *("--network=none", "--platform=linux/amd64"),
    ]

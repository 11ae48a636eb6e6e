"""Why a build failed, and whether the student or the machine is at fault."""

import base64
import json

import pytest

from grader.errors import MachineFault
from grader.image_builds import options_of_service, why_it_failed
from grader.machine_faults import blame_the_machine


def report(step, error, log=""):
    """Return what `docker build --progress rawjson` prints when a step fails."""
    vertex = {"vertexes": [{"digest": "sha256:1", "name": step, "error": error}]}
    logs = {"logs": [{"vertex": "sha256:1", "data": base64.b64encode(log.encode()).decode()}]}
    ending = f"ERROR: failed to build: failed to solve: {error}"
    return "\n".join([json.dumps(logs), json.dumps(vertex), "Dockerfile:2", ending])


def test_a_failed_command_is_named_with_its_output():
    error = 'process "/bin/sh -c nonsense" did not complete successfully: exit code: 127'
    log = "one\ntwo\n/bin/sh: 1: nonsense: not found\n"
    text = report("[2/2] RUN nonsense", error, log)
    sentence, lacks_a_file = why_it_failed(text, "task0/Dockerfile", "task0")
    assert sentence == (
        "task0/Dockerfile doesn't build: 'RUN nonsense' ended with status 127 and printed: "
        "/bin/sh: 1: nonsense: not found; look at task0/Dockerfile"
    )
    assert not lacks_a_file


def test_a_file_that_is_not_in_the_build_context_is_named():
    error = 'failed to calculate checksum of ref a::b: "/app.ini": not found'
    text = report("[2/2] COPY app.ini /", error)
    sentence, lacks_a_file = why_it_failed(text, "task1/Dockerfile", "task1")
    assert sentence.startswith("task1/Dockerfile copies app.ini, and its build context, task1, has")
    assert lacks_a_file


def test_an_invalid_dockerfile_is_a_fault():
    error = "dockerfile parse error on line 1: unknown instruction: FORM"
    text = f"ERROR: failed to build: failed to solve: {error}"
    sentence, _ = why_it_failed(text, "task1/Dockerfile", "task1")
    assert sentence.startswith(f"task1/Dockerfile doesn't build: {error}")


def test_an_image_that_its_registry_does_not_have_is_a_fault():
    error = "docker.io/library/ubuntu:nosuch: not found"
    text = report("[internal] load metadata", error)
    sentence, lacks_a_file = why_it_failed(text, "task0/Dockerfile", "task0")
    assert "ubuntu:nosuch: not found" in sentence
    assert not lacks_a_file


@pytest.mark.parametrize(
    ("error", "log", "advice"),
    [
        (
            'failed to do request: Head "https://registry.example.invalid/v2/": dial tcp: no host',
            "",
            "network",
        ),
        ("unexpected status from HEAD request: 503 Service Unavailable", "", "network"),
        ("toomanyrequests: You have reached your pull rate limit", "", "registry limits"),
        ("write /var/lib/docker/x: no space left on device", "", "disk is full"),
        ("exit code: 100", "E: Failed to fetch http://mirror.example.invalid/x", "network"),
        ("exit code: 100", "Temporary failure resolving 'mirror.example.invalid'", "network"),
        ("exit code: 1", "pip._vendor.urllib3.exceptions.NewConnectionError: Failed", "network"),
        ("exit code: 1", "OSError: [Errno 28] No space left on device", "disk is full"),
    ],
)
def test_a_fault_of_the_machine_or_the_network_in_a_build_is_an_error(error, log, advice):
    with pytest.raises(MachineFault, match=advice):
        why_it_failed(report("[2/2] RUN x", error, log), "task1/Dockerfile", "task1")


def test_a_docker_command_that_fails_is_an_error():
    with pytest.raises(MachineFault, match="'docker build' itself failed: unknown flag"):
        why_it_failed("unknown flag: --progress", "task1/Dockerfile", "task1")


@pytest.mark.parametrize(
    "text",
    [
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.",
        "Error response from daemon: all predefined address pools have been fully subnetted",
        "Error response from daemon: No such image: redis:latest",
        "fork/exec: resource temporarily unavailable",
    ],
)
def test_a_daemon_that_lacks_resources_is_an_error(text):
    with pytest.raises(MachineFault, match=r"[Gg]rade again"):
        blame_the_machine(text)


def test_an_exception_of_the_students_program_does_not_blame_the_machine():
    blame_the_machine("ModuleNotFoundError: No module named 'flsk'")


def test_only_settings_that_change_the_image_are_passed_to_the_build():
    service = {
        "platform": "linux/amd64",
        "build": {
            "context": "/c",
            "args": {"A": "1", "B": None},
            "target": "last",
            "tags": ["x"],
            "additional_contexts": {"shared": "/c/shared"},
            "network": "none",
        },
    }
    assert options_of_service(service) == [
        "--build-arg=A=1",
        "--build-context=shared=/c/shared",
        "--target=last",
        "--network=none",
        "--platform=linux/amd64",
    ]

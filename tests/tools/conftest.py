"""Fixtures of the grader's tests."""

import pytest

from grader.daemon import Daemon, clean_environment
from grader.submission import Submission
from support.copies import write


@pytest.fixture
def one_service(tmp_path):
    """A `Submission` whose task4 has one service, `api`. Beside it is a file `secret`."""
    write("submission/task4/docker-compose.yml", "services:\n  api:\n    image: ubuntu:latest\n")(
        tmp_path
    )
    write("submission/task4/api/Dockerfile", "FROM ubuntu:latest\n")(tmp_path)
    write("secret", "PASSWORD=1\n")(tmp_path)
    return Submission((tmp_path / "submission").resolve())


@pytest.fixture
def no_daemon(tmp_path):
    """A `Daemon` without a client: building or starting something fails with AttributeError."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    environment = clean_environment(scratch) | {"DOCKER_HOST": "tcp://127.0.0.1:9"}
    return Daemon(None, environment, scratch, "softy-pinko-check-none")

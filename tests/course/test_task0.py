"""task0: an image that greets."""

import re

import pytest

from course.by_hand import build_images
from support.commands import ROOT, docker, run
from support.readme import the_command

pytestmark = [pytest.mark.smoke, pytest.mark.xdist_group("docker")]


@pytest.fixture(scope="module", autouse=True)
def image():
    """task0's image, built as its README says."""
    build_images("task0")


def test_running_it_prints_the_greeting_and_nothing_else():
    assert run(the_command("task0", "docker run")) == "Hello, World!\n"


def test_it_is_built_on_the_latest_ubuntu():
    assert "FROM ubuntu:latest" in (ROOT / "task0/Dockerfile").read_text().splitlines()


def can_be_upgraded():
    """Return what apt says it would upgrade in task0's image; "" if nothing."""
    said = docker(
        *("run", "--rm", "--user", "root", "softy-pinko:task0", "sh", "-c"),
        "apt-get update -qq -o APT::Update::Error-Mode=any && apt-get upgrade --simulate",
    )
    return "" if re.search(r"^0 upgraded", said, re.MULTILINE) else said


def test_everything_in_it_is_upgraded():
    missed = can_be_upgraded()
    if missed:  # the image may come from a cache that is days old
        build = the_command("task0", "docker build")
        run(build.replace("build", "build --no-cache", 1), cwd=ROOT / "task0")
        missed = can_be_upgraded()
    assert not missed, missed


def test_it_runs_as_an_ordinary_user():
    assert docker("run", "--rm", "softy-pinko:task0", "id", "-u") != "0"

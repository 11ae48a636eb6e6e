"""task0: an image that prints a greeting."""

import re

import pytest

from course.by_hand import build_images
from support.commands import ROOT, docker, run
from support.images import assert_built_on
from support.readme import lab_command

pytestmark = [pytest.mark.smoke, pytest.mark.xdist_group("docker")]


@pytest.fixture(scope="module", autouse=True)
def image():
    """Build task0's image with the command of its lab."""
    build_images("task0")


def test_a_container_prints_only_the_greeting():
    assert run(lab_command("task0", "docker run")) == "Hello, World!\n"


def test_the_image_is_built_on_ubuntu_latest():
    assert_built_on("ubuntu:latest", "softy-pinko:task0")


def possible_upgrades():
    """Return what apt prints about possible upgrades in task0's image; "" if there are none."""
    printed = docker(
        *("run", "--rm", "--user", "root", "softy-pinko:task0", "sh", "-c"),
        "apt-get update -qq -o APT::Update::Error-Mode=any && apt-get upgrade --simulate",
    )
    return "" if re.search(r"^0 upgraded", printed, re.MULTILINE) else printed


def test_all_packages_in_the_image_are_upgraded():
    missed = possible_upgrades()
    if missed:  # the upgrade's layer may come from a build cache that is days old
        build = lab_command("task0", "docker build")
        run(build.replace("build", "build --no-cache", 1), cwd=ROOT / "task0")
        missed = possible_upgrades()
    assert not missed, f"expected no possible upgrade, got:\n{missed}"


def test_the_container_does_not_run_as_root():
    assert docker("run", "--rm", "softy-pinko:task0", "id", "-u") != "0"

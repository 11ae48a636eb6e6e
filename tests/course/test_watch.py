"""`docker compose watch` in task4, task5 and task6: an edit appears in the browser."""

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import contextmanager

import pytest
from playwright.sync_api import Error

from support.commands import ROOT, RUN
from support.copies import rename_images, swap
from support.ports import assert_ports_are_free, free_port
from support.projects import Project
from support.readme import lab_command
from support.steps import SITE
from support.waiting import wait_until

pytestmark = pytest.mark.xdist_group("ports")


@contextmanager
def watching(project):
    """Run the lab's `docker compose watch` on a `Project`, and stop it at the end."""
    command = lab_command(project.task, "docker compose watch").split()
    with tempfile.TemporaryFile("w+") as log:
        watch = subprocess.Popen(
            command, cwd=project.folder, env={**os.environ, **project.env},
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

        def watches():
            log.seek(0)
            printed = log.read()
            assert watch.poll() is None, f"expected {command} to run, it ended:\n{printed}"
            return "Watch enabled" in printed

        try:
            wait_until(watches, 60, f"{project.task}: 'Watch enabled' in the output")
            yield
        finally:
            watch.send_signal(signal.SIGINT)
            watch.wait(timeout=30)


@pytest.fixture(params=["task4", "task5", "task6"])
def edited(request, tmp_path):
    """A copy of a task, started and watched: a `support.projects.Project`."""
    task = request.param
    if task == "task4":
        assert_ports_are_free(5252, 9000)  # its page uses them
        url, env = "http://localhost:9000", {}
    else:
        port = free_port()
        url, env = f"http://localhost:{port}", {"PORT": f"127.0.0.1:{port}"}
    folder = shutil.copytree(ROOT / task, tmp_path / task)
    rename_images(folder, f"{RUN}-watched")
    project = Project(task, url, env, folder)
    try:
        with watching(project):
            yield project
    finally:
        project.compose("down", "--timeout", "2", "--rmi", "all")


def test_an_edit_appears_in_the_browser(edited, page):
    def shows(where, text):
        try:
            page.goto(edited.url)
            page.locator(where).filter(has_text=text).wait_for(timeout=2000)
            return True
        except Error:  # the container is being replaced
            return False

    wait_until(
        lambda: shows("#dynamic-content", "Hello, World!"), 10, "the page to show the greeting"
    )

    def edit(path, old, new):
        swap(path, old, new)(edited.folder)

    edit(f"{SITE}/index.html", "<h1>Softy Pinko</h1>", "<h1>Softer Pinko</h1>")
    wait_until(lambda: shows("h1", "Softer Pinko"), 15, "the edit of index.html in the browser")
    edit("back-end/api.py", "Hello, World!", "Hello, new World!")
    wait_until(
        lambda: shows("#dynamic-content", "new World"), 15, "the edit of api.py in the browser"
    )

"""Which verdict a task gets."""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import requests
from docker.errors import APIError

from grader import grading
from grader.deadlines import Deadlines
from grader.errors import Fault, MachineFault
from grader.machine_faults import no_fault_of_the_student
from grader.submission import Submission
from support.copies import copy_of_the_course


@pytest.fixture
def verdict_of(tmp_path, monkeypatch):
    """A function that grades task2 with one check, with a daemon that only responds to pings."""
    submission = Submission(copy_of_the_course(tmp_path / "submission", [2]).resolve())

    @contextmanager
    def start_nothing(daemon, submission, folder, deadlines):
        yield None

    @contextmanager
    def remove_nothing(daemon, folder):
        yield daemon

    def grade(check, ping=lambda: True):
        monkeypatch.setitem(grading.START, 2, start_nothing)
        monkeypatch.setitem(grading.CHECKS, 2, (check,))
        monkeypatch.setattr(grading, "task_run", remove_nothing)
        daemon = SimpleNamespace(client=SimpleNamespace(ping=ping))
        return grading.grade_task(daemon, submission, 2, Deadlines())

    return grade


def failing(error):
    """Return a check that raises an exception."""

    def check(running, deadlines, note):
        raise error

    return check


def test_a_task_whose_checks_find_nothing_passes_with_its_notes(verdict_of):
    got = verdict_of(lambda running, deadlines, note: note("all is well"))
    assert (got["verdict"], got["reason"]) == ("passed", "Note: all is well.")


def test_a_task_with_a_fault_fails(verdict_of):
    got = verdict_of(failing(Fault("expected a\x1b[31m, got b")))
    assert (got["verdict"], got["reason"]) == ("failed", "Expected a [31m, got b.")


def test_a_fault_is_an_error_if_the_daemon_does_not_respond(verdict_of):
    def ping():
        raise requests.ConnectionError("('Connection aborted.', FileNotFoundError(2))")

    got = verdict_of(failing(Fault("got no response")), ping)
    assert got["verdict"] == "error"
    assert "Docker Engine doesn't respond. Start it" in got["reason"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MachineFault("the disk is full. Make room"), "The disk is full. Make room."),
        (KeyError("x"), "The grader itself failed in check (test_grader_verdicts.py, line"),
        (OSError("No space left on device"), "The disk is full"),
        (AssertionError("x"), "The grader itself failed"),
    ],
)
def test_a_failure_of_the_machine_or_the_grader_is_an_error(verdict_of, error, words):
    got = verdict_of(failing(error))
    assert got["verdict"] == "error"
    assert got["reason"].startswith(words)


@pytest.mark.parametrize(
    "error", [APIError("500 Server Error"), requests.ReadTimeout("x"), OSError("x")]
)
def test_a_failed_request_to_the_daemon_is_an_error(error):
    with pytest.raises(MachineFault), no_fault_of_the_student():
        raise error

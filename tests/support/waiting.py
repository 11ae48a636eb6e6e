"""Waiting for a condition, with a deadline."""

import time

from support.commands import inspect


def wait_until(condition, deadline, what):
    """Ask `condition()` every 50 ms until it returns something true, and return that.

    deadline: seconds. Raises AssertionError, which says `what` was waited for, when it passes.
    """
    end = time.monotonic() + deadline
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < end, f"waited {deadline} s for this in vain: {what}"
        time.sleep(0.05)


def wait_until_healthy(container, deadline=30):
    """Wait until the container's health check passes; see `wait_until`."""

    def healthy():
        state = inspect(container)["State"]
        assert state["Running"], f"{container} has ended; 'docker logs {container}' says why"
        return state["Health"]["Status"] == "healthy"

    wait_until(healthy, deadline, f"{container} to be healthy")

"""Waiting for a condition, with a deadline."""

import time
from contextlib import closing

from support.commands import api_client


def wait_until(condition, deadline, what):
    """Call `condition()` again and again until it returns a true value, and return that value.

    The pause between two calls is twice as long as a call takes, from 0.05 to 2 seconds:
    `docker` commands that wait should leave the processor to what they wait for.
    deadline: seconds. what: what the condition stands for, such as "the proxy to be healthy".
    Raises AssertionError, with the text `what`, if the deadline passes first.
    """
    end = time.monotonic() + deadline
    while True:
        begin = time.monotonic()
        result = condition()
        took = time.monotonic() - begin
        if result:
            return result
        # If the call was slow, the state may have changed since it looked: call once more.
        assert begin < end, f"waited {deadline} s without success for {what}"
        time.sleep(min(max(0.05, 2 * took), 2))


def wait_until_healthy(container, deadline=30):
    """Wait until a container's health check passes.

    deadline: seconds. Raises AssertionError if the container stops, or when the deadline passes.
    """

    def healthy():
        state = client.inspect_container(container)["State"]
        assert state["Running"], (
            f"{container}: expected it to run, it ended with {state['ExitCode']}. "
            f"See 'docker logs {container}'."
        )
        return state["Health"]["Status"] == "healthy"

    with closing(api_client()) as client:
        what = f"{container} to be healthy; see 'docker inspect {container}'"
        wait_until(healthy, deadline, what)

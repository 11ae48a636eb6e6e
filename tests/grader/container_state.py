"""Facts about a container: whether it runs, its log, its open ports, the bytes it received."""

import re
import time
from contextlib import suppress

import docker
import requests

from grader.daemon import MEMORY, uninterrupted
from grader.errors import Fault
from grader.machine_faults import no_fault_of_the_student, one_line

#: An image that has `cat`. Task 0 builds on it, so it is on this machine.
HELPER = "ubuntu:latest"


def container(daemon, name):
    """Return a container as Docker's SDK describes it now."""
    with no_fault_of_the_student():
        return daemon.client.containers.get(name)


def output_of(daemon, name, seconds):
    """Return everything that a container prints until it ends.

    Raises Fault if it still runs after this number of seconds.
    """
    end = time.monotonic() + seconds
    while container(daemon, name).status not in ("exited", "dead"):
        if time.monotonic() > end:
            raise Fault(
                "expected the container to print a text and end, and it still runs after "
                f"{seconds:.0f} s"
            )
        time.sleep(0.05)
    return log_of(daemon, name)


def log_of(daemon, name, limit=100_000, **options):
    """Return what a container has printed, at most this number of bytes.

    options: of the SDK's `Container.logs`.
    """
    text = b""
    with no_fault_of_the_student():
        for piece in daemon.client.containers.get(name).logs(stream=True, follow=False, **options):
            text += piece
            if len(text) > limit:
                break
    return text[:limit].decode(errors="replace")


def last_line(daemon, name):
    """Return the last exception in a container's log, or the log's last line."""
    lines = log_of(daemon, name, tail=40).strip().splitlines()
    exceptions = [line for line in lines if re.match(r"\w+(Error|Exception)\b", line)]
    return one_line((exceptions or lines or ["nothing"])[-1])


def check_that_it_runs(running, name, needed, where):
    """Return whether a container runs.

    Raises Fault if it failed, if it restarts again and again, or if it ended although it is
    needed. A container that isn't needed may do its work and end with status 0.
    """
    seen = container(running.daemon, name)
    state = seen.attrs["State"]
    # Before each restart, Docker Engine waits: 0.1 s, then twice as long each time. Six restarts
    # take 6.3 s. In this time, another service that this one needs may still start.
    fails_again = seen.status == "restarting" and seen.attrs["RestartCount"] >= 7
    ended = seen.status in ("exited", "dead") or fails_again
    if not ended or (state["ExitCode"] == 0 and not needed):
        return not ended
    memory = " because it needs more than 512 MB of memory" if state.get("OOMKilled") else ""
    raise Fault(
        f"expected {running.short_name(name)} to keep running, and it ended with status "
        f"{state['ExitCode']}{memory}; its last line is: {last_line(running.daemon, name)}; "
        f"look at {where}"
    )


def listens_on(running, name):
    """Return where a container's processes listen, as a set of `address:port`; None if unknown.

    A second container in the same network reads this, because the service's image may have
    neither a shell nor `cat`.
    """
    look = None
    try:
        with uninterrupted():
            look = running.daemon.client.containers.create(
                HELPER, ["cat", "/proc/net/tcp", "/proc/net/tcp6"],
                name=f"{running.daemon.run_name}-look", network_mode=f"container:{name}",
                mem_limit=MEMORY, cap_drop=["ALL"], use_config_proxy=False,
            )  # fmt: skip
        look.start()
        look.wait(timeout=30)
        return sockets(look.logs().decode())
    except (docker.errors.APIError, requests.RequestException):  # the service is restarting, say
        return None
    finally:
        if look:
            with suppress(docker.errors.APIError):
                look.remove(force=True)


def sockets(table):
    """Return where processes listen, as a set of `address:port`. table: of /proc/net/tcp."""
    found = set()
    for address, port in re.findall(
        r"^ *\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ 0A", table, re.MULTILINE
    ):
        if address == "0B00007F":  # Docker's DNS server
            continue
        local = address.endswith(("0100007F", "01000000"))
        found.add(f"{'127.0.0.1' if local else '0.0.0.0'}:{int(port, 16)}")
    return found


def received(running, names):
    """Return how many bytes each container has received from its networks: name -> bytes."""
    counts = {}
    for name in names:
        with no_fault_of_the_student():
            seen = running.daemon.client.api.stats(name, stream=False, one_shot=True)
        counts[name] = sum(each["rx_bytes"] for each in (seen.get("networks") or {}).values())
    return counts

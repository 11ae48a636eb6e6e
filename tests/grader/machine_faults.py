"""Decides whether a failure is the machine's fault, by the error messages of Docker and others."""

import re
from contextlib import contextmanager

import docker
import requests

from grader.errors import MachineFault

NO_DAEMON = "Docker Engine doesn't respond. Start it (script/bootstrap does), then grade again"

#: (regular expressions that match a line of an error message, what to tell the teacher).
SIGNS = (
    (
        (
            "cannot connect to the docker daemon",
            "error during connect",
            "is the docker daemon running",
            "failed to connect to the docker api",
        ),
        NO_DAEMON,
    ),
    (
        ("no space left on device", "disk quota exceeded"),
        "the disk is full. Make room, for example with 'docker system prune', then grade again",
    ),
    (
        ("toomanyrequests", "too many requests", "rate limit"),
        "the registry limits how many images you may pull. Wait an hour, or load the image with "
        "'docker load', then grade again",
    ),
    (
        (
            "failed to do request",
            "dial tcp",
            "tls handshake timeout",
            "i/o timeout",
            "network is unreachable",
            "temporary failure (in name resolution|resolving)",
            "could not resolve",
            "name or service not known",
            "newconnectionerror",
            "nameresolutionerror",
            "failed to establish a new connection",
            "read timed out",
            "failed to fetch",
            "unable to connect to",
            "could not connect to",
            "connection timed out",
            "failed to (copy|authorize)",
            r"unexpected status.*\b5\d\d\b",
            "x509: ",
        ),
        "a registry or another host on the network didn't respond. Check the network, then grade "
        "again",
    ),
    (
        (
            "port is already allocated",
            "driver failed programming",
            "fully subnetted",
            "pool overlaps",
            "no such image",
            # Two builds at once: moby/buildkit#6521 and docker/buildx#3576.
            "snapshot .* does not exist",
            r'image "[^"]+": already exists',
            "cannot allocate memory",
            "too many open files",
            "resource temporarily unavailable",
            "context deadline exceeded",
        ),
        "Docker Engine couldn't provide what the containers need. Grade again, with fewer --jobs",
    ),
)


def blame_the_machine(text):
    """Raise `MachineFault` if a line of an error message shows that the machine is at fault."""
    for signs, advice in SIGNS:
        for line in text.splitlines():
            if re.search("|".join(signs), line, re.IGNORECASE):
                raise MachineFault(f"{advice}. The message was: {one_line(line)}")


@contextmanager
def no_fault_of_the_student():
    """Turn each error of Docker's SDK and of the operating system into `MachineFault`."""
    try:
        yield
    except docker.errors.APIError as error:
        blame_the_machine(str(error))
        raise MachineFault(f"Docker Engine failed: {one_line(error)}. Grade again") from None
    except (docker.errors.DockerException, requests.RequestException) as error:
        raise MachineFault(f"{NO_DAEMON}. The message was: {one_line(error)}") from None
    except OSError as error:
        blame_the_machine(str(error))
        raise MachineFault(f"this machine failed: {one_line(error)}. Grade again") from None


def one_line(error, length=300):
    """Return an error's text in one line, cut to this number of characters."""
    return re.sub(r"\s+", " ", str(error)).strip().rstrip(".")[:length]

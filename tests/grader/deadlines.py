"""How long the grader waits. `script/check --deadline NAME=SECONDS` changes it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Deadlines:
    """All values are in seconds.

    build: for building one image.
    start: for each of `docker compose create` and `docker compose up`, or until task 0's container
    has printed its text and ended.
    response: until a service responds.
    still: how long nothing may change before the grader stops waiting for a response or a page.
    page: until a page shows the API's response.
    """

    build: float = 300
    start: float = 120
    response: float = 60
    still: float = 10
    page: float = 60

"""How many seconds a course gets. A teacher waits minutes; a test passes shorter ones."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Deadlines:
    """build: one image. start: all that `docker compose up` does, or a container that prints
    and ends. response: a service until it responds. still: a service in which nothing changes.
    page: a page until it shows the API's response.
    """

    build: float = 300
    start: float = 120
    response: float = 60
    still: float = 10
    page: float = 60

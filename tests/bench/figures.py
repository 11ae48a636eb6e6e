"""The figures that the benchmark measures, and their targets for task6."""

from statistics import median
from typing import NamedTuple


class Goal(NamedTuple):
    """A target for *ours*, such as "at most half of *usual*".

    sign: "≥" or "≤". factor: the number to compare with, in the figure's unit.
    stack: if given, the factor is multiplied by this stack's figure.
    key: of that figure, if it isn't the same one.
    """

    sign: str
    factor: float
    stack: str | None = None
    key: str | None = None


class Figure(NamedTuple):
    """A row of the table. digits: how many to show after the decimal point."""

    title: str
    unit: str
    digits: int
    goals: tuple[Goal, ...]


REPLICAS = (1, 2, 4, 8)

FIGURES = {
    "hello": Figure("/api/hello", "requests/s", 0, (Goal("≥", 2.5, "usual"),)),
    "hello_p99": Figure("/api/hello, p99", "ms", 0, (Goal("≤", 0.65, "usual"),)),
    "page": Figure("the page", "requests/s", 0, (Goal("≥", 3, "usual"),)),
    "page_bytes": Figure("the page, on the wire", "kB", 1, ()),
    "back-end": Figure("back-end image above its base", "MB", 1, (Goal("≤", 15),)),
    "front-end": Figure("front-end image above its base", "MB", 2, (Goal("≤", 1),)),
    "proxy": Figure("proxy image above its base", "MB", 2, (Goal("≤", 1),)),
    "build": Figure("build, empty cache", "s", 1, (Goal("≤", 0.5, "usual"),)),
    "edit_api": Figure("rebuild after an edit, api.py", "s", 1, (Goal("≤", 2),)),
    "edit_page": Figure("rebuild after an edit, index.html", "s", 1, (Goal("≤", 2),)),
    "edit_proxy": Figure("rebuild after an edit, proxy.conf", "s", 1, (Goal("≤", 2),)),
    "up": Figure("up, until healthy", "s", 1, (Goal("≤", 6),)),
    "down": Figure("down", "s", 1, (Goal("≤", 2),)),
    "memory": Figure("memory of the stack, at rest", "MB", 0, (Goal("≤", 130),)),
    "memory_after": Figure(
        "memory after 100,000 requests", "MB", 0, (Goal("≤", 130), Goal("≤", 1.1, "ours", "memory"))
    ),
    **{
        f"replicas_{count}": Figure(
            f"/api/hello, {count} replica{'s'[: count > 1]}",
            "requests/s per core",
            0,
            (),
        )
        for count in REPLICAS
    },
}


class Samples(dict):
    """The measurements: (key of the figure, stack) -> a list with a number for each round."""

    def add(self, key, stack, number):
        """Add the number of one round."""
        self.setdefault((key, stack), []).append(number)

    def median(self, key, stack):
        """Return the median of all rounds, or None if the figure wasn't measured."""
        numbers = self.get((key, stack))
        return median(numbers) if numbers else None

    def ratio(self, key, stack, other_key=None):
        """Return the median of ours/stack over all rounds, or None if one wasn't measured.

        The machine's speed changes from minute to minute, so each ratio is of one round.
        """
        ours, others = self.get((key, "ours")), self.get((other_key or key, stack))
        if not ours or not others:
            return None
        return median(our / other for our, other in zip(ours, others, strict=True))

    def met(self, key, goal):
        """Return whether *ours* meets a target."""
        value = self.ratio(key, goal.stack, goal.key) if goal.stack else self.median(key, "ours")
        return value >= goal.factor if goal.sign == "≥" else value <= goal.factor

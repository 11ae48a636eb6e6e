"""The table as Markdown, and the measurements as JSON."""

import json
import os
import time

from bench.figures import FIGURES
from support.commands import docker
from support.images import BASE_IMAGES, substitute

STACKS = ("usual", "ours", "limit")

HEAD = ("figure", *STACKS, "ours/usual", "ours/limit", "target", "met")


def number(value, digits):
    """Return a number as text, such as `1,234` or `0.5`, or "" for None."""
    return "" if value is None else f"{value:,.{digits}f}"


def with_spread(samples, key, stack):
    """Return `median (lowest to highest)`, or one number if all rounds are the same."""
    numbers, digits = samples.get((key, stack)), FIGURES[key].digits
    middle = number(samples.median(key, stack), digits)
    if not numbers or len(numbers) == 1 or min(numbers) == max(numbers):
        return middle
    return f"{middle} ({number(min(numbers), digits)} to {number(max(numbers), digits)})"


def in_words(goal):
    """Return a target as text, such as `≥ 3 times usual`."""
    factor = f"{goal.factor:g}"
    of = FIGURES[goal.key].title if goal.key else goal.stack
    return f"{goal.sign} {factor} times {of}" if of else f"{goal.sign} {factor}"


def rows(samples):
    """Yield a tuple of strings for each figure that was measured."""
    for key, figure in FIGURES.items():
        if (key, "ours") not in samples:
            continue
        yield (
            f"{figure.title} ({figure.unit})",
            *(with_spread(samples, key, stack) for stack in STACKS),
            *(number(samples.ratio(key, stack), 2) for stack in ("usual", "limit")),
            ", ".join(map(in_words, figure.goals)),
            ", ".join("yes" if samples.met(key, goal) else "no" for goal in figure.goals),
        )


def table(samples):
    """Return the table as Markdown, with aligned columns for the terminal."""
    lines = [HEAD, *rows(samples)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join("| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines)


def machine():
    """Return facts about this machine, as a dict."""
    return {
        "when": time.strftime("%Y-%m-%d %H:%M:%S%z"),
        "cores": os.cpu_count(),
        "engine": docker("version", "--format", "{{.Server.Version}}"),
        "compose": docker("compose", "version", "--short"),
        "base images": {
            name: f"substitute, {substitute(name)}" if substitute(name) else "official"
            for name in BASE_IMAGES
        },
    }


def machine_in_words():
    """Return the same facts as text."""
    here = machine()
    images = ", ".join(f"{name} ({origin})" for name, origin in here["base images"].items())
    return (
        f"Measured on {here['cores']} cores with Docker Engine {here['engine']}, Compose "
        f"{here['compose']} and the base images {images}. Each cell is the median (lowest to "
        "highest). Ratios compare stacks within one round."
    )


def as_json(samples):
    """Return the numbers of all rounds, the ratios, and whether targets are met, as JSON."""
    figures = {}
    for key, figure in FIGURES.items():
        if (key, "ours") in samples:
            figures[key] = {
                "title": figure.title,
                "unit": figure.unit,
                **{stack: samples.get((key, stack)) for stack in STACKS},
                "ours/usual": samples.ratio(key, "usual"),
                "ours/limit": samples.ratio(key, "limit"),
                "met": {in_words(goal): samples.met(key, goal) for goal in figure.goals},
            }
    return json.dumps({"machine": machine(), "figures": figures}, indent=2, ensure_ascii=False)

"""The table as a picture: an SVG with a light and a dark theme."""

import io

from matplotlib import pyplot

from bench.figures import FIGURES
from bench.report import STACKS, number

#: Placeholder colour: (name, its colour in the light theme, in the dark theme).
THEME = {"#010101": ("ink", "#24171f", "#f6e9f0"), "#020202": ("paper", "#fff7fb", "#1d1519")}
INK, PAPER = THEME
COLOURS = {"usual": "#9b8a93", "ours": "#e0508f", "limit": "#c9a2b6"}

#: The figures in the picture, in reading order.
PANELS = (
    *("hello", "hello_p99", "page", "page_bytes", "back-end", "build"),
    *("edit_api", "up", "down"),
)


def draw(samples):
    """Return an SVG as text, with a panel for each figure."""
    pyplot.switch_backend("svg")  # without a screen
    pyplot.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "softy-pinko"})
    picture, axes = pyplot.subplots(3, 3, figsize=(9, 5.8), facecolor=PAPER)
    for key, panel in zip(PANELS, axes.flat, strict=True):
        draw_panel(panel, key, samples)
    picture.tight_layout(h_pad=2, w_pad=2)
    svg = io.StringIO()
    picture.savefig(svg, metadata={"Date": None})
    pyplot.close(picture)
    return in_both_themes(svg.getvalue())


def draw_panel(panel, key, samples):
    """Draw a bar for each stack: the median, with a line from the lowest to the highest round."""
    figure = FIGURES[key]
    shown = [stack for stack in STACKS if (key, stack) in samples]
    for row, stack in enumerate(shown):
        numbers, middle = samples[key, stack], samples.median(key, stack)
        panel.barh(row, middle, color=COLOURS[stack], height=0.7)
        panel.plot([min(numbers), max(numbers)], [row, row], color=INK, linewidth=1)
        panel.annotate(
            number(middle, figure.digits), (max(numbers), row),
            xytext=(5, 0), textcoords="offset points", va="center", color=INK, size=9,
        )  # fmt: skip
    better = "more" if figure.unit == "requests/s" else "less"
    panel.set_title(
        f"{figure.title}\n{figure.unit}, {better} is better", color=INK, size=9, loc="left"
    )
    panel.set_yticks(range(len(shown)), shown, color=INK, size=9)
    panel.set_ylim(len(STACKS) - 0.5, -0.5)
    panel.set_xlim(0, 1.25 * max(max(samples[key, stack]) for stack in shown))
    panel.set_xticks([])
    panel.set_facecolor("none")
    panel.tick_params(length=0)
    for spine in panel.spines.values():
        spine.set_visible(False)


def in_both_themes(svg):
    """Return the SVG with the colours of the reader's theme."""
    light = dark = ""
    for colour, (name, by_day, by_night) in THEME.items():
        svg = svg.replace(colour, f"var(--{name})")
        light += f"--{name}:{by_day};"
        dark += f"--{name}:{by_night};"
    style = (
        f"<style>:root{{{light}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}"
        "text{font-family:system-ui,sans-serif!important}</style>"
    )
    return svg.replace(" <defs>", f" {style}\n <defs>", 1)

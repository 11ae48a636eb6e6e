"""The entry point of the benchmark: its options, and what it measures in which order."""

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from bench import picture, report
from bench.compared_stacks import SERVICES, compared_stacks
from bench.figures import REPLICAS, Samples
from support.commands import ROOT
from support.images import NGINX, PYTHON, UBUNTU, size_above
from support.steps import SITE

START = time.monotonic()

#: figure: (service, file to edit, line to add). The files exist in *usual* and in *ours*.
EDITS = {
    "edit_api": ("back-end", "back-end/api.py", "# {}\n"),
    "edit_page": ("front-end", f"{SITE}/index.html", "<!-- {} -->\n"),
    "edit_proxy": ("proxy", "proxy/proxy.conf", "# {}\n"),
}


def say(text):
    """Print a line of progress, with the minutes and seconds since the start."""
    minutes, seconds = divmod(int(time.monotonic() - START), 60)
    print(f"[{minutes}:{seconds:02}] {text}", flush=True)


def build_all(three, samples, rounds):
    """Build *usual* and *ours* with an empty cache, and *limit* once; measure the sizes."""
    for turn in range(rounds):
        for name in ("usual", "ours"):
            seconds = three[name].build("--no-cache")
            samples.add("build", name, seconds)
            say(f"build {turn + 1} of {rounds}: {name} {seconds:.1f} s")
    three["limit"].build()
    for name in ("usual", "ours"):
        for service in SERVICES:
            base = {"usual": UBUNTU, "ours": PYTHON}[name] if service == "back-end" else NGINX
            samples.add(service, name, size_above(base, three[name].image(service)))


def race(three, samples, rounds):
    """Start, load and stop the stacks in turn. Only one runs at a time."""
    response_bytes = {}
    for turn in range(rounds):
        for name, stack in three.items():
            up = stack.up()
            stack.warm_up()
            hello = stack.load("/api/hello", 3)
            page = stack.load("/", 2)
            down = stack.down()
            samples.add("up", name, up)
            samples.add("down", name, down)
            samples.add("hello", name, hello["rate"])
            samples.add("hello_p99", name, hello["p99"] / 1000)
            samples.add("page", name, page["rate"])
            samples.add("page_bytes", name, page["bytes"] / page["requests"] / 1000)
            response_bytes[name] = round(hello["bytes"] / hello["requests"])
            say(
                f"round {turn + 1} of {rounds}: {name} up in {up:.1f} s, "
                f"{hello['rate']:,.0f} requests/s for /api/hello, "
                f"{page['rate']:,.0f} for the page, "
                f"down in {down:.1f} s"
            )
    assert response_bytes["ours"] == response_bytes["limit"], (
        f"expected responses of the same size, got {response_bytes} bytes"
    )


def endure(stack, samples, requests):
    """Measure the memory of a stack before and after a number of requests."""
    stack.up()
    stack.load("/api/hello", 1)  # a process allocates memory with its first requests
    samples.add("memory", stack.task, stack.memory())
    done = 0
    while done < requests:
        # The second half is for the page, which is faster.
        path = "/api/hello" if done < requests / 2 else "/"
        done += stack.load(path, 5)["requests"]
        say(f"memory: {done:,} of {requests:,} requests")
    samples.add("memory_after", stack.task, stack.memory())


def scale(stack, samples, rounds):
    """Load a running stack with different numbers of replicas, up and down again."""
    for turn in range(rounds):
        for count in REPLICAS if turn % 2 == 0 else reversed(REPLICAS):
            stack.scale(count)
            stack.warm_up()
            rate = stack.load("/api/hello", 2)["rate"]
            samples.add(f"replicas_{count}", stack.task, rate / os.cpu_count())
            say(f"replicas, sweep {turn + 1} of {rounds}: {count} serve {rate:,.0f} requests/s")
    stack.down()


def edit(three, samples, rounds):
    """Edit files and rebuild their images, in turn."""
    for turn in range(rounds):
        for name in ("usual", "ours"):
            for key, (service, path, line) in EDITS.items():
                with (three[name].folder / path).open("a") as file:
                    file.write(line.format(time.time()))
                samples.add(key, name, three[name].build(service))
        say(f"edits {turn + 1} of {rounds}: rebuilt")


def measure(samples):
    """Measure everything and add it to `samples`; removes everything that it started."""
    with (
        tempfile.TemporaryDirectory(prefix="softy-pinko-bench-") as folder,
        compared_stacks(Path(folder)) as three,
    ):
        build_all(three, samples, rounds=2)
        race(three, samples, rounds=5)
        endure(three["ours"], samples, requests=100_000)
        scale(three["ours"], samples, rounds=2)
        edit(three, samples, rounds=5)


def main():
    """Measure, print the table, and write the files that the options name."""
    parser = argparse.ArgumentParser(
        prog="script/bench",
        description="Compare task6 with the usual solution, and with task6 without Flask.",
        epilog="It takes about 6 minutes. Ctrl-C stops it and removes everything that it started.",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the numbers of each round as JSON"
    )
    parser.add_argument(
        "--svg", type=Path, metavar="FILE", default=ROOT / "tests/output/figures.svg",
        help="where to write the picture; default: %(default)s",
    )  # fmt: skip
    options = parser.parse_args()

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    samples = Samples()
    try:
        measure(samples)
    except KeyboardInterrupt:
        print(
            "\nscript/bench: Stopped. Everything that was started has been removed.",
            file=sys.stderr,
        )
        sys.exit(130)
    say("done")
    print(f"\n{report.machine_in_words()}\n\n{report.table(samples)}\n")
    options.svg.parent.mkdir(parents=True, exist_ok=True)
    options.svg.write_text(picture.draw(samples))
    print(f"Picture: {options.svg}")
    if options.json:
        options.json.write_text(report.as_json(samples) + "\n")
        print(f"All rounds: {options.json}")


if __name__ == "__main__":
    main()

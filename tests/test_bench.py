"""The benchmark: that it can be stopped. What it measures, it prints; nothing here is timed."""

import os
import signal
import subprocess

from support.engine import ROOT, docker, wait_until


def test_ctrl_c_during_the_benchmark_leaves_nothing(tmp_path):
    bench = subprocess.Popen(
        ["script/bench", "--svg", tmp_path / "figures.svg"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    name = f"softy-pinko-bench-{bench.pid}"
    try:
        wait_until(lambda: docker("images", "--quiet", f"{name}*"), 150, "the first image")
    finally:
        os.killpg(bench.pid, signal.SIGINT)
        said, _ = bench.communicate(timeout=90)
    assert "Stopped. Nothing was left behind." in said
    assert bench.returncode == 130
    assert docker("images", "--quiet", f"{name}*") == ""
    for kind in ("container", "network", "volume"):
        ids = docker(kind, "ls", "--quiet", "--filter", f"name={name}")
        assert ids == "", f"a {kind} is left"

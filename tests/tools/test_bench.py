"""The benchmark: that it can be stopped. What it measures, it prints; nothing here is timed."""

import pytest

from support.commands import docker
from tools.interrupt import interrupt


@pytest.mark.timeout(300)
def test_ctrl_c_during_the_benchmark_leaves_nothing(tmp_path):
    status, said = interrupt(
        ["script/bench", "--svg", tmp_path / "figures.svg"],
        "softy-pinko-bench-",
        lambda name: docker("images", "--quiet", f"{name}*"),
        deadline=150,
    )
    assert "Stopped. Nothing was left behind." in said
    assert status == 130

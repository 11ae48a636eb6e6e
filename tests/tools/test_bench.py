"""script/bench: Ctrl-C removes everything that it started. Nothing is measured here."""

import pytest

from support.commands import docker
from tools.interrupt import interrupt

# test_engine.py types script/bench too: the two must not create its environment at the same time.
pytestmark = pytest.mark.xdist_group("machine")


@pytest.mark.timeout(300)
def test_ctrl_c_during_the_benchmark_leaves_nothing(tmp_path):
    status, output = interrupt(
        ["script/bench", "--svg", tmp_path / "figures.svg"],
        "softy-pinko-bench-",
        lambda name: docker("images", "--quiet", f"{name}*"),
        deadline=150,
    )
    assert status == 130
    assert "Stopped. Everything that was started has been removed." in output

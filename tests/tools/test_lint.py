"""What the linters say of everything they can read."""

import os
import sys
from pathlib import Path

from support.commands import run


def test_no_linter_finds_anything():
    beside_pytest = str(Path(sys.executable).parent)
    run("script/lint", env={"PATH": f"{beside_pytest}:{os.environ['PATH']}"})

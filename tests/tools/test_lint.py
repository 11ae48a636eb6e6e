"""script/lint."""

import os
import sys
from pathlib import Path

from support.commands import run


def test_no_linter_finds_anything():
    venv = Path(sys.executable).parent
    run("script/lint", env={"PATH": f"{venv}:{os.environ['PATH']}"})

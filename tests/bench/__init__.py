"""The benchmark behind `script/bench`. README.md in this folder describes it."""

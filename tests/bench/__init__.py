"""The benchmark: task6 beside the same as it is usually done. `script/bench` runs it."""

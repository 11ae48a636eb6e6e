"""The commands in `script/`, and the grader behind `script/check`."""

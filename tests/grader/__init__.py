"""The grader behind `script/check`. README.md in this folder describes it."""

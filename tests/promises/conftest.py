"""Fixtures of the promises' tests."""

import functools

import pytest

from promises.load import Load


@pytest.fixture
def put_load(record_property):
    """A function that makes a `promises.load.Load`; takes what that takes.

    The end of the test run shows the load's report.
    """
    return functools.partial(Load, tell=lambda report: record_property("load", report))

"""Fixtures of the tests in this folder."""

import functools

import pytest

from promises.load import Load


@pytest.fixture
def put_load(record_property):
    """A function that returns a `promises.load.Load` and takes the same arguments.

    pytest prints the load's report at the end of the run.
    """
    return functools.partial(Load, report_to=lambda report: record_property("load", report))

"""The three things that keep a task from passing. Only `Fault` counts against the student."""


class Fault(Exception):
    """The course doesn't do what the assignment asks. The text says what, and where to look."""


class Missing(Exception):
    """The course has no such task."""


class MachineFault(Exception):
    """The grader couldn't find out: the daemon, the disk, the network or the grader failed.

    The text says what failed and what to do about it.
    """

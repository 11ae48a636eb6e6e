"""The reasons why a task doesn't pass. Only `MachineFault` doesn't count against a student."""


class Fault(Exception):
    """The submission doesn't do what the assignment asks. The text says what, and where to look."""


class Missing(Exception):
    """The submission has no such task."""


class MachineFault(Exception):
    """The grader couldn't find out: the daemon, the disk, the network or the grader failed.

    The text says what failed and what to do about it.
    """

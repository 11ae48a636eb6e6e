"""Facts about running containers."""

import time

from support.commands import docker, inspect


def processes(container):
    """Return the container's processes as (user ID, command line) pairs, seen from inside it."""
    # Not `docker top`: that asks the host's `ps`, which a bare machine lacks.
    script = r"""for p in /proc/[0-9]*; do
        [ $p = /proc/$$ ] || echo "$(stat -c %u $p) $(tr '\0' ' ' <$p/cmdline)"; done"""
    lines = docker("exec", container, "sh", "-c", script).splitlines()
    return [tuple(line.split(maxsplit=1)) for line in lines if " " in line.strip()]


def seconds_to_stop(container):
    """Stop a container and return how long that took, in seconds."""
    start = time.monotonic()
    docker("stop", container)
    return time.monotonic() - start


def memory(*containers):
    """Return how much memory each of these containers uses, as a dict: its name -> MiB."""
    shown = docker("stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}", *containers)
    units = {"KiB": 1 / 1024, "MiB": 1, "GiB": 1024}
    numbers = {name: used for name, used, *_ in map(str.split, shown.splitlines())}
    return {name: float(used[:-3]) * units[used[-3:]] for name, used in numbers.items()}


def assert_hardened(container):
    """Assert that a running container can write to no disk, and has no power but its own."""
    host = inspect(container)["HostConfig"]
    assert host["ReadonlyRootfs"], f"{container} can write to its root file system"
    assert host["CapDrop"] == ["ALL"], f"{container} has capabilities"
    assert not host["CapAdd"], f"{container} is given capabilities"
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert not host["Privileged"]


def assert_all_stop_at_once(names, within=2):
    """Stop these containers, and assert that there are some and none takes longer than `within` seconds."""
    assert names, "nothing runs that could be stopped"
    for name in names:
        took = seconds_to_stop(name)
        assert took < within, f"{name} takes {took:.1f} s to stop"

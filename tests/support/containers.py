"""Facts about running containers."""

import time

from support.commands import docker, inspect


def processes(container):
    """Return the processes of a container: a list of pairs (user ID, command line), both texts.

    They are the main process and its descendants. What `docker exec` and health checks start isn't
    listed: until such a command begins, its process is Docker's own, with the user ID 0.
    """
    # `docker top` runs the host's `ps`, which a minimal machine doesn't have.
    script = r"""for p in /proc/[0-9]*; do
        if [ $p = /proc/1 ] || grep -q '^PPid:.[^0]' $p/status
        then echo "$(stat -c %u $p) $(tr '\0' ' ' <$p/cmdline)"; fi; done"""
    lines = docker("exec", container, "sh", "-c", script).splitlines()
    return [tuple(line.split(maxsplit=1)) for line in lines if " " in line.strip()]


def memory(*containers):
    """Return the memory that each of these containers uses: a dict of name -> MiB."""
    shown = docker("stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}", *containers)
    units = {"KiB": 1 / 1024, "MiB": 1, "GiB": 1024}
    numbers = {name: used for name, used, *_ in map(str.split, shown.splitlines())}
    return {name: float(used[:-3]) * units[used[-3:]] for name, used in numbers.items()}


def assert_hardened(container):
    """Assert that a running container has a read-only root file system and no privileges."""
    host = inspect(container)["HostConfig"]
    assert host["ReadonlyRootfs"], f"{container}: expected 'read_only: true', got a writable root"
    assert host["CapDrop"] == ["ALL"], (
        f"{container}: expected 'cap_drop: [ALL]', got {host['CapDrop']}"
    )
    assert not host["CapAdd"], f"{container}: expected no capability, got {host['CapAdd']}"
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert not host["Privileged"]


def assert_each_ends_by_itself(names):
    """Stop containers, and assert that Docker Engine doesn't have to kill one of them.

    `docker stop` sends the image's stop signal, waits ten seconds, then sends SIGKILL (9).
    names: the containers' names, at least one.
    """
    assert names, "expected running containers to stop, got none"
    for name in names:
        container = inspect(name)["Id"]
        docker("stop", name)
        # Docker Engine remembers the signals, also those to a container that is removed.
        sent = ("--filter", f"container={container}", "--filter", "event=kill")
        signals = docker(
            *("events", "--since", "1h", "--until", f"{time.time():.6f}", *sent),
            *("--format", "{{.Actor.Attributes.signal}}"),
        ).split()
        assert signals, f"{name}: expected Docker Engine to send a signal"
        assert "9" not in signals, (
            f"{name}: expected its main process to end on the stop signal, but it was killed"
        )

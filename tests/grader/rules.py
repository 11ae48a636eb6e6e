"""The allow-list: `RULES` contains the allowed keys of a Compose file, and the allowed values.

A rule is a dict, key -> rule, or a function that refuses a value by raising `Fault`. In a
function, `place` is a `grader.refusal.Place`.
"""

import re
from pathlib import Path

from grader.refusal import check, refuse

#: How many containers one service may have.
MOST_REPLICAS = 10

#: The capabilities that each container has by default.
USUAL_CAPABILITIES = {
    *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD"),
    *("NET_BIND_SERVICE", "NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
}

#: Options of a bridge network that don't give it more access.
NETWORK_OPTIONS = (
    r"com\.docker\.network\.bridge\.(inhibit_ipv4|enable_icc|enable_ip_masquerade)=.*",
    r"com\.docker\.network\.bridge\.gateway_mode_ipv[46]=(nat|isolated)",
    r"com\.docker\.network\.driver\.mtu=\d+",
)


def anything(value, place):
    """Allow every value."""


def keys(names):
    """Return the rule that allows these keys with any value."""
    return dict.fromkeys(names.split(), anything)


def one_of(*allowed, why):
    """Return the rule that allows these values and refuses all others."""

    def rule(value, place):
        for item in value if isinstance(value, list) else [value]:
            if not place.raw and item is not None and str(item) not in allowed:
                refuse(place, why, item)

    return rule


def only_names(*allowed, why):
    """Return the rule that allows a map, or a list of `key=value`, with these keys only."""

    def rule(value, place):
        for name in [] if place.raw else value or ():
            if str(name).split("=")[0] not in allowed:
                refuse(place / str(name).split("=")[0], why)

    return rule


def network_options(value, place):
    """Allow the options in `NETWORK_OPTIONS`."""
    for name, setting in {} if place.raw else (value or {}).items():
        if not any(re.fullmatch(option, f"{name}={setting}") for option in NETWORK_OPTIONS):
            refuse(place / name, "isn't an option known to be harmless", setting)


def few(value, place):
    """Refuse a number of containers that is too much for the machine."""
    if not place.raw and int(value or 0) > MOST_REPLICAS:
        refuse(place, f"starts more containers than {MOST_REPLICAS}", value)


def capabilities(value, place):
    """Refuse capabilities that a container doesn't have by default."""
    for name in [] if place.raw else value or []:
        if str(name).upper().removeprefix("CAP_") not in USUAL_CAPABILITIES:
            refuse(place, "gives the container power over the host", name)


def security_options(value, place):
    """Refuse options that switch a protection off."""
    for option in [] if place.raw else value or []:
        if not re.fullmatch(r"no-new-privileges([:=](true|false))?", str(option)):
            refuse(place, "switches off what protects the host from the container", option)


def network_mode(value, place):
    """Allow `none`, and the network of another service in the same file."""
    if not place.raw and value and not re.fullmatch(r"none|service:.+", str(value)):
        why = (
            "puts the container on the host's own network; publish the ports it needs with 'ports:'"
            if value == "host"
            else "joins a network that other containers of the host use"
        )
        refuse(place, why, value)


def sysctls(value, place):
    """Allow the settings of the container's own network."""
    for name in [] if place.raw else value or ():
        if not str(name).startswith("net."):
            refuse(place / name, "changes the kernel of the host")


def inside(value, place):
    """Refuse an absolute path that leads outside the submission."""
    if place.raw or not value:
        return
    for path in value if isinstance(value, list) else [value]:
        is_url = "://" in str(path) or str(path).startswith("git@")
        if is_url or not place.submission.has(Path(path)):
            refuse(place, "is outside the submission, or a link that leads outside", path)


def opened(value, place):
    """Refuse a path outside the submission that `docker compose config` would open.

    A relative path may start from the file's folder or from the project's folder. Neither may
    lead outside.
    """
    for path in value if isinstance(value, list) else [value]:
        text = str(path or "")
        if "$" in text:
            refuse(place, "is a path with a variable in it; write the path itself", text)
        if re.match(r"~|[\w+.-]+://|git@|github\.com/|oci:", text):
            refuse(place, "is outside the submission", text)
        for folder in place.folders:
            if not place.submission.has(folder / text):
                refuse(place, "is outside the submission, or a link that leads outside", text)


def other_compose_file(value, place, project=None):
    """Apply `opened` to another Compose file, and add it to the files to read."""
    for path in value if isinstance(value, list) else [value]:
        opened(path, place)
        found = [folder / str(path) for folder in place.folders if (folder / str(path)).is_file()]
        if place.raw and not found:
            refuse(place, "isn't a file of the submission", path)
        place.opens.extend((file, project) for file in found)


def include(value, place):
    """Apply `other_compose_file` to the files that a file includes."""
    for item in value if isinstance(value, list) else [value]:
        if not isinstance(item, dict):
            other_compose_file(item, place)
            continue
        check(item, keys("path project_directory env_file"), place)
        project = item.get("project_directory")
        opened(project, place / "project_directory")
        opened(item.get("env_file"), place / "env_file")
        other_compose_file(item.get("path"), place / "path", project)


def extends(value, place):
    """Apply `other_compose_file` to the file that a service extends.

    A string names a service of the same file.
    """
    if isinstance(value, dict):
        check(value, keys("service file"), place)
        if value.get("file"):
            other_compose_file(value["file"], place / "file")


def env_file(value, place):
    """Apply `opened` to files with environment variables or labels."""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            check(item, keys("path required format"), place)
        opened(item.get("path") if isinstance(item, dict) else item, place)


def build_section(value, place):
    """Check how an image is built. A string is the build context."""
    section = value if isinstance(value, dict) else {"context": value}
    check(section, BUILD, place)
    if not place.raw and section.get("context"):
        context = section["context"]
        file = Path(context, section.get("dockerfile") or "Dockerfile")
        for path in (file, Path(f"{file}.dockerignore"), Path(context, ".dockerignore")):
            inside(str(path), place / "dockerfile")


def mounts(value, place):
    """Check what is mounted into a container."""
    for item in value or []:
        if place.raw or not isinstance(item, dict):
            continue
        if item.get("type") not in ("bind", "volume", "tmpfs"):
            refuse(place, "mounts something that isn't part of the submission", item.get("type"))
        check(item, VOLUME_MOUNT, place)
        if item["type"] == "bind":
            inside(item.get("source"), place)


BUILD = {
    **keys(
        "dockerfile dockerfile_inline args labels cache_from no_cache pull target shm_size tags"
    ),
    **keys("ulimits platforms provenance sbom"),
    "context": inside,
    "additional_contexts": lambda value, place: inside(
        [] if place.raw else [str(path) for path in (value or {}).values()], place
    ),
    "network": one_of("default", "none", why="builds on a network of the host"),
}

VOLUME_MOUNT = {
    **keys("type source target read_only consistency"),
    "bind": {
        **keys("create_host_path recursive selinux"),
        "propagation": one_of("private", "rprivate", why="passes mounts on to the host"),
    },
    "volume": keys("nocopy subpath labels"),
    "tmpfs": keys("size mode"),
}

DEPLOY = {
    **keys("mode endpoint_mode labels placement"),
    "replicas": few,
    "rollback_config": keys("parallelism delay failure_action monitor max_failure_ratio order"),
    "update_config": keys("parallelism delay failure_action monitor max_failure_ratio order"),
    "restart_policy": keys("condition delay max_attempts window"),
    "resources": {"limits": keys("cpus memory pids"), "reservations": keys("cpus memory")},
}

LOGGING = {
    "driver": one_of("json-file", "local", "none", why="sends the output to another program"),
    "options": only_names(
        *("max-size", "max-file", "compress", "mode", "max-buffer-size", "tag"),
        *("labels", "labels-regex", "env", "env-regex"),
        why="isn't an option of the drivers json-file and local",
    ),
}

SERVICE = {
    **keys("attach cap_drop command container_name depends_on develop dns dns_opt dns_search"),
    **keys("cpu_count cpu_percent cpu_period cpu_quota cpu_shares cpus cpuset domainname"),
    **keys("entrypoint environment expose extra_hosts group_add hostname image init labels links"),
    **keys("mac_address mem_limit mem_reservation mem_swappiness memswap_limit pids_limit"),
    **keys("platform profiles pull_policy pull_refresh_after read_only restart shm_size"),
    **keys("stdin_open stop_grace_period stop_signal tmpfs tty user working_dir"),
    "build": build_section,
    "cap_add": capabilities,
    "configs": keys("source target uid gid mode"),
    "deploy": DEPLOY,
    "env_file": env_file,
    "extends": extends,
    "healthcheck": keys("disable test interval timeout retries start_period start_interval"),
    "label_file": env_file,
    "logging": LOGGING,
    "network_mode": network_mode,
    "networks": {"*": keys("aliases priority gw_priority interface_name mac_address")},
    "ports": keys("name mode host_ip target published protocol app_protocol"),
    "scale": few,
    "secrets": keys("source target uid gid mode"),
    "security_opt": security_options,
    "sysctls": sysctls,
    "ulimits": only_names(
        *("core", "memlock", "nofile", "nproc", "stack"), why="isn't a limit known to be harmless"
    ),
    "volumes": mounts,
}

NETWORK = {
    **keys("name attachable enable_ipv4 enable_ipv6 internal labels"),
    "driver": one_of(
        "bridge", "default", why="isn't the kind of network that Docker uses on one machine"
    ),
    "ipam": {"driver": one_of("default", why="lets another program choose the addresses")},
    "driver_opts": network_options,
}

RULES = {
    **keys("name version"),
    "include": include,
    "services": {"*": SERVICE},
    "networks": {"*": NETWORK},
    "volumes": {
        "*": {
            **keys("name labels"),
            "driver": one_of("local", why="stores files outside of Docker"),
        }
    },
    "secrets": {"*": {**keys("name labels"), "file": inside}},
    "configs": {"*": {**keys("name labels content"), "file": inside}},
}

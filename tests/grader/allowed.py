"""What a stranger's Compose file may contain: an allow-list of keys, and of values where they matter.

Everything else is refused before anything is built or started. The list is applied twice:

1. To the YAML as it is written, and to every file that it includes or extends, because
   `docker compose config` itself opens files. Only paths that Compose opens are looked at.
2. To what `docker compose config` makes of it, with every value in its full form.

`RULES` says what is allowed. A rule is a function that refuses bad values, or a dict: key -> rule.
"""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

from grader.course import Course
from grader.errors import Fault

#: A Compose file is a few kilobytes; and includes a few others.
MOST_BYTES, MOST_FILES = 1_000_000, 50
#: Containers of one service.
MOST_REPLICAS = 10

#: What every container may do unless told otherwise. Adding one of these adds nothing.
USUAL_CAPABILITIES = {
    *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD"),
    *("NET_BIND_SERVICE", "NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
}

NETWORK_OPTIONS = (
    r"com\.docker\.network\.bridge\.(inhibit_ipv4|enable_icc|enable_ip_masquerade)=.*",
    r"com\.docker\.network\.bridge\.gateway_mode_ipv[46]=(nat|isolated)",
    r"com\.docker\.network\.driver\.mtu=\d+",
)

#: Why a key is refused, for those that people know.
HOST = "shares the host's own with the container"
REASONS = {
    "annotations": "speaks to the container runtime of the host",
    "blkio_config": "names devices of the host",
    "cache_to": "writes files outside the course, or to a registry",
    "cgroup": HOST,
    "cgroup_parent": "leaves the limits that the grader sets",
    "config": "chooses addresses that the host may need to reach others",
    "credential_spec": "reads credentials of the host",
    "device_cgroup_rules": "gives access to devices of the host",
    "devices": "gives access to devices of the host",
    "driver": "needs a program outside the course",
    "driver_opts": "can name folders, devices and servers outside the course",
    "entitlements": "gives the build power over the host",
    "environment": "reads a variable of the teacher's environment",
    "external": "belongs to something else that runs on the host",
    "external_links": "reaches containers that aren't the course's",
    "gpus": "gives access to devices of the host",
    "ipc": HOST,
    "isolation": "chooses how the container is isolated from the host",
    "models": "downloads and runs models outside of any container",
    "oom_kill_disable": "can freeze the host when memory is short",
    "oom_score_adj": "makes the host end other programs when memory is short",
    "pid": HOST,
    "post_start": "runs commands with rights of their own, which may be those of root on the host",
    "pre_stop": "runs commands with rights of their own, which may be those of root on the host",
    "privileged": "gives the container the rights of root on the host",
    "provider": "runs a program on the host, outside of any container",
    "runtime": "chooses another container runtime of the host",
    "secrets": "hands secrets to the build",
    "ssh": "hands the SSH agent to the build",
    "storage_opt": "configures the storage of the host",
    "template_driver": "needs a program outside the course",
    "use_api_socket": "gives the container control of Docker Engine",
    "userns_mode": HOST,
    "uts": HOST,
    "volumes_from": "mounts the volumes of another container",
}


@dataclass(frozen=True)
class Place:
    """Where in a Compose file a rule is applied.

    file: the file, as its author calls it. keys: the keys that lead here. course: its `Course`.
    folders: from where relative paths may be meant. raw: whether this is the YAML as written.
    opens: where rules note the files that Compose opens too, as (path, project folder or None).
    """

    file: str
    course: Course
    folders: tuple = ()
    keys: tuple = ()
    raw: bool = False
    opens: list = field(default_factory=list)

    def __truediv__(self, key):
        return replace(self, keys=(*self.keys, str(key)))


def refuse(place, why, value=None):
    """Raise the `Fault` that names a key (and its value) and says why it isn't allowed."""
    key = ".".join(place.keys) + ("" if value is None else f": {value}")
    raise Fault(
        f"refused before anything was built or started: {place.file} has '{key}', which {why}; "
        "the grader runs only what is known to be harmless"
    )


def check(value, rule, place):
    """Apply a rule to a value; raises Fault if it isn't allowed."""
    if callable(rule):
        rule(value, place)
    elif isinstance(value, list):
        for item in value:
            check(item, rule, place)
    elif isinstance(value, dict):
        for key, inner in value.items():
            name = str(key)
            if name in rule or "*" in rule:
                check(inner, rule.get(name, rule.get("*")), place / name)
            elif not name.startswith("x-") and inner not in (None, False, "", [], {}):
                unknown = "isn't on the grader's list; perhaps it is misspelt"
                refuse(place / name, REASONS.get(name, unknown))


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
    """Allow the bridge options that make a network narrower."""
    for name, setting in {} if place.raw else (value or {}).items():
        if not any(re.fullmatch(option, f"{name}={setting}") for option in NETWORK_OPTIONS):
            refuse(place / name, "isn't an option known to be harmless", setting)


def few(value, place):
    """Refuse a number of containers that the machine couldn't carry."""
    if not place.raw and int(value or 0) > MOST_REPLICAS:
        refuse(place, f"starts more containers than {MOST_REPLICAS}", value)


def capabilities(value, place):
    """Refuse capabilities that a container doesn't have anyway."""
    for name in [] if place.raw else value or []:
        if str(name).upper().removeprefix("CAP_") not in USUAL_CAPABILITIES:
            refuse(place, "gives the container power over the host", name)


def security_options(value, place):
    """Refuse what switches a protection off."""
    for option in [] if place.raw else value or []:
        if not re.fullmatch(r"no-new-privileges([:=](true|false))?", str(option)):
            refuse(place, "switches off what protects the host from the container", option)


def network_mode(value, place):
    """Allow no network, and the network of another service of the same file."""
    if not place.raw and value and not re.fullmatch(r"none|service:.+", str(value)):
        why = (
            "puts the container on the host's own network; publish the ports it needs with 'ports:'"
            if value == "host"
            else "joins a network that other containers of the host use"
        )
        refuse(place, why, value)


def sysctls(value, place):
    """Allow settings of the container's own network."""
    for name in [] if place.raw else value or ():
        if not str(name).startswith("net."):
            refuse(place / name, "changes the kernel of the host")


def inside(value, place):
    """Refuse a path that leads out of the course. Compose has made it absolute."""
    if place.raw or not value:
        return
    for path in value if isinstance(value, list) else [value]:
        is_url = "://" in str(path) or str(path).startswith("git@")
        if is_url or not place.course.has(Path(path)):
            refuse(place, "is outside the course, or a link that leads out of it", path)


def opened(value, place):
    """Refuse a path that `docker compose config` would open outside the course.

    Relative paths count from the file's folder or from the project's: neither may lead out.
    """
    for path in value if isinstance(value, list) else [value]:
        text = str(path or "")
        if "$" in text:
            refuse(place, "is a path with a variable in it; write the path itself", text)
        if re.match(r"~|[\w+.-]+://|git@|github\.com/|oci:", text):
            refuse(place, "is outside the course", text)
        for folder in place.folders:
            if not place.course.has(folder / text):
                refuse(place, "is outside the course, or a link that leads out of it", text)


def compose_file(value, place, project=None):
    """Apply `opened` to another Compose file, and have it read too."""
    for path in value if isinstance(value, list) else [value]:
        opened(path, place)
        found = [folder / str(path) for folder in place.folders if (folder / str(path)).is_file()]
        if place.raw and not found:
            refuse(place, "is no file of the course", path)
        place.opens.extend((file, project) for file in found)


def include(value, place):
    """Apply `compose_file` to what a file includes."""
    for item in value if isinstance(value, list) else [value]:
        if not isinstance(item, dict):
            compose_file(item, place)
            continue
        check(item, keys("path project_directory env_file"), place)
        project = item.get("project_directory")
        opened(project, place / "project_directory")
        opened(item.get("env_file"), place / "env_file")
        compose_file(item.get("path"), place / "path", project)


def extends(value, place):
    """Apply `compose_file` to the file that a service extends. A string is a service's name."""
    if isinstance(value, dict):
        check(value, keys("service file"), place)
        if value.get("file"):
            compose_file(value["file"], place / "file")


def env_file(value, place):
    """Apply `opened` to files with variables."""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            check(item, keys("path required format"), place)
        opened(item.get("path") if isinstance(item, dict) else item, place)


def build(value, place):
    """Check how an image is built. A string is the build context."""
    build = value if isinstance(value, dict) else {"context": value}
    check(build, BUILD, place)
    if not place.raw and build.get("context"):
        file = Path(build["context"], build.get("dockerfile") or "Dockerfile")
        for path in (file, Path(f"{file}.dockerignore"), Path(build["context"], ".dockerignore")):
            inside(str(path), place / "dockerfile")


def volume(value, place):
    """Check what is mounted into a container."""
    for item in value or []:
        if place.raw or not isinstance(item, dict):
            continue
        if item.get("type") not in ("bind", "volume", "tmpfs"):
            refuse(place, "mounts something that isn't the course's", item.get("type"))
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
    "build": build,
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
    "volumes": volume,
}

NETWORK = {
    **keys("name attachable enable_ipv4 enable_ipv6 internal labels"),
    "driver": one_of("bridge", "default", why="isn't Docker's own kind of network on one machine"),
    "ipam": {"driver": one_of("default", why="chooses addresses outside of Docker")},
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
            "driver": one_of("local", why="keeps its files outside of Docker"),
        }
    },
    "secrets": {"*": {**keys("name labels"), "file": inside}},
    "configs": {"*": {**keys("name labels content"), "file": inside}},
}


class Loader(yaml.SafeLoader):
    """Reads YAML as Compose does: with the tags `!reset` and `!override`."""


def untagged(loader, tag, node):
    """Return what a node holds, whatever its tag is."""
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_object(
        yaml.ScalarNode(loader.resolve(yaml.ScalarNode, node.value, (True, False)), node.value)
    )


Loader.add_multi_constructor("!", untagged)


def documents(course, path):
    """Return the YAML documents of a file; raises Fault if it isn't YAML."""
    shown = course.shown(path)
    text = course.read(path, MOST_BYTES + 1)
    if len(text) > MOST_BYTES:
        raise Fault(f"{shown} is larger than a Compose file may be, {MOST_BYTES} bytes")
    try:
        return list(yaml.load_all(text, Loader))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        what = getattr(error, "problem", None) or type(error).__name__
        raise Fault(f"{shown} isn't valid YAML{where}: {what}") from None


def check_as_written(course, folder, files):
    """Refuse what Compose mustn't even read: in the files, and in all that they include or extend.

    folder: of the task, from which Compose counts relative paths.
    """
    waiting, seen = [(file, None) for file in files], set()
    while waiting:
        file, project = waiting.pop()
        if (file.resolve(), project) in seen:
            continue
        seen.add((file.resolve(), project))
        if len(seen) > MOST_FILES:
            raise Fault(f"{course.shown(files[0])} includes more than {MOST_FILES} files")
        folders = {
            file.parent,
            folder,
            *([file.parent / project, folder / project] if project else []),
        }
        for place in folders:  # Compose reads it by itself
            if not course.has(place / ".env"):
                raise Fault(
                    f"{course.shown(place / '.env')} is a link that leads out of the course"
                )
        for document in documents(course, file):
            place = Place(course.shown(file), course, tuple(sorted(folders)), raw=True)
            check(document, RULES, place)
            waiting += place.opens


def check_as_understood(course, file, configuration):
    """Refuse what mustn't be built or started. configuration: of `docker compose config`."""
    check(configuration, RULES, Place(course.shown(file), course))

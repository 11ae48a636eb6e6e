"""How a key of a stranger's Compose file is refused, and how rules are applied to a value."""

from dataclasses import dataclass, field, replace

from grader.course import Course
from grader.errors import Fault

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

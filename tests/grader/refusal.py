"""Applies rules to a Compose file, and refuses a key with a reason."""

from dataclasses import dataclass, field, replace

from grader.errors import Fault
from grader.submission import Submission

HOST = "shares this resource of the host with the container"
#: Why a key is refused. Other keys get a general reason.
REASONS = {
    "annotations": "changes how the host's container runtime behaves",
    "blkio_config": "names devices of the host",
    "cache_to": "writes files outside the submission, or to a registry",
    "cgroup": HOST,
    "cgroup_parent": "removes the limits that the grader sets",
    "config": "chooses addresses that the host may need for other networks",
    "credential_spec": "reads credentials of the host",
    "device_cgroup_rules": "gives access to devices of the host",
    "devices": "gives access to devices of the host",
    "driver": "needs a program outside the submission",
    "driver_opts": "can name folders, devices and servers outside the submission",
    "entitlements": "gives the build power over the host",
    "environment": "reads a variable of the teacher's environment",
    "external": "names something that isn't part of the submission",
    "external_links": "connects to containers that aren't part of the submission",
    "gpus": "gives access to devices of the host",
    "ipc": HOST,
    "isolation": "chooses how the container is isolated from the host",
    "models": "downloads and runs models outside of any container",
    "oom_kill_disable": "can freeze the host when there is no free memory",
    "oom_score_adj": "makes the host kill other programs when there is no free memory",
    "pid": HOST,
    "post_start": "runs commands that may have the rights of root on the host",
    "pre_stop": "runs commands that may have the rights of root on the host",
    "privileged": "gives the container the rights of root on the host",
    "provider": "runs a program on the host, outside of any container",
    "runtime": "chooses another container runtime of the host",
    "secrets": "passes secrets to the build",
    "ssh": "passes the SSH agent to the build",
    "storage_opt": "configures the storage of the host",
    "template_driver": "needs a program outside the submission",
    "use_api_socket": "gives the container control of Docker Engine",
    "userns_mode": HOST,
    "uts": HOST,
    "volumes_from": "mounts the volumes of another container",
}


@dataclass(frozen=True)
class Place:
    """Where in a Compose file a rule is applied.

    file: the file's path, as its author would write it.
    submission: the `Submission` that the file belongs to.
    folders: the folders that relative paths may start from.
    keys: the keys that lead to the value.
    raw: whether the value is YAML as written, not the output of `docker compose config`.
    opens: a list to which rules add files that Compose opens, as (path, project folder or None).
    """

    file: str
    submission: Submission
    folders: tuple = ()
    keys: tuple = ()
    raw: bool = False
    opens: list = field(default_factory=list)

    def __truediv__(self, key):
        return replace(self, keys=(*self.keys, str(key)))


def refuse(place, why, value=None):
    """Raise a `Fault` that names a key, perhaps with its value, and says why it isn't allowed."""
    key = ".".join(place.keys) + ("" if value is None else f": {value}")
    raise Fault(
        f"refused before anything was built or started: {place.file} has '{key}', which {why}; "
        "the grader starts only what is known to be harmless"
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
                unknown = "isn't on the grader's list of allowed keys; perhaps it is misspelled"
                refuse(place / name, REASONS.get(name, unknown))

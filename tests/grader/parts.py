"""The parts of a task, such as its back end and its front end, and how to tell them apart.

Students name their folders and services as they like, so a part's role follows from what its
files contain. Its name counts less. Nothing is built or started here.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from grader.errors import Fault
from grader.submission import Submission, hidden

#: role: (what its files contain, what it may be called).
ROLES = {
    "back-end": (r"\bflask\b|\bgunicorn\b|\bpip3? install\b|\.py\b", r"back|api|flask|server"),
    "proxy": (r"\bproxy_pass\b|\breverse_proxy\b|\bhaproxy\b", r"proxy|balanc|gateway|\blb\b"),
    "front-end": (r"\.html\b|\bhtml\b", r"front|web|page|site|static|client|\bui\b"),
}

#: Names of the files that are read to find a part's role.
TELLING = re.compile(
    r"dockerfile|\.(conf|cfg|py|txt|template)$|^(caddyfile|default)$", re.IGNORECASE
)


@dataclass
class Part:
    """One image of a task.

    name: of its folder or service.
    submission: the `Submission` that it belongs to.
    context: its build context, or None if it isn't built.
    dockerfile: the path of its Dockerfile, or None.
    mounts: the paths that Compose mounts into it.
    words: its image and command, as text.
    """

    name: str
    submission: Submission
    context: Path | None = None
    dockerfile: Path | None = None
    mounts: list = field(default_factory=list)
    words: str = ""

    def files(self):
        """Return the paths of its files without hidden ones, those in the upper folders first."""
        found = set()
        for place in filter(None, (self.dockerfile, self.folder(), *self.mounts)):
            inside = place.rglob("*") if place.is_dir() else [place]
            found |= {p for p in inside if p.is_file() and not hidden(p, place)}
        return sorted(filter(self.submission.has, found), key=lambda path: (len(path.parts), path))

    def folder(self):
        """Return its folder: the Dockerfile's, if the build context is a folder above."""
        if self.context and self.dockerfile and self.context in self.dockerfile.parents:
            return self.dockerfile.parent
        return self.context

    def role(self):
        """Return `back-end`, `front-end` or `proxy`, or None for another kind of service."""
        files = self.files()[:400]
        text = " ".join([self.words, *(path.name for path in files)])
        telling = [path for path in files if TELLING.search(path.name)]
        text += " ".join(self.submission.read(path) for path in telling[:20])
        scores = {
            role: 2 * bool(re.search(content, text, re.IGNORECASE))
            + 1.5 * bool(re.search(name, self.name, re.IGNORECASE))
            for role, (content, name) in ROLES.items()
        }
        # A proxy's files also name the pages and ports of other services, so `proxy_pass`
        # counts more.
        scores["proxy"] *= 1.2
        best = max(scores, key=scores.get)
        return best if scores[best] else None


def by_role(parts):
    """Return a dict: role -> the parts that have it."""
    roles = {}
    for part in parts:
        roles.setdefault(part.role(), []).append(part)
    return roles


def is_dockerfile(path):
    """Return whether a file is a Dockerfile, such as `Dockerfile.api` or `api.Dockerfile`."""
    name = path.name.lower()
    return path.is_file() and (
        name == "dockerfile"
        or (name.startswith("dockerfile.") and not name.endswith("ignore"))
        or name.endswith(".dockerfile")
    )


def parts_of_dockerfiles(submission, folder):
    """Return the `Part`s of a task without Compose: one for each Dockerfile."""
    found = [p for p in folder.rglob("*") if is_dockerfile(p) and not hidden(p, folder)]
    if not found:
        raise Fault(f"expected a Dockerfile in {submission.shown(folder)}, got none")
    found.sort(key=lambda path: (len(path.parts), path))
    parts = []
    for path in found:
        # If Dockerfile.api and Dockerfile.web share a folder, their own names say more.
        name = path.parent.name if path.name == "Dockerfile" else path.name
        parts.append(Part(name, submission, path.parent, path))
    return parts


def parts_of_services(submission, configuration):
    """Return the `Part` of each service, as a dict: the service's name -> its part.

    configuration: a Compose file as `docker compose config --format json` returns it.
    """
    parts = {}
    for name, service in configuration["services"].items():
        section = service.get("build")
        mounted = [v for v in service.get("volumes") or [] if v["type"] == "bind"]
        parts[name] = Part(
            name,
            submission,
            context=Path(section["context"]) if section else None,
            dockerfile=dockerfile_of(section) if section else None,
            mounts=[Path(volume["source"]) for volume in mounted],
            words=f"{service.get('image')} {service.get('command')} {service.get('entrypoint')}",
        )
    return parts


def dockerfile_of(section):
    """Return the path of a service's Dockerfile, or None if the Compose file contains it.

    section: the service's `build`.
    """
    if section.get("dockerfile_inline"):
        return None
    return Path(section["context"], section.get("dockerfile") or "Dockerfile")

"""What a course calls its things: tasks, Dockerfiles, Compose files, and which part plays which role.

Nothing is built or started here. People name things as they like. What lies in a folder tells a
back end from a front end; its name counts less. No file outside the course is read.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from grader.errors import Fault, Missing

#: In the order in which Compose looks for them; it merges the first of the second list.
COMPOSE_FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
OVERRIDES = (
    *("compose.override.yml", "compose.override.yaml"),
    *("docker-compose.override.yml", "docker-compose.override.yaml"),
)

#: role: (what its files contain, what it is called).
ROLES = {
    "back-end": (r"\bflask\b|\bgunicorn\b|\bpip3? install\b|\.py\b", r"back|api|flask|server"),
    "proxy": (r"\bproxy_pass\b|\breverse_proxy\b|\bhaproxy\b", r"proxy|balanc|gateway|\blb\b"),
    "front-end": (r"\.html\b|\bhtml\b", r"front|web|page|site|static|client|\bui\b"),
}

#: Files that are read to tell the roles apart, and how many bytes of each.
TELLING = re.compile(
    r"dockerfile|\.(conf|cfg|py|txt|template)$|^(caddyfile|default)$", re.IGNORECASE
)
ENOUGH = 50_000


@dataclass(frozen=True)
class Course:
    """A folder with task0 … task6. path: the folder, without symbolic links."""

    path: Path

    def has(self, path):
        """Return whether a path is inside the course, after following symbolic links."""
        try:
            return Path(path).resolve().is_relative_to(self.path)
        except (OSError, RuntimeError):  # a link that leads to itself
            return False

    def shown(self, path):
        """Return a path as its author calls it: relative to the course if it is inside."""
        path = Path(path)
        return str(path.relative_to(self.path)) if path.is_relative_to(self.path) else str(path)

    def read(self, path, limit=ENOUGH):
        """Return the start of a file's text; raises Fault if the path leads out of the course."""
        if not self.has(path):
            raise Fault(f"{self.shown(path)} is a link that leads out of the course")
        with path.open("rb") as file:
            return file.read(limit).decode(errors="replace")


@dataclass
class Part:
    """One image of a task, and what is known of it before it runs.

    name: of its folder or service. course: its `Course`. context: its build context, None if it
    isn't built. dockerfile: its Dockerfile. mounts: the files that Compose mounts into it.
    words: its image and command.
    """

    name: str
    course: Course
    context: Path | None = None
    dockerfile: Path | None = None
    mounts: list = field(default_factory=list)
    words: str = ""

    def files(self):
        """Return the files that it is made of, without hidden ones, nearest first."""
        found = set()
        for place in filter(None, (self.dockerfile, self.folder(), *self.mounts)):
            inside = place.rglob("*") if place.is_dir() else [place]
            found |= {p for p in inside if p.is_file() and not hidden(p, place)}
        return sorted(filter(self.course.has, found), key=lambda path: (len(path.parts), path))

    def folder(self):
        """Return the folder of its own: the Dockerfile's, where the build context is wider."""
        if self.context and self.dockerfile and self.context in self.dockerfile.parents:
            return self.dockerfile.parent
        return self.context

    def role(self):
        """Return `back-end`, `front-end` or `proxy`, or None for another kind of service."""
        files = self.files()[:400]
        text = " ".join([self.words, *(path.name for path in files)])
        telling = [path for path in files if TELLING.search(path.name)]
        text += " ".join(self.course.read(path) for path in telling[:20])
        scores = {
            role: 2 * bool(re.search(content, text, re.IGNORECASE))
            + 1.5 * bool(re.search(name, self.name, re.IGNORECASE))
            for role, (content, name) in ROLES.items()
        }
        # A proxy's files also name other services' pages and ports: `proxy_pass` says more.
        scores["proxy"] *= 1.2
        best = max(scores, key=scores.get)
        return best if scores[best] else None


def hidden(path, root):
    """Return whether a path below `root` is one of no interest: in `.git`, `node_modules` …"""
    below = path.relative_to(root).parts if root.is_dir() else ()
    return any(part.startswith(".") or part == "node_modules" for part in below)


def tasks(path):
    """Return the folders of the tasks in a folder, as a dict: number -> path."""
    return {
        int(folder.name[-1]): folder
        for folder in sorted(Path(path).iterdir(), reverse=True)
        if re.fullmatch(r"task[-_ ]?[0-6]", folder.name, re.IGNORECASE) and folder.is_dir()
    }


def task_folder(course, number):
    """Return the folder of a task; raises Missing if there is none, or an empty one."""
    folder = tasks(course.path).get(number)
    if folder is None:
        raise Missing(f"there is no folder task{number}")
    if not course.has(folder):
        raise Fault(f"{course.shown(folder)} is a link that leads out of the course")
    if not any(folder.iterdir()):
        raise Missing(f"the folder {course.shown(folder)} is empty")
    return folder


def empty_folders(course, folder):
    """Return a sentence for each empty folder of a task: git keeps none, but for a submodule's."""
    listed = set()
    for file in (course.path / ".gitmodules", folder / ".gitmodules"):
        if file.is_file():
            paths = re.findall(r"^\s*path\s*=\s*(.+?)\s*$", course.read(file), re.MULTILINE)
            listed |= {file.parent / path for path in paths}
    sentences = []
    for place in sorted(folder.rglob("*")):
        if (
            place.is_symlink()
            or not place.is_dir()
            or hidden(place, folder)
            or any(place.iterdir())
        ):
            continue
        cause = (
            "it is a git submodule that wasn't fetched; run 'git submodule update --init', or ask "
            "the author to commit its files"
            if place in listed
            else "perhaps a git submodule whose files were never committed"
        )
        sentences.append(f"{course.shown(place)} is empty: {cause}")
    return sentences


def is_dockerfile(path):
    """Return whether a path is that of a Dockerfile; `Dockerfile.api` and `api.Dockerfile` are."""
    name = path.name.lower()
    return path.is_file() and (
        name == "dockerfile"
        or (name.startswith("dockerfile.") and not name.endswith("ignore"))
        or name.endswith(".dockerfile")
    )


def parts_of_dockerfiles(course, folder):
    """Return the `Part`s of a task without Compose: one for each Dockerfile."""
    found = [p for p in folder.rglob("*") if is_dockerfile(p) and not hidden(p, folder)]
    if not found:
        raise Fault(f"expected a Dockerfile in {course.shown(folder)}, got none")
    found.sort(key=lambda path: (len(path.parts), path))
    parts = []
    for path in found:
        # Dockerfile.api may be next to Dockerfile.web: then the file's name says more.
        name = path.parent.name if path.name == "Dockerfile" else path.name
        parts.append(Part(name, course, path.parent, path))
    return parts


def parts_of_services(course, configuration):
    """Return the `Part` of each service, as a dict: the service's name -> its part.

    configuration: a Compose file as `docker compose config --format json` returns it.
    """
    parts = {}
    for name, service in configuration["services"].items():
        build = service.get("build")
        context = Path(build["context"]) if build else None
        mounted = [v for v in service.get("volumes") or [] if v["type"] == "bind"]
        parts[name] = Part(
            name,
            course,
            context,
            dockerfile_of(build) if build else None,
            [Path(volume["source"]) for volume in mounted],
            f"{service.get('image')} {service.get('command')} {service.get('entrypoint')}",
        )
    return parts


def dockerfile_of(build):
    """Return the path of a service's Dockerfile, or None if the Compose file contains it."""
    if build.get("dockerfile_inline"):
        return None
    return Path(build["context"], build.get("dockerfile") or "Dockerfile")


def compose_files(course, folder):
    """Return the Compose files that `docker compose` reads in a task's folder, the main one first."""
    main = next((folder / name for name in COMPOSE_FILES if (folder / name).is_file()), None)
    if main is None:
        raise Fault(f"expected a Compose file in {course.shown(folder)}, got none")
    override = next((folder / name for name in OVERRIDES if (folder / name).is_file()), None)
    return [main, override] if override else [main]

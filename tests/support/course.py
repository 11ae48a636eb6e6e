"""What a course calls its things: its tasks, Dockerfiles and Compose files, and who plays which part.

Nothing is built or started here. People name things as they like; what tells a back-end
from a front-end is what lies in its build context first, and its name only then.
"""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

#: In the order in which Compose itself looks for them.
COMPOSE_FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")

#: role: (what stands in its files, what it is called).
ROLES = {
    "back-end": (r"\bflask\b|\bgunicorn\b|\bpip3? install\b|\.py\b", r"back|api|flask|server"),
    "proxy": (r"\bproxy_pass\b|\breverse_proxy\b|\bhaproxy\b", r"proxy|balanc|gateway|\blb\b"),
    "front-end": (r"\.html\b|\bhtml\b", r"front|web|page|site|static|client|\bui\b"),
}

#: Files that are read to tell who is who, and how many bytes of each.
TELLING = re.compile(
    r"dockerfile|\.(conf|cfg|py|txt|template)$|^(caddyfile|default)$", re.IGNORECASE
)
ENOUGH = 50_000


class NotThereError(AssertionError):
    """A task that the course does not have."""


@dataclass
class Part:
    """One image of a task, to be built or pulled, and what is known of it before it runs.

    name: of its folder or service. context: its build context, None if it is not built.
    dockerfile: its Dockerfile. mounts: what Compose mounts into it. words: its image and command.
    """

    name: str
    context: Path | None = None
    dockerfile: Path | None = None
    mounts: list = field(default_factory=list)
    words: str = ""

    def files(self):
        """Return the files that it is made of, without hidden ones, nearest first."""
        found = []
        for place in filter(None, (self.dockerfile, self.folder(), *self.mounts)):
            inside = place.rglob("*") if place.is_dir() else [place]
            found += [p for p in inside if p.is_file() and not hidden(p, place)]
        return sorted(set(found), key=lambda path: (len(path.parts), path))

    def folder(self):
        """Return the folder that is its own: the Dockerfile's, where the context is wider."""
        if self.context and self.dockerfile and self.context in self.dockerfile.parents:
            return self.dockerfile.parent
        return self.context

    def role(self):
        """Return `back-end`, `front-end` or `proxy`, or None for an extra."""
        files = self.files()[:400]
        text = " ".join([self.words, *(path.name for path in files)])
        telling = [path for path in files if TELLING.search(path.name)]
        text += " ".join(path.read_text(errors="replace")[:ENOUGH] for path in telling[:20])
        scores = {
            role: 2 * bool(re.search(content, text, re.IGNORECASE))
            + 1.5 * bool(re.search(name, self.name, re.IGNORECASE))
            for role, (content, name) in ROLES.items()
        }
        # Whoever proxies names html and ports of others: its own trade says more.
        scores["proxy"] *= 1.2
        best = max(scores, key=scores.get)
        return best if scores[best] else None


def hidden(path, root):
    """Return whether a path below `root` is one that nobody means: `.git`, `node_modules` …"""
    below = path.relative_to(root).parts if root.is_dir() else ()
    return any(part.startswith(".") or part == "node_modules" for part in below)


class Course:
    """A folder with task0 … task6, ours or anybody's.

    path: the folder.
    """

    def __init__(self, path):
        self.path = Path(path).resolve()

    def tasks(self):
        """Return the folders of the tasks that are there, as a dict: number -> path."""
        return {
            int(folder.name[-1]): folder
            for folder in sorted(self.path.iterdir(), reverse=True)
            if folder.is_dir() and re.fullmatch(r"task[-_ ]?[0-6]", folder.name, re.IGNORECASE)
        }

    def task(self, number):
        """Return the folder of a task; raises NotThereError if there is none, or an empty one."""
        folder = self.tasks().get(number)
        if folder is None or not any(folder.iterdir()):
            raise NotThereError(f"there is no folder task{number}, or it is empty")
        return folder

    def shown(self, path):
        """Return a path as its author calls it, relative to the course where it is inside."""
        path = Path(path)
        return str(path.relative_to(self.path)) if path.is_relative_to(self.path) else str(path)

    def submodules(self):
        """Return the paths that `.gitmodules` names, as a set."""
        found = set()
        for file in (self.path / ".gitmodules", *self.path.glob("task*/.gitmodules")):
            if file.is_file():
                names = re.findall(r"^\s*path\s*=\s*(.+?)\s*$", file.read_text(), re.MULTILINE)
                found |= {file.parent / name for name in names}
        return found

    def parts(self, folder):
        """Return the `Part`s of a task without Compose: one for each Dockerfile."""
        found = [p for p in folder.rglob("*") if is_dockerfile(p) and not hidden(p, folder)]
        assert found, f"{self.shown(folder)} was to have a Dockerfile, and has none"
        found.sort(key=lambda path: (len(path.parts), path))
        return [self.part(path, folder) for path in found]

    def part(self, dockerfile, folder):
        """Return the `Part` of a Dockerfile; its context is the first folder that has what it copies."""
        wider = (dockerfile.parent, folder, self.path)
        fitting = [c for c in wider if not any(lacking(dockerfile, c))]
        # Dockerfile.api stands beside Dockerfile.web: then the file's name says more.
        name = dockerfile.parent.name if dockerfile.name == "Dockerfile" else dockerfile.name
        return Part(name, (fitting or wider)[0], dockerfile)

    def assert_all_is_there(self, part):
        """Assert that what a part's Dockerfile copies is there, whole."""
        context, dockerfile = part.context, part.dockerfile
        assert context.is_dir(), (
            f"{part.name} is built from {self.shown(context)}, and there is no such folder"
        )
        assert dockerfile.is_file(), (
            f"{part.name} is built with {self.shown(dockerfile)}, and there is no such file"
        )
        for source in lacking(dockerfile, context):
            path = Path(f"{context}/{source}").resolve()
            says = f"{self.shown(dockerfile)} copies {source}"
            if path in self.submodules():
                raise AssertionError(
                    f"{says}, and {self.shown(path)} is a git submodule that was not fetched; "
                    "'git submodule update --init' may bring it, or the author has to commit its files"
                )
            if not path.is_relative_to(context):
                raise AssertionError(
                    f"{says}, which is outside its build context, {self.shown(context)}"
                )
            if path.is_dir():
                raise AssertionError(
                    f"{says}, and {self.shown(path)} is empty: a submodule that was never committed?"
                )
            raise AssertionError(f"{says}, and there is no {self.shown(path)}")


def is_dockerfile(path):
    """Return whether a path is that of a Dockerfile, `Dockerfile.api` and `api.Dockerfile` too."""
    name = path.name.lower()
    return path.is_file() and (
        name == "dockerfile"
        or (name.startswith("dockerfile.") and not name.endswith("ignore"))
        or name.endswith(".dockerfile")
    )


def copied(dockerfile):
    """Yield what a Dockerfile copies from its build context, as it is written there."""
    text = re.sub(r"^\s*#.*\n", "", dockerfile.read_text(errors="replace"), flags=re.MULTILINE)
    text = re.sub(r"\\\s*\n", " ", text)
    for words in re.findall(r"^\s*(?:COPY|ADD)\s+(.+)$", text, re.MULTILINE | re.IGNORECASE):
        if "--from=" in words or "<<" in words:
            continue
        words = re.sub(r"--\S+\s+", "", words).strip()
        try:
            listed = json.loads(words) if words.startswith("[") else words.split()
        except ValueError:
            continue
        for source in listed[:-1]:
            source = source.strip("\"'")
            if "$" not in source and "://" not in source and not source.startswith("git@"):
                yield source


def lacking(dockerfile, context):
    """Yield what a Dockerfile copies and the context has not, or has as an empty folder."""
    if not dockerfile.is_file() or not context.is_dir():
        return
    for source in copied(dockerfile):
        # In a Dockerfile a leading slash means the context's root.
        relative = source.lstrip("/") or "."
        found = list(context.glob(relative)) if relative not in (".", "./") else [context]
        outside = ".." in Path(relative).parts
        if outside or not any(path.is_file() or any(path.iterdir()) for path in found):
            yield relative


def compose_file(folder):
    """Return the Compose file of a task, or None."""
    return next((folder / name for name in COMPOSE_FILES if (folder / name).is_file()), None)


def parts_of_services(configuration):
    """Return the `Part` of each service, as a dict: the service's name -> its part.

    configuration: a Compose file as `docker compose config --format json` gives it.
    """
    parts = {}
    for name, service in configuration["services"].items():
        build = service.get("build")
        context = Path(build["context"]) if build else None
        parts[name] = Part(
            name,
            context,
            context / build.get("dockerfile", "Dockerfile") if build else None,
            [Path(v["source"]) for v in service.get("volumes") or [] if v["type"] == "bind"],
            f"{service.get('image')} {service.get('command')} {service.get('entrypoint')}",
        )
    return parts

"""What a stranger's Compose file may contain: an allow-list of keys, and of values where they matter.

Everything else is refused before anything is built or started. The list is applied twice:

1. To the YAML as it is written, and to every file that it includes or extends, because
   `docker compose config` itself opens files. Only paths that Compose opens are looked at.
2. To what `docker compose config` makes of it, with every value in its full form.

The list itself is `rules.RULES`.
"""

import yaml

from grader.errors import Fault
from grader.refusal import Place, check
from grader.rules import RULES

#: A Compose file is a few kilobytes; and includes a few others.
MOST_BYTES, MOST_FILES = 1_000_000, 50


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

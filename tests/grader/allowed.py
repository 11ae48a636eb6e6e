"""Checks a Compose file against an allow-list of keys and values, before anything is started.

The list, `rules.RULES`, is applied twice:

1. To the YAML as written, and to each file that it includes or extends. `docker compose config`
   opens these files, so this step checks the paths that it would open.
2. To the output of `docker compose config`, which has each value in its full form.
"""

import yaml

from grader.errors import Fault
from grader.refusal import Place, check
from grader.rules import RULES

#: The size of one Compose file in bytes, and the number of files that it may include.
MOST_BYTES, MOST_FILES = 1_000_000, 50


class Loader(yaml.SafeLoader):
    """Reads YAML as Compose does, with tags such as `!reset` and `!override`."""


def untagged(loader, tag, node):
    """Return the value of a YAML node, and ignore its tag."""
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_object(
        yaml.ScalarNode(loader.resolve(yaml.ScalarNode, node.value, (True, False)), node.value)
    )


Loader.add_multi_constructor("!", untagged)


def documents(submission, path):
    """Return the YAML documents of a file; raises Fault if it isn't YAML."""
    shown = submission.shown(path)
    text = submission.read(path, MOST_BYTES + 1)
    if len(text) > MOST_BYTES:
        raise Fault(f"{shown} is larger than a Compose file may be, {MOST_BYTES} bytes")
    try:
        return list(yaml.load_all(text, Loader))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        what = getattr(error, "problem", None) or type(error).__name__
        raise Fault(f"{shown} isn't valid YAML{where}: {what}") from None


def check_as_written(submission, folder, files):
    """Raise Fault if Compose would open a file outside the submission, or one with a bad key.

    files: the paths of the Compose files. folder: the task's, where relative paths start.
    """
    unread, seen = [(file, None) for file in files], set()
    while unread:
        file, project = unread.pop()
        if (file.resolve(), project) in seen:
            continue
        seen.add((file.resolve(), project))
        if len(seen) > MOST_FILES:
            raise Fault(f"{submission.shown(files[0])} includes more than {MOST_FILES} files")
        folders = {
            file.parent,
            folder,
            *([file.parent / project, folder / project] if project else []),
        }
        for variables in (each / ".env" for each in folders):  # Compose reads these files, too
            if not submission.has(variables):
                shown = submission.shown(variables)
                raise Fault(f"{shown} is a link that leads outside the submission")
        for document in documents(submission, file):
            place = Place(submission.shown(file), submission, tuple(sorted(folders)), raw=True)
            check(document, RULES, place)
            unread += place.opens


def check_as_understood(submission, file, configuration):
    """Raise Fault if a Compose file has a key or value that isn't allowed.

    configuration: the output of `docker compose config`, as a dict.
    """
    check(configuration, RULES, Place(submission.shown(file), submission))

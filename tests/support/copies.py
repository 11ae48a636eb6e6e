"""Copies of the course, and small edits to them.

`swap`, `write`, `add`, `link`, `move`, `drop` and `empty` return an edit: a function that takes
the folder of a copy, a `Path`, and changes the copy. Paths are relative to that folder.
"""

import shutil

from support.commands import ROOT


def copy_of_the_course(to, tasks=range(7)):
    """Copy tasks of the course to a folder and return the folder.

    to: a `Path`. tasks: the numbers of the tasks.
    """
    for number in tasks:
        shutil.copytree(ROOT / f"task{number}", to / f"task{number}")
    return to


def swap(path, old, new):
    """Replace each occurrence of a text in a file.

    The edit raises AssertionError if the file doesn't have the text.
    """

    def edit(copy):
        text = (copy / path).read_text()
        assert old in text, f"{path}: expected it to have {old!r}, got:\n{text}"
        (copy / path).write_text(text.replace(old, new))

    return edit


def rename_images(copy, tag):
    """Give the images of a copied task another tag, so that builds don't replace the real images.

    copy: the `Path` of the copy, whose name is the task's, such as `task6`. tag: the new tag.
    """
    swap("docker-compose.yml", f":{copy.name}\n", f":{tag}\n")(copy)


def write(path, text):
    """Create or overwrite a file, and create the folders above it."""

    def edit(copy):
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        (copy / path).write_text(text)

    return edit


def add(path, text):
    """Append a text to a file."""
    return lambda copy: (copy / path).write_text((copy / path).read_text() + text)


def link(path, to):
    """Create a symbolic link at `path` that points to `to`."""
    return lambda copy: (copy / path).symlink_to(to)


def move(path, to):
    """Rename a file or a folder."""
    return lambda copy: (copy / path).rename(copy / to)


def drop(path):
    """Remove a file or a folder."""

    def edit(copy):
        if (copy / path).is_dir():
            shutil.rmtree(copy / path)
        else:
            (copy / path).unlink()

    return edit


def empty(path):
    """Empty a folder. A git submodule that wasn't fetched is such a folder."""

    def edit(copy):
        shutil.rmtree(copy / path)
        (copy / path).mkdir()

    return edit

"""Copies of our course, and small edits to them.

`swap`, `write`, `add`, `link`, `move`, `drop` and `empty` return an edit: a function that takes
the folder of a copy, and changes it.
"""

import shutil

from support.commands import ROOT


def copy_of_the_course(to, tasks=range(7)):
    """Copy our tasks to a folder and return it."""
    for number in tasks:
        shutil.copytree(ROOT / f"task{number}", to / f"task{number}")
    return to


def swap(path, old, new):
    """Replace a text that stands in a file, everywhere; raises AssertionError if it does not."""

    def edit(copy):
        text = (copy / path).read_text()
        assert old in text, f"{path} has changed: it no longer has {old!r}"
        (copy / path).write_text(text.replace(old, new))

    return edit


def rename_images(copy, tag):
    """Give the images of a copied task another tag, so that its builds leave the real ones alone.

    copy: the copy's folder, named after its task, such as `task6`. tag: the new tag.
    """
    swap("docker-compose.yml", f":{copy.name}\n", f":{tag}\n")(copy)


def write(path, text):
    """Write a file anew, with the folders that lead to it."""

    def edit(copy):
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        (copy / path).write_text(text)

    return edit


def add(path, text):
    """Add a text at the end of a file."""
    return lambda copy: (copy / path).write_text((copy / path).read_text() + text)


def link(path, to):
    """Put a symbolic link that leads somewhere."""
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
    """Leave a folder with nothing in it, as an unfetched submodule is."""

    def edit(copy):
        shutil.rmtree(copy / path)
        (copy / path).mkdir()

    return edit

"""Copies of our course, small edits to them, and what the checker makes of the result.

`swap`, `write`, `add`, `link`, `move`, `drop` and `empty` return an edit: a function that takes
the folder of a copy, and changes it.
"""

import json
import os
import shutil
import subprocess
import sys

from support.engine import PATIENCE, ROOT
from support.interrupt import finish


def check(path, *words, script=(sys.executable, "-m", "support.checker")):
    """Run the checker; returns (exit status, the JSON object or None, all that it printed)."""
    file = path.with_name(f"{path.name}.json")
    started = subprocess.Popen(
        [*script, path, "--json", file, *words],
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests")},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    printed = finish(started, PATIENCE)
    return started.returncode, json.loads(file.read_text()) if file.exists() else None, printed


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


#: A page as short as a page can be that shows the answer. `{}`: what it asks.
PAGE = """<!doctype html>
<title>Mine</title>
<body><p id="dynamic-content"></p>
<script>
  fetch("{}").then(answer => answer.text()).then(text => {{
    document.getElementById("dynamic-content").innerText = text;
  }});
</script>
"""

NGINX_ON_UBUNTU = """FROM ubuntu:latest
RUN apt-get update && apt-get install -y nginx
COPY softy-pinko-front-end /var/www/html/softy-pinko-front-end
COPY softy-pinko-front-end.conf /etc/nginx/sites-available/default
CMD nginx -g 'daemon off;'
"""

FLASK_BY_APT = """FROM ubuntu:latest
RUN apt-get update && apt-get install -y python3-flask
COPY . /app
WORKDIR /app
CMD flask --app api run --host 0.0.0.0 --port 5252
"""

#: A second API server by name, and the place for it in task6's upstream. `{}`: see TWO.
SECOND = """  back-end-2:
    build: back-end
    networks: [inside]
    environment: {ALLOWED_ORIGINS: ""}

  front-end:
    build:"""

UPSTREAM = "    server back-end:5252 resolve max_fails=1 fail_timeout=1s;"


def two_named(first="", second="", service=""):
    """Return the edits that make task6's API two services, `back-end` and `back-end-2`.

    first, second: what else the upstream says of each. service: lines for the second service.
    """
    compose, conf = "task6/docker-compose.yml", "task6/proxy/proxy.conf"
    added = SECOND.replace("\n\n", f"\n{service}\n", 1) if service else SECOND
    servers = (
        f"    server back-end:5252 resolve{first};\n    server back-end-2:5252 resolve{second};"
    )
    return (
        swap(compose, "    deploy:\n      replicas: 2\n", ""),
        swap(compose, "  front-end:\n    build:", added),
        swap(conf, UPSTREAM, servers),
        drop("task6/2-api-servers.txt"),
    )

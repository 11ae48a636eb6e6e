"""What an image holds, layer by layer."""

import json
import re
import subprocess
import tarfile
import tempfile

from support.commands import PATIENCE, ROOT, docker, inspect


def base(dockerfile):
    """Return the image that the last stage of a Dockerfile is built from, such as `python:3.14-slim`."""
    return re.findall(r"^FROM (\S+)", (ROOT / dockerfile).read_text(), re.MULTILINE)[-1]


#: What the course's Dockerfiles build on.
UBUNTU = base("task0/Dockerfile")
PYTHON = base("task6/back-end/Dockerfile")
NGINX = base("task6/proxy/Dockerfile")
BASE_IMAGES = (UBUNTU, PYTHON, NGINX)

#: The label that Compose gives what it builds.
PROJECT = "com.docker.compose.project"


def substitute(image):
    """Return what a substitute image is made of, such as `Debian trixie`; None for an official image."""
    return (inspect(image)["Config"]["Labels"] or {}).get("substitute")


def build_helper(name):
    """Build an image for the tests from `support/dockerfiles`, and return its name."""
    image = f"softy-pinko-test-{name}"
    docker("build", "--tag", image, f"tests/support/dockerfiles/{name}", timeout=600)
    return image


def layers(image):
    """Return the digests of an image's layers, the base's first."""
    return inspect(image)["RootFS"]["Layers"]


def replaced():
    """Return the IDs of images that a Compose project of the course has built anew since, as a set.

    Each run of the tests has projects of its own, and Compose writes a project's name into what
    it builds: the same files are another image, and the one before it loses its name.
    """
    lost = docker("images", "--quiet", "--no-trunc", "--filter", "dangling=true",
                  "--filter", f"label={PROJECT}").split()  # fmt: skip
    if not lost:
        return set()
    shown = docker(
        "inspect", "--format", f'{{{{.Id}}}} {{{{index .Config.Labels "{PROJECT}"}}}}', *lost
    )
    pairs = (line.split() for line in shown.splitlines())
    return {image for image, project in pairs if project.startswith("softy-pinko-")}


def size(image):
    """Return the size of all layers of an image, in MB (10^6 bytes)."""
    # Not the engine's `.Size`: that may count what is compressed.
    sizes = docker("history", "--human=false", "--format", "{{.Size}}", image).split()
    return sum(map(int, sizes)) / 1e6


def size_above(base, image):
    """Return what an image adds to its base image, in MB (10^6 bytes)."""
    assert layers(image)[: len(layers(base))] == layers(base), f"{image} is not built on {base}"
    return size(image) - size(base)


def files_above(base, image):
    """Return the paths of all files that the layers above the base hold, as a set.

    What a layer brings and a later one takes away is among them: it is still shipped.
    """
    with tempfile.TemporaryFile() as saved:
        subprocess.run(["docker", "save", image], stdout=saved, check=True, timeout=PATIENCE)
        saved.seek(0)
        with tarfile.open(fileobj=saved) as archive:
            (manifest,) = json.load(archive.extractfile("manifest.json"))
            paths = set()
            for layer in manifest["Layers"][len(layers(base)) :]:
                with tarfile.open(fileobj=archive.extractfile(layer)) as files:
                    paths.update(member.name for member in files if not member.isdir())
    # A `.wh.` file holds nothing: it says that one of the layers below is gone.
    return {path for path in paths if "/.wh." not in path}

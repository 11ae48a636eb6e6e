"""The base images, and facts about images and their layers."""

import fcntl
import json
import re
import subprocess
import tarfile
import tempfile
from contextlib import closing

from support.commands import PATIENCE, ROOT, api_client, docker, inspect


def base_image(dockerfile):
    """Return the base image of a Dockerfile's last stage, such as `python:3.14-slim`.

    dockerfile: its path in the repository.
    """
    return re.findall(r"^FROM (\S+)", (ROOT / dockerfile).read_text(), re.MULTILINE)[-1]


#: The base images of the course.
UBUNTU = base_image("task0/Dockerfile")
PYTHON = base_image("task6/back-end/Dockerfile")
NGINX = base_image("task6/proxy/Dockerfile")
BASE_IMAGES = (UBUNTU, PYTHON, NGINX)

#: Compose gives each image that it builds this label. Its value is the project's name.
PROJECT = "com.docker.compose.project"


def substitute(image):
    """Return what a substitute image is made of, such as `Debian trixie`.

    Returns None for an official image. Raises AssertionError if this machine lacks the image.
    """
    return (inspect(image)["Config"]["Labels"] or {}).get("substitute")


def build_helper(name):
    """Build an image that only tests use, and return its name.

    name: a folder in `support/dockerfiles`.
    """
    image = f"softy-pinko-test-{name}"
    folder = f"tests/support/dockerfiles/{name}"
    with (ROOT / folder / "Dockerfile").open() as locked:
        # With containerd's image store, one of two builds that end at once may fail, because the
        # image "already exists". So another worker waits for this one.
        fcntl.flock(locked, fcntl.LOCK_EX)
        docker("build", "--tag", image, folder, timeout=600)
    return image


def layers(image):
    """Return the digests of an image's layers: a list that begins with the base image's layers."""
    return inspect(image)["RootFS"]["Layers"]


def untagged_images():
    """Return the IDs of images without a tag that the course's Compose projects built: a set.

    Each run of the tests has its own Compose projects, and Compose labels an image with the name
    of its project. So each run builds images of its own from the same files, and they take the
    tag from the images of the run before.
    """
    with closing(api_client()) as client:
        untagged = client.images(filters={"dangling": True, "label": PROJECT})
    return {
        image["Id"] for image in untagged if image["Labels"][PROJECT].startswith("softy-pinko-")
    }


def size(image):
    """Return the size of all layers of an image, in MB (10^6 bytes)."""
    # `docker inspect` also shows a `.Size`, but with some image stores that is the compressed size.
    sizes = docker("history", "--human=false", "--format", "{{.Size}}", image).split()
    return sum(map(int, sizes)) / 1e6


def size_above(base, image):
    """Return the size of the layers that an image adds to its base image, in MB (10^6 bytes).

    Raises AssertionError if the image isn't built on this base image.
    """
    assert_built_on(base, image)
    return size(image) - size(base)


def assert_built_on(base, image):
    """Assert that an image's first layers are all layers of the base image."""
    lowest = layers(image)[: len(layers(base))]
    assert lowest == layers(base), (
        f"expected {image} to begin with the layers of {base}, got {lowest}"
    )


def files_above(base, image):
    """Return the paths of all files in the layers that an image adds to its base image: a set.

    It includes files that a later layer deletes, because the image still contains them.
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
    # A `.wh.` file is empty: it marks a file of a lower layer as deleted.
    return {path for path in paths if "/.wh." not in path}

"""The size and the content of task6's images, and what an edit rebuilds."""

import re
import shutil
from pathlib import Path
from uuid import uuid4

import pytest

from support.commands import ROOT, RUN, docker, run
from support.images import NGINX, PYTHON, files_above, layers, size_above

pytestmark = pytest.mark.xdist_group("docker")

BACK_END = (PYTHON, "softy-pinko-back-end:task6")
FRONT_END = (NGINX, "softy-pinko-front-end:task6")
PROXY = (NGINX, "softy-pinko-proxy:task6")

#: What only a build needs, and a regular expression that finds its paths in an image.
LEFTOVERS = {
    "pip": r"(bin/pip|site-packages/pip/|dist-packages/pip/|python3-pip)",
    "a compiler": r"bin/(.*-)?(gcc|g\+\+|cc|c\+\+|clang|cpp)(-\d+)?$",
    "apt's lists": r"var/lib/apt/lists/",
    "downloaded packages": r"(var/cache/apt/.*\.(deb|bin)|\.whl)$",
    "pip's cache": r"\.cache/",
}


@pytest.fixture(scope="module", autouse=True)
def built():
    """Build task6's images with its Compose file."""
    run("docker compose build --quiet", cwd=ROOT / "task6")


@pytest.mark.parametrize(
    ("base", "image", "limit"), [(*BACK_END, 15), (*FRONT_END, 1), (*PROXY, 1)]
)
def test_an_image_adds_few_megabytes_to_its_base_image(base, image, limit):
    added = size_above(base, image)
    assert added <= limit, f"{image}: expected at most {limit} MB above {base}, got {added:.1f} MB"


@pytest.mark.parametrize(("base", "image"), [BACK_END, FRONT_END, PROXY])
def test_no_layer_contains_files_that_only_a_build_needs(base, image):
    paths = files_above(base, image)
    for what, pattern in LEFTOVERS.items():
        found = sorted(path for path in paths if re.search(pattern, path))
        assert not found, f"{image}: expected no file of {what}, got {found[:5]}"


@pytest.mark.parametrize(
    "edited",
    [
        "back-end/api.py",
        "front-end/softy-pinko-front-end/index.html",
        "proxy/proxy.conf",
    ],
)
def test_an_edit_rebuilds_only_the_last_layer(edited, tmp_path):
    folder = tmp_path / "context"
    shutil.copytree(ROOT / "task6" / edited.split("/")[0], folder)
    file = folder / Path(*Path(edited).parts[1:])
    before, after = f"{RUN}-edit:before", f"{RUN}-edit:after"
    try:
        # Both builds need an edit that is new, so that neither finds its last layer in the cache.
        for tag in (before, after):
            file.write_text(f"{file.read_text()}\n{uuid4()}\n")
            docker("build", "--quiet", "--tag", tag, str(folder))
        assert layers(after)[:-1] == layers(before)[:-1], (
            f"{edited}: expected a rebuild of the last layer only, got {layers(before)} before the "
            f"edit and {layers(after)} after it"
        )
        assert layers(after) != layers(before), (
            f"{edited}: expected the edit in the image, got the old layers"
        )
    finally:
        docker("rmi", "--force", before, after)

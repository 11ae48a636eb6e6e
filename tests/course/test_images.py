"""What the images weigh, what is not in them, and what an edit builds again."""

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

#: What only a build needs: a pattern for the paths of each kind.
LEFTOVERS = {
    "pip": r"(bin/pip|site-packages/pip/|dist-packages/pip/|python3-pip)",
    "a compiler": r"bin/(.*-)?(gcc|g\+\+|cc|c\+\+|clang|cpp)(-\d+)?$",
    "apt's lists": r"var/lib/apt/lists/",
    "fetched packages": r"(var/cache/apt/.*\.(deb|bin)|\.whl)$",
    "a cache of pip's": r"\.cache/",
}


@pytest.fixture(scope="module", autouse=True)
def built():
    """task6's images, as its Compose file builds them."""
    run("docker compose build --quiet", cwd=ROOT / "task6")


@pytest.mark.parametrize(
    ("base", "image", "limit"), [(*BACK_END, 15), (*FRONT_END, 1), (*PROXY, 1)]
)
def test_an_image_adds_little_to_its_base(base, image, limit):
    added = size_above(base, image)
    assert added <= limit, f"{image} adds {added:.1f} MB to {base}, more than {limit}"


@pytest.mark.parametrize(("base", "image"), [BACK_END, FRONT_END, PROXY])
def test_no_layer_holds_what_only_a_build_needs(base, image):
    paths = files_above(base, image)
    for what, pattern in LEFTOVERS.items():
        found = sorted(path for path in paths if re.search(pattern, path))
        assert not found, f"{image} holds {what}: {found[:5]}"


@pytest.mark.parametrize(
    "edited",
    [
        "back-end/api.py",
        "front-end/softy-pinko-front-end/index.html",
        "proxy/proxy.conf",
    ],
)
def test_an_edit_builds_the_last_layer_again_and_no_other(edited, tmp_path):
    folder = tmp_path / "context"
    shutil.copytree(ROOT / "task6" / edited.split("/")[0], folder)
    file = folder / Path(*Path(edited).parts[1:])
    before, after = f"{RUN}-edit:before", f"{RUN}-edit:after"
    try:
        # Two edits that nobody has made before: of what an earlier build has left in the cache,
        # both find the same.
        for tag in (before, after):
            file.write_text(f"{file.read_text()}\n{uuid4()}\n")
            docker("build", "--quiet", "--tag", tag, str(folder))
        assert layers(after)[:-1] == layers(before)[:-1], f"{edited} builds more than its own layer"
        assert layers(after) != layers(before), f"{edited} is not in the image"
    finally:
        docker("rmi", "--force", before, after)

"""script/setup/base-images, with and without a registry."""

import re

import pytest

from support.images import build_helper

pytestmark = pytest.mark.xdist_group("machine")

#: Prints a Dockerfile for a small image.
DOCKERFILE = r"printf 'FROM scratch\nCOPY lib.sh /\nLABEL is=%s\n' "

#: Prepares a copy of the course, and a stopped registry with two images: the copy's Dockerfiles
#: name these as their base images, and its script/setup/substitute builds an image at once.
SET_UP = rf"""
set -e
sed -i -E -e 's|^FROM [a-z]+:.*|FROM localhost:5000/one:1|' \
  -e 's|^FROM [a-z]+/.*|FROM localhost:5000/some/two:1|' task*/Dockerfile task*/*/Dockerfile
echo 'is_debian() {{ true; }}' >>script/setup/lib.sh
cat >script/setup/substitute <<'END'
{DOCKERFILE} substitute |
  docker build --quiet --tag "$1" --label substitute='Debian forky' --file - script/setup
END
docker run --detach --name registry --publish 5000:5000 softy-pinko-test-registry
until curl --silent localhost:5000/v2/; do sleep 0.05; done
for name in one some/two; do
  {DOCKERFILE} official |
    docker build --quiet --tag localhost:5000/$name:1 --file - script/setup
  docker push --quiet localhost:5000/$name:1
  docker rmi localhost:5000/$name:1
done
docker stop registry
"""
REMOVE_IMAGES = (
    "docker rmi --force $(docker images --format '{{.Repository}}:{{.Tag}}' 'localhost:5000/*/*')"
    " $(docker images --format '{{.Repository}}:{{.Tag}}' 'localhost:5000/*')"
)
START_REGISTRY = (
    "docker start registry && until curl --silent localhost:5000/v2/; do sleep 0.05; done"
)


@pytest.fixture(scope="module")
def registry(ready):
    """A function that types a command in the copy of the course; see `SET_UP`."""
    ready.load(build_helper("registry"))
    ready.check_out("/tmp/bases")
    done = ready.type(SET_UP, folder="/tmp/bases")
    assert done.returncode == 0, done.stdout
    yield lambda command: ready.type(command, folder="/tmp/bases")
    ready.type(f"docker rm --force --volumes registry; {REMOVE_IMAGES}")


@pytest.fixture
def bases(registry):
    """The same function. The registry is stopped, no base image exists, and none was pulled."""
    registry(f"docker stop registry; rm -rf ~/.cache/softy-pinko; {REMOVE_IMAGES}")
    return registry


def test_a_substitute_is_built_without_a_registry_and_replaced_with_one(bases):
    done = bases("script/setup/base-images")
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("Pulling") == 1, "it waited twice for an unreachable registry"
    for name in ("one", "some/two"):
        assert f"Can't reach the registry of localhost:5000/{name}:1. Building" in done.stdout
        assert f"Base image localhost:5000/{name}:1: SUBSTITUTE, Debian forky" in done.stdout
    substitute = bases("docker inspect --format '{{.Id}}' localhost:5000/one:1").stdout.strip()

    done = bases("script/setup/base-images")
    assert done.returncode == 0, done.stdout
    stays = "warning: Can't reach the registry. The images on this machine stay in use"
    assert stays in done.stdout
    assert "Building" not in done.stdout

    bases(START_REGISTRY)
    done = bases("script/setup/base-images")
    assert done.returncode == 0, done.stdout
    for name in ("one", "some/two"):
        assert f"Base image localhost:5000/{name}:1: ready." in done.stdout
    inspected = bases(f"docker image inspect {substitute}")
    assert inspected.returncode != 0, "the substitute image still exists"


def test_official_images_are_pulled_once_a_day_and_kept_if_that_fails(bases):
    bases(START_REGISTRY)
    done = bases("script/setup/base-images")
    assert done.returncode == 0, done.stdout
    assert "Building" not in done.stdout
    done = bases("script/setup/base-images")
    assert "Pulling" not in done.stdout, "it pulled twice on the same day"

    a_day_later = "touch --date='25 hours ago' ~/.cache/softy-pinko/*"
    done = bases(f"{a_day_later}; script/setup/base-images")
    assert done.stdout.count("Pulling") == 2

    done = bases(f"docker stop registry; {a_day_later}; script/setup/base-images")
    assert done.returncode == 0, done.stdout
    stays = "warning: Can't reach the registry. The images on this machine stay in use"
    assert stays in done.stdout
    assert "Base image localhost:5000/one:1: ready." in done.stdout


def test_an_image_that_the_registry_does_not_have_is_fatal_only_if_it_is_missing(bases):
    bases(START_REGISTRY)
    try:
        bases("sed -i s/one:1/one:2/ task0/Dockerfile")
        done = bases("script/setup/base-images")
        assert done.returncode == 1
        assert re.search(r"Can't pull localhost:5000/one:2: .*not found", done.stdout), done.stdout
        bases("docker tag localhost:5000/one:1 localhost:5000/one:2")
        done = bases("script/setup/base-images")
        assert done.returncode == 0, done.stdout
        stays = r"Can't pull localhost:5000/one:2. The image on this machine stays.*not found"
        assert re.search(stays, done.stdout), done.stdout
    finally:
        bases("sed -i s/one:2/one:1/ task0/Dockerfile")


@pytest.mark.parametrize("home", ["--unset=HOME", "HOME=/proc", "XDG_CACHE_HOME=/dev/null"])
def test_without_a_home_directory_each_run_tries_to_pull(bases, home):
    bases(START_REGISTRY)
    for _ in range(2):
        done = bases(f"env {home} script/setup/base-images")
        assert done.returncode == 0, done.stdout
        assert "Pulling" in done.stdout
        assert "/proc" not in done.stdout

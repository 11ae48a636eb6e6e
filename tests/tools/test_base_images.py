"""script/setup/base-images with a registry and without: what it pulls, keeps, builds and replaces."""

import re

import pytest

from support.images import build_helper

pytestmark = pytest.mark.xdist_group("machine")


@pytest.fixture(scope="module")
def registry(ready):
    """A registry with two images on the machine `ready`, stopped: a function that types a command.

    The command runs in a copy of the course whose Dockerfiles build on these images, and where
    script/setup/substitute is quick.
    """
    ready.load(build_helper("registry"))
    ready.check_out("/tmp/bases")
    names = "s|^FROM [a-z]+:.*|FROM localhost:5000/one:1|; s|^FROM [a-z]+/.*|FROM localhost:5000/some/two:1|"
    image = "printf 'FROM scratch\\nCOPY %s /\\n' {} | docker build --quiet --tag {} --file - script/setup"
    done = ready.type(
        f"""set -e
        sed -i -E '{names}' task*/Dockerfile task*/*/Dockerfile
        echo 'is_debian() {{ true; }}' >>script/setup/lib.sh
        cat >script/setup/substitute <<'END'
{image.format("lib.sh", '"$1"')} --label substitute='Debian forky'
END
        docker run --detach --name registry --publish 5000:5000 softy-pinko-test-registry
        until curl --silent localhost:5000/v2/; do sleep 0.05; done
        for name in one some/two; do
          {image.format("engine", "localhost:5000/$name:1")}
          docker push --quiet localhost:5000/$name:1
          docker rmi localhost:5000/$name:1
        done
        docker stop registry""",
        folder="/tmp/bases",
    )
    assert done.returncode == 0, done.stdout
    yield lambda command: ready.type(command, folder="/tmp/bases")
    ready.type(
        "docker rm --force --volumes registry; docker rmi --force $(docker images --quiet 'localhost:5000/*')"
    )


@pytest.fixture
def bases(registry):
    """The same, without base images or a memory of attempts to pull them."""
    registry(
        "docker stop registry; rm -rf ~/.cache/softy-pinko;"
        "docker rmi --force $(docker images --format '{{.Repository}}:{{.Tag}}' 'localhost:5000/*')"
    )
    return registry


START_REGISTRY = (
    "docker start registry && until curl --silent localhost:5000/v2/; do sleep 0.05; done"
)


def test_a_substitute_is_built_only_without_a_registry_and_replaced_with_one(bases):
    done = bases("script/setup/base-images")
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("Pulling") == 1, "it waited twice for a registry that can't be reached"
    for name in ("one", "some/two"):
        assert f"Can't reach the registry of localhost:5000/{name}:1. Building" in done.stdout
        assert f"Base image localhost:5000/{name}:1: SUBSTITUTE, Debian forky" in done.stdout
    substitute = bases("docker inspect --format '{{.Id}}' localhost:5000/one:1").stdout.strip()

    done = bases("script/setup/base-images")
    assert done.returncode == 0, done.stdout
    assert "warning: Can't reach the registry, so the images that are here stay" in done.stdout
    assert "Building" not in done.stdout

    bases(START_REGISTRY)
    done = bases("script/setup/base-images")
    assert done.returncode == 0, done.stdout
    for name in ("one", "some/two"):
        assert f"Base image localhost:5000/{name}:1: ready." in done.stdout
    gone = bases(f"docker image inspect {substitute}")
    assert gone.returncode != 0, "the substitute is still there"


def test_official_images_are_pulled_once_a_day_and_kept_if_that_fails(bases):
    bases(START_REGISTRY)
    done = bases("script/setup/base-images")
    assert done.returncode == 0, done.stdout
    assert "Building" not in done.stdout
    assert "Pulling" not in bases("script/setup/base-images").stdout, (
        "it pulled twice on the same day"
    )

    a_day_later = "touch --date='25 hours ago' ~/.cache/softy-pinko/*"
    done = bases(f"{a_day_later}; script/setup/base-images")
    assert done.stdout.count("Pulling") == 2

    done = bases(f"docker stop registry; {a_day_later}; script/setup/base-images")
    assert done.returncode == 0, done.stdout
    assert "warning: Can't reach the registry, so the images that are here stay" in done.stdout
    assert "Base image localhost:5000/one:1: ready." in done.stdout


def test_an_image_that_the_registry_does_not_have_is_fatal_only_if_it_is_missing(bases):
    bases(START_REGISTRY)
    name = "sed -i s/one:1/{}/ task0/Dockerfile"
    try:
        done = bases(f"{name.format('one:2')}; script/setup/base-images")
        assert done.returncode == 1
        assert re.search(r"Can't pull localhost:5000/one:2: .*not found", done.stdout), done.stdout
        bases("docker tag localhost:5000/some/two:1 localhost:5000/one:2")
        done = bases("script/setup/base-images")
        assert done.returncode == 0, done.stdout
        why = r"warning: Can't pull localhost:5000/one:2, so the image that is here stays: .*not found"
        assert re.search(why, done.stdout), done.stdout
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

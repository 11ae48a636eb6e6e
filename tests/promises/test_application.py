"""A real application, put into a copy of task6 by the steps of task6/YOUR-APPLICATION.md."""

import hashlib
import http.client
import re
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from urllib.parse import urlsplit

import pytest
import requests
import simple_websocket

from promises.exchange import REQUESTS, send
from support.commands import ROOT, RUN, docker, inspect, run
from support.containers import memory
from support.ports import free_port
from support.projects import start_proxied_project
from support.readme import console_commands, section
from support.waiting import wait_until

pytestmark = pytest.mark.xdist_group("application")

#: The text of the guide that the tests follow.
GUIDE = (ROOT / "task6/YOUR-APPLICATION.md").read_text()
#: The guide's sections that show how to change a setting.
SETTINGS = (
    "Databases and other servers",
    "Endpoints slower than 10 seconds",
    "Request bodies over 1 MB",
    "WebSockets",
    "Sessions and other state",
    "TLS",
)
#: The folder that the guide calls ~/my-app.
APPLICATION = ROOT / "tests/promises/application"
#: The name of the container with plain gunicorn.
PLAIN = f"{RUN}-plain"


def apply_diffs(text, folder):
    """Change the files of a folder as the ```diff blocks of a text show.

    Raises AssertionError unless a file has the lines that a block replaces exactly once.
    """
    for indent, name, block in re.findall(
        r"^( *)```diff\n *--- (\S+)\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE
    ):
        lines = [line.removeprefix(indent) for line in block.splitlines(keepends=True)]
        before = "".join(line[1:] for line in lines if line[0] in " -")
        after = "".join(line[1:] for line in lines if line[0] in " +")
        content = (folder / name).read_text()
        assert content.count(before) == 1, (
            f"{name}: expected these lines once, got them {content.count(before)} times:\n{before}"
        )
        (folder / name).write_text(content.replace(before, after))


@pytest.fixture(scope="module")
def my_stack_folder(tmp_path_factory):
    """The folder `my-stack` that the guide's steps make, a `Path`. Nothing runs yet."""
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(APPLICATION, home / "my-app")
    shutil.copytree(ROOT / "task6", home / "task6")
    copy_task6, enter, copy_application, _ = [
        command
        for command, _, _ in console_commands(
            re.sub("^ +", "", section(GUIDE, "Steps"), flags=re.M)
        )
    ]
    run(copy_task6, cwd=home)
    folder = home / enter.removeprefix("cd ")
    run(copy_application, cwd=folder, env={"HOME": str(home)})
    apply_diffs(section(GUIDE, "Steps"), folder)
    compose = folder / "docker-compose.yml"
    compose.write_text(re.sub(r"softy-pinko-(.*):task6", r"my-stack-\1", compose.read_text()))
    return folder


@pytest.fixture(scope="module")
def my_stack(my_stack_folder):
    """`my-stack`, started: a `support.projects.Project`. Its images are removed at the end."""
    with start_proxied_project("task6", my_stack_folder) as started:
        yield started
        images = {inspect(name)["Config"]["Image"] for name in started.containers()}
    docker("rmi", "--force", *images)


@pytest.fixture(scope="module")
def with_settings(my_stack_folder, my_stack, tmp_path_factory):
    """`my-stack` with all settings of the guide, started: a `support.projects.Project`."""
    copy = tmp_path_factory.mktemp("with-settings") / my_stack_folder.name
    folder = shutil.copytree(my_stack_folder, copy)
    for heading in SETTINGS:
        apply_diffs(section(GUIDE, heading), folder)
    (folder / ".env").write_text("SECRET_KEY=a long random text\n")
    with start_proxied_project("task6", folder) as started:
        yield started


@pytest.fixture(scope="module")
def plain(my_stack):
    """The URL of the same application under plain gunicorn, without task6's proxy and worker."""
    port = free_port()
    docker(
        *("run", "--detach", "--name", PLAIN, "--publish", f"127.0.0.1:{port}:5252"),
        *("--env", "GUNICORN_CMD_ARGS=--config=/dev/null", "my-stack-back-end"),
        *("gunicorn", "--bind=0.0.0.0:5252", "--threads=16", "--no-control-socket", "api:app"),
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: is_up(url), 20, f"plain gunicorn to respond; see 'docker logs {PLAIN}'")
        yield url
    finally:
        docker("rm", "--force", PLAIN)


def is_up(url):
    """Return whether the application at this URL responds and is healthy."""
    try:
        return requests.get(f"{url}/api/health", timeout=5).ok
    except requests.RequestException:
        return False


def test_every_response_is_the_same_as_under_plain_gunicorn(my_stack, plain):
    with ThreadPoolExecutor(8) as pool:
        through = pool.map(lambda request: send(my_stack.url, *request), REQUESTS)
        direct = pool.map(lambda request: send(plain, *request), REQUESTS)
        pairs = list(zip(REQUESTS, through, direct, strict=True))
    different = [
        f"{method} {path}:\n  expected {theirs[:3]!s:.600}\n  got      {ours[:3]!s:.600}"
        for (method, path, *_), ours, theirs in pairs
        if ours[:3] != theirs[:3]
    ]
    assert not different, f"{len(different)} of {len(pairs)} differ:\n" + "\n".join(different)
    # These send a piece per second. A piece that waits for the next one comes a second late.
    rests = {path: ours.rest for (_, path, *_), ours, _ in pairs}
    for path, seconds in ("/api/stream/3", 3), ("/api/events/4", 4):
        assert rests[path] > seconds - 0.8, (
            f"{path}: expected the first piece {seconds} s before the end, got {rests[path]:.1f} s"
        )


def test_the_application_sees_the_clients_address_and_no_forged_header(my_stack):
    forged = {
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Proto": "https",
        "X-Request-ID": "forged",
        "Host": "app.example:8443",
    }
    url = f"{my_stack.url}/api/httpbin/headers?show_env=1"
    response = requests.get(url, headers=forged)
    seen = response.json()["headers"]
    assert seen["Host"] == "app.example:8443"
    assert seen["X-Forwarded-Proto"] == "http"
    assert seen["X-Request-Id"] == response.headers["X-Request-ID"]
    assert re.fullmatch("[0-9a-f]{32}", seen["X-Request-Id"])
    assert ip_address(seen["X-Forwarded-For"]).is_private
    assert "203.0.113.9" not in response.text
    client = requests.get(f"{my_stack.url}/api/url").json()["client"]
    assert client == seen["X-Forwarded-For"], "expected the client's address in remote_addr"


@pytest.fixture
def pool():
    """A pool of 16 threads that send requests at the same time."""
    with ThreadPoolExecutor(16) as threads:
        yield threads


def test_slow_requests_do_not_delay_others(my_stack, pool, put_load):
    with put_load(
        "beside 8 clients of a slow endpoint", f"{my_stack.url}/api/hello", bodies=None
    ) as load:
        for _ in range(4):
            slow = list(pool.map(requests.get, [f"{my_stack.url}/api/slow/1.2"] * 8))
            assert {response.status_code for response in slow} == {200}
    assert len(load.outcomes) > 1000
    assert load.percentile(99) < 0.3


def test_a_stopped_replica_completes_its_requests(my_stack, pool):
    replicas = my_stack.containers("back-end")
    try:
        requested = [pool.submit(requests.get, f"{my_stack.url}/api/slow/4.0") for _ in range(8)]
        wait_until(
            lambda: all(connections(name) >= 4 for name in replicas),
            3,
            "4 requests at each replica",
        )
        docker("stop", replicas[0])
        assert {request.result().status_code for request in requested} == {200}
    finally:
        my_stack.start_again("back-end")


def connections(replica):
    """Return the number of open connections to port 5252 of a container."""
    table = docker("exec", replica, "cat", "/proc/net/tcp")
    return sum(
        line.split()[1].endswith(":1484") and line.split()[3] == "01" for line in table.splitlines()
    )


def test_the_proxy_does_not_hold_a_large_download_in_memory(my_stack):
    (proxy,) = my_stack.containers("proxy")
    highest = 0
    with requests.get(f"{my_stack.url}/api/large/400", stream=True, timeout=10) as download:
        pieces = download.iter_content(1_000_000)
        received = 0
        start = time.monotonic()
        while received < 10_000_000:
            received += len(next(pieces))
            if received % 5_000_000 == 0:
                highest = max(highest, *memory(proxy).values())
            pause = received / 2_000_000 - (time.monotonic() - start)
            time.sleep(max(0, pause))  # a client that reads 2 MB/s: the test needs this pace
        received += sum(map(len, pieces))
    assert received == 400_000_000
    assert highest < 40, f"expected the proxy to use less than 40 MiB, got {highest}"
    assert inspect(proxy)["RestartCount"] == 0


def test_clients_that_disconnect_early_do_no_harm(my_stack, put_load):
    for path in ["/api/large/400", "/api/events/9", "/api/stream/9", "/api/slow/3.0"] * 8:
        parts = urlsplit(my_stack.url)
        client = http.client.HTTPConnection(parts.hostname, parts.port)
        client.request("GET", path)
        client.close()
    with put_load(
        "after 32 clients disconnected", f"{my_stack.url}/api/hello", bodies=None
    ) as load:
        load.wait_for(2000)


def test_the_proxy_waits_10_seconds_for_a_response_unless_it_is_configured(
    my_stack, with_settings, pool
):
    # A GET would go to a second replica, and wait there for another ten seconds.
    urls = [f"{url}/api/slow/12.0" for url in (my_stack.url, with_settings.url)]
    too_long, in_time = pool.map(requests.post, urls)
    assert (too_long.status_code, too_long.json()["error"]) == (504, "Gateway Timeout")
    assert (in_time.status_code, in_time.text) == (200, "12.0 s")


def test_bodies_over_1_mb_are_refused_unless_the_proxy_is_configured(my_stack, with_settings):
    body = b"z" * 5_000_000
    refused = requests.post(f"{my_stack.url}/api/upload", data=body)
    assert (refused.status_code, refused.json()["error"]) == (413, "Content Too Large")
    accepted = requests.post(f"{with_settings.url}/api/upload", data=body)
    assert accepted.text == hashlib.sha256(body).hexdigest()


#: What a browser sends to open a WebSocket (RFC 6455, section 4.1).
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def test_websockets_work_once_the_proxy_is_configured(my_stack, with_settings):
    refused = requests.get(f"{my_stack.url}/api/echo", headers=UPGRADE)
    assert refused.status_code == 400
    client = simple_websocket.Client.connect(f"ws{with_settings.url.removeprefix('http')}/api/echo")
    for message in ("one", "two " * 10_000):
        client.send(message)
        assert client.receive(timeout=5) == message
    client.close()


def test_the_application_reaches_other_servers_once_it_has_another_network(my_stack, with_settings):
    def has_default_route(project):
        (replica, *_) = project.containers("back-end")
        routes = docker("exec", replica, "cat", "/proc/net/route").splitlines()[1:]
        return any(route.split()[1] == "00000000" for route in routes)

    assert not has_default_route(my_stack)
    assert has_default_route(with_settings)


def test_all_replicas_share_a_session_with_one_secret_key(with_settings):
    with requests.Session() as client:
        visits = [client.get(f"{with_settings.url}/api/visits").json() for _ in range(4)]
    assert [visit["visits"] for visit in visits] == [1, 2, 3, 4]
    assert len({visit["served_by"] for visit in visits}) == 2


def test_the_headers_of_a_tls_server_are_used_once_the_proxy_is_configured(my_stack, with_settings):
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7", "Host": "app.example"}
    forged = requests.get(f"{my_stack.url}/api/url", headers=headers).json()
    assert forged["url"] == "http://app.example/api/hello"
    assert forged["client"] != "192.0.2.7"
    used = requests.get(f"{with_settings.url}/api/url", headers=headers).json()
    assert used == {"url": "https://app.example/api/hello", "client": "192.0.2.7"}

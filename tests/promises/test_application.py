"""A real application in a copy of task6, put there by the steps of task6/YOUR-APPLICATION.md.

Each request goes to it twice: through the proxy, and to the same application under plain gunicorn.
"""

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
from support.projects import proxied
from support.readme import steps
from support.waiting import wait_until

pytestmark = pytest.mark.xdist_group("application")

PAGE = (ROOT / "task6/YOUR-APPLICATION.md").read_text()
#: The sections that show a setting, with all that it takes.
SETTINGS = (
    "Databases and other servers",
    "Endpoints slower than 10 seconds",
    "Request bodies over 1 MB",
    "WebSockets",
    "Sessions and other state",
    "TLS",
)
#: The folder that the page calls ~/my-app.
APPLICATION = ROOT / "tests/promises/application"
PLAIN = f"{RUN}-plain"


def section(heading):
    """Return the text of the page below a heading, up to the next one."""
    return PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def apply_diffs(text, folder):
    """Make the changes that the ```diff blocks of a text show to the files of a folder.

    Raises AssertionError if a file doesn't have the lines that a block replaces.
    """
    for indent, name, block in re.findall(
        r"^( *)```diff\n *--- (\S+)\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE
    ):
        lines = [line.removeprefix(indent) for line in block.splitlines(keepends=True)]
        before = "".join(line[1:] for line in lines if line[0] in " -")
        after = "".join(line[1:] for line in lines if line[0] in " +")
        content = (folder / name).read_text()
        assert content.count(before) == 1, f"{name} doesn't have these lines once:\n{before}"
        (folder / name).write_text(content.replace(before, after))


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The folder `my-stack`, made by the page's steps, and not started yet."""
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(APPLICATION, home / "my-app")
    shutil.copytree(ROOT / "task6", home / "task6")
    copy_task6, enter, copy_application, _ = [
        command for command, _, _ in steps(re.sub("^ +", "", section("Steps"), flags=re.M))
    ]
    run(copy_task6, cwd=home)
    folder = home / enter.removeprefix("cd ")
    run(copy_application, cwd=folder, env={"HOME": str(home)})
    apply_diffs(section("Steps"), folder)
    compose = folder / "docker-compose.yml"
    compose.write_text(re.sub(r"softy-pinko-(.*):task6", r"my-stack-\1", compose.read_text()))
    return folder


@pytest.fixture(scope="module")
def stack(copy):
    """The copy, started: a `support.projects.Project`. Its images are removed at the end."""
    with proxied("task6", copy) as started:
        yield started
        images = {inspect(name)["Config"]["Image"] for name in started.containers()}
    docker("rmi", "--force", *images)


@pytest.fixture(scope="module")
def changed(copy, stack, tmp_path_factory):
    """The same with all of the page's settings: a `support.projects.Project`."""
    folder = shutil.copytree(copy, tmp_path_factory.mktemp("changed") / copy.name)
    for heading in SETTINGS:
        apply_diffs(section(heading), folder)
    (folder / ".env").write_text("SECRET_KEY=a long random text\n")
    with proxied("task6", folder) as started:
        yield started


@pytest.fixture(scope="module")
def plain(stack):
    """The URL of the same application under plain gunicorn: no proxy, no worker class of ours."""
    port = free_port()
    docker(
        *("run", "--detach", "--name", PLAIN, "--publish", f"127.0.0.1:{port}:5252"),
        *("--env", "GUNICORN_CMD_ARGS=--config=/dev/null", "my-stack-back-end"),
        *("gunicorn", "--bind=0.0.0.0:5252", "--threads=16", "--no-control-socket", "api:app"),
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: is_up(url), 20, "the plain application to respond")
        yield url
    finally:
        docker("rm", "--force", PLAIN)


def is_up(url):
    """Return whether the application's health check passes."""
    try:
        return requests.get(f"{url}/api/health", timeout=5).ok
    except requests.ConnectionError:
        return False


def test_every_response_is_the_applications(stack, plain):
    assert len(REQUESTS) >= 90
    with ThreadPoolExecutor(8) as pool:
        through = pool.map(lambda request: send(stack.url, *request), REQUESTS)
        direct = pool.map(lambda request: send(plain, *request), REQUESTS)
        pairs = list(zip(REQUESTS, through, direct, strict=True))
    different = [
        f"{method} {path}:\n  expected {theirs[:3]!s:.600}\n  got      {ours[:3]!s:.600}"
        for (method, path, *_), ours, theirs in pairs
        if ours[:3] != theirs[:3]
    ]
    assert not different, f"{len(different)} of {len(pairs)}:\n" + "\n".join(different)
    late = [
        f"{path}: the first byte came after {ours.first:.1f} s, without the proxy {theirs.first:.1f} s"
        for (_, path, *_), ours, theirs in pairs
        if ours.first > theirs.first + 0.8
    ]
    assert not late, late


def test_the_application_sees_the_client_and_no_header_that_a_client_forged(stack):
    forged = {
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Proto": "https",
        "X-Request-ID": "forged",
        "Host": "app.example:8443",
    }
    url = f"{stack.url}/api/httpbin/headers?show_env=1"
    response = requests.get(url, headers=forged)
    seen = response.json()["headers"]
    assert seen["Host"] == "app.example:8443"
    assert seen["X-Forwarded-Proto"] == "http"
    assert seen["X-Request-Id"] == response.headers["X-Request-ID"]
    assert re.fullmatch("[0-9a-f]{32}", seen["X-Request-Id"])
    assert ip_address(seen["X-Forwarded-For"]).is_private
    assert "203.0.113.9" not in response.text
    client = requests.get(f"{stack.url}/api/url").json()["client"]
    assert client == seen["X-Forwarded-For"], "Flask's remote_addr is the client's address"


@pytest.fixture
def pool():
    """A pool of threads for requests at the same time."""
    with ThreadPoolExecutor(16) as threads:
        yield threads


def test_slow_requests_leave_the_others_alone(stack, pool, put_load):
    with put_load(
        "beside 8 clients of a slow endpoint", f"{stack.url}/api/hello", bodies=None
    ) as load:
        for _ in range(4):
            slow = list(pool.map(requests.get, [f"{stack.url}/api/slow/1.2"] * 8))
            assert {response.status_code for response in slow} == {200}
    assert load.percentile(99) < 0.3


def test_a_stopped_replica_completes_its_requests(stack, pool):
    replicas = stack.containers("back-end")
    try:
        requested = [pool.submit(requests.get, f"{stack.url}/api/slow/4.0") for _ in range(8)]
        wait_until(lambda: all(connections(name) >= 4 for name in replicas), 3, "4 requests each")
        docker("stop", replicas[0])
        assert {request.result().status_code for request in requested} == {200}
    finally:
        stack.start_again("back-end")


def connections(replica):
    """Return how many connections to port 5252 of a container are established."""
    table = docker("exec", replica, "cat", "/proc/net/tcp")
    return sum(
        line.split()[1].endswith(":1484") and line.split()[3] == "01" for line in table.splitlines()
    )


def test_a_large_download_stays_out_of_the_proxys_memory(stack):
    (proxy,) = stack.containers("proxy")
    highest = 0
    with requests.get(f"{stack.url}/api/large/400", stream=True, timeout=10) as download:
        pieces = download.iter_content(1_000_000)
        received = 0
        start = time.monotonic()
        while received < 10_000_000:
            received += len(next(pieces))
            if received % 5_000_000 == 0:
                highest = max(highest, *memory(proxy).values())
            pause = received / 2_000_000 - (time.monotonic() - start)
            time.sleep(max(0, pause))  # 2 MB/s: the pace is what is tested
        received += sum(map(len, pieces))
    assert received == 400_000_000
    assert highest < 40, f"the proxy held {highest} MiB"
    assert inspect(proxy)["RestartCount"] == 0


def test_clients_that_disconnect_leave_the_application_as_it_was(stack, put_load):
    for path in ["/api/large/400", "/api/events/9", "/api/stream/9", "/api/slow/3.0"] * 8:
        parts = urlsplit(stack.url)
        client = http.client.HTTPConnection(parts.hostname, parts.port)
        client.request("GET", path)
        client.close()
    with put_load("after 32 clients disconnected", f"{stack.url}/api/hello", bodies=None) as load:
        load.wait_for(400)


def test_the_proxy_waits_for_ten_seconds_unless_told_otherwise(stack, changed, pool):
    # A GET would go to a second replica, and wait there for another ten seconds.
    urls = [f"{url}/api/slow/12.0" for url in (stack.url, changed.url)]
    too_long, in_time = pool.map(requests.post, urls)
    assert (too_long.status_code, too_long.json()["error"]) == (504, "Gateway Timeout")
    assert (in_time.status_code, in_time.text) == (200, "12.0 s")


def test_bodies_over_one_megabyte_are_refused_unless_allowed(stack, changed):
    body = b"z" * 5_000_000
    refused = requests.post(f"{stack.url}/api/upload", data=body)
    assert (refused.status_code, refused.json()["error"]) == (413, "Content Too Large")
    accepted = requests.post(f"{changed.url}/api/upload", data=body)
    assert accepted.text == hashlib.sha256(body).hexdigest()


#: What a browser sends to open a WebSocket (RFC 6455, section 4.1).
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def test_websockets_work_once_the_proxy_upgrades_connections(stack, changed):
    refused = requests.get(f"{stack.url}/api/echo", headers=UPGRADE)
    assert refused.status_code == 400
    client = simple_websocket.Client.connect(f"ws{changed.url.removeprefix('http')}/api/echo")
    for message in ("one", "two " * 10_000):
        client.send(message)
        assert client.receive(timeout=5) == message
    client.close()


def test_the_application_reaches_other_servers_once_it_has_a_network_that_leads_out(stack, changed):
    def leads_out(started):
        (replica, *_) = started.containers("back-end")
        routes = docker("exec", replica, "cat", "/proc/net/route").splitlines()[1:]
        return any(route.split()[1] == "00000000" for route in routes)

    assert not leads_out(stack)
    assert leads_out(changed)


def test_a_session_goes_on_at_every_replica_with_one_secret_key(changed):
    with requests.Session() as client:
        visits = [client.get(f"{changed.url}/api/visits").json() for _ in range(4)]
    assert [visit["visits"] for visit in visits] == [1, 2, 3, 4]
    assert len({visit["served_by"] for visit in visits}) == 2


def test_the_scheme_and_address_of_a_tls_server_in_front_are_believed_once_told(stack, changed):
    told = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7", "Host": "app.example"}
    forged = requests.get(f"{stack.url}/api/url", headers=told).json()
    assert forged["url"] == "http://app.example/api/hello"
    assert forged["client"] != "192.0.2.7"
    believed = requests.get(f"{changed.url}/api/url", headers=told).json()
    assert believed == {"url": "https://app.example/api/hello", "client": "192.0.2.7"}

"""task6 under attack: malformed requests, slow clients, full memory, and an intruder."""

import http.client
import os
import re
import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from ipaddress import ip_network
from urllib.parse import urlsplit

import pytest

from promises.attacks import CASES, mutated
from promises.raw import connect, request, send_raw, status_of
from support import api
from support.commands import RUN, api_client, docker, inspect
from support.containers import memory, processes
from support.images import UBUNTU
from support.waiting import wait_until

pytestmark = pytest.mark.xdist_group("task6")


@pytest.fixture(scope="module", autouse=True)
def no_container_restarts(task6):
    """Assert, after all tests of this module, that no container of task6 has restarted."""
    before = {name: inspect(name)["State"]["StartedAt"] for name in task6.containers()}
    yield
    assert {name: inspect(name)["State"]["StartedAt"] for name in task6.containers()} == before


@pytest.mark.parametrize(("sent", "expected"), CASES.values(), ids=CASES)
def test_a_malformed_request_gets_the_status_of_the_http_standard(task6, sent, expected):
    received = send_raw(task6.url, sent)
    assert received, "expected a response, got a closed connection"
    assert status_of(received) == expected, f"expected {expected}, got {received[:300]}"
    assert api.get(f"{task6.url}/api/hello").status_code == 200, "expected 200 right after it"


def test_ten_thousand_malformed_requests_do_no_harm(task6):
    seed = int(os.environ.get("SEED", "1"))  # another number yields other requests

    def send(data):
        try:
            return data, send_raw(task6.url, data, patience=0.5)
        except TimeoutError:  # it is incomplete: Nginx waits up to 10 s for the rest
            return data, b""
        except (BrokenPipeError, ConnectionResetError):  # Nginx refused it before its end
            return data, b""

    def send_all(requests):
        with ThreadPoolExecutor(32) as pool:
            responses = list(pool.map(send, requests))
        # RFC 9110 requires 501 for an unknown transfer coding and 505 for an unknown version.
        allowed = {501, 505, *range(500)}
        errors = [(data, got) for data, got in responses if (status_of(got) or 0) not in allowed]
        assert not errors, f"SEED={seed}: expected no 5xx, got {len(errors)}; first: {errors[0]}"
        return sum(bool(got) for _, got in responses)

    send_all(mutated(seed + 1, 500))  # each process allocates some memory only once
    before = memory(*task6.containers())
    assert send_all(mutated(seed, 10_000)) > 8000, "expected responses to most requests"

    def is_back():
        after = memory(*before)
        return all(after[name] < used + 8 for name, used in before.items())

    wait_until(is_back, 30, f"the containers to use as much memory as before: {before}, in MiB")
    assert api.get(f"{task6.url}/api/hello").status_code == 200


class SlowClients:
    """A context manager: connections that each send one byte of a request per second.

    url: the scheme, host and port. count: the number of connections.
    closed: a list of the times, in seconds since the start, when the server closed a connection.
    """

    def __init__(self, url, count):
        self.url = url
        self.connections = [connect(url) for _ in range(count)]
        self.closed = []
        self.thread = threading.Thread(target=self.send_slowly)

    def __enter__(self):
        self.start = time.monotonic()
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.thread.join()
        for connection in self.connections:
            connection.close()

    def send_slowly(self):
        """Send a byte per second until all connections are closed, for 20 seconds at most."""
        endless = iter("GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + "a" * 100)
        while self.connections and time.monotonic() < self.start + 20:
            byte = next(endless).encode()
            for connection in list(self.connections):
                if self.is_closed_by_the_server(connection, byte):
                    connection.close()
                    self.connections.remove(connection)
                    self.closed.append(time.monotonic() - self.start)
            time.sleep(1)

    def is_closed_by_the_server(self, connection, byte):
        """Send a byte and return whether the server has closed the connection."""
        try:
            connection.sendall(byte)
            connection.setblocking(False)
            connection.recv(1000)  # b"" or a response: the server has closed the connection
            return True
        except BlockingIOError:
            connection.settimeout(5)
            return False
        except OSError:
            return True


def test_slow_clients_are_disconnected_and_do_not_delay_others(task6, put_load):
    with (
        SlowClients(task6.url, 200) as slow,
        put_load("beside 200 slow clients", f"{task6.url}/api/hello") as load,
    ):
        load.wait_for(4000)
        wait_until(lambda: len(slow.closed) == 200, 15, "the proxy to close all slow connections")
    assert max(slow.closed) < 15


def test_no_response_names_the_version_of_a_server(task6):
    for path in ("/", "/style.css", "/nope", "/api/hello", "/api/nope"):
        headers = api.get(task6.url + path).headers
        assert headers["Server"] == "nginx"
        assert "gunicorn" not in str(headers)
    assert not re.search(r"nginx/\d", send_raw(task6.url, CASES["NUL"][0]).decode())


def test_the_cache_has_one_copy_of_a_file_for_all_queries_and_encodings(task6):
    def send(number):
        parts = urlsplit(task6.url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
        statuses = Counter()
        for n in range(1000):
            query, coding = f"/?{number}-{n}", f"gzip;q=0.{number}{n}, x-{n}"
            for path, headers in ((query, {}), ("/", {"Accept-Encoding": coding})):
                connection.request("GET", path, headers=headers)
                response = connection.getresponse()
                response.read()
                statuses[response.status] += 1
        connection.close()
        return statuses

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(send, range(8)), Counter()) == {200: 16_000}
    (proxy,) = task6.containers("proxy")
    kilobytes = int(docker("exec", proxy, "du", "-sk", "/tmp/site").split()[0])
    assert kilobytes < 5000


def test_three_hundred_megabytes_of_output_stay_under_120_on_disk(task6):
    write = "import os; [print(os.urandom(50_000).hex()) for _ in range(3000)]"
    name = f"{RUN}-output"
    try:
        task6.compose("run", "--name", name, "--no-deps", "back-end", "python", "-c", write)
        folder = (
            f"{docker('info', '--format', '{{.DockerRootDir}}')}/containers/{inspect(name)['Id']}"
        )
        weigh = ("--volume", f"{folder}:/logs:ro", UBUNTU, "du", "-sm", "/logs")
        megabytes = int(docker("run", "--rm", *weigh).split()[0])
        assert 20 < megabytes < 120
    finally:
        docker("rm", "--force", name)


def test_uploads_larger_than_the_proxys_memory_do_no_harm(task6, put_load):
    parts = urlsplit(task6.url)
    head = request("/api/hello", "Content-Length: 1000000", method="POST")
    uploads = [socket.create_connection((parts.hostname, parts.port), 10) for _ in range(300)]
    try:
        for upload in uploads:
            upload.sendall(head + b"x" * 990_000)
        with put_load("beside 300 MB of slow uploads", f"{task6.url}/api/hello") as load:
            load.wait_for(2000)
    finally:
        for upload in uploads:
            upload.close()
    proxy = task6.containers("proxy")
    wait_until(lambda: max(memory(*proxy).values()) < 60, 15, "the proxy to use less than 60 MiB")


def test_a_replica_reaches_neither_the_internet_nor_the_host(task6):
    replica = task6.containers("back-end")[0]
    routes = docker("exec", replica, "cat", "/proc/net/route").splitlines()[1:]
    assert all(route.split()[1] != "00000000" for route in routes), (
        f"expected no default route, got {routes}"
    )
    with socket.create_server(("0.0.0.0", 0)) as service:
        service.settimeout(0.5)
        connect_to_host = CONNECT.format(addresses_of_the_host(), service.getsockname()[1])
        image = inspect(replica)["Image"]
        docker("run", "--rm", image, "python3", "-c", connect_to_host)
        assert connections(service) > 0, (
            "expected a container on the default network to reach the host, got no connection. "
            "Does a firewall block it?"
        )
        docker("exec", replica, "python3", "-c", connect_to_host)
        assert connections(service) == 0


#: A Python program for a container: it connects to a port at each of these addresses.
CONNECT = """
import socket
for address in {}:
    try:
        socket.create_connection((address, {}), 0.5)
    except OSError:
        pass
"""


def connections(service):
    """Return the number of connections that a listening socket has received.

    It waits until there was no new connection for the socket's timeout.
    """
    count = 0
    try:
        while True:
            service.accept()[0].close()
            count += 1
    except TimeoutError:
        return count


def addresses_of_the_host():
    """Return the addresses at which a container might reach the host: a list of texts.

    The host has the first address of each Docker network.
    """
    with closing(api_client()) as client:
        networks = client.networks(filters={"driver": "bridge"})
    subnets = [ip_network(c["Subnet"]) for n in networks for c in n["IPAM"]["Config"] or []]
    # Docker Desktop's networks are in a virtual machine, where the host has this name.
    return [str(s[1]) for s in subnets if s.version == 4] + ["host.docker.internal"]


def test_an_intruder_finds_no_disk_to_write_to_and_no_privileges(task6):
    for name in task6.containers():
        facts = docker("exec", name, "cat", "/proc/1/status")
        for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert re.search(rf"{capabilities}:\t0+$", facts, re.MULTILINE), (
                f"{name}: expected no {capabilities}, got:\n{facts}"
            )
        assert "NoNewPrivs:\t1" in facts
        found = processes(name)
        assert all(uid != "0" for uid, _ in found), f"{name}: expected no root, got {found}"
        for folder in ("/", "/etc", "/usr/bin", "/var/www/html", "/app"):
            with pytest.raises(AssertionError, match=r"Read-only|nonexistent|No such file"):
                docker("exec", name, "sh", "-c", f"touch {folder}/mark")
        mounts = inspect(name)["Mounts"]
        assert mounts == [], f"{name}: expected no mount of the host, got {mounts}"

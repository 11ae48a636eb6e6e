"""What task6 makes of attacks and bad input, and what somebody who got in would find."""

import http.client
import os
import re
import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from urllib.parse import urlsplit

import pytest

from promises.attacks import CASES, mutilated
from promises.raw import answer, connect, request, status
from support import api
from support.commands import docker, inspect
from support.containers import memory, processes
from support.waiting import wait_until

pytestmark = pytest.mark.xdist_group("task6")


@pytest.fixture(scope="module", autouse=True)
def nothing_restarts(task6):
    """All containers of task6 outlive whatever this file sends them."""
    before = {name: inspect(name)["State"]["StartedAt"] for name in task6.containers()}
    yield
    assert {name: inspect(name)["State"]["StartedAt"] for name in task6.containers()} == before


@pytest.mark.parametrize(("sent", "expected"), CASES.values(), ids=CASES)
def test_it_gets_the_answer_it_deserves(task6, sent, expected):
    received = answer(task6.url, sent)
    assert status(received) == expected, received[:300]
    assert received, "the connection was closed without a word"
    assert api.get(f"{task6.url}/api/hello").status_code == 200, "a normal request right after it"


def test_there_are_more_than_eighty_cases():
    assert len(CASES) > 80


def test_ten_thousand_malformed_requests_do_no_harm(task6):
    seed = int(os.environ.get("SEED", "1"))  # another number makes other requests

    def send(data):
        try:
            return data, answer(task6.url, data, patience=0.5)
        except TimeoutError:  # it has not ended yet: Nginx waits for the rest, 10 s and no longer
            return data, b""
        except (BrokenPipeError, ConnectionResetError):  # refused before we had said it all
            return data, b""

    def send_all(requests):
        with ThreadPoolExecutor(32) as pool:
            answers = list(pool.map(send, requests))
        # RFC 9110 wants 501 and 505 for a coding and a version that the proxy doesn't know.
        allowed = {501, 505, *range(500)}
        errors = [(data, got) for data, got in answers if (status(got) or 0) not in allowed]
        assert not errors, f"seed {seed}: {len(errors)} with a 5xx, the first: {errors[0]}"
        return sum(bool(got) for _, got in answers)

    send_all(mutilated(seed + 1, 500))  # what a process takes once and keeps
    before = memory(*task6.containers())
    assert send_all(mutilated(seed, 10_000)) > 8000, "most of them are answered"

    def is_back():
        after = memory(*before)
        return all(after[name] < used + 8 for name, used in before.items())

    wait_until(is_back, 30, f"all containers to be back at {before}, in MiB")
    assert api.get(f"{task6.url}/api/hello").status_code == 200


class SlowClients:
    """Connections that send a byte of a request each second, all of them together in a thread.

    url: where to. count: how many. `closed` lists when, in seconds, the server closed one.
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
        """Send byte after byte for 20 seconds, or until the server has closed all connections."""
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
        """Send a byte and return whether the other side has hung up."""
        try:
            connection.sendall(byte)
            connection.setblocking(False)
            connection.recv(1000)  # its last words, or none
            return True
        except BlockingIOError:
            connection.settimeout(5)
            return False
        except OSError:
            return True


def test_slow_clients_are_closed_and_do_not_slow_the_others(task6, put_load):
    with (
        SlowClients(task6.url, 200) as slow,
        put_load("beside 200 slow clients", f"{task6.url}/api/hello") as load,
    ):
        load.wait_for(4000)
        wait_until(lambda: len(slow.closed) == 200, 15, "all slow clients to be closed")
    assert max(slow.closed) < 15
    assert load.percentile(99) < 0.1


def test_no_response_names_a_version(task6):
    for path in ("/", "/style.css", "/nope", "/api/hello", "/api/nope"):
        headers = api.get(task6.url + path).headers
        assert headers["Server"] == "nginx"
        assert "gunicorn" not in str(headers)
    assert not re.search(r"nginx/\d", answer(task6.url, CASES["NUL"][0]).decode())


def test_the_cache_holds_one_copy_of_a_file_whatever_clients_send(task6):
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


def test_uploads_beyond_the_proxys_memory_do_no_harm(task6, put_load):
    parts = urlsplit(task6.url)
    head = request("/api/hello", "Content-Length: 1000000", method="POST")
    uploads = [socket.create_connection((parts.hostname, parts.port), 10) for _ in range(300)]
    try:
        for upload in uploads:
            upload.sendall(head + b"x" * 990_000)
        with put_load("beside 300 MB of slow uploads", f"{task6.url}/api/hello") as load:
            load.wait_for(400)
    finally:
        for upload in uploads:
            upload.close()
    wait_until(lambda: max(memory(*task6.containers("proxy")).values()) < 60, 15, "the memory back")


def test_from_a_replica_neither_the_world_nor_this_machine_can_be_reached(task6):
    replica = task6.containers("back-end")[0]
    routes = docker("exec", replica, "cat", "/proc/net/route").splitlines()[1:]
    assert all(route.split()[1] != "00000000" for route in routes), "there is a way out"
    with socket.create_server(("0.0.0.0", 0)) as service:
        service.settimeout(0.5)
        knock = KNOCK.format(addresses_of_this_machine(), service.getsockname()[1])
        docker("run", "--rm", "softy-pinko-back-end:task6", "python3", "-c", knock)
        assert knocks(service) > 0, (
            "from an ordinary network this machine could not be reached either: a firewall?"
        )
        docker("exec", replica, "python3", "-c", knock)
        assert knocks(service) == 0


KNOCK = """
import socket

for address in {}:
    try:
        socket.create_connection((address, {}), 0.5)
    except OSError:
        pass
"""


def knocks(service):
    """Return how many connections have come to a listening socket; takes half a second more."""
    count = 0
    try:
        while True:
            service.accept()[0].close()
            count += 1
    except TimeoutError:
        return count


def addresses_of_this_machine():
    """Return what a container might call this machine: the first address of each of its networks."""
    networks = docker("network", "ls", "--quiet", "--filter", "driver=bridge").split()
    subnets = [
        ip_network(c["Subnet"]) for n in networks for c in inspect(n)["IPAM"]["Config"] or []
    ]
    # With Docker Desktop the networks are a virtual machine's; there this machine has a name.
    return [str(s[1]) for s in subnets if s.version == 4] + ["host.docker.internal"]


def test_who_gets_in_finds_nothing_to_write_to_and_no_power(task6):
    for name in task6.containers():
        facts = docker("exec", name, "cat", "/proc/1/status")
        for power in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert re.search(rf"{power}:\t0+$", facts, re.MULTILINE), f"{name} has {power}"
        assert "NoNewPrivs:\t1" in facts
        assert all(uid != "0" for uid, _ in processes(name)), f"{name} runs as root"
        for folder in ("/", "/etc", "/usr/bin", "/var/www/html", "/app"):
            with pytest.raises(AssertionError, match=r"Read-only|nonexistent|No such file"):
                docker("exec", name, "sh", "-c", f"touch {folder}/mark")
        assert inspect(name)["Mounts"] == [], (
            "nothing of this machine is mounted, nor the engine's socket"
        )

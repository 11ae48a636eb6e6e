"""Three machines joined to a Swarm, and a registry: containers on a network of their own."""

import json
import re
import shlex
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from ipaddress import ip_network

import requests

from support import api
from support.commands import PROCESS, ROOT, RUN, docker, run
from support.images import build_helper
from support.machine import Machine
from support.ports import free_port
from support.readme import lab_command
from support.round_robin import responders, round_robin_breaks
from support.waiting import wait_until

REGISTRY = "registry:5000/"
IMAGES = [f"softy-pinko-{name}:task6" for name in ("back-end", "front-end", "proxy")]


def settings(number):
    """Return a node's `daemon.json`: what task6/SWARM.md says, and which image store to use.

    number: of the node. The third has the containerd image store, which is the default from
    Docker Engine 29 on, and the others have the classic store.
    """
    (block,) = re.findall(r"```json\n(.*?)```", (ROOT / "task6/SWARM.md").read_text(), re.DOTALL)
    return json.dumps({**json.loads(block), "features": {"containerd-snapshotter": number == 3}})


class Node(Machine):
    """A machine of the Swarm.

    number: 1 to 3. network, address: where it is, and stays when it is started again.
    url: its own proxy's port, published on this machine, as `http://localhost:…`.
    runs: whether the machine is running.
    """

    def __init__(self, number, network, address, image):
        super().__init__(f"{RUN}-node-{number}")
        self.number, self.network, self.address, self.image = number, network, address, image
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.runs = False

    def start(self):
        """Start the container, its engine as the main process; returns when that answers."""
        docker(
            *("run", "--detach", "--privileged", "--name", self.name),
            *("--hostname", f"node-{self.number}", "--tmpfs", "/run"),
            *("--network", self.network, "--ip", self.address),
            *("--publish", f"127.0.0.1:{self.port}:80"),
            *("--volume", f"{ROOT}:/course:ro", "--env", f"REGISTRY={REGISTRY}"),
            *("--env", f"SETTINGS={settings(self.number)}", self.image, "sh", "-c"),
            'mkdir -p /etc/docker; echo "$SETTINGS" >/etc/docker/daemon.json; exec dockerd',
        )
        self.runs = True
        self.wait_for_engine()

    def wait_for_engine(self):
        """Wait until the node's engine answers; half a minute at most."""
        wait_until(lambda: self.type("docker info").returncode == 0, 30, f"{self.name}'s engine")

    def do(self, command, timeout=120):
        """Type a command in task6's folder; returns what it printed, trimmed.

        Raises AssertionError if it fails, or takes longer than `timeout` seconds.
        """
        bounded = f"timeout {timeout} bash -c {shlex.quote(command)}"
        done = self.type(bounded, folder="/course/task6", timeout=timeout + 5)
        assert done.returncode == 0, f"{self.name}: {command}\n{done.stdout}"
        return done.stdout.strip()

    def asked(self, command):
        """Return what a `docker … ls` on this node lists: a list of dicts."""
        return [json.loads(line) for line in self.do(f"{command} --format json").splitlines()]

    def answers(self):
        """Whether the node's proxy lets the API answer."""
        try:
            return api.get(f"{self.url}/api/hello").status_code == 200
        except requests.RequestException:
            return False

    def kill(self):
        """Take the machine away at once, as a power cut would."""
        self.runs = False
        docker("kill", self.name)

    def come_back(self):
        """Start the machine again, after it was killed."""
        docker("start", self.name)
        self.runs = True
        self.wait_for_engine()


class Swarm:
    """Three nodes, all of them managers, that run task6's stack.

    nodes: `Node`s. registry: where this machine reaches theirs, as `localhost:…/`.
    """

    def __init__(self, nodes, registry):
        self.nodes = nodes
        self.registry = registry

    @property
    def manager(self):
        """The first node that runs: where commands are typed."""
        return self.running()[0]

    def running(self):
        """Return the nodes that run, a list."""
        return [node for node in self.nodes if node.runs]

    def form(self):
        """Start the nodes and join them."""
        first, *others = self.nodes
        with ThreadPoolExecutor() as pool:
            list(pool.map(Node.start, self.nodes))
        init = lab_command("task6", "docker swarm init")
        first.do(f"{init} --advertise-addr {first.address}")
        says_how = self.type("docker swarm join-token manager")
        join = next(line for line in says_how.splitlines() if "docker swarm join " in line)
        for node in others:
            node.do(join)

    def push(self, *later):
        """Bring the images of task6, and later ones, from this machine to the registry."""
        tag_and_push = lab_command("task6", "for name in back-end front-end proxy; do")
        try:
            run(tag_and_push, env={"REGISTRY": self.registry})
            for image in later:
                docker("tag", image, self.registry + image)
                docker("push", self.registry + image)
        finally:
            docker("rmi", "--force", *(self.registry + image for image in (*IMAGES, *later)))

    def type(self, start):
        """Type the command of task6/SWARM.md that starts so; returns what it printed."""
        return self.manager.do(lab_command("task6", start))

    def leader(self):
        """Return the node that leads the others."""
        listed = self.manager.asked("docker node ls")
        hostname = next(n["Hostname"] for n in listed if n["ManagerStatus"] == "Leader")
        return self.nodes[int(hostname.removeprefix("node-")) - 1]

    def is_down(self, node):
        """Return whether the other nodes call a node down. They can't without a leader."""
        listed = self.manager.type("docker node ls --format '{{.Hostname}} {{.Status}}'").stdout
        return f"node-{node.number} Down" in listed

    def replicas(self):
        """Return where the running replicas of the API are: hostname -> number of the node.

        A replica counts once it is healthy: Swarm calls it running only then. While
        the managers choose a leader they can name none.
        """
        nodes = "docker node ls --format '{{.ID}} {{.Hostname}}'"
        running = "docker service ps softy-pinko_back-end --quiet --filter desired-state=running"
        asked = self.manager.type(f"{nodes} && docker inspect $({running})")
        if asked.returncode != 0:
            return {}
        names, bracket, tasks = asked.stdout.partition("[")
        numbers = {node: int(name[-1]) for node, name in map(str.split, names.splitlines())}
        return {
            task["Status"]["ContainerStatus"]["ContainerID"][:12]: numbers[task["NodeID"]]
            for task in json.loads(bracket + tasks)
            if task["Status"]["State"] == "running"
        }

    def wait_for_turns(self, count=4, within=30):
        """Wait until so many replicas run, and each node's proxy asks all of them in strict turn.

        within: seconds. Returns `replicas()`.
        """

        def settled():
            there = self.replicas()
            if len(there) != count:
                return None
            for node in self.running():
                try:
                    order = responders(node.url, 10 * count)
                except (AssertionError, requests.RequestException):  # its proxy is starting
                    return None
                if set(order) != set(there) or round_robin_breaks(order, count):
                    return None
            return there

        return wait_until(settled, within, f"{count} replicas to answer through every node")


@contextmanager
def network():
    """Create a network whose containers may choose their addresses; yields its name and subnet.

    The subnet is one that Docker Engine never picks for another network: RFC 2544 reserves its
    range for tests. subnet: an `ipaddress.IPv4Network`.
    """
    name = f"{RUN}-swarm"
    subnet = ip_network(f"198.18.{PROCESS % 256}.0/24")
    docker("network", "create", "--subnet", str(subnet), name)
    try:
        yield name, subnet
    finally:
        docker("network", "rm", name)


@contextmanager
def swarm():
    """Form a Swarm of three nodes, beside a registry that is empty; yields a `Swarm`.

    Nothing of it is left afterwards, and this machine's engine never joins it.
    """
    machine_image, registry_image = build_helper("machine"), build_helper("registry")
    registry, port = f"{RUN}-registry", free_port()
    with network() as (name, subnet):
        nodes = [Node(number, name, str(subnet[number + 1]), machine_image) for number in (1, 2, 3)]
        try:
            docker(
                *("run", "--detach", "--name", registry, "--network", name),
                *("--network-alias", "registry", "--ip", str(subnet[9])),
                *("--publish", f"127.0.0.1:{port}:5000"),
                registry_image,
            )
            formed = Swarm(nodes, f"localhost:{port}/")
            formed.form()
            yield formed
        finally:
            docker("rm", "--force", "--volumes", registry, *(node.name for node in nodes))

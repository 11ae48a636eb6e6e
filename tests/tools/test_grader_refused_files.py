"""Compose files that the grader refuses, before anything is built or started.

Each case is (an addition to a Compose file, the key in the sentence, words of the reason).
"""

import pytest

from grader.allowed import check_as_written
from grader.compose_config import understand
from grader.errors import Fault
from support.copies import add, link, swap, write

API = "services:\n  api:\n    image: ubuntu:latest\n"
FILE = "task4/docker-compose.yml"

#: Lines of the service.
IN_THE_SERVICE = [
    ("privileged: true", "services.api.privileged", "root on the host"),
    ("post_start: [{command: id, user: root}]", "post_start", "root on the host"),
    ("pre_stop: [{command: id}]", "pre_stop", "root on the host"),
    ("volumes_from: ['container:db']", "volumes_from", "another container"),
    ("build: ../..", "build.context", "outside the submission"),
    ("build: https://github.com/docker/compose.git", "build.context", "outside the submission"),
    ("build: {context: api, dockerfile: ../../../secret}", "build.dockerfile", "outside the"),
    ("build: {context: api, network: host}", "build.network: host", "network of the host"),
    ("build: {context: api, network: other}", "build.network: other", "network of the host"),
    ("build: {context: api, ssh: [default]}", "build.ssh", "SSH agent"),
    ("build: {context: api, privileged: true}", "build.privileged", "root on the host"),
    ("build: {context: api, cache_to: ['type=local,dest=/x']}", "build.cache_to", "outside the"),
    (
        "build: {context: api, entitlements: [security.insecure]}",
        "build.entitlements",
        "power over the host",
    ),
    (
        "build: {context: api, additional_contexts: {mine: ../..}}",
        "build.additional_contexts",
        "outside the submission",
    ),
    (
        "build: {context: api, additional_contexts: {mine: 'docker-image://secret'}}",
        "build.additional_contexts",
        "outside the submission",
    ),
    ("logging: {driver: syslog}", "logging.driver: syslog", "another program"),
    (
        "logging: {driver: local, options: {gelf-address: 'udp://192.0.2.1:1'}}",
        "logging.options.gelf-address",
        "isn't an option",
    ),
    ("provider: {type: model}", "services.api.provider", "program on the host"),
    ("models: [llm]", "services.api.models", "outside of any container"),
    ("volumes: ['/etc:/host']", "services.api.volumes: /etc", "outside the submission"),
    (
        "volumes: ['/var/run/docker.sock:/var/run/docker.sock']",
        "services.api.volumes: /var/run/docker.sock",
        "outside the submission",
    ),
    (
        "volumes: [{type: bind, source: api, target: /a, bind: {propagation: rshared}}]",
        "bind.propagation: rshared",
        "on to the host",
    ),
    (
        "volumes: [{type: image, source: secret, target: /a}]",
        "services.api.volumes: image",
        "isn't part of the submission",
    ),
    ("network_mode: host", "network_mode: host", "publish the ports"),
    ("network_mode: bridge", "network_mode: bridge", "other containers"),
    ("network_mode: 'container:db'", "network_mode: container:db", "other containers"),
    ("pid: host", "services.api.pid", "resource of the host"),
    ("pid: 'container:db'", "services.api.pid", "resource of the host"),
    ("ipc: 'container:db'", "services.api.ipc", "resource of the host"),
    ("uts: host", "services.api.uts", "resource of the host"),
    ("userns_mode: host", "services.api.userns_mode", "resource of the host"),
    ("cgroup: host", "services.api.cgroup", "resource of the host"),
    ("cgroup_parent: /", "services.api.cgroup_parent", "limits that the grader sets"),
    ("external_links: [db]", "services.api.external_links", "aren't part of the submission"),
    ("cap_add: [SYS_ADMIN]", "services.api.cap_add: SYS_ADMIN", "power over the host"),
    ("cap_add: [ALL]", "services.api.cap_add: ALL", "power over the host"),
    (
        "security_opt: ['seccomp=unconfined']",
        "services.api.security_opt: seccomp=unconfined",
        "protects the host",
    ),
    ("devices: ['/dev/kmsg:/dev/kmsg']", "services.api.devices", "devices of the host"),
    ("device_cgroup_rules: ['c 1:3 mr']", "device_cgroup_rules", "devices of the host"),
    ("gpus: all", "services.api.gpus", "devices of the host"),
    (
        "deploy: {resources: {reservations: {devices: [{capabilities: [gpu]}]}}}",
        "reservations.devices",
        "devices of the host",
    ),
    ("blkio_config: {weight: 300}", "services.api.blkio_config", "devices of the host"),
    ("runtime: nvidia", "services.api.runtime", "container runtime"),
    ("annotations: {a: b}", "services.api.annotations", "container runtime"),
    ("use_api_socket: true", "services.api.use_api_socket", "control of Docker Engine"),
    ("credential_spec: {file: x.json}", "services.api.credential_spec", "credentials of the host"),
    ("sysctls: {kernel.shmmax: 1}", "services.api.sysctls.kernel.shmmax", "kernel of the host"),
    ("ulimits: {rtprio: 99}", "services.api.ulimits.rtprio", "known to be harmless"),
    ("oom_score_adj: -1000", "services.api.oom_score_adj", "other programs"),
    ("oom_kill_disable: true", "services.api.oom_kill_disable", "freeze the host"),
    ("storage_opt: {size: 1G}", "services.api.storage_opt", "storage of the host"),
    ("isolation: process", "services.api.isolation", "isolated from the host"),
    ("deploy: {replicas: 500}", "deploy.replicas: 500", "more containers than 10"),
    ("scale: 500", "services.api.scale: 500", "more containers than 10"),
    ("biuld: .", "services.api.biuld", "perhaps it is misspelled"),
]

#: Lines at the top level, after lines of the service that use them.
AT_THE_TOP_LEVEL = [
    ("", "models: {llm: {model: ai/x}}", "models", "outside of any container"),
    (
        "build: {context: api, secrets: [mine]}",
        "secrets: {mine: {file: ./api/Dockerfile}}",
        "build.secrets",
        "secrets to the build",
    ),
    ("networks: [n]", "networks: {n: {external: true}}", "networks.n.external", "isn't part"),
    ("networks: [n]", "networks: {n: {driver: macvlan}}", "networks.n.driver: macvlan", "kind of"),
    (
        "networks: [n]",
        "networks: {n: {ipam: {config: [{subnet: 192.0.2.0/24}]}}}",
        "networks.n.ipam.config",
        "the host may need",
    ),
    (
        "networks: [n]",
        "networks: {n: {driver_opts: {com.docker.network.bridge.name: docker0}}}",
        "networks.n.driver_opts.com.docker.network.bridge.name: docker0",
        "known to be harmless",
    ),
    (
        "volumes: ['data:/data']",
        "volumes: {data: {external: true}}",
        "volumes.data.external",
        "isn't part",
    ),
    (
        "volumes: ['data:/data']",
        "volumes: {data: {driver: nfs}}",
        "volumes.data.driver: nfs",
        "outside of",
    ),
    (
        "volumes: ['data:/data']",
        "volumes: {data: {driver_opts: {type: none, o: bind, device: /etc}}}",
        "volumes.data.driver_opts",
        "outside the submission",
    ),
    ("secrets: [s]", "secrets: {s: {environment: HOME}}", "secrets.s.environment", "teacher's"),
    ("secrets: [s]", "secrets: {s: {file: ../../secret}}", "secrets.s.file", "outside the"),
    ("secrets: [s]", "secrets: {s: {driver: vault}}", "secrets.s.driver", "program outside"),
    ("secrets: [s]", "secrets: {s: {external: true}}", "secrets.s.external", "isn't part"),
    ("configs: [c]", "configs: {c: {environment: HOME}}", "configs.c.environment", "teacher's"),
    ("configs: [c]", "configs: {c: {file: /etc/passwd}}", "configs.c.file", "outside the"),
    ("", f"---\n{API}    privileged: true", "services.api.privileged", "root on the host"),
]

#: Files that Compose would open by itself, in lines of the service.
OPENED_BY_THE_SERVICE = [
    ("env_file: ../../secret", "env_file", "outside the submission"),
    ("env_file: [/etc/environment]", "env_file", "outside the submission"),
    ("env_file: [{path: ../../secret, required: false}]", "env_file", "outside the submission"),
    ("env_file: ${X:-/etc/environment}", "env_file", "variable"),
    ("env_file: ~/.env", "env_file", "outside the submission"),
    ("label_file: ../../secret", "label_file", "outside the submission"),
    ("extends: {file: ../../secret, service: x}", "extends.file", "outside the submission"),
    ("extends: {file: open.yml, service: b}", "services.b.env_file", "task4/open.yml"),
]

#: The same, in lines at the top level.
OPENED_AT_THE_TOP_LEVEL = [
    ("include: [../../secret]", "include", "outside the submission"),
    ("include: ['https://github.com/docker/compose.git']", "include", "outside the submission"),
    ("include: [github.com/docker/compose]", "include", "outside the submission"),
    ("include: ['oci://registry.example.invalid/x']", "include", "outside the submission"),
    ("include: [nowhere.yml]", "include", "isn't a file of the submission"),
    ("include: [{path: empty.yml, env_file: ../../secret}]", "include.env_file", "outside the"),
    ("include: [{path: empty.yml, project_directory: ../..}]", "project_directory", "outside the"),
    ("include: [privileged.yml]", "services.b.privileged", "task4/privileged.yml"),
]


@pytest.fixture
def assert_refused(one_service, no_daemon):
    """Assert that `understand` refuses task4 with a sentence that contains these words.

    `no_daemon` can't build or start anything, so the refusal comes before that.
    """

    def check(*words):
        with pytest.raises(Fault) as refusal:
            understand(no_daemon, one_service, one_service.path / "task4")
        sentence = str(refusal.value)
        assert sentence.startswith("refused before anything was built or started: task4/")
        assert all(word in sentence for word in words), sentence

    return check


@pytest.fixture
def submission(one_service):
    """The same submission, with a few more Compose files that a case may include or extend."""
    for name, text in {
        "empty.yml": "{}",
        "privileged.yml": "services: {b: {image: ubuntu, privileged: true}}",
        "open.yml": "services: {b: {image: ubuntu, env_file: ../../secret}}",
    }.items():
        write(f"task4/{name}", text)(one_service.path)
    return one_service


@pytest.mark.parametrize(("line", "key", "why"), IN_THE_SERVICE)
def test_a_key_of_a_service_is_refused(one_service, assert_refused, line, key, why):
    add(FILE, f"    {line}\n")(one_service.path)
    assert_refused(key, why)


@pytest.mark.parametrize(("line", "top", "key", "why"), AT_THE_TOP_LEVEL)
def test_a_key_at_the_top_level_is_refused(one_service, assert_refused, line, top, key, why):
    add(FILE, f"    {line}\n{top}\n")(one_service.path)
    assert_refused(key, why)


@pytest.mark.parametrize(
    ("line", "key", "why"),
    [(f"    {line}", *words) for line, *words in OPENED_BY_THE_SERVICE] + OPENED_AT_THE_TOP_LEVEL,
)
def test_a_file_that_compose_would_open_is_refused(submission, assert_refused, line, key, why):
    add(FILE, f"{line}\n")(submission.path)
    assert_refused(key, why)
    # The YAML alone shows it, so Compose doesn't open the file.
    with pytest.raises(Fault):
        check_as_written(submission, submission.path / "task4", [submission.path / FILE])


def test_an_override_file_is_checked_too(one_service, assert_refused):
    override = "task4/docker-compose.override.yml"
    write(override, f"{API}    privileged: true\n")(one_service.path)
    assert_refused("services.api.privileged", override)


def test_a_merged_key_is_refused(one_service, assert_refused):
    anchor = "x-power: &power {privileged: true}\n"
    swap(FILE, "services:", f"{anchor}services:")(one_service.path)
    add(FILE, "    <<: *power\n")(one_service.path)
    assert_refused("services.api.privileged", "root on the host")


@pytest.mark.parametrize(
    ("lines", "key"),
    [
        ("    volumes: ['./out:/out']\n", "services.api.volumes"),
        ("    configs: [c]\nconfigs: {c: {file: ./out}}\n", "configs.c.file"),
    ],
)
def test_a_link_that_leads_outside_is_refused(one_service, assert_refused, lines, key):
    link("task4/out", "../../secret")(one_service.path)
    add(FILE, lines)(one_service.path)
    assert_refused(key, "a link that leads outside")


@pytest.mark.parametrize("path", [FILE, "task4/.env"])
def test_a_link_that_leads_outside_is_not_read(one_service, no_daemon, path):
    (one_service.path / path).unlink(missing_ok=True)
    link(path, "../../secret")(one_service.path)
    with pytest.raises(Fault, match=f"{path} is a link that leads outside the submission"):
        understand(no_daemon, one_service, one_service.path / "task4")

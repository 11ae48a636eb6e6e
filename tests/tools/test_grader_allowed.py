"""What a Compose file may contain: every refused kind is refused before anything is built or started."""

from pathlib import Path

import pytest

from grader.allowed import check_as_written
from grader.course import Course
from grader.engine import Engine, clean_environment
from grader.errors import Fault
from grader.stack import bounded, understand
from support.copies import add, link, swap, write

API = "services:\n  api:\n    image: ubuntu:latest\n"
FILE = "task4/docker-compose.yml"


@pytest.fixture
def course(tmp_path):
    """A course with a task4 of one service; beside it a file that is nobody's business."""
    (tmp_path / "course/task4/api").mkdir(parents=True)
    (tmp_path / "course" / FILE).write_text(API)
    (tmp_path / "course/task4/api/Dockerfile").write_text("FROM ubuntu:latest\n")
    (tmp_path / "secret").write_text("PASSWORD=1\n")
    return Course((tmp_path / "course").resolve())


@pytest.fixture
def no_engine(tmp_path):
    """An `Engine` that isn't there: whatever builds or starts something fails with AttributeError."""
    place = tmp_path / "place"
    place.mkdir()
    environment = clean_environment(place) | {"DOCKER_HOST": "tcp://127.0.0.1:9"}
    return Engine(None, environment, place, "softy-pinko-check-none")


def service(text):
    """Return the edit that adds lines to the service."""
    return add(FILE, "".join(f"    {line}\n" for line in text.splitlines()))


def top(text):
    """Return the edit that adds lines at the top level."""
    return add(FILE, f"{text}\n")


#: What is refused: (the key that the sentence names, why, the edit or edits).
REFUSED = {
    "privileged": ("services.api.privileged", "root on the host", service("privileged: true")),
    "post_start": ("post_start", "root on the host", service("post_start: [{command: id, user: root, privileged: true}]")),
    "pre_stop": ("pre_stop", "root on the host", service("pre_stop: [{command: id}]")),
    "volumes_from": ("volumes_from", "another container", service("volumes_from: ['container:db']")),
    "env_file outside": ("env_file", "outside the course", service("env_file: ../../secret")),
    "env_file, absolute": ("env_file", "outside the course", service("env_file: [/etc/environment]")),
    "env_file, as a map": ("env_file", "outside the course", service("env_file: [{path: ../../secret, required: false}]")),
    "env_file with a variable": ("env_file", "variable", service("env_file: ${X:-/etc/environment}")),
    "env_file of the home folder": ("env_file", "outside the course", service("env_file: ~/.env")),
    "label_file outside": ("label_file", "outside the course", service("label_file: ../../secret")),
    "a build on the host's network": ("build.network: host", "network of the host", service("build: {context: api, network: host}")),
    "a build on another network": ("build.network: other", "network of the host", service("build: {context: api, network: other}")),
    "additional_contexts outside": ("build.additional_contexts", "outside the course", service("build: {context: api, additional_contexts: {mine: ../..}}")),
    "additional_contexts of an image": ("build.additional_contexts", "outside the course", service("build: {context: api, additional_contexts: {mine: 'docker-image://secret'}}")),
    "build secrets": ("build.secrets", "secrets to the build", service("build: {context: api, secrets: [mine]}"), top("secrets: {mine: {file: ./api/Dockerfile}}")),
    "an SSH agent": ("build.ssh", "SSH agent", service("build: {context: api, ssh: [default]}")),
    "entitlements": ("build.entitlements", "power over the host", service("build: {context: api, entitlements: [security.insecure]}")),
    "a privileged build": ("build.privileged", "root on the host", service("build: {context: api, privileged: true}")),
    "a cache that is written": ("build.cache_to", "outside the course", service("build: {context: api, cache_to: ['type=local,dest=/tmp/x']}")),
    "a build context outside": ("build.context", "outside the course", service("build: ../..")),
    "a build context on the network": ("build.context", "outside the course", service("build: https://github.com/docker/compose.git")),
    "a Dockerfile outside": ("build.dockerfile", "outside the course", service("build: {context: api, dockerfile: ../../../secret}")),
    "a logging driver": ("logging.driver: syslog", "another program", service("logging: {driver: syslog, options: {syslog-address: 'tcp://192.0.2.1:514'}}")),
    "an option of a logging driver": ("logging.options.gelf-address", "isn't an option", service("logging: {driver: local, options: {gelf-address: 'udp://192.0.2.1:1'}}")),
    "an include outside": ("include", "outside the course", top("include: [../../secret]")),
    "an include on the network": ("include", "outside the course", top("include: ['https://github.com/docker/compose.git']")),
    "an include without a protocol": ("include", "outside the course", top("include: [github.com/docker/compose]")),
    "an include from a registry": ("include", "outside the course", top("include: ['oci://registry.example.invalid/x']")),
    "an include that is not there": ("include", "no file of the course", top("include: [nowhere.yml]")),
    "an include's env_file": ("include.env_file", "outside the course", write("task4/more.yml", "{}"), top("include: [{path: more.yml, env_file: ../../secret}]")),
    "an include's project": ("include.project_directory", "outside the course", write("task4/more.yml", "{}"), top("include: [{path: more.yml, project_directory: ../..}]")),
    "what an included file says": ("services.b.privileged", "task4/more.yml", write("task4/more.yml", "services: {b: {image: ubuntu, privileged: true}}"), top("include: [more.yml]")),
    "extends outside": ("extends.file", "outside the course", service("extends: {file: ../../secret, service: x}")),
    "what an extended file says": ("services.b.env_file", "task4/more.yml", write("task4/more.yml", "services: {b: {image: ubuntu, env_file: ../../secret}}"), service("extends: {file: more.yml, service: b}")),
    "an override file": ("services.api.privileged", "docker-compose.override.yml", write("task4/docker-compose.override.yml", API + "    privileged: true\n")),
    "a second YAML document": ("services.api.privileged", "root on the host", top("---\n" + API + "    privileged: true")),
    "a merged key": ("services.api.privileged", "root on the host", service("<<: *power"), swap(FILE, "services:", "x-power: &power {privileged: true}\nservices:")),
    "a provider": ("services.api.provider", "program on the host", service("provider: {type: model}")),
    "models": ("models", "outside of any container", top("models: {llm: {model: ai/x}}")),
    "a service's models": ("services.api.models", "outside of any container", service("models: [llm]")),
    "an external network": ("networks.other.external", "something else", service("networks: [other]"), top("networks: {other: {external: true}}")),
    "another kind of network": ("networks.other.driver: macvlan", "Docker's own kind", service("networks: [other]"), top("networks: {other: {driver: macvlan}}")),
    "addresses of a network": ("networks.other.ipam.config", "the host may need", service("networks: [other]"), top("networks: {other: {ipam: {config: [{subnet: 192.0.2.0/24}]}}}")),
    "an option of a network": ("networks.other.driver_opts.com.docker.network.bridge.name: docker0", "known to be harmless", service("networks: [other]"), top("networks: {other: {driver_opts: {com.docker.network.bridge.name: docker0}}}")),
    "an external volume": ("volumes.data.external", "something else", service("volumes: ['data:/data']"), top("volumes: {data: {external: true}}")),
    "a volume of another driver": ("volumes.data.driver: nfs", "outside of Docker", service("volumes: ['data:/data']"), top("volumes: {data: {driver: nfs}}")),
    "a volume that is a folder of the host": ("volumes.data.driver_opts", "outside the course", service("volumes: ['data:/data']"), top("volumes: {data: {driver_opts: {type: none, o: bind, device: /etc}}}")),
    "a folder of the host": ("services.api.volumes: /etc", "outside the course", service("volumes: ['/etc:/host']")),
    "Docker's socket": ("services.api.volumes: /var/run/docker.sock", "outside the course", service("volumes: ['/var/run/docker.sock:/var/run/docker.sock']")),
    "a link that leads out, mounted": ("services.api.volumes", "a link that leads out", service("volumes: ['./out:/out']"), link("task4/out", "/etc")),
    "a mount that spreads": ("bind.propagation: rshared", "on to the host", service("volumes: [{type: bind, source: ./api, target: /a, bind: {propagation: rshared}}]")),
    "a mount of an image": ("services.api.volumes: image", "isn't the course's", service("volumes: [{type: image, source: secret, target: /a}]")),
    "the host's network": ("network_mode: host", "publish the ports", service("network_mode: host")),
    "the network of all containers": ("network_mode: bridge", "other containers", service("network_mode: bridge")),
    "another container's network": ("network_mode: container:db", "other containers", service("network_mode: 'container:db'")),
    "the host's processes": ("services.api.pid", "host's own", service("pid: host")),
    "another container's processes": ("services.api.pid", "host's own", service("pid: 'container:db'")),
    "another container's memory": ("services.api.ipc", "host's own", service("ipc: 'container:db'")),
    "the host's name": ("services.api.uts", "host's own", service("uts: host")),
    "the host's users": ("services.api.userns_mode", "host's own", service("userns_mode: host")),
    "the host's control groups": ("services.api.cgroup", "host's own", service("cgroup: host")),
    "another control group": ("services.api.cgroup_parent", "limits that the grader sets", service("cgroup_parent: /")),
    "links to other containers": ("services.api.external_links", "aren't the course's", service("external_links: [db]")),
    "a capability": ("services.api.cap_add: SYS_ADMIN", "power over the host", service("cap_add: [SYS_ADMIN]")),
    "all capabilities": ("services.api.cap_add: ALL", "power over the host", service("cap_add: [ALL]")),
    "no seccomp": ("services.api.security_opt: seccomp=unconfined", "protects the host", service("security_opt: ['seccomp=unconfined']")),
    "devices": ("services.api.devices", "devices of the host", service("devices: ['/dev/kmsg:/dev/kmsg']")),
    "device rules": ("services.api.device_cgroup_rules", "devices of the host", service("device_cgroup_rules: ['c 1:3 mr']")),
    "GPUs": ("services.api.gpus", "devices of the host", service("gpus: all")),
    "reserved devices": ("reservations.devices", "devices of the host", service("deploy: {resources: {reservations: {devices: [{capabilities: [gpu]}]}}}")),
    "block devices": ("services.api.blkio_config", "devices of the host", service("blkio_config: {weight: 300}")),
    "a runtime": ("services.api.runtime", "container runtime", service("runtime: nvidia")),
    "annotations": ("services.api.annotations", "container runtime", service("annotations: {a: b}")),
    "Docker's API": ("services.api.use_api_socket", "control of Docker Engine", service("use_api_socket: true")),
    "credentials": ("services.api.credential_spec", "credentials of the host", service("credential_spec: {file: x.json}")),
    "kernel settings": ("services.api.sysctls.kernel.shmmax", "kernel of the host", service("sysctls: {kernel.shmmax: 1}")),
    "real-time limits": ("services.api.ulimits.rtprio", "known to be harmless", service("ulimits: {rtprio: 99}")),
    "the last to be ended": ("services.api.oom_score_adj", "other programs", service("oom_score_adj: -1000")),
    "never ended": ("services.api.oom_kill_disable", "freeze the host", service("oom_kill_disable: true")),
    "storage options": ("services.api.storage_opt", "storage of the host", service("storage_opt: {size: 1G}")),
    "isolation": ("services.api.isolation", "isolated from the host", service("isolation: process")),
    "too many containers": ("services.api.deploy.replicas: 500", "more containers than 10", service("deploy: {replicas: 500}")),
    "too many, by scale": ("services.api.scale: 500", "more containers than 10", service("scale: 500")),
    "a secret of the environment": ("secrets.mine.environment", "teacher's environment", service("secrets: [mine]"), top("secrets: {mine: {environment: HOME}}")),
    "a secret from outside": ("secrets.mine.file", "outside the course", service("secrets: [mine]"), top("secrets: {mine: {file: ../../secret}}")),
    "a secret of another program": ("secrets.mine.driver", "program outside", service("secrets: [mine]"), top("secrets: {mine: {driver: vault}}")),
    "an external secret": ("secrets.mine.external", "something else", service("secrets: [mine]"), top("secrets: {mine: {external: true}}")),
    "a config of the environment": ("configs.mine.environment", "teacher's environment", service("configs: [mine]"), top("configs: {mine: {environment: HOME}}")),
    "a config from outside": ("configs.mine.file", "outside the course", service("configs: [mine]"), top("configs: {mine: {file: /etc/passwd}}")),
    "a config through a link": ("configs.mine.file", "a link that leads out", service("configs: [mine]"), top("configs: {mine: {file: ./out}}"), link("task4/out", "../../secret")),
    "a key that nobody knows": ("services.api.biuld", "perhaps it is misspelt", service("biuld: .")),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_before_anything_is_built_or_started(course, no_engine, case):
    key, why, *edits = REFUSED[case]
    for edit in edits:
        edit(course.path)
    with pytest.raises(Fault) as refusal:
        understand(no_engine, course, course.path / "task4")
    sentence = str(refusal.value)
    assert sentence.startswith("refused before anything was built or started: task4/"), sentence
    assert key in sentence
    assert why in sentence


@pytest.mark.parametrize(
    "case",
    [c for c, (_, _, *e) in REFUSED.items() if "env_file" in c or "include" in c or "exten" in c],
)
def test_compose_is_not_even_asked_to_open_a_file_outside(course, case):
    for edit in REFUSED[case][2:]:
        edit(course.path)
    with pytest.raises(Fault):
        check_as_written(course, course.path / "task4", [course.path / FILE])


@pytest.mark.parametrize("path", ["task4/docker-compose.yml", "task4/.env"])
def test_a_link_that_leads_out_is_not_read(course, no_engine, path):
    (course.path / path).unlink(missing_ok=True)
    (course.path / path).symlink_to(course.path.parent / "secret")
    with pytest.raises(Fault, match=f"{path} is a link that leads out of the course"):
        understand(no_engine, course, course.path / "task4")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("services: [", "isn't valid YAML in line 1"),
        ("a: &a [*a]\nservices: {api: {image: ubuntu}}", "isn't on the grader's list"),
        ("x" * 2_000_000, "is larger than a Compose file may be"),
        ("{}", "doesn't understand|expected services"),
        ("services: {api: {image: ubuntu, ports: [x]}}", "Compose doesn't understand"),
    ],
)
def test_what_is_no_compose_file_is_a_fault_of_the_course(course, no_engine, text, sentence):
    write(FILE, text)(course.path)
    with pytest.raises(Fault, match=sentence):
        understand(no_engine, course, course.path / "task4")


def test_all_that_honest_courses_use_is_allowed(course, no_engine):
    write(FILE, (Path(__file__).parent / "support/harmless.yml").read_text())(course.path)
    write("task4/more.yml", "services: {base: {image: ubuntu}}")(course.path)
    write("task4/my.env", "A=1\n")(course.path)
    understood = understand(no_engine, course, course.path / "task4")
    assert set(understood["services"]) == {"api", "web", "base"}


@pytest.mark.parametrize("task", ["task4", "task5", "task6"])
def test_our_own_files_are_allowed(no_engine, task):
    course = Course(Path(__file__).resolve().parents[1])
    assert understand(no_engine, course, course.path / task)["services"]


def test_the_teachers_variables_interpolate_to_nothing(course, no_engine, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    service(
        "environment:\n  A: '<${HOME}${AWS_SECRET_ACCESS_KEY}${DOCKER_HOST}${USER}>'\n  AWS_SECRET_ACCESS_KEY:\n  B: '$$HOME'"
    )(course.path)
    service("env_file: my.env\nbuild: {context: api, args: [AWS_SECRET_ACCESS_KEY]}")(course.path)
    write("task4/my.env", "C=<${AWS_SECRET_ACCESS_KEY}>\n")(course.path)
    understood = understand(no_engine, course, course.path / "task4")
    assert "secret" not in str(understood)
    safe, _ = bounded(no_engine, understood)
    assert safe["services"]["api"]["environment"] == {"A": "<>", "B": "$$HOME", "C": "<>"}


def test_the_courses_own_variables_are_used(course, no_engine):
    service("environment: {A: '${A}', B: '${B:-usual}'}")(course.path)
    write("task4/.env", "A=ours\n")(course.path)
    understood = understand(no_engine, course, course.path / "task4")
    assert understood["services"]["api"]["environment"] == {"A": "ours", "B": "usual"}


def test_what_is_started_has_names_ports_and_limits_of_the_graders(course, no_engine):
    service(
        "container_name: mine\nports: ['80:80']\nmem_limit: 8g\nlabels: {traefik.enable: 'true'}\nnetworks: [inner]"
    )(course.path)
    top("networks: {inner: {name: theirs}}")(course.path)
    safe, tags = bounded(no_engine, understand(no_engine, course, course.path / "task4"))
    api = safe["services"]["api"]
    assert safe["name"] == "softy-pinko-check-none"
    assert api["ports"] == [{"target": 80, "host_ip": "127.0.0.1", "protocol": "tcp"}]
    assert (api["mem_limit"], api["pids_limit"], api["logging"]) == (
        "512m",
        512,
        {"driver": "local"},
    )
    assert api["networks"] == {"inner": {"aliases": ["mine"]}}
    assert "labels" not in api
    assert "container_name" not in api
    assert "name" not in safe["networks"]["inner"]
    assert tags == {}

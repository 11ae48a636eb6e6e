"""Submissions for the grader: copies of our course with one change each.

Each table is a dict: name of the case -> `Case`. A name begins with the number of its task.
"""

from typing import NamedTuple

from support.copies import add, drop, empty, move, swap, write
from support.steps import SITE


class Case(NamedTuple):
    """A copy of one task, changed.

    task: its number. words: a regular expression for the verdict's reason, or "" for no reason.
    edits: functions that take the folder of the copy.
    """

    task: int
    words: str
    edits: tuple


def case(task, words, *edits):
    """Return a `Case`."""
    return Case(task, words, edits)


HELLO = "Hello, World!"
COMPOSE = "docker-compose.yml"
API_SERVERS = "task6/2-api-servers.txt"

GUNICORN = r"""CMD ["gunicorn", "--bind=0.0.0.0:5252", "--threads=4", "--access-logfile=-", \
     "--no-control-socket", "api:app"]"""
ON_PORT_5000 = GUNICORN.replace("5252", "5000")
#: Longer than the grader's deadline `still` in these tests.
AFTER_3_SECONDS = "CMD sleep 3 && gunicorn --bind 0.0.0.0:5252 --no-control-socket api:app"
WITHOUT_A_SHELL = """\
USER 0
RUN ["python", "-c", "import os; [os.remove(f'/usr/bin/{n}') for n in ('cat', 'dash')]"]
"""

#: On a network of its own, a container uses Docker's DNS server. On the default bridge, it doesn't.
PRINT_ON_OWN_NETWORK = f"grep -q 127.0.0.11 /etc/resolv.conf && printf '{HELLO}'"

PORTS_4 = '    ports:\n      - "5252:5252"\n'
REPLICAS = "    deploy:\n      replicas: 2\n      resources: *limits\n"
UPSTREAM = "    server back-end:5252 resolve fail_timeout=1s;"
DEPENDS_5 = """\
    depends_on:
      back-end: {condition: service_healthy}
      front-end: {condition: service_healthy}
"""
SECOND_BACK_END = """\
  back-end-2:
    build: back-end
    networks: [inside]

  front-end:
    <<"""

#: One fault in each of ten copies.
TEN = {
    "0: it prints another greeting": case(
        0,
        "expected it to print 'Hello, World!' and nothing else, got 'Hello World",
        swap("task0/Dockerfile", HELLO, "Hello World"),
    ),
    "0: its image doesn't build": case(
        0,
        "'RUN nonsense' ended with status 127 and printed: .*not found",
        swap("task0/Dockerfile", "USER 65534", "RUN nonsense"),
    ),
    "1: it ends at once": case(
        1,
        "ended with status 3.*No module named 'flsk'",
        swap("task1/api.py", "from flask", "from flsk"),
    ),
    "1: it listens on another port, in an image without a shell": case(
        1,
        "got none: inside the container, a process listens on 0.0.0.0:5000",
        swap("task1/Dockerfile", GUNICORN, WITHOUT_A_SHELL + ON_PORT_5000),
    ),
    "2: its site is a submodule that wasn't fetched": case(
        2,
        "got 403.*is empty: it is a git submodule that wasn't fetched",
        empty(f"task2/{SITE}"),
        write(".gitmodules", f'[submodule "s"]\n\tpath = task2/{SITE}\n'),
    ),
    "3: its API doesn't allow the page (CORS)": case(
        3,
        "Access-Control-Allow-Origin: http://localhost:9000.*got no such header",
        swap("task3/back-end/api.py", "CORS(app,", "(lambda *a, **b: None)(app,"),
    ),
    "3: its page requests another port": case(
        3,
        "requested http://localhost:5000/api/hello, and nothing is published",
        swap(f"task3/{SITE}/index.html", "localhost:5252/api", "localhost:5000/api"),
    ),
    "4: it has power over the host": case(
        4,
        "Refused before anything was built or started: task4/docker-compose.yml has "
        "'services.back-end.privileged'.*root on the host",
        swap(f"task4/{COMPOSE}", PORTS_4, f"{PORTS_4}    privileged: true\n"),
    ),
    "5: it publishes the API, too": case(
        5,
        "publishes back-end on 5252 too",
        swap(
            f"task5/{COMPOSE}",
            "back-end:task5\n    networks: [inside]\n",
            'back-end:task5\n    networks: [inside, outside]\n    ports: ["5252:5252"]\n',
        ),
    ),
    "6: its proxy has unequal weights": case(
        6,
        r"back-end-1 1[45]\d, .*back-end-2-1 [45]\d",
        swap(f"task6/{COMPOSE}", REPLICAS, ""),
        swap(f"task6/{COMPOSE}", "  front-end:\n    <<", SECOND_BACK_END),
        swap(
            "task6/proxy/proxy.conf",
            UPSTREAM,
            "    server back-end:5252 resolve weight=3;\n    server back-end-2:5252 resolve;",
        ),
        drop(API_SERVERS),
    ),
}

#: More faults that Docker reports.
FAULTS = {
    "0: its command doesn't exist": case(
        0,
        "doesn't start: .*ecko",
        swap("task0/Dockerfile", '"echo"', '"ecko"'),
    ),
    "4: a dependency is never healthy": case(
        4,
        "'docker compose up' doesn't start.*unhealthy",
        swap(
            f"task4/{COMPOSE}",
            PORTS_4,
            f"{PORTS_4}    healthcheck:\n"
            "      {test: [CMD, 'false'], interval: 0.3s, retries: 1, start_period: 0s}\n",
        ),
    ),
}

#: task6's proxy in its simplest form, with another server in the same file.
SIMPLE_PROXY = """server {
 listen 80;
 location / { proxy_pass http://front-end:9000; }
 location /api/ { proxy_pass http://back-end:5252; }
}
server { listen 127.0.0.1:8080; return 204; }
"""

#: A service that does some work and ends, with many allowed keys, and one that isn't started.
MORE_SERVICES = """\
version: "3.9"
x-mine: {anything: [at, all]}
services:
  once:
    image: ubuntu:latest
    command:
      - sh
      - -c
      - >-
        cat /run/secrets/mine /etc/two /mine/Dockerfile && touch /mine/new
        && test -z "$$AWS_SECRET_ACCESS_KEY$$HOME2"
    init: true
    labels: {a: b}
    environment: [AWS_SECRET_ACCESS_KEY]
    env_file: ./back-end/some.env
    volumes: ["named:/named", "./back-end:/mine"]
    secrets: [mine]
    configs: [{source: two, target: /etc/two}]
    cap_drop: [ALL]
    cap_add: [CHOWN, DAC_OVERRIDE]
    security_opt: ["no-new-privileges:true"]
    logging: {driver: json-file, options: {max-size: 1m}}
    ulimits: {nofile: 1024}
    mem_limit: 64m
    sysctls: {net.core.somaxconn: 1024}
    networks: {default: {aliases: [first]}}
  never:
    image: registry.example.invalid/never
    profiles: [never]
"""
MORE_TOP_LEVEL_KEYS = """\
volumes: {named: }
secrets: {mine: {file: ./back-end/api.py}}
configs: {two: {content: 'two'}}
"""
HARMLESS = "4: it has more services and all kinds of harmless keys"

#: Variations that are right, too. With words, the verdict has a note.
VARIATIONS = {
    "0: no newline, a network of its own, and a build without the teacher's secrets": case(
        0,
        "",
        swap("task0/Dockerfile", '["echo", "Hello, World!"]', PRINT_ON_OWN_NETWORK),
        swap(
            "task0/Dockerfile",
            "USER 65534",
            "RUN if env | grep -i -e proxy -e aws; then exit 1; fi\nUSER 65534",
        ),
    ),
    "2: other names, built from the task's folder, and a back end that doesn't work": case(
        2,
        "task 2 asks for the front end only, and the back end doesn't work: .*got 'Hello World'",
        swap("task2/back-end/api.py", HELLO, "Hello World"),
        swap("task2/front-end/Dockerfile", "644 softy", "644 web/softy"),
        swap("task2/front-end/Dockerfile", "755 softy", "755 web/softy"),
        move("task2/back-end", "task2/server"),
        move("task2/front-end", "task2/web"),
    ),
    "4: other names of folders, services and files, and another port": case(
        4,
        "publishes the page as http://localhost:8080",
        move("task4/back-end", "task4/api"),
        swap(f"task4/{COMPOSE}", "context: back-end", "context: api"),
        swap(f"task4/{COMPOSE}", "  back-end:\n    build", "  flask:\n    build"),
        swap(f"task4/{COMPOSE}", "      back-end:\n", "      flask:\n"),
        swap(f"task4/{COMPOSE}", '"9000:9000"', '"8080:9000"'),
        swap("task4/api/api.py", "localhost:9000", "localhost:8080"),
        move(f"task4/{COMPOSE}", "task4/compose.yaml"),
    ),
    HARMLESS: case(
        4,
        "",
        swap(f"task4/{COMPOSE}", "services:\n", MORE_SERVICES),
        add(f"task4/{COMPOSE}", MORE_TOP_LEVEL_KEYS),
        write("task4/back-end/some.env", "HOME2=${HOME}\n"),
    ),
    "5: a random port, a container's name, and an API that starts after the proxy": case(
        5,
        "publishes the proxy on a random port of the host",
        swap(f"task5/{COMPOSE}", "${PORT:-80}:80", "80"),
        swap(
            f"task5/{COMPOSE}",
            "  back-end:\n    <<",
            "  back-end:\n    container_name: my_api\n    <<",
        ),
        swap("task5/proxy/proxy.conf", "back-end:5252", "my_api:5252"),
        swap(f"task5/{COMPOSE}", DEPENDS_5, ""),
        swap("task5/back-end/Dockerfile", GUNICORN, AFTER_3_SECONDS),
    ),
    "6: a simple proxy, and two API servers by 2-api-servers.txt, without a newline": case(
        6,
        "doesn't end with a newline",
        write("task6/proxy/proxy.conf", SIMPLE_PROXY),
        swap(f"task6/{COMPOSE}", REPLICAS, ""),
        write(API_SERVERS, "docker-compose up --scale back-end=2"),
    ),
}

NEEDS_A_CDN = """<body><p id="dynamic-content"></p>
<script src="https://cdn.example.invalid/jquery.js"></script>
<script>
  $.get("http://localhost:5252/api/hello", text => $("#dynamic-content").text(text));
</script>
"""

#: Failures of the network, which aren't the student's fault.
ERRORS = {
    "0: a registry doesn't respond to a build": case(
        0,
        "another host on the network didn't respond.*registry.example.invalid",
        swap("task0/Dockerfile", "ubuntu:latest", "registry.example.invalid/ubuntu:latest"),
    ),
    "3: a page needs a host that doesn't respond": case(
        3,
        "needs https://cdn.example.invalid/jquery.js, and this machine got no response",
        write(f"task3/{SITE}/index.html", NEEDS_A_CDN),
    ),
    "4: a registry doesn't respond to a pull": case(
        4,
        "another host on the network didn't respond.*registry.example.invalid",
        swap(
            f"task4/{COMPOSE}",
            "services:\n",
            "services:\n  cache:\n    image: registry.example.invalid/cache\n",
        ),
    ),
}

"""Courses that are wrong, unusual, or not to blame, and what the grader has to say of them.

Each case is (the task, words that the reason must have, the edit or edits that make it of ours).
"""

import csv
import json
import os
import subprocess
import sys

from support.commands import PATIENCE, ROOT
from support.copies import add, copy_of_the_course, drop, empty, move, swap, write
from support.steps import SITE
from tools.interrupt import finish

#: A page as short as a page can be that shows the response. `{}`: what it asks.
PAGE = """<!doctype html>
<title>Mine</title>
<body><p id="dynamic-content"></p>
<script>
  fetch("{}").then(answer => answer.text()).then(text => {{
    document.getElementById("dynamic-content").innerText = text;
  }});
</script>
"""

NGINX_ON_UBUNTU = """FROM ubuntu:latest
RUN apt-get update && apt-get install -y nginx
COPY softy-pinko-front-end /var/www/html/softy-pinko-front-end
COPY softy-pinko-front-end.conf /etc/nginx/sites-available/default
CMD nginx -g 'daemon off;'
"""

FLASK_BY_APT = """FROM ubuntu:latest
RUN apt-get update && apt-get install -y python3-flask
COPY . /app
WORKDIR /app
CMD flask --app api run --host 0.0.0.0 --port 5252
"""

#: task6's proxy as most people write it.
NGINX_IN_SIX_LINES = """server {
 listen 80;
 location / { proxy_pass http://front-end:9000; }
 location /api/ { proxy_pass http://back-end:5252; }
}
server { listen 127.0.0.1:8080; return 204; }
"""

HELLO = "Hello, World!"
ASKS = '"http://localhost:5252/api/hello"'
GUNICORN = 'CMD ["gunicorn", "--bind=0.0.0.0:5252", "--threads=4", "--access-logfile=-", \\\n     "--no-control-socket", "api:app"]'
ON_PORT_5000 = GUNICORN.replace("5252", "5000")
COMPOSE = "docker-compose.yml"
PORTS_4, PORTS_5 = '    ports:\n      - "5252:5252"\n', '    ports: ["${PORT:-80}:80"]\n'
INSIDE = "    networks: [inside]\n"
REPLICAS = "    deploy:\n      replicas: 2\n      resources: *limits\n"
CONF = "front-end/softy-pinko-front-end.conf"
DEPENDS = "    depends_on:\n      back-end: {condition: service_healthy}\n      front-end: {condition: service_healthy}\n"

#: A second API server by name, and the place for it in task6's upstream.
SECOND = """  back-end-2:
    build: back-end
    networks: [inside]

  front-end:
    <<"""
UPSTREAM = "    server back-end:5252 resolve fail_timeout=1s;"


def two_named(first="", second="", service=""):
    """Return the edits that make task6's API two services, `back-end` and `back-end-2`.

    first, second: what else the upstream says of each. service: lines for the second service.
    """
    compose, conf = f"task6/{COMPOSE}", "task6/proxy/proxy.conf"
    added = SECOND.replace("\n\n", f"\n{service}\n", 1) if service else SECOND
    servers = (
        f"    server back-end:5252 resolve{first};\n    server back-end-2:5252 resolve{second};"
    )
    return (
        swap(compose, REPLICAS, ""),
        swap(compose, "  front-end:\n    <<", added),
        swap(conf, UPSTREAM, servers),
        drop("task6/2-api-servers.txt"),
    )


# fmt: off
#: One fault of another kind in each of ten copies of the course.
TEN = {
    "0: another greeting": (0, "expected it to print 'Hello, World!' and nothing else, got 'Hello World", swap("task0/Dockerfile", HELLO, "Hello World")),
    "1: another path": (1, "expected 200, got 404.*task1/api.py", swap("task1/api.py", "/api/hello", "/hello")),
    "1: it ends at once": (1, "ended with status 3.*No module named 'flsk'", swap("task1/api.py", "from flask", "from flsk")),
    "2: an asset is missing": (2, "'style.css': expected 200 for GET http://localhost:9000/style.css, got 404", drop(f"task2/{SITE}/style.css")),
    "3: no CORS": (3, "Access-Control-Allow-Origin: http://localhost:9000.*got no such header", swap("task3/back-end/api.py", "CORS(app,", "(lambda *a, **b: None)(app,")),
    "3: the page asks another port": (3, "localhost:5000/api/hello was requested, and nothing is published", swap(f"task3/{SITE}/index.html", ASKS, '"http://localhost:5000/api/hello"')),
    "4: power over the host": (4, r"Refused before anything was built or started: task4/docker-compose.yml has 'services.back-end.privileged'.*root on the host", swap(f"task4/{COMPOSE}", PORTS_4, PORTS_4 + "    privileged: true\n")),
    "5: the API is published past the proxy": (5, "publishes back-end on 5252 too", swap(f"task5/{COMPOSE}", "back-end:task5\n" + INSIDE, 'back-end:task5\n    networks: [inside, outside]\n    ports: ["5252:5252"]\n')),
    "6: unbalanced weights": (6, r"back-end-1 1[45]\d, .*back-end-2-1 [45]\d", *two_named(" weight=3")),
    "6: one replica only": (6, "only one API server runs", swap("task6/2-api-servers.txt", "=2", "=1")),
}

#: At least one case for each kind of sentence.
FAULTS = {
    "0: a command that is not there": (0, "doesn't start: .*ecko", swap("task0/Dockerfile", '"echo"', '"ecko"')),
    "0: it does not build": (0, "'RUN nonsense' ended with status 127 and said: .*not found", swap("task0/Dockerfile", "USER 65534", "RUN nonsense")),
    "1: another port, in an image without a shell": (1, "got none: inside the container, a process listens on 0.0.0.0:5000", swap("task1/Dockerfile", GUNICORN, "USER 0\nRUN [\"python\", \"-c\", \"import os; [os.remove(f'/usr/bin/{n}') for n in ('cat', 'dash')]\"]\n" + ON_PORT_5000)),
    "1: bound to 127.0.0.1": (1, "127.0.0.1:5252; 127.0.0.1 is reachable from the container itself only", swap("task1/Dockerfile", "0.0.0.0", "127.0.0.1")),
    "1: it copies what is not there": (1, "task1/Dockerfile copies app.ini, and .* no such file", swap("task1/Dockerfile", "COPY requirements.txt", "COPY app.ini requirements.txt")),
    "2: a submodule that was not fetched": (2, "got 403.*is empty: it is a git submodule that wasn't fetched", empty(f"task2/{SITE}"), write(".gitmodules", f'[submodule "s"]\n\tpath = task2/{SITE}\n')),
    "2: a page in place of an asset": (2, "'style.css'.*HTML page in its place", drop(f"task2/{SITE}/style.css"), swap(f"task2/{CONF}", "listen 9000;", "listen 9000; try_files $uri /index.html;")),
    "2: no front end": (2, "expected a front-end, got none among back-end", drop("task2/front-end")),
    "3: no element": (3, "got no such element", swap(f"task3/{SITE}/index.html", 'id="dynamic-content"', 'id="content"')),
    "3: the response stands in the page": (3, "never requests /api/hello", write(f"task3/{SITE}/index.html", f'<body><p id="dynamic-content">{HELLO}</p>')),
    "4: the API is not published": (4, "no 'ports:' of it", swap(f"task4/{COMPOSE}", PORTS_4, "")),
    "4: a random port": (4, "back-end's port 5252 is published on a random port of the host", swap(f"task4/{COMPOSE}", '"5252:5252"', '"5252"')),
    "4: a dependency never gets healthy": (4, "'docker compose up' doesn't start.*unhealthy", swap(f"task4/{COMPOSE}", PORTS_4, PORTS_4 + "    healthcheck: {test: [CMD, 'false'], interval: 0.3s, retries: 1, start_period: 0s}\n")),
    "5: the proxy asks another port": (5, "expected 200, got 502.*proxy.conf", swap("task5/proxy/proxy.conf", "back-end:5252", "back-end:5000")),
    "6: one of two replicas is dead": (6, "ended with status 1", *two_named(service="    command: ['false']\n")),
    "6: a service that is not there": (6, "scales backend, and .* no such service", swap("task6/2-api-servers.txt", "back-end", "backend")),
    "6: a container's name for two": (6, "remove 'container_name'", swap(f"task6/{COMPOSE}", REPLICAS, "    container_name: api\n")),
}

#: What is right, too. With words, a note says what is unusual.
VARIATIONS = {
    "0: no newline; no proxy and no variable of the teacher's in the build": (0, "", swap("task0/Dockerfile", '"echo"', '"printf"'), swap("task0/Dockerfile", "USER 65534", "RUN if env | grep -i -e proxy -e aws; then exit 1; fi\nUSER 65534")),
    "1: Flask's development server": (1, "", swap("task1/Dockerfile", GUNICORN, "CMD flask --app api run --host 0.0.0.0 --port 5252")),
    "1: Flask by apt, from another base image": (1, "", write("task1/Dockerfile", FLASK_BY_APT)),
    "1: a JSON-quoted greeting": (1, "", swap("task1/api.py", 'Response("Hello, World!", mimetype="text/plain")', 'jsonify("Hello, World!")')),
    "1: a slow starter": (1, "", swap("task1/Dockerfile", GUNICORN, "CMD sleep 4 && gunicorn --bind 0.0.0.0:5252 --no-control-socket api:app")),
    "1: a trailing newline, and a server that is not called so": (1, "", swap("task1/api.py", HELLO, HELLO + "\\n"), move("task1/api.py", "task1/main.py"), swap("task1/Dockerfile", "api:app", "main:app")),
    "2: other folder names, and a back end that does not work": (2, "task 2 asks for the front end only, and the back end doesn't work: .*expected 'Hello, World!'", swap("task2/back-end/api.py", HELLO, "Hello World"), move("task2/back-end", "task2/backend"), move("task2/front-end", "task2/web")),
    "2: Nginx by apt, from another base image": (2, "", write("task2/front-end/Dockerfile", NGINX_ON_UBUNTU)),
    "2: built from the task's folder": (2, "", swap("task2/front-end/Dockerfile", "644 softy", "644 front-end/softy"), swap("task2/front-end/Dockerfile", "755 softy", "755 front-end/softy")),
    "3: CORS for everybody": (3, "", swap("task3/back-end/api.py", "origins=ORIGINS", 'origins="*"')),
    "3: another page": (3, "", write(f"task3/{SITE}/index.html", PAGE.format("http://localhost:5252/api/hello"))),
    "4: another file name": (4, "", move(f"task4/{COMPOSE}", "task4/compose.yaml")),
    "4: other names": (4, "", move("task4/back-end", "task4/api"), move("task4/front-end", "task4/site"), swap(f"task4/{COMPOSE}", "context: back-end", "context: api"), swap(f"task4/{COMPOSE}", "context: front-end", "context: site"), swap(f"task4/{COMPOSE}", "  back-end:\n    build", "  flask:\n    build"), swap(f"task4/{COMPOSE}", "      back-end:\n", "      flask:\n")),
    "4: another published port": (4, "publishes the page as http://localhost:8080", swap(f"task4/{COMPOSE}", '"9000:9000"', '"8080:9000"'), swap("task4/back-end/api.py", "localhost:9000", "localhost:8080")),
    "4: an extra service that ends, and all that is harmless": (4, "", swap(f"task4/{COMPOSE}", "services:\n", """version: "3.9"
x-mine: {anything: [at, all]}
services:
  once:
    image: ubuntu:latest
    command: sh -c 'cat /run/secrets/mine /etc/two /mine/Dockerfile && touch /mine/new && test -z "$$AWS_SECRET_ACCESS_KEY$$HOME2"'
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
"""), write("task4/back-end/some.env", "HOME2=${HOME}\n"), add(f"task4/{COMPOSE}", "volumes: {named: }\nsecrets: {mine: {file: ./back-end/api.py}}\nconfigs: {two: {content: 'two'}}\n")),
    "5: another published port, and a page that asks with a full URL": (5, "http://localhost:8080, not on port 80", swap(f"task5/{SITE}/index.html", 'api = "/api/hello"', 'api = "http://localhost:8080/api/hello"'), swap(f"task5/{COMPOSE}", "${PORT:-80}:80", "8080:80")),
    "5: a random port": (5, "publishes the proxy on a random port of the host", swap(f"task5/{COMPOSE}", "${PORT:-80}:80", "80")),
    "5: the API is slower than the proxy": (5, "", swap(f"task5/{COMPOSE}", DEPENDS, ""), swap("task5/back-end/Dockerfile", GUNICORN, "CMD sleep 4 && gunicorn --bind 0.0.0.0:5252 --no-control-socket api:app")),
    "5: a container's name": (5, "", swap(f"task5/{COMPOSE}", "  back-end:\n    <<", "  back-end:\n    container_name: my_api\n    <<"), swap("task5/proxy/proxy.conf", "back-end:5252", "my_api:5252")),
    "6: replicas by the file alone": (6, "", drop("task6/2-api-servers.txt")),
    "6: replicas by 2-api-servers.txt alone, without a newline": (6, "doesn't end with a newline", swap(f"task6/{COMPOSE}", REPLICAS, ""), write("task6/2-api-servers.txt", "docker-compose up --scale back-end=2")),
    "6: neither says it": (6, "", swap(f"task6/{COMPOSE}", REPLICAS, ""), drop("task6/2-api-servers.txt")),
    "6: two named services, and the fewest connections": (6, "", *two_named(), swap("task6/proxy/proxy.conf", "    server back-end:5252", "    least_conn;\n    server back-end:5252")),
    "6: Nginx as most people write it": (6, "", write("task6/proxy/proxy.conf", NGINX_IN_SIX_LINES)),
}

#: What is not the student's fault: the verdict is an error.
ERRORS = {
    "0: a registry that does not answer": (0, "another host on the network didn't answer.*registry.example.invalid", swap("task0/Dockerfile", "ubuntu:latest", "registry.example.invalid/ubuntu:latest")),
    "3: a page that needs a host that does not answer": (3, "needs https://cdn.example.invalid/jquery.js, and this machine got no response from there", write(f"task3/{SITE}/index.html", '<body><p id="dynamic-content"></p><script src="https://cdn.example.invalid/jquery.js"></script><script>$.get("http://localhost:5252/api/hello", text => $("#dynamic-content").text(text))</script>')),
    "4: an image that cannot be pulled": (4, "another host on the network didn't answer.*registry.example.invalid", swap(f"task4/{COMPOSE}", "services:\n", "services:\n  cache:\n    image: registry.example.invalid/cache\n")),
}
# fmt: on


def grader(*words, script=(sys.executable, "-m", "grader"), env=None):
    """Run the grader; returns (exit status, all that it printed)."""
    started = subprocess.Popen(
        [*script, *map(str, words)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests"), **(env or {})},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    printed = finish(started, PATIENCE)
    return started.returncode, printed


def one_copy_each(folder, cases):
    """Make a copy of a case's task for each case; returns case -> the copy."""
    copies = {}
    for number, (name, (task, _, *edits)) in enumerate(cases.items()):
        copies[name] = copy_of_the_course(folder / f"{number:02}", [task])
        for edit in edits:
            edit(copies[name])
    return copies


def few_copies(folder, cases):
    """Make as few copies of the course as there are cases of one task; returns case -> the copy."""
    copies, counts = {}, {}
    for name, (task, _, *edits) in cases.items():
        counts[task] = counts.get(task, 0) + 1
        copies[name] = copy_of_the_course(folder / f"{counts[task]:02}", [task])
        for edit in edits:
            edit(copies[name])
    return copies


def read(folder):
    """Return what the grader has written beside the copies: (verdicts of the JSON, rows of the CSV)."""
    with (folder / "verdicts.csv").open(newline="") as file:
        return json.loads((folder / "verdicts.json").read_text()), list(csv.DictReader(file))

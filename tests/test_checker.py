"""The checker finds what is wrong, says so, blames nothing else, and lets honest variations pass."""

import re

import pytest
from support.copies import (
    FLASK_BY_APT,
    NGINX_ON_UBUNTU,
    PAGE,
    UPSTREAM,
    add,
    check,
    copy_of_the_course,
    drop,
    empty,
    link,
    move,
    swap,
    two_named,
    write,
)
from support.steps import SITE

HELLO = "Hello, World!"
BIND = '"0.0.0.0:5252"'
ASKS = '"http://localhost:5252/api/hello"'
CMD = 'CMD ["gunicorn", "api:app"]'
COMPOSE = "docker-compose.yml"
PORTS_4, PORTS_5 = '    ports:\n      - "5252:5252"\n', '    ports:\n      - "${PORT:-80}:80"\n'
INSIDE = "    networks: [inside]\n"

# fmt: off
#: What is wrong: (the task to blame, words that the sentence must have, the edit or edits).
FAULTS = {
    "0: another greeting": (0, "printed 'Hello World", swap("task0/Dockerfile", HELLO, "Hello World")),
    "0: curly quotes": (0, "“Hello, World!”", swap("task0/Dockerfile", HELLO, f"“{HELLO}”")),
    "0: the greeting and more": (0, "alone", swap("task0/Dockerfile", '"echo"', '"echo", "Well:"')),
    "0: nothing is printed": (0, "printed ''", swap("task0/Dockerfile", '"echo", "Hello, World!"', '"true"')),
    "0: a command that is not there": (0, "does not run", swap("task0/Dockerfile", '"echo"', '"ecko"')),
    "0: it does not build": (0, "does not build|does not: .*nonsense", swap("task0/Dockerfile", "USER nobody", "RUN nonsense")),
    "0: no Dockerfile": (0, "was to have a Dockerfile", drop("task0/Dockerfile")),

    "1: another greeting": (1, "answered 'Hello World'.*task1/api.py", swap("task1/api.py", HELLO, "Hello World")),
    "1: curly quotes": (1, "“Hello, World!”", swap("task1/api.py", HELLO, f"“{HELLO}”")),
    "1: a greeting in HTML": (1, "answered '<h1>", swap("task1/api.py", HELLO, f"<h1>{HELLO}</h1>")),
    "1: another path": (1, "answered 404", swap("task1/api.py", "/api/hello", "/hello")),
    "1: another method": (1, "answered 405", swap("task1/api.py", '@app.get("/api/hello")', '@app.post("/api/hello")')),
    "1: an error in the code": (1, "answered 500", swap("task1/api.py", 'Response("Hello, World!"', 'Respond("Hello, World!"')),
    "1: another port": (1, "listens on 0.0.0.0:5000", swap("task1/gunicorn.conf.py", BIND, '"0.0.0.0:5000"')),
    "1: bound to 127.0.0.1": (1, "127.0.0.1:5252, which is the container itself", swap("task1/gunicorn.conf.py", BIND, '"127.0.0.1:5252"')),
    "1: it ends at once": (1, "ended with status 3.*No module named 'flsk'", swap("task1/api.py", "from flask", "from flsk")),
    "1: its server is not there": (1, "does not run", swap("task1/Dockerfile", '"gunicorn"', '"unicorn"')),
    "1: pip is refused": (1, "externally-managed-environment", swap("task1/Dockerfile", "pip --python /opt/venv/bin/python install", "pip install")),
    "1: it copies what is not there": (1, "there is no task1/app.ini", swap("task1/Dockerfile", "COPY api.py", "COPY app.ini api.py")),

    "2: a submodule that was not fetched": (2, "is a git submodule", empty(f"task2/{SITE}"), write(".gitmodules", f'[submodule "s"]\n\tpath = task2/{SITE}\n')),
    "2: an empty folder": (2, "is empty", empty(f"task2/{SITE}")),
    "2: a sibling folder that is not there": (2, "outside its build context", swap("task2/front-end/Dockerfile", "COPY softy-pinko-front-end /", "COPY ../../softy-pinko-front-end /")),
    "2: no front-end": (2, "start a front-end", drop("task2/front-end")),
    "2: another port": (2, "listens on 0.0.0.0:80;", swap("task2/front-end/softy-pinko-front-end.conf", "9000", "80")),
    "2: bound to 127.0.0.1": (2, "127.0.0.1:9000", swap("task2/front-end/softy-pinko-front-end.conf", "9000", "127.0.0.1:9000")),
    "2: another root": (2, "answered 404", swap("task2/front-end/softy-pinko-front-end.conf", "html/softy-pinko-front-end", "html/softy")),
    "2: a page that is no HTML": (2, "with text/plain", swap("task2/front-end/softy-pinko-front-end.conf", "listen 9000;", "listen 9000; types { } default_type text/plain;")),
    "2: an asset is missing": (2, "'style.css', and GET http://localhost:9000/style.css answers 404", drop(f"task2/{SITE}/style.css")),
    "2: an image is missing": (2, "'icon.svg'", drop(f"task2/{SITE}/icon.svg")),
    "2: a page in place of an asset": (2, "'style.css'.*in its place", drop(f"task2/{SITE}/style.css"), swap("task2/front-end/softy-pinko-front-end.conf", "listen 9000;", "listen 9000; try_files $uri /index.html;")),
    "2: Nginx does not understand its file": (2, "ended with status 1", swap("task2/front-end/softy-pinko-front-end.conf", "listen 9000;", "listen 9000")),
    "2: the back-end greets otherwise": (2, "5252/api/hello", swap("task2/back-end/api.py", HELLO, "Hello World")),

    "3: no CORS": (3, "has no Access-Control-Allow-Origin", swap("task3/back-end/api.py", "if ALLOWED_ORIGINS:", "if False:")),
    "3: CORS for another origin": (3, "CORS was to admit http://localhost:9000", swap("task3/back-end/api.py", "http://localhost:9000", "http://localhost:3000")),
    "3: no element": (3, "#dynamic-content.* is not there", swap(f"task3/{SITE}/index.html", 'id="dynamic-content"', 'id="content"')),
    "3: the page asks another port": (3, "localhost:5000/api/hello was asked, and nothing is published", swap(f"task3/{SITE}/index.html", ASKS, '"http://localhost:5000/api/hello"')),
    "3: the page asks another path": (3, "404", swap(f"task3/{SITE}/index.html", ASKS, '"http://localhost:5252/api/helo"')),
    "3: the page asks the container's name": (3, "back-end:5252", swap(f"task3/{SITE}/index.html", ASKS, '"http://back-end:5252/api/hello"')),
    "3: the page asks itself": (3, "holds", swap(f"task3/{SITE}/index.html", ASKS, '"/api/hello"')),
    "3: the answer stands in the page": (3, "never asks /api/hello", write(f"task3/{SITE}/index.html", f'<body><p id="dynamic-content">{HELLO}</p>')),
    "3: the script has a mistake": (3, "Unexpected", swap(f"task3/{SITE}/index.html", "const byId = ", "const = ")),

    "4: no Compose file": (4, "was to have a Compose file", drop(f"task4/{COMPOSE}")),
    "4: Compose does not understand it": (4, "Compose does not understand", swap(f"task4/{COMPOSE}", "    build:", "    biuld:")),
    "4: the API is not published": (4, "publishes no port of it", swap(f"task4/{COMPOSE}", PORTS_4, "")),
    "4: a port that nobody listens on": (4, "listens on 0.0.0.0:5252", swap(f"task4/{COMPOSE}", '"5252:5252"', '"5252:5000"')),
    "4: a build context that is not there": (4, "there is no such folder", swap(f"task4/{COMPOSE}", "context: back-end", "context: backend")),
    "4: CORS does not know the published port": (4, "CORS", swap(f"task4/{COMPOSE}", '"9000:9000"', '"8080:9000"')),
    "4: power over the host": (4, "privileged", swap(f"task4/{COMPOSE}", PORTS_4, PORTS_4 + "    privileged: true\n")),
    "4: the engine's socket": (4, "use_api_socket|docker.sock", swap(f"task4/{COMPOSE}", PORTS_4, PORTS_4 + "    use_api_socket: true\n")),
    "4: no seccomp": (4, "seccomp=unconfined", swap(f"task4/{COMPOSE}", PORTS_4, PORTS_4 + "    security_opt: [seccomp=unconfined]\n")),
    "4: a link that leads out of the course": (4, "outside the course", swap(f"task4/{COMPOSE}", PORTS_4, PORTS_4 + "    volumes: ['./out:/out']\n"), link("task4/out", "/etc")),
    "4: a secret from outside": (4, "outside the course", swap(f"task4/{COMPOSE}", PORTS_4, PORTS_4 + "    secrets: [mine]\n"), add(f"task4/{COMPOSE}", "secrets:\n  mine: {file: /etc/hostname}\n")),
    "4: a volume that is a folder of the host": (4, "options of its driver", swap(f"task4/{COMPOSE}", PORTS_4, PORTS_4 + "    volumes: ['mine:/mine']\n"), add(f"task4/{COMPOSE}", "volumes:\n  mine: {driver_opts: {type: none, o: bind, device: /etc}}\n")),

    "5: the API is published past the proxy": (5, "publishes back-end on 5252 too", swap(f"task5/{COMPOSE}", INSIDE + "    <<: &", '    networks: [inside, outside]\n    ports: ["5252:5252"]\n    <<: &')),
    "5: the page is published past the proxy": (5, "publishes front-end on 9000 too", swap(f"task5/{COMPOSE}", INSIDE + "    <<: *", '    networks: [inside, outside]\n    ports: ["9000:9000"]\n    <<: *')),
    "5: the proxy is not published": (5, "Proxy was to be published on the host", swap(f"task5/{COMPOSE}", PORTS_5, "")),
    "5: /api goes to the front-end": (5, "api/hello was to answer 200, and answered 404.*proxy.conf", swap("task5/proxy/proxy.conf", "back-end:5252", "front-end:9000")),
    "5: all goes to the API": (5, "HTML page, and answered 404", swap("task5/proxy/proxy.conf", "front-end:9000", "back-end:5252")),
    "5: the proxy cuts /api off": (5, "answered 404", swap("task5/proxy/proxy.conf", "        proxy_pass http://$back", "        rewrite ^/api/(.*) /$1 break;\n        proxy_pass http://$back")),
    "5: the proxy asks another port": (5, "answered 502", swap("task5/proxy/proxy.conf", "back-end:5252", "back-end:5000")),
    "5: the proxy asks another name": (5, "answered 502", swap("task5/proxy/proxy.conf", "back-end:5252", "api:5252")),
    "5: the page asks past the proxy": (5, "5252/api/hello was asked, and nothing is published there", swap(f"task5/{SITE}/index.html", 'api = "/api/hello"', f"api = {ASKS}")),

    "6: one replica only": (6, "one API server only", swap("task6/2-api-servers.txt", "=2", "=1")),
    "6: one of two replicas is dead": (6, "ended with status 1", *two_named(service="    command: ['false']\n")),
    "6: one of two replicas is deaf": (6, "back-end-2-1 0", *two_named(service="    command: [sleep, infinity]\n")),
    "6: unbalanced weights": (6, r"back-end-1 1[45]\d, .*back-end-2-1 [45]\d", *two_named(" weight=3")),
    "6: a replica for emergencies": (6, r"back-end-1 (199|200), .*back-end-2-1 [01]", *two_named("", " backup")),
    "6: ip_hash": (6, "answered: .* 0", swap("task6/proxy/proxy.conf", UPSTREAM, f"    ip_hash;\n{UPSTREAM}")),
    "6: no newline": (6, "no newline", write("task6/2-api-servers.txt", "docker compose up --scale back-end=2")),
    "6: a service that is not there": (6, "scales backend, and .* no such service", swap("task6/2-api-servers.txt", "back-end", "backend")),
    "6: a container's name for two": (6, "container_name", swap(f"task6/{COMPOSE}", "    deploy:\n", "    container_name: api\n    deploy:\n")),
    "6: the API is published past the proxy": (6, "publishes back-end on 5252 too", swap(f"task6/{COMPOSE}", INSIDE + "    <<: &", '    networks: [inside, outside]\n    ports: ["5252:5252"]\n    <<: &')),
}

#: What is right, too: (the task, words that its note must have, the edit or edits).
VARIATIONS = {
    "0: no newline": (0, "", swap("task0/Dockerfile", '"echo"', '"printf"')),
    "1: Flask's development server": (1, "", swap("task1/Dockerfile", CMD, "CMD flask --app api run --host 0.0.0.0 --port 5252")),
    "1: Flask by apt, from another base image": (1, "", write("task1/Dockerfile", FLASK_BY_APT)),
    "1: a trailing newline": (1, "", swap("task1/api.py", HELLO, HELLO + "\\n")),
    "1: a JSON-quoted greeting": (1, "", swap("task1/api.py", 'Response("Hello, World!", mimetype="text/plain")', 'jsonify("Hello, World!")')),
    "1: a slow starter": (1, "", swap("task1/Dockerfile", CMD, "CMD sleep 15 && gunicorn api:app")),
    "1: a server that is not called so": (1, "", move("task1/api.py", "task1/main.py"), swap("task1/.dockerignore", "api.py", "main.py"), swap("task1/Dockerfile", "COPY api.py", "COPY main.py"), swap("task1/Dockerfile", "api:app", "main:app")),
    "2: other folder names": (2, "", move("task2/back-end", "task2/backend"), move("task2/front-end", "task2/web")),
    "2: Nginx by apt, from another base image": (2, "", write("task2/front-end/Dockerfile", NGINX_ON_UBUNTU)),
    "2: built from the task's folder": (2, "", swap("task2/front-end/Dockerfile", "COPY softy", "COPY front-end/softy")),
    "3: CORS for everybody": (3, "", swap("task3/back-end/api.py", "origins=ALLOWED_ORIGINS", 'origins="*"')),
    "3: another page": (3, "", write(f"task3/{SITE}/index.html", PAGE.format("http://localhost:5252/api/hello"))),
    "4: another file name": (4, "", move(f"task4/{COMPOSE}", "task4/compose.yaml")),
    "4: other names": (4, "", move("task4/back-end", "task4/api"), move("task4/front-end", "task4/site"), swap(f"task4/{COMPOSE}", "context: back-end", "context: api"), swap(f"task4/{COMPOSE}", "context: front-end", "context: site"), swap(f"task4/{COMPOSE}", "  back-end:\n    build", "  flask:\n    build"), swap(f"task4/{COMPOSE}", "      back-end:\n", "      flask:\n")),
    "4: another published port": (4, "publishes the page as http://localhost:8080", swap(f"task4/{COMPOSE}", '"9000:9000"', '"8080:9000"'), swap("task4/back-end/api.py", "localhost:9000", "localhost:8080")),
    "4: an extra service": (4, "", swap(f"task4/{COMPOSE}", "services:\n", "services:\n  cache:\n    image: ubuntu:latest\n    command: sleep infinity\n")),
    "5: another published port": (5, "http://localhost:8080, not on port 80", swap(f"task5/{COMPOSE}", "${PORT:-80}:80", "8080:80")),
    "5: the page asks with a full URL": (5, "", swap(f"task5/{SITE}/index.html", 'api = "/api/hello"', 'api = "http://localhost/api/hello"')),
    "5: the API is slower than the proxy": (5, "", swap(f"task5/{COMPOSE}", "    depends_on:\n      back-end:\n        condition: service_healthy\n      front-end:\n        condition: service_healthy\n", ""), swap("task5/back-end/Dockerfile", CMD, "CMD sleep 8 && gunicorn api:app")),
    "5: a container's name": (5, "", swap(f"task5/{COMPOSE}", "  back-end:\n    build:", "  back-end:\n    container_name: my_api\n    build:"), swap("task5/proxy/proxy.conf", "back-end:5252", "my_api:5252")),
    "6: replicas by the file alone": (6, "", drop("task6/2-api-servers.txt")),
    "6: replicas by 2-api-servers.txt alone": (6, "", swap(f"task6/{COMPOSE}", "    deploy:\n      replicas: 2\n", ""), write("task6/2-api-servers.txt", "docker-compose up --scale back-end=2\n")),
    "6: neither says it": (6, "", swap(f"task6/{COMPOSE}", "    deploy:\n      replicas: 2\n", ""), drop("task6/2-api-servers.txt")),
    "6: two named services": (6, "", *two_named()),
    "6: the fewest connections": (6, "", swap("task6/proxy/proxy.conf", UPSTREAM, f"    least_conn;\n{UPSTREAM}")),
    "6: Nginx as most people write it": (6, "", write("task6/proxy/proxy.conf", "server {\n listen 80;\n location / { proxy_pass http://front-end:9000; }\n location /api/ { proxy_pass http://back-end:5252; }\n}\nserver { listen 127.0.0.1:8080; return 204; }\n")),
}
# fmt: on

#: For these, all seven tasks are run, and no other is to blame.
ALL_SEVEN = [
    "0: curly quotes",
    "1: another path",
    "2: an asset is missing",
    "3: no CORS",
    "4: the API is not published",
    "5: the API is published past the proxy",
    "6: unbalanced weights",
]


def edited(folder, case):
    """Copy the course to a folder, edit the copy, and return what `check` makes of it."""
    task, _, *edits = (FAULTS | VARIATIONS)[case]
    copy_of_the_course(folder, range(7) if case in ALL_SEVEN else [task])
    for edit in edits:
        edit(folder)
    return check(folder, *([] if case in ALL_SEVEN else ["--task", str(task)]))


@pytest.fixture
def checked(checks, case):
    """What the checker made of this test's case; see `support.copies.check`."""
    return checks[case].result()


@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_is_caught_in_its_task_and_named(checked, case):
    task, words, *_ = FAULTS[case]
    status, verdicts, printed = checked
    assert verdicts, printed
    verdict = verdicts[f"task{task}"]
    assert (status, verdict["verdict"]) == (1, "failed"), printed
    assert re.search(words, verdict["reason"]), verdict["reason"]


@pytest.mark.parametrize("case", ALL_SEVEN)
def test_no_other_task_is_blamed(checked, case):
    status, verdicts, printed = checked
    assert status == 1, printed
    blamed = [name for name, verdict in verdicts.items() if verdict["verdict"] != "passed"]
    assert (len(verdicts), blamed) == (7, [f"task{FAULTS[case][0]}"]), printed


@pytest.mark.parametrize("case", VARIATIONS)
def test_an_honest_variation_passes(checked, case):
    task, words, *_ = VARIATIONS[case]
    status, verdicts, printed = checked
    assert status == 0, printed
    assert verdicts[f"task{task}"]["verdict"] == "passed"
    reason = verdicts[f"task{task}"]["reason"]
    assert words in reason if words else reason == ""


def test_there_are_forty_faults_and_fifteen_variations_or_more():
    assert len(FAULTS) >= 40
    assert len(VARIATIONS) >= 15

"""Mistakes that learners make, and the messages that the labs explain."""

from support.images import NGINX

#: A task, a message from its Troubleshooting section (`…` stands for any text), and a command that
#: makes the mistake.
MISTAKES = [
    ("task0", "Cannot connect to the Docker daemon", "DOCKER_HOST=unix:///nobody docker ps"),
    ("task0", "docker buildx build… requires …1 argument", "docker build --tag softy-pinko:mine"),
    (
        "task0",
        "failed to read dockerfile: open Dockerfile: no such file or directory",
        "docker build /usr/share/doc",
    ),
    ("task0", "Unable to find image … locally", "docker run --rm softy-pinko:mine"),
    (
        "task0",
        "exec format error",
        "docker build --tag softy-pinko:mine - <<'END' && docker run --rm softy-pinko:mine\n"
        "FROM ubuntu:latest\n"
        "RUN echo 'echo Hello' > /hello && chmod +x /hello\n"
        'CMD ["/hello"]\nEND',
    ),
    (
        "task0",
        "exec /…: no such file or directory",
        "docker build --tag softy-pinko:mine - <<'END' && docker run --rm softy-pinko:mine\n"
        "FROM ubuntu:latest\n"
        "RUN printf '#!/bin/sh\\r\\necho Hello\\r\\n' > /hello && chmod +x /hello\n"
        'CMD ["/hello"]\nEND',
    ),
    (
        "task1",
        'failed to calculate checksum … "/api.py": not found',
        "sed 's/requirements.txt/api.py/' Dockerfile | docker build --file - ../task0",
    ),
    (
        "task1",
        "error: externally-managed-environment",
        "docker run --rm ubuntu:latest sh -c 'apt-get update && "
        "apt-get install --yes --no-install-recommends python3-pip && pip install flask'",
    ),
    (
        "task1",
        'The container name "/back-end" is already in use',
        "docker create --name back-end ubuntu:latest; docker create --name back-end ubuntu:latest; "
        "docker rm back-end",
    ),
    (
        "task1",
        "port is already allocated",
        "docker run --detach --rm --name one --publish 5252:5252 ubuntu:latest sleep 60; "
        "docker run --rm --publish 5252:5252 ubuntu:latest true; docker stop -t 0 one",
    ),
    (
        "task2",
        "403 Forbidden",
        "mkdir --parents /tmp/mine/softy-pinko-front-end && "
        "cp front-end/Dockerfile front-end/*.conf /tmp/mine && "
        "docker build --tag softy-pinko:mine /tmp/mine && "
        "docker run --detach --rm --name mine softy-pinko:mine && "
        "docker exec mine curl --silent --retry 9 --retry-connrefused http://localhost:9000/; "
        "docker stop mine; rm -r /tmp/mine",
    ),
    (
        "task2",
        'failed to calculate checksum … "/softy-pinko-front-end": not found',
        "mkdir /tmp/mine && cp front-end/*.conf /tmp/mine && "
        "docker build --file front-end/Dockerfile /tmp/mine; rm -r /tmp/mine",
    ),
    (
        "task3",
        "ModuleNotFoundError: No module named 'flask_cors'",
        "docker build --tag softy-pinko:mine ../task2/back-end && docker run --rm "
        '--volume "$PWD/back-end/api.py:/app/api.py:ro" softy-pinko:mine',
    ),
    ("task4", "no configuration file provided: not found", "cd / && docker compose up"),
    (
        "task4",
        'service "front-end" depends on undefined service "backend": invalid compose project',
        "sed '/depends_on/,$ s/back-end/backend/' docker-compose.yml | "
        "docker compose --file - config",
    ),
    (
        "task4",
        "yaml: line …",
        "sed 's/^    build:/\\tbuild:/' docker-compose.yml | docker compose --file - config",
    ),
    (
        "task4",
        'unable to prepare context: path "…/front-end" not found',
        "cp docker-compose.yml /tmp && cd /tmp && docker compose build front-end",
    ),
    (
        "task4",
        'failed to calculate checksum … "/softy-pinko-front-end": not found',
        "docker build --file front-end/Dockerfile back-end",
    ),
    (
        "task4",
        "dependency failed to start: container … is unhealthy",
        "echo 'services: {back-end: {healthcheck: {test: exit 1, interval: 1s, retries: 1, "
        "start_period: 1s}}}' | docker compose --file docker-compose.yml --file - up --detach",
    ),
    (
        "task4",
        "port is already allocated",
        "docker run --detach --rm --name one --publish 5252:5252 ubuntu:latest sleep 60; "
        "docker compose up --detach; docker stop -t 0 one",
    ),
    (
        "task5",
        "404 Not Found",
        "sed 's,location /api/,location /API/,' proxy/proxy.conf > /tmp/proxy.conf && "
        "echo 'services: {proxy: {volumes: [/tmp/proxy.conf:/etc/nginx/conf.d/default.conf]}}' | "
        "docker compose --file docker-compose.yml --file - up --wait && "
        "curl http://localhost/api/hello",
    ),
    (
        "task5",
        "502 Bad Gateway",
        "docker compose up --no-deps --wait proxy && curl http://localhost/api/hello",
    ),
    (
        "task5",
        'host not found in upstream "back-end"',
        "sed 's,http://$back_end,http://back-end:5252,' proxy/proxy.conf > /tmp/proxy.conf && "
        "docker run --rm "
        f"--volume /tmp/proxy.conf:/etc/nginx/conf.d/default.conf:ro {NGINX} nginx -t",
    ),
    (
        "task6",
        "can't set container_name … as container name must be unique",
        "sed '/^  back-end:/ a\\    container_name: api' docker-compose.yml | "
        "docker compose --file - config",
    ),
    (
        "task6",
        "Bind for …:5252 failed: port is already allocated",
        "docker compose --project-directory ../task4 up --detach --scale back-end=2 back-end",
    ),
    (
        "task6",
        "No such container: softy-pinko-task6-back-end-1",
        "docker pause softy-pinko-task6-back-end-1",
    ),
    (
        "task6",
        r"\ No newline at end of file",
        "printf 'docker compose up' | diff 2-api-servers.txt -",
    ),
]

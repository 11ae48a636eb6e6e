"""What every task promises of the API, asked at whatever address it has there."""

import requests

#: What `/api/hello` says.
GREETING = "Hello, World!"


def get(url, **options):
    """GET a URL within 5 seconds; returns the `requests.Response`."""
    return requests.get(url, timeout=5, **options)


def assert_it_keeps_its_promises(base):
    """Assert that at `base` (such as `http://localhost:5252`) the API answers as all tasks promise."""
    hello = get(f"{base}/api/hello")
    assert (hello.status_code, hello.text) == (200, GREETING), (
        f"{hello.url} answers {hello.status_code}, {hello.text[:200]!r}"
    )
    assert hello.headers["Content-Type"].startswith("text/plain")

    health = get(f"{base}/api/health")
    assert (health.status_code, health.json()) == (200, {"status": "healthy"})

    unknown = get(f"{base}/api/nope")
    assert (unknown.status_code, unknown.json()["status"]) == (404, 404)

    wrong_method = requests.post(f"{base}/api/hello", timeout=5)
    assert (wrong_method.status_code, wrong_method.json()["status"]) == (405, 405)
    assert "GET" in wrong_method.headers["Allow"]

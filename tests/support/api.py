"""Requests to the course's API, and what every task requires of its responses."""

import requests

#: The body of the response to `GET /api/hello`.
GREETING = "Hello, World!"


def get(url, **options):
    """Send a GET request and return the `requests.Response`.

    options: passed to `requests.get`.
    Raises requests.RequestException if there is no response within 5 seconds.
    """
    return requests.get(url, timeout=5, **options)


def assert_the_api_works(url):
    """Assert that the API responds as every task requires.

    url: the scheme, host and port, such as `http://localhost:5252`.
    """
    hello = get(f"{url}/api/hello")
    assert (hello.status_code, hello.text) == (200, GREETING), (
        f"GET {hello.url}: expected 200 and {GREETING!r}, "
        f"got {hello.status_code} and {hello.text[:200]!r}"
    )
    assert hello.headers["Content-Type"].startswith("text/plain")

    health = get(f"{url}/api/health")
    assert (health.status_code, health.json()) == (200, {"status": "healthy"})

    unknown = get(f"{url}/api/nope")
    assert (unknown.status_code, unknown.json()["status"]) == (404, 404)

    wrong_method = requests.post(f"{url}/api/hello", timeout=5)
    assert (wrong_method.status_code, wrong_method.json()["status"]) == (405, 405)
    assert "GET" in wrong_method.headers["Allow"]

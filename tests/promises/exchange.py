"""Requests to the real application in `application/`, and what a client sees of each response."""

import gzip
import http.client
import re
import time
import zlib
from typing import NamedTuple
from urllib.parse import urlsplit


class Response(NamedTuple):
    """What a client sees of a response.

    status: a number. headers: a list of a dict {name in lower case: value} and a list of the
    values of `Set-Cookie`. body: bytes, unpacked and without what differs by design.
    rest: seconds from the first piece of the body to its end.
    """

    status: int
    headers: list
    body: bytes
    rest: float


#: Headers that differ by design: they name the server or the connection, or the proxy adds them.
IGNORED = {"server", "date", "connection", "keep-alive", "x-request-id"}


def send(url, method, path, headers=None, body=None):
    """Send a request with the Host `app.example` and return its `Response`.

    url: the scheme, host and port. headers: a dict. body: bytes or None.
    Raises OSError or http.client.HTTPException if there is no response within 30 seconds.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    headers = {"Host": "app.example", "Accept-Encoding": "identity", **(headers or {})}
    connection.request(method, path, body, headers)
    got = connection.getresponse()
    piece = got.read1()
    first = time.monotonic()
    content = piece + got.read()
    rest = time.monotonic() - first
    connection.close()
    shown = {n.lower(): v for n, v in got.getheaders() if n.lower() not in IGNORED}
    if "allow" in shown:  # Flask lists the methods in any order
        shown["allow"] = sorted(shown["allow"].split(", "))
    cookies = sorted(v for n, v in got.getheaders() if n.lower() == "set-cookie")
    return Response(got.status, [shown, cookies], normalized(content, shown), rest)


def normalized(body, headers):
    """Return a body, unpacked, without the client's address and the headers that the proxy adds.

    headers: the response's headers. The length of a packed body is removed from them.
    """
    unpack = {"gzip": gzip.decompress, "deflate": zlib.decompress}
    if headers.get("content-encoding") in unpack:
        body = unpack[headers["content-encoding"]](body)
        del headers["content-length"]
    body = re.sub(rb'"X-(?:Request-Id|Forwarded-\w+)": "[\w.]*"(?:, )?', b"", body)
    body = body.replace(b", }", b"}")
    return re.sub(rb'("(?:origin|client)": ?)"[\d.]+"', rb"\1", body)


FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
BASIC = {"Authorization": "Basic dTpw"}
#: Where the application serves httpbin.
HTTPBIN = "/api/httpbin"

#: Tuples (method, path, headers, body): requests that get the same response each time.
REQUESTS = [
    *[
        ("GET", f"{HTTPBIN}/{path}", None, None)
        for path in (
            *("", "legacy", "html", "robots.txt", "deny", "ip", "headers", "user-agent", "get"),
            *(
                "get?a=1&b=%20",
                "anything",
                "anything/x%20y?q=%C3%A4",
                "forms/post",
                "encoding/utf8",
            ),
            *("xml", "json", "image/png", "image/jpeg", "image/webp", "image/svg", "cache/60"),
            *("deflate", "gzip", "stream/1", "stream/20", "range/2048", "links/5/2"),
            *("links/3", "redirect/3", "relative-redirect/2", "absolute-redirect/2", "cookies"),
            *("redirect-to?url=http://app.example/x", "redirect-to?url=/y&status_code=307"),
            *("cookies/set/a/b", "cookies/set?a=1", "cookies/delete?a=", "basic-auth/u/p"),
            *("hidden-basic-auth/u/p", "bearer", "base64/SGVsbG8=", "etag/abc", "delay/1"),
            *("response-headers?X-A=1&X-B=2", "drip?duration=2&numbytes=4&delay=0", "nowhere"),
            "drip?duration=1&numbytes=20000&delay=1",
        )
    ],
    *[
        ("GET", f"{HTTPBIN}/status/{status}", None, None)
        for status in (
            *(200, 201, 202, 203, 204, 205, 300, 301, 302, 303, 304, 305, 307, 308),
            *(400, 401, 402, 403, 404, 405, 406, 409, 410, 411, 412, 413, 414, 415, 416, 417),
            *(418, 422, 425, 428, 429, 431, 451, 500, 501, 502, 503, 504, 505),
        )
    ],
    *[
        (method, f"{HTTPBIN}/status/503", None, b"")
        for method in ("POST", "PUT", "PATCH", "DELETE")
    ],
    *[
        ("HEAD", path, None, None)
        for path in (f"{HTTPBIN}/get", f"{HTTPBIN}/html", "/api/source", "/api/hello/")
    ],
    *[("OPTIONS", path, None, None) for path in (f"{HTTPBIN}/get", "/api/health")],
    ("POST", f"{HTTPBIN}/post", FORM, b"a=1&b=2"),
    ("POST", f"{HTTPBIN}/post", JSON, b'{"a": [1, 2]}'),
    ("POST", f"{HTTPBIN}/post", None, bytes(range(256)) * 10),
    ("PUT", f"{HTTPBIN}/put", JSON, b"{}"),
    ("PATCH", f"{HTTPBIN}/patch", None, b"x" * 20_000),
    ("DELETE", f"{HTTPBIN}/delete", None, b""),
    ("POST", f"{HTTPBIN}/anything", FORM, b"a=" + b"x" * 100_000),
    ("GET", f"{HTTPBIN}/get", {"Cookie": "a=" + "x" * 3000}, None),
    ("GET", f"{HTTPBIN}/cookies", {"Cookie": "a=1; b=2"}, None),
    ("GET", f"{HTTPBIN}/basic-auth/u/p", BASIC, None),
    ("GET", f"{HTTPBIN}/bearer", {"Authorization": "Bearer token"}, None),
    ("GET", f"{HTTPBIN}/image", {"Accept": "image/webp"}, None),
    ("GET", f"{HTTPBIN}/image", {"Accept": "text/plain"}, None),
    ("GET", f"{HTTPBIN}/etag/abc", {"If-None-Match": "abc"}, None),
    ("GET", f"{HTTPBIN}/etag/abc", {"If-Match": "other"}, None),
    ("GET", f"{HTTPBIN}/cache", {"If-Modified-Since": "Wed, 25 Nov 2026 00:00:00 GMT"}, None),
    ("GET", f"{HTTPBIN}/range/1000", {"Range": "bytes=10-19"}, None),
    ("GET", f"{HTTPBIN}/range/1000", {"Range": "bytes=2000-"}, None),
    ("POST", f"{HTTPBIN}/get", None, b""),
    ("GET", "/api/slow/1.5", None, None),
    ("GET", "/api/slow/6.0", None, None),
    ("GET", "/api/file/10", None, None),
    ("GET", "/api/file/0", None, None),
    ("GET", "/api/file/3000000", None, None),
    ("GET", "/api/file/3000", {"Range": "bytes=100-199"}, None),
    ("GET", "/api/file/3000", {"If-None-Match": '"3000"'}, None),
    ("GET", "/api/source", None, None),
    ("GET", "/api/source", {"Range": "bytes=0-9"}, None),
    ("GET", "/api/static/GPL-3", None, None),
    ("GET", "/api/static/nowhere", None, None),
    ("GET", "/api/stream/3", None, None),
    ("GET", "/api/events/4", None, None),
    ("GET", "/api/broken-stream", None, None),
    ("GET", "/api/large/30", None, None),
    ("POST", "/api/upload", None, b"y" * 900_000),
    ("PUT", "/api/upload", None, b""),
    ("GET", "/api/cookies/30", None, None),
    ("GET", "/api/empty/200", None, None),
    ("GET", "/api/empty/204", None, None),
    ("GET", "/api/empty/304", None, None),
    ("HEAD", "/api/file/3000", None, None),
    ("GET", "/api/error", None, None),
    ("GET", "/api/redirect", None, None),
    ("GET", "/api/url", None, None),
]

"""Requests to the real application in `application/`, and what a client sees of each response."""

import gzip
import http.client
import re
import time
import zlib
from typing import NamedTuple
from urllib.parse import urlsplit


class Response(NamedTuple):
    """What a client sees. first: seconds until the first byte of the body, or the end without one.

    headers: [{name in lower case: value}, cookies].
    """

    status: int
    headers: list
    body: bytes
    first: float


#: Headers that name the server or the connection, or that the proxy adds by contract.
OURS = {"server", "date", "connection", "keep-alive", "x-request-id"}


def send(url, method, path, headers=None, body=None):
    """Send a request for the host `app.example` and return its `Response`."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    start = time.monotonic()
    headers = {"Host": "app.example", "Accept-Encoding": "identity", **(headers or {})}
    connection.request(method, path, body, headers)
    got = connection.getresponse()
    piece = got.read1()
    first = time.monotonic() - start
    content = piece + got.read()
    connection.close()
    shown = {n.lower(): v for n, v in got.getheaders() if n.lower() not in OURS}
    if "allow" in shown:  # Flask names the methods in no particular order
        shown["allow"] = sorted(shown["allow"].split(", "))
    cookies = sorted(v for n, v in got.getheaders() if n.lower() == "set-cookie")
    return Response(got.status, [shown, cookies], normal(content, shown), first)


def normal(body, headers):
    """Return a body, unpacked, without what differs from network to network and with the proxy.

    That is the client's address, the request's ID, and the length of what was packed with them.
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
H = "/api/httpbin"

#: (method, path, headers, body): requests with a response that is the same each time.
REQUESTS = [
    *[
        ("GET", f"{H}/{path}", None, None)
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
        ("GET", f"{H}/status/{status}", None, None)
        for status in (
            *(200, 201, 202, 203, 204, 205, 300, 301, 302, 303, 304, 305, 307, 308),
            *(400, 401, 402, 403, 404, 405, 406, 409, 410, 411, 412, 413, 414, 415, 416, 417),
            *(418, 422, 425, 428, 429, 431, 451, 500, 501, 502, 503, 504, 505),
        )
    ],
    *[(method, f"{H}/status/503", None, b"") for method in ("POST", "PUT", "PATCH", "DELETE")],
    *[
        ("HEAD", path, None, None)
        for path in (f"{H}/get", f"{H}/html", "/api/source", "/api/hello/")
    ],
    *[("OPTIONS", path, None, None) for path in (f"{H}/get", "/api/health")],
    ("POST", f"{H}/post", FORM, b"a=1&b=2"),
    ("POST", f"{H}/post", JSON, b'{"a": [1, 2]}'),
    ("POST", f"{H}/post", None, bytes(range(256)) * 10),
    ("PUT", f"{H}/put", JSON, b"{}"),
    ("PATCH", f"{H}/patch", None, b"x" * 20_000),
    ("DELETE", f"{H}/delete", None, b""),
    ("POST", f"{H}/anything", FORM, b"a=" + b"x" * 100_000),
    ("GET", f"{H}/get", {"Cookie": "a=" + "x" * 3000}, None),
    ("GET", f"{H}/cookies", {"Cookie": "a=1; b=2"}, None),
    ("GET", f"{H}/basic-auth/u/p", BASIC, None),
    ("GET", f"{H}/bearer", {"Authorization": "Bearer token"}, None),
    ("GET", f"{H}/image", {"Accept": "image/webp"}, None),
    ("GET", f"{H}/image", {"Accept": "text/plain"}, None),
    ("GET", f"{H}/etag/abc", {"If-None-Match": "abc"}, None),
    ("GET", f"{H}/etag/abc", {"If-Match": "other"}, None),
    ("GET", f"{H}/cache", {"If-Modified-Since": "Wed, 25 Nov 2026 00:00:00 GMT"}, None),
    ("GET", f"{H}/range/1000", {"Range": "bytes=10-19"}, None),
    ("GET", f"{H}/range/1000", {"Range": "bytes=2000-"}, None),
    ("POST", f"{H}/get", None, b""),
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

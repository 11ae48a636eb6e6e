"""Malformed and hostile requests, and the status that each of them must get."""

import random

from promises.raw import request

CHUNKED = "Transfer-Encoding: chunked"


def post(*headers, body=b""):
    """Return the bytes of a POST request to `/api/hello`; see `promises.raw.request`."""
    return request("/api/hello", *headers, method="POST", body=body)


#: The name of each case, and a tuple: the bytes of the request, and the status that the HTTP
#: standard or the course requires. A response of HTTP/0.9 has no status: None.
CASES = {
    # Paths. Nginx decodes a path once and resolves its dots. It refuses a path above the root.
    "traversal": (request("/../../etc/passwd"), 400),
    "traversal out of the API": (request("/api/../../etc/passwd"), 400),
    "traversal, encoded": (request("/%2e%2e/%2e%2e/etc/passwd"), 400),
    "traversal, slashes encoded": (request("/..%2f..%2fetc/passwd"), 400),
    "traversal, doubly encoded": (request("/%252e%252e/etc/passwd"), 404),
    "traversal, overlong UTF-8": (request("/%c0%ae%c0%ae/etc/passwd"), 404),
    "traversal, backslashes": (request("/..\\..\\etc\\passwd"), 404),
    "traversal, backslashes encoded": (request("/..%5c..%5cetc/passwd"), 404),
    "traversal with a parameter": (request("/api/..;/index.html"), 404),
    "a hidden file": (request("/.git/config"), 404),
    "double slash": (request("//api/hello"), 200),
    "upper case": (request("/API/hello"), 404),
    "a longer first segment": (request("/apix"), 404),
    "a path parameter": (request("/api/hello;v=1"), 404),
    "NUL": (request("/api/hello\0"), 400),
    "NUL, encoded": (request("/api/hello%00"), 400),
    "NUL, encoded, for the front-end": (request("/%00"), 400),
    "a control byte": (request("/api/\x01hello"), 400),
    "a header smuggled into the path": (request("/api/hello%0d%0aX-Evil:1"), 404),
    "an invalid escape": (request("/%zz"), 400),
    "bytes that are not UTF-8": (request("/api/%ff%fe"), 404),
    "a raw byte above ASCII": (request("/api/h\xe9llo"), 400),
    "a space in the path": (request("/api/he llo"), 400),
    "no slash in front": (request("api/hello"), 400),
    "an asterisk": (request("*", method="OPTIONS"), 400),
    # Size.
    "a request line too long": (request("/" + "a" * 9000), 414),
    "a request line far too long": (request("/" + "a" * 100_000), 414),
    "a long request line": (request("/api/" + "a" * 7000), 404),
    "a header too long": (request("/api/hello", "X: " + "a" * 9000), 400),
    "too many headers": (request("/api/hello", *(f"X-{n}: a" for n in range(100))), 431),
    "far too many headers": (request("/api/hello", *(f"X-{n}: a" for n in range(5000))), 400),
    "many headers": (request("/api/hello", *(f"X-{n}: a" for n in range(80))), 200),
    "a body too large": (post("Content-Length: 99999999"), 413),
    "a chunked body too large": (
        post(CHUNKED, body=b"1fffff\r\n" + b"a" * 0x1FFFFF + b"\r\n0\r\n\r\n"),
        413,
    ),
    # A server may ignore Range (RFC 9110, section 14.2). Nginx does so for files that it unpacks.
    "ranges beyond the end": (request("/", "Range: bytes=99999999-"), 200),
    "a range that overflows": (request("/", "Range: bytes=0-18446744073709551615"), 200),
    # The end of the body. RFC 9112, section 6.3: refuse a request that leaves it ambiguous.
    "length and chunks": (post("Content-Length: 4", CHUNKED, body=b"0\r\n\r\n"), 400),
    "two lengths": (post("Content-Length: 0", "Content-Length: 5", body=b"hello"), 400),
    "two equal lengths": (post("Content-Length: 5", "Content-Length: 5", body=b"hello"), 400),
    "a list of lengths": (post("Content-Length: 5, 5", body=b"hello"), 400),
    "a negative length": (post("Content-Length: -1"), 400),
    "a length with a sign": (post("Content-Length: +5", body=b"hello"), 400),
    "a hexadecimal length": (post("Content-Length: 0x5", body=b"hello"), 400),
    "a length that overflows": (post("Content-Length: " + "9" * 30), 400),
    "a length, space before the colon": (post("Content-Length : 5", body=b"hello"), 400),
    "an unknown coding": (post("Transfer-Encoding: gzip"), 501),
    "a coding that looks like chunked": (post("Transfer-Encoding: xchunked"), 501),
    "chunked twice": (post(CHUNKED, CHUNKED, body=b"0\r\n\r\n"), 400),
    "chunks in HTTP/1.0": (
        request("/api/hello", CHUNKED, method="POST", version="HTTP/1.0", body=b"0\r\n\r\n"),
        400,
    ),
    "a chunk without a size": (post(CHUNKED, body=b"zz\r\nhello\r\n0\r\n\r\n"), 400),
    "a chunk of negative size": (post(CHUNKED, body=b"-1\r\nhello\r\n0\r\n\r\n"), 400),
    "a chunk size that overflows": (post(CHUNKED, body=b"f" * 17 + b"\r\nhello\r\n0\r\n\r\n"), 400),
    # Headers.
    "obsolete folding": (request("/api/hello", "X-A: a\r\n b"), 400),
    "a space before the colon": (request("/api/hello", "X-A : a"), 400),
    "a header without a name": (request("/api/hello", ": a"), 400),
    "NUL in a header": (request("/api/hello", "X-A: a\0b"), 400),
    "a control byte in a header": (request("/api/hello", "X-A: a\x01b"), 400),
    "lines that end in CR alone": (b"GET /api/hello HTTP/1.1\rHost: localhost\r\r", 400),
    "hop-by-hop names in Connection": (
        request("/api/hello", "Connection: close, X-Request-ID, X-Forwarded-For, Host"),
        200,
    ),
    "an upgrade to HTTP/2": (request("/api/hello", "Connection: Upgrade", "Upgrade: h2c"), 200),
    "gunicorn's own variables": (request("/api/hello", "SCRIPT_NAME: /x", "PATH_INFO: /x"), 200),
    # Host. The proxy accepts every name, because it can't know the names that its users choose.
    "a foreign host": (request(host="evil.example"), 200),
    "an empty host": (request(host=""), 400),
    "no host": (request(host=None), 400),
    "two hosts": (request("/api/hello", "Host: localhost"), 400),
    "two different hosts": (request("/api/hello", "Host: evil.example"), 400),
    "a host with a path": (request(host="a/b"), 400),
    "a host with a user": (request(host="a@b"), 400),
    "a host with a tag": (request(host='a"><script>'), 400),
    "a host with an impossible port": (request(host="localhost:99999999"), 400),
    "an absolute URI": (request("http://localhost/api/hello"), 200),
    # Methods and versions.
    "CONNECT": (request("localhost:80", method="CONNECT"), 405),
    "TRACE": (request(method="TRACE"), 405),
    "an unknown method": (request(method="TRACK"), 405),
    "a method in lower case": (request(method="get"), 400),
    "a method that is not a token": (request(method="G\xc3T"), 400),
    "DELETE of the page": (request("/", method="DELETE"), 405),
    "HTTP/0.9": (b"GET /api/hello\r\n", None),
    "the preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "HTTP/3": (request(version="HTTP/3"), 505),
    "http in lower case": (request(version="http/1.1"), 400),
    "a TLS ClientHello": (bytes.fromhex("16030100c8010000c40303") + b"\0" * 100, 400),
}


def mutated(seed, count):
    """Yield the bytes of `count` requests: copies of the cases above with random changes.

    seed: a number; the same number yields the same requests.
    """
    chance = random.Random(seed)
    originals = [sent for sent, _ in CASES.values() if len(sent) < 2000]
    for _ in range(count):
        data = bytearray(chance.choice(originals))
        for _ in range(chance.randint(1, 8)):
            at = chance.randrange(len(data) + 1)
            match chance.randrange(4):
                case 0:
                    data[at:at] = bytes(chance.randrange(256) for _ in range(chance.randint(1, 9)))
                case 1:
                    del data[at : at + chance.randint(1, 9)]
                case 2:
                    data[at : at + 1] = bytes([chance.randrange(256)])
                case 3:
                    other = chance.choice(originals)
                    data[at:at] = other[chance.randrange(len(other)) :]
        yield bytes(data) + b"\r\n\r\n"

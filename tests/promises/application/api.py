"""A real application: httpbin, and routes that httpbin doesn't have. All paths are below /api/."""

import hashlib
import io
import os
import socket
import time

from flask import Flask, Response, jsonify, redirect, request, send_file, session, url_for
from flask_sock import Sock
from httpbin import app as httpbin
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

app = Flask(__name__, static_folder="/usr/share/common-licenses", static_url_path="/api/static")
app.secret_key = os.environ.get("SECRET_KEY", os.urandom(16))
app.wsgi_app = ProxyFix(DispatcherMiddleware(app.wsgi_app, {"/api/httpbin": httpbin}))
sock = Sock(app)


@app.get("/api/health")
def health():
    return "healthy"


@app.get("/api/hello")
def hello():
    return socket.gethostname()


@app.route("/api/slow/<float:seconds>", methods=["GET", "POST"])
def slow(seconds):
    time.sleep(seconds)
    return f"{seconds} s"


@app.get("/api/file/<int:size>")
def file(size):
    return send_file(io.BytesIO(b"x" * size), "application/octet-stream", etag=str(size))


@app.get("/api/source")
def source():
    return send_file(__file__, "text/plain", conditional=True)


@app.get("/api/stream/<int:pieces>")
def stream(pieces):
    def generate():
        for piece in range(pieces):
            yield f"piece {piece}\n"
            time.sleep(1)

    return Response(generate(), mimetype="text/plain")


@app.get("/api/events/<int:count>")
def events(count):
    def generate():
        for number in range(count):
            yield f"id: {number}\ndata: event {number}\n\n"
            time.sleep(1)

    return Response(generate(), mimetype="text/event-stream")


@app.get("/api/broken-stream")
def broken_stream():
    def generate():
        raise ValueError("before the first piece")
        yield "never sent"

    return Response(generate(), mimetype="text/plain")


@app.get("/api/large/<int:megabytes>")
def large(megabytes):
    pieces = (b"\0" * 1_000_000 for _ in range(megabytes))
    return Response(pieces, headers={"Content-Length": megabytes * 1_000_000})


@app.route("/api/upload", methods=["POST", "PUT"])
def upload():
    return hashlib.sha256(request.get_data()).hexdigest(), 201


@app.get("/api/cookies/<int:count>")
def cookies(count):
    response = jsonify(count=count)
    for number in range(count):
        response.set_cookie(f"cookie-{number}", "x" * 400)
    return response


@app.get("/api/empty/<int:status>")
def empty(status):
    return Response(status=status, headers={"X-Empty": "yes"})


@app.get("/api/error")
def error():
    raise ValueError("an error of the application")


@app.get("/api/redirect")
def redirect_home():
    return redirect(url_for("hello", _external=True))


@app.get("/api/url")
def url():
    return jsonify(url=url_for("hello", _external=True), client=request.remote_addr)


@app.get("/api/visits")
def visits():
    session["visits"] = session.get("visits", 0) + 1
    return jsonify(visits=session["visits"], served_by=socket.gethostname())


@sock.route("/api/echo")
def echo(connection):
    while True:
        connection.send(connection.receive())

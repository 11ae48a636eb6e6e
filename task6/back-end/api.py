"""The API: it greets, and it says that it is well."""

import json
import os
import socket

from flask import Flask, Response, jsonify
from flask_cors import CORS
from werkzeug.exceptions import HTTPException

app = Flask(__name__)

# A browser shows a page what another origin answered only if that answer names
# the page's origin. These, if any, may read ours and see who served it.
ALLOWED_ORIGINS = os.environ.get("ALLOWED_ORIGINS", "http://localhost:9000").split()
if ALLOWED_ORIGINS:
    CORS(app, origins=ALLOWED_ORIGINS, expose_headers=["X-Served-By"])

# In a container the hostname is the container's short ID.
HOSTNAME = socket.gethostname()


@app.get("/api/hello")
def hello():
    return Response("Hello, World!", mimetype="text/plain")


@app.get("/api/health")
def health():
    return jsonify(status="healthy")


@app.errorhandler(HTTPException)
def error_as_json(error):
    """Keeps the error's status and headers (405 has Allow), and says it in JSON."""
    response = error.get_response()
    response.data = json.dumps({"status": error.code, "error": error.name})
    response.content_type = "application/json"
    return response


@app.after_request
def say_who_served(response):
    response.headers["X-Served-By"] = HOSTNAME
    return response

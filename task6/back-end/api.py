"""The API: a greeting, and a health check."""

import json
import socket

from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

app = Flask(__name__)

# All requests come from the proxy. It sends the client's address and scheme in X-Forwarded-For
# and X-Forwarded-Proto. With ProxyFix, Flask uses these instead of the proxy's own.
app.wsgi_app = ProxyFix(app.wsgi_app)

# In a container the hostname is the start of the container's ID.
HOSTNAME = socket.gethostname()


@app.get("/api/hello")
def hello():
    return Response("Hello, World!", mimetype="text/plain")


@app.get("/api/health")
def health():
    return jsonify(status="healthy")


@app.errorhandler(HTTPException)
def error_as_json(error):
    """Keep the error's status and headers, such as Allow, and describe it in JSON."""
    response = error.get_response()
    response.data = json.dumps({"status": error.code, "error": error.name})
    response.content_type = "application/json"
    return response


@app.after_request
def name_the_server(response):
    response.headers["X-Served-By"] = HOSTNAME
    return response

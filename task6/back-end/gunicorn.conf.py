"""gunicorn reads these settings when it starts in this folder."""

import socket

worker_class = "worker.Worker"
# How many requests a replica handles at a time. A slow one doesn't stop the others.
threads = 16
limit_request_line = 8190  # in bytes: the longest request line that the proxy accepts
control_socket_disable = True  # the socket would be a file, but the file system is read-only


def on_starting(server):
    """Take the port, but don't listen: worker.py does, once the application is loaded."""
    listener = socket.socket()
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # send small pieces at once
    listener.bind(("0.0.0.0", 5252))
    server.LISTENERS = [listener]

"""gunicorn reads these settings when it starts in this folder."""

bind = "0.0.0.0:5252"
worker_class = "worker.Worker"
preload_app = True  # open the port only when the application is loaded
# How many requests a replica handles at a time. A slow one doesn't stop the others.
threads = 16
limit_request_line = 8190  # in bytes: as long as the longest that the proxy accepts
# gunicorn would create this socket as a file, but the file system is read-only.
control_socket_disable = True

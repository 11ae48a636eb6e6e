"""gunicorn reads these settings when it starts in this folder."""

bind = "0.0.0.0:5252"
worker_class = "worker.Worker"
# How many requests a replica handles at a time. A slow one doesn't stop the others.
threads = 16
# In bytes: as long as the longest request line that the proxy accepts.
limit_request_line = 8190
# gunicorn would create this socket as a file, but the file system is read-only.
control_socket_disable = True

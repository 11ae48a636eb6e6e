"""gunicorn reads these settings when it starts in this folder."""

bind = "0.0.0.0:5252"
worker_class = "worker.Worker"
# Requests at a time. A slow request occupies a thread until it is done.
threads = 16
# In bytes. The proxy accepts request lines of this length.
limit_request_line = 8190
# A socket in the file system, for administration. The file system is read-only.
control_socket_disable = True

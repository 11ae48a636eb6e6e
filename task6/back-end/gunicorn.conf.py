"""gunicorn reads these settings when it starts in this folder."""

worker_class = "worker.Worker"
# gunicorn would open a port before the application is loaded. Leave this empty: worker.py opens
# the port afterwards.
bind = []
reuse_port = True  # so that several workers can open the same port, if you set `workers`
# How many requests a replica handles at a time. A slow one doesn't stop the others.
threads = 16
limit_request_line = 8190  # in bytes: the longest request line that the proxy accepts
control_socket_disable = True  # the socket would be a file, but the file system is read-only

"""Gunicorn reads this file by itself when it starts in this folder."""

# All addresses of the container: a published port comes in from outside it.
bind = "0.0.0.0:5252"

# One process that answers four requests at a time. More work, more containers.
worker_class = "gthread"
threads = 4

# Seconds that an idle connection is kept: longer than a proxy in front keeps it,
# so that the proxy closes it, never we while a request is on its way; and short,
# because whoever stops this container waits for it.
keepalive = 2

# Workers say that they live by touching a file; in memory no disk can delay it.
worker_tmp_dir = "/dev/shm"

# The access log, in Nginx's order: who, when, what, how it went; then what a
# proxy in front said, if there is one: the request's ID, and for whom it asks.
accesslog = "-"
access_log_format = '%(h)s %(t)s "%(r)s" %(s)s %(b)s %({x-request-id}i)s %({x-forwarded-for}i)s'

# As long as Nginx lets them be, in bytes: what it lets through is answered.
limit_request_line = 8190

# Nobody steers gunicorn from inside the container.
control_socket_disable = True

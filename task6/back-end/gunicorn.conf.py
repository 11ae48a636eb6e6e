"""Gunicorn reads this file by itself when it starts in this folder."""

from threading import Lock, Timer

from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

# All addresses of the container: a published port comes in from outside it.
bind = "0.0.0.0:5252"


class Outbox:
    """A connection that keeps what is written to it until it is flushed."""

    def __init__(self, connection):
        self.connection = connection
        self.written = []

    def sendall(self, data):
        self.written.append(data)

    def flush(self):
        self.connection.sendall(b"".join(self.written))

    def __getattr__(self, name):
        return getattr(self.connection, name)


class WholeAnswers(ThreadWorker):
    """Sends an answer's head and body in one piece, where gunicorn sends one after the other.

    Killed in between, a replica would leave the proxy with half an answer, which
    it can neither use nor ask somebody else for any more.
    """

    def handle_request(self, req, conn):
        connection, conn.sock = conn.sock, Outbox(conn.sock)
        try:
            keep_alive = super().handle_request(req, conn)
            conn.sock.flush()
        finally:
            conn.sock = connection
        return keep_alive


# One process that answers four requests at a time. More work, more containers.
worker_class = WholeAnswers
threads = 4

# Seconds that an idle connection is kept: longer than a proxy in front keeps it,
# so that the proxy closes it, never we while a request is on its way; and short,
# because whoever stops this container waits for it.
keepalive = 2

# Workers say that they live by touching a file; in memory no disk can delay it.
worker_tmp_dir = "/dev/shm"


class LinesTogether(Logger):
    """The access log, as it was, its lines written together: a tenth of a second late at most.

    Gunicorn collects some eighty values for each line, and writes it by itself,
    which takes as long as the answer does. Here are the few that we look at, in
    Nginx's order: who, when, what, how it went; the request's ID, and for whom.
    """

    def __init__(self, cfg):
        super().__init__(cfg)
        self.lines = []
        self.one_at_a_time = Lock()

    def access(self, resp, req, environ, request_time):
        what = f"{environ['REQUEST_METHOD']} {environ['RAW_URI']} {environ['SERVER_PROTOCOL']}"
        what = what.replace('"', r"\"")
        request_id = environ.get("HTTP_X_REQUEST_ID", "-")
        client = environ.get("HTTP_X_FORWARDED_FOR", "-")
        line = (
            f'{environ["REMOTE_ADDR"]} {self.now()} "{what}" {resp.status_code} {resp.sent} '
            f"{request_id} {client}"
        )
        with self.one_at_a_time:
            self.lines.append(line)
            if len(self.lines) == 1:
                Timer(0.1, self.write).start()

    def write(self):
        with self.one_at_a_time:
            print(*self.lines, sep="\n", flush=True)
            self.lines.clear()


logger_class = LinesTogether

# As long as Nginx lets them be, in bytes: what it lets through is answered.
limit_request_line = 8190

# Nobody steers gunicorn from inside the container.
control_socket_disable = True

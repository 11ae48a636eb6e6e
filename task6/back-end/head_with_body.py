"""A gunicorn worker that sends a response's head together with the first piece of its body.

gunicorn sends the two separately. A replica that is killed in between leaves the proxy with half
a response, and the proxy can't ask another replica any more.
"""

from gunicorn.workers.gthread import ThreadWorker


class Connection:
    """A client's socket that holds back the first write, the head, until the second."""

    def __init__(self, sock):
        self.sock = sock
        self.head = None

    def sendall(self, data):
        if self.head is None:
            self.head = data
        else:
            self.sock.sendall(self.head + data)
            self.head = b""

    def sendfile(self, *arguments, **options):
        self.sendall(b"")
        return self.sock.sendfile(*arguments, **options)

    def __getattr__(self, name):
        return getattr(self.sock, name)


class HeadWithBody(ThreadWorker):
    def handle_request(self, req, conn):
        sock, conn.sock = conn.sock, Connection(conn.sock)
        try:
            keep_alive = super().handle_request(req, conn)
            if conn.sock.head:  # a response without a body
                conn.sock.sendall(b"")
        finally:
            conn.sock = sock
        return keep_alive

"""The gunicorn worker of a replica: stopping it loses no request, killing it loses no GET."""

from select import select

from head_with_body import HeadWithBody


class Worker(HeadWithBody):
    def load_wsgi(self):
        """Load the application, then listen.

        Until then, the replica refuses connections, and the proxy asks another one at once.
        """
        super().load_wsgi()
        for listener in self.sockets:
            listener.listen(self.cfg.backlog)

    def set_accept_enabled(self, enabled):
        """When the worker stops, accept the connections that wait, and refuse new ones at once.

        gunicorn would leave new connections waiting until it exits. By then, the proxy has sent
        its request, and it can't send a POST to another replica any more.
        """
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive:
            for listener in self.sockets:
                while select([listener], [], [], 0)[0]:
                    self.accept(listener)
                listener.close()
            self.sockets = []

"""The gunicorn worker of a replica. Stopping a replica loses no request, killing it loses no GET."""

from select import select

from head_with_body import HeadWithBody


class Worker(HeadWithBody):
    def set_accept_enabled(self, enabled):
        """When the worker stops, handle the connections there are, and refuse new ones at once.

        gunicorn leaves new ones waiting until it exits. The proxy has sent its request by then,
        and can't send a POST to another replica any more.
        """
        super().set_accept_enabled(enabled)
        if not self.alive:
            for listener in self.sockets:
                while select([listener], [], [], 0)[0]:
                    self.accept(listener)
                listener.close()

"""A fault on every connection except the first: on those that settle the outcome of the first."""

from support.proxy import Fault


class OnLater(Fault):
    """Like Fault, on the second connection and on each later one."""

    def __init__(self, do, **place):
        super().__init__(do, connection=None, **place)

    def hits(self, message):
        return message.connection > 1 and super().hits(message)

"""A fault on every connection but the first: those that are to settle what became of it."""

from support.proxy import Fault


class OnLater(Fault):
    """As Fault, on the second connection and on each after it."""

    def __init__(self, do, **place):
        super().__init__(do, connection=None, **place)

    def hits(self, message):
        return message.connection > 1 and super().hits(message)

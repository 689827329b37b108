"""How long the machine itself kept everybody waiting: what a test that measures milliseconds allows on top of its bound."""

import threading
import time
from contextlib import closing


class Pulse(threading.Thread):
    """Asks the database something every few milliseconds: whether the machine itself stood still, whatever the gateways did."""

    def __init__(self, database):
        super().__init__(daemon=True)
        self.connection = database.connect()
        self.worst, self.stopped = 0, threading.Event()
        self.start()

    def run(self):
        with closing(self.connection), self.connection.cursor() as cursor:
            while not self.stopped.is_set():
                before = time.monotonic()
                time.sleep(0.005)
                cursor.execute("SELECT 1")
                self.worst = max(self.worst, time.monotonic() - before)

    def standstill(self):
        """The longest, in seconds, since it was asked last."""
        worst, self.worst = self.worst, 0
        return worst

    def allowance(self):
        """What is to be added to a bound: what hears of a change and acts on it is woken a few times on its way."""
        return 4 * self.standstill()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.join()

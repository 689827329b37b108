"""How long the machine itself paused: a test that measures milliseconds adds this to its bound."""

import threading
import time
from contextlib import closing


class Pulse(threading.Thread):
    """Queries the database every few milliseconds, to find out whether the machine itself paused, whatever the gateways
    did."""

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
        """Returns the longest pause, in seconds, since the last call."""
        worst, self.worst = self.worst, 0
        return worst

    def allowance(self):
        """Returns what to add to a bound: a process that hears of a change and acts on it is woken a few times on the
        way."""
        return 4 * self.standstill()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.join()

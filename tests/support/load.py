"""Many threads that work at the same time, for some seconds."""

import itertools
import threading
import time


class Load:
    """Threads that run until the time is over; the first failure of any of them is the test's."""

    def __init__(self, seconds):
        self.until = time.monotonic() + seconds
        self.failures = []
        self.rounds = {}

    def run(self, workers):
        """Runs each (name, function) again and again; returns how often each was run."""
        threads = [threading.Thread(target=self._loop, args=worker) for worker in workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.failures:
            raise self.failures[0]
        return self.rounds

    def _loop(self, name, work):
        try:
            for number in itertools.count():
                if time.monotonic() > self.until or self.failures:
                    self.rounds[name] = number
                    return
                work(number)
        except BaseException as failure:  # pylint: disable=broad-except
            self.failures.append(failure)

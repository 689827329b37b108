"""Many threads that work at the same time, for some seconds, and until each has done enough."""

import itertools
import threading
import time


class Load:
    """Threads that run until the time is over, and until each worker that `least` names has made that many rounds: on a slow machine
    longer. The first failure of any of them is the test's."""

    def __init__(self, seconds, least=None):
        self.until = time.monotonic() + seconds
        self.least = least or {}
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
                self.rounds[name] = number
                if self.failures or self.is_over():
                    return
                work(number)
        except BaseException as failure:  # pylint: disable=broad-except
            self.failures.append(failure)

    def is_over(self):
        return time.monotonic() > self.until and all(self.rounds.get(name, 0) >= rounds for name, rounds in self.least.items())

"""A command that is stopped as it sends COMMIT, or a message before, with all its locks: like a closed laptop, or a stopped
process."""

import threading

from .proxy import Fault, Proxy, commit
from .wire import FRONTEND


class HeldUp:
    """Runs a command that is stopped as it sends COMMIT until the end of the block; `result` is how it ended.

    `at`: it stops as it sends its message of that number instead; 2 is its BEGIN, and each statement after it takes 5."""

    def __init__(self, relay, database, *words, at=None):
        self.reached, self.go_on, self.result = threading.Event(), threading.Event(), None
        self.proxy = Proxy(database.cluster.socket_path, Fault(self._hold, match=commit if at is None else lambda message: message.direction == FRONTEND and message.number == at))
        runner = relay.with_(dsn=self.proxy.dsn(database))
        self.thread = threading.Thread(target=lambda: setattr(self, "result", runner(*words)))

    def _hold(self, _):
        self.reached.set()
        assert self.go_on.wait(40)

    def __enter__(self):
        self.proxy.__enter__()
        self.thread.start()
        assert self.reached.wait(20)
        return self

    def __exit__(self, *_):
        self.go_on.set()
        self.thread.join()
        self.proxy.__exit__(None, None, None)

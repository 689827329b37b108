"""A command that is stopped as it sends COMMIT, with all its locks: like a closed laptop, or a stopped process."""

import threading

from .proxy import Fault, Proxy, commit


class HeldUp:
    """Runs a command that is stopped as it sends COMMIT until the end of the block; `result` is how it ended."""

    def __init__(self, relay, database, *words):
        self.reached, self.go_on, self.result = threading.Event(), threading.Event(), None
        self.proxy = Proxy(database.cluster.socket_path, Fault(self._hold, match=commit))
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

"""The agents of the kit, in separate processes: what they say is read line by line."""

import json
import queue
import subprocess
import threading
import time
from pathlib import Path

from . import processes
from .gateways import KIT, command

class ReferenceAgent:
    """An agent with this environment. A context manager; it is killed at the end."""

    def __init__(self, language, environment):
        argv, own = command(language)
        argv[-1] = str(KIT / f"agent{Path(argv[-1]).suffix}")
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env={**own, **environment})
        self.events = queue.Queue()
        self.seen = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.events.put(json.loads(line))
        self.events.put(None)

    def expect(self, event, **about):
        """Waits until it says that; returns what it said. Fails if it ends before, or says nothing for a minute."""
        deadline = time.monotonic() + processes.LONG
        while True:
            try:
                said = self.events.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(f"it did not say {event} {about}, but {self.seen}") from None
            if said is None:
                raise RuntimeError(f"it ended without {event} {about}, after {self.seen}")
            self.seen.append(said)
            if said["event"] == event and all(said.get(name) == value for name, value in about.items()):
                return said

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()

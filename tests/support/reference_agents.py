"""The agents of the kit, in separate processes: what they say is read line by line."""

import json
import queue
import subprocess
import sys
import threading
import time

from . import processes
from .gateways import KIT, command

LEASE = "10"  # seconds, the shortest one


class ReferenceAgent:
    """An agent of the tenant acme. `port`: of the gateway that it asks. A context manager; it is killed at the end."""

    def __init__(self, language, port, broker, agent, key, queue_name, *, instance="host-1", env=None):
        argv, environment = ([sys.executable, "-B", str(KIT / "agent.py")], {}) if language == "python" else command("node")
        argv = argv if language == "python" else [argv[0], str(KIT / "agent.mjs")]
        self.process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
            env={"PATH": "/usr/bin:/bin", **environment, "FLOWGRID_TENANT_ID": "acme", "AGENT_ID": agent, "AGENT_NAME": f"The {agent}",
                 "FLOWGRID_REGISTRY_URL": f"http://127.0.0.1:{port}/api/registry", "FLOWGRID_API_TOKEN": key, "AMQP_URL": broker.url,
                 "SERVICEBUS_DEDICATED_QUEUE": queue_name, "FLOWGRID_LEASE_SECONDS": LEASE, "INSTANCE_ID": instance, **(env or {})})  # fmt: skip
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

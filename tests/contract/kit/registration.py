"""Keeps an agent registered, see relay-admin-registry(7). Copy it."""

import http.client
import json
import random
import threading
import time
import urllib.error
import urllib.parse
import urllib.request


class Registration:
    def __init__(self, relay, key, agent, card, instance, lease=60):
        self.agents = f"{relay}/api/registry/agents"
        self.key, self.card = key, card
        self.me = f"/{agent}/"
        self.process = {"instance_id": instance}
        self.usual = {"lease_seconds": lease}
        self.until, self.is_known = 0, False
        self.closed, self.thread = threading.Event(), None

    def ask(self, method, path, body=None):
        """(status, answer) of the relay. Raises an error without one."""
        call = urllib.request.Request(self.agents + path, method=method)
        call.add_header("Authorization", f"Bearer {self.key}")
        if body is not None:
            call.add_header("Content-Type", "application/json")
            call.data = json.dumps(body).encode()
        try:
            with urllib.request.urlopen(call, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def beat(self):
        """The seconds to the next beat; 0: it failed."""
        began = time.monotonic()  # the lease ends later than counted here
        card = {} if self.is_known else {"card": self.card}
        body = self.process | self.usual | card
        status, said = self.ask("POST", f"{self.me}register", body)
        self.is_known = status == 200  # 409: the registry has no card
        if status == 422:
            raise SystemExit(f"the registry refuses the card: {said}")
        if status in (401, 403):  # blocked, revoked, over the limit
            self.until = 0
        if status == 200:
            self.until = began + said["lease_seconds"]
        if status == 200 and card:  # it speaks for no later process
            self.process["started_at"] = said["started_at"]
        return said["lease_seconds"] / 3 if status == 200 else 0

    def run(self, pause=0, first=False):
        failures = 0
        while not self.closed.wait(pause * random.uniform(0.7, 1)):
            try:
                pause = self.beat()
            except (OSError, ValueError, http.client.HTTPException):
                pause = 0  # the relay is away
            failures = 0 if pause else failures + 1
            pause = pause or min(2**failures, 8)
            if first and not failures:
                break
        return pause

    def start(self):
        """Registers, and returns when the relay has said ok."""
        pause = self.run(first=True)
        self.thread = threading.Thread(target=self.run, args=(pause,))
        self.thread.daemon = True  # no beat without the work
        self.thread.start()

    def holds(self):
        """Whether the agent may take messages, by its own clock."""
        return time.monotonic() < self.until

    def drain(self):
        self.usual["ready"] = False  # if the registry forgets it
        self.end("POST", "drain")

    def stop(self):
        """Call it after the last work: a beat would bring it back."""
        self.closed.set()
        self.thread.join()
        self.end("DELETE", "unregister")

    def end(self, method, what):
        query = urllib.parse.urlencode(self.process)
        self.ask(method, f"{self.me}{what}?{query}")

    def report(self, reason):
        """Reports that this agent has refused a message."""
        self.ask("POST", f"{self.me}refused", {"reason": reason})

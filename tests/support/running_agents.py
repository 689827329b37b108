"""Agents that run, as the registry knows them: their cards, and the requests that an agent makes over HTTP."""

import http.client
import json
from contextlib import closing

PLACE = "/api/registry/agents"


def card(name="Knowledge", *skills, **more):
    """A small card in the shape of A2A 0.3, with these skills."""
    return {
        "protocolVersion": "0.3.0", "name": name, "description": f"{name} answers questions.", "version": "1.0.0",
        "url": "https://agents.example.com/a2a", "capabilities": {"streaming": True},
        "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"],
        "skills": [{"id": skill, "name": skill, "description": skill, "tags": ["test"]} for skill in skills or ("search_kb",)],
        **more,
    }  # fmt: skip


class Caller:
    """An agent that asks the registry of a gateway with its key. Each answer is (status, JSON or None)."""

    def __init__(self, port, agent, key):
        self.port, self.agent, self.key = port, agent, key

    def ask(self, method, path, body=None, *, content_type="application/json", headers=None):
        """The answer to any request; `body`: bytes or text as it is, or what becomes JSON."""
        raw = body if body is None or isinstance(body, (bytes, str)) else json.dumps(body)
        named = {} if self.key is None else {"Authorization": f"Bearer {self.key}"}
        named |= {} if raw is None or content_type is None else {"Content-Type": content_type}
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(method, path, raw, named | (headers or {}))
            answer = connection.getresponse()
            text = answer.read()
            self.headers = answer.headers
            return answer.status, json.loads(text) if text else None

    def register(self, given=None, agent=None, **more):
        """Registers `agent`, or this one, with a card."""
        return self.ask("POST", f"{PLACE}/{agent or self.agent}/register", {"card": given or card(), **more})

    def beat(self, **more):
        return self.ask("POST", f"{PLACE}/{self.agent}/register", more)

    def drain(self, query=""):
        return self.ask("POST", f"{PLACE}/{self.agent}/drain{query}")

    def unregister(self, query=""):
        return self.ask("DELETE", f"{PLACE}/{self.agent}/unregister{query}")

    def find(self, query=""):
        """The ids of the agents that a search returns."""
        status, said = self.ask("GET", f"{PLACE}{query}")
        assert status == 200, said
        return [one["agent_id"] for one in said["agents"]]

    def card(self, agent):
        return self.ask("GET", f"{PLACE}/{agent}")

"""A whole agent: it turns texts around, and passes on to other agents of its tenant what it cannot do. Needs pika and a RabbitMQ.

    python3 agent.py       its environment, as `relay-admin agent env` prints it, and:
        FLOWGRID_API_TOKEN   the key of the agent
        AMQP_URL             the broker; the queue SERVICEBUS_DEDICATED_QUEUE is there
        INSTANCE_ID          which of its processes it is (default: the name of the host)

It takes messages while its lease lasts, one at a time, and acknowledges each after its work. So the broker gives a message to
another process if this one is killed. It may do the same work twice. It prints what it does, one JSON object on each line.

SIGTERM ends it: it is not found any more, finishes its work, and unregisters. relay-admin-registry(7) explains the order.
"""

import contextlib
import json
import os
import signal
import socket
import sys
import threading
import uuid
from datetime import datetime, timezone
from urllib.parse import quote

import pika
import pika.exceptions
from envelope import validate_envelope
from registration import Registration

SKILL = {"id": "reverse", "name": "Reverse", "description": "Turns a text around.", "tags": ["text"]}
WINDOW = 300  # seconds: an older message is stale
MESSAGES = "optional"  # the policy of the organization: they need no signature


def card(name):
    return {"protocolVersion": "0.3.0", "name": name, "description": SKILL["description"], "version": "1.0.0",
            "url": "https://agents.example.com/", "capabilities": {}, "defaultInputModes": ["text/plain"],
            "defaultOutputModes": ["text/plain"], "skills": [SKILL]}  # fmt: skip


def say(event, **about):
    print(json.dumps({"event": event, **about}), flush=True)


class Agent:
    def __init__(self, environment):
        if not environment.get("FLOWGRID_TENANT_ID"):
            sys.exit("FLOWGRID_TENANT_ID is not set: without a tenant there is no work")
        self.tenant, self.id = environment["FLOWGRID_TENANT_ID"], environment["AGENT_ID"]
        self.queue, self.broker = environment["SERVICEBUS_DEDICATED_QUEUE"], environment["AMQP_URL"]
        self.registration = Registration(
            environment["FLOWGRID_REGISTRY_URL"], environment["FLOWGRID_API_TOKEN"], self.id, card(environment.get("AGENT_NAME", self.id)),
            environment.get("INSTANCE_ID", socket.gethostname()), int(environment.get("FLOWGRID_LEASE_SECONDS", "60")))  # fmt: skip
        self.stopping = threading.Event()

    def run(self):
        connection = self.connect()  # before it registers: whatever finds it may send immediately
        self.registration.start()
        say("registered")
        signal.signal(signal.SIGTERM, self.stop)
        while not self.stopping.is_set():
            try:
                self.work(connection or self.connect())
            except pika.exceptions.AMQPError as error:  # what was not acknowledged comes again
                say("cut", error=type(error).__name__)
                connection = None
        with contextlib.suppress(OSError):  # without the relay, the lease just ends
            self.registration.stop()
        say("stopped")

    def connect(self):
        while True:
            with contextlib.suppress(pika.exceptions.AMQPError):
                return pika.BlockingConnection(pika.URLParameters(self.broker))
            if self.stopping.wait(1):
                raise pika.exceptions.AMQPConnectionError("the agent stops")

    def stop(self, *_):
        self.stopping.set()
        threading.Thread(target=self.drain).start()  # now, even if there is work under way

    def drain(self):
        with contextlib.suppress(OSError):
            self.registration.drain()
        say("draining")

    def takes(self):
        return self.registration.holds() and not self.stopping.is_set()

    def work(self, connection):
        channel = connection.channel()
        channel.basic_qos(prefetch_count=1)
        channel.confirm_delivery()  # a message is with the broker before the one that caused it is acknowledged
        while not self.stopping.is_set():
            if not self.takes():  # its lease has ended: others may believe that it is gone
                connection.process_data_events(0.2)
                continue
            say("taking")
            for method, _, body in channel.consume(self.queue, inactivity_timeout=0.2):
                if method and self.takes():
                    self.handle(channel, method.delivery_tag, body)
                elif method:
                    channel.basic_nack(method.delivery_tag)
                if not self.takes():
                    break
            channel.cancel()
            say("paused")
        connection.close()

    def handle(self, channel, tag, body):
        try:
            is_good = self.receive(channel, body)
        except OSError:  # the relay is away: later, or another process
            channel.basic_nack(tag)
            self.stopping.wait(1)
            return
        if is_good:
            channel.basic_ack(tag)
        else:
            channel.basic_reject(tag, requeue=False)

    def receive(self, channel, body):
        """Whether it was an envelope that this agent may handle; the broker keeps others as dead letters."""
        checked = validate_envelope(body, self.tenant, None, WINDOW, MESSAGES)
        if not checked["ok"]:
            say("refused", reason=checked["reason"], problems=checked["problems"])
            self.registration.report(checked["reason"])
            return False
        envelope = json.loads(body)
        text = envelope["payload"].get("text") if isinstance(envelope["payload"], dict) else None
        say("received", type=envelope["messageType"], text=text, sender=envelope["agentId"])
        if envelope["messageType"] == "text.requested" and isinstance(text, str):
            if envelope["payload"].get("skill") == SKILL["id"]:
                self.send(channel, envelope["agentId"], "text.answered", {"text": text[::-1]}, envelope)
            else:
                self.pass_on(channel, envelope)
        return True

    def pass_on(self, channel, envelope):
        """Sends a request to an agent of the same tenant that has the skill."""
        found = self.look(f"?skill={quote(str(envelope['payload'].get('skill')))}&most=1")
        for agent in found["agents"]:
            self.send(channel, agent["agent_id"], "text.requested", envelope["payload"], envelope)

    def look(self, path):
        """What the registry says; None for an agent that does not run."""
        status, said = self.registration.ask("GET", path)
        if status not in (200, 404):
            raise ConnectionError(f"the registry said {status}")
        return said if status == 200 else None

    def send(self, channel, receiver, kind, payload, cause):
        """Sends an envelope to an agent that runs. The registry knows its queue."""
        found = self.look(f"/{quote(receiver, safe='')}")
        if not found:
            say("gone", receiver=receiver)
            return
        envelope = {
            "tenantId": self.tenant, "agentId": self.id, "messageType": kind, "payload": payload,
            "timestamp": datetime.now(timezone.utc).isoformat(), "correlationId": cause.get("correlationId", str(uuid.uuid4())),
        }  # fmt: skip
        channel.basic_publish("", found["queue"], json.dumps(envelope).encode(), pika.BasicProperties(delivery_mode=2))
        say("sent", type=kind, receiver=receiver)


if __name__ == "__main__":
    Agent(os.environ).run()

"""Two agents, in Python and Node, find each other and exchange envelopes through a real broker. They are stopped, killed, cut off, and
come back."""

import json
import signal
from contextlib import ExitStack
from datetime import datetime, timezone

import pytest
from support.agents import first_agent, read_key
from support.broker import Broker
from support.clock import MovedClock
from support.database import Database, make_template
from support.gateways import HTTP_LANGUAGES, HttpGateway
from support.processes import wait_until
from support.reference_agents import ReferenceAgent
from support.relay import Runner
from support.running_agents import Caller

SECONDS = 60  # it waits for leases and for the broker
LANGUAGES = {"turner": "python", "Shouter": "node"}  # what the agents are written in
CHANGES = "SELECT count(*) FROM relay.auth_events WHERE action = 'card_changed' AND agent_id = %s"


class Scene:
    """A database, a broker, a gateway in each language, and the keys of the agents `turner`, `Shouter` and `desk` of acme."""

    def __init__(self, cluster, folder, stack):
        self.database = Database(cluster, template=make_template(cluster))
        stack.callback(self.database.drop)
        self.relay = Runner(dsn=self.database.dsn(), home=folder, cwd=folder)
        self.keys = {"desk": first_agent(self.relay, folder / "desk.key", agent="desk")}
        for agent in LANGUAGES:
            self.database.execute("INSERT INTO relay.agents (agent_id, org_id, name, created_by) VALUES (%s, 'acme', %s, 'test')", agent, agent)
            self.relay("rotate-key", agent, "--secret-file", folder / agent, check=0)
            self.keys[agent] = read_key(folder / agent)
        self.queues = {agent: self.database.value("SELECT relay_api.queue_name('acme', 'agent', %s)", agent) for agent in self.keys}
        self.broker = stack.enter_context(Broker())
        self.broker.declare(*self.queues.values())
        self.gateways = {one: stack.enter_context(HttpGateway(self.database, language=one)) for one in HTTP_LANGUAGES}
        self.desk = Caller(self.gateways["python"].port, "desk", self.keys["desk"])

    def start(self, agent, *, gateway="python", instance="host-1", env=None):
        """Starts a process of an agent with the environment that `agent env` prints. Its lease is the shortest that there is."""
        url = f"http://127.0.0.1:{self.gateways[gateway].port}"
        printed = self.relay("agent", "env", agent, "--registry-url", url, "--lease", "10s", "--format", "json", check=0)
        more = {"FLOWGRID_API_TOKEN": self.keys[agent], "AMQP_URL": self.broker.url, "INSTANCE_ID": instance, **(env or {})}
        return ReferenceAgent(LANGUAGES[agent], {**json.loads(printed.out), **more})

    def send(self, agent, text, *, skill="none", **more):
        """Puts a request of `desk` into the queue of an agent."""
        envelope = {"tenantId": "acme", "agentId": "desk", "messageType": "text.requested", "payload": {"text": text, "skill": skill},
                    "timestamp": datetime.now(timezone.utc).isoformat(), **more}  # fmt: skip
        self.broker.publish(self.queues[agent], json.dumps(envelope).encode())

    def running(self, agent):
        """{instance: started_at} of its leases that have not ended."""
        rows = self.database.rows("SELECT instance_id, started_at FROM relay.agent_leases WHERE agent_id = %s AND ends_at > now()", agent)
        return {row["instance_id"]: row["started_at"] for row in rows}

    def end_lease(self, agent, instance):
        """As if its time had passed."""
        self.database.execute("UPDATE relay.agent_leases SET ends_at = now() WHERE agent_id = %s AND instance_id = %s", agent, instance)


@pytest.fixture(scope="module")
def the_scene(cluster, tmp_path_factory):
    with ExitStack() as stack:
        yield Scene(cluster, tmp_path_factory.mktemp("agents"), stack)


@pytest.fixture
def scene(the_scene):
    """Nothing runs, and the queues are empty."""
    the_scene.database.execute("TRUNCATE relay.agent_leases; DELETE FROM relay.agent_cards")
    with the_scene.broker.channel() as channel:
        for queue in the_scene.queues.values():
            channel.queue_purge(queue)
    return the_scene


def test_they_find_each_other_by_skill_exchange_envelopes_and_stop(scene):
    with scene.start("turner", gateway="node") as turner, scene.start("Shouter") as shouter:
        for agent in (turner, shouter):
            agent.expect("taking")
        assert scene.desk.find("?tag=TEXT&most=9") == ["Shouter", "turner"] and scene.desk.find("?skill=shout") == ["Shouter"]
        scene.send("turner", "ahoi", skill="shout")
        turner.expect("sent", type="text.requested", receiver="Shouter")
        shouter.expect("received", text="ahoi", sender="turner")
        turner.expect("received", type="text.answered", text="AHOI", sender="Shouter")
        scene.send("Shouter", "ahoi", skill="reverse")
        turner.expect("received", text="ahoi", sender="Shouter")
        shouter.expect("received", type="text.answered", text="ioha", sender="turner")

        shouter.process.send_signal(signal.SIGTERM)
        shouter.expect("stopped")
        assert shouter.process.wait(60) == 0 and "draining" in [said["event"] for said in shouter.seen]
        assert scene.desk.find("?skill=shout&most=8") == [] and scene.running("Shouter") == {}
        scene.send("turner", "ahoi", skill="shout")
        scene.send("turner", "after it", skill="reverse")
        turner.expect("gone", receiver="desk")  # the desk does not run
        turner.process.send_signal(signal.SIGTERM)
        turner.expect("stopped")
        assert turner.process.wait(60) == 0 and scene.running("turner") == {}
    actions = scene.database.rows("SELECT action, agent_id FROM relay.auth_events WHERE action LIKE 'agent_unregistered' ORDER BY agent_id")
    assert [row["agent_id"] for row in actions] == ["Shouter", "turner"]


@pytest.mark.parametrize("agent", LANGUAGES)
def test_what_is_not_of_its_tenant_or_no_envelope_is_refused_and_not_taken_again(scene, agent):
    with scene.start(agent) as running:
        running.expect("taking")
        scene.send(agent, "hello", tenantId="evil")
        running.expect("refused", reason="tenant_mismatch")
        scene.send(agent, "hello", timestamp="2020-01-01T00:00:00Z")
        running.expect("refused", reason="stale")
        scene.broker.publish(scene.queues[agent], b"[]")
        running.expect("refused", reason="envelope_invalid")
        scene.send(agent, "the last one", messageType="text.noted")
        running.expect("received", text="the last one")
        assert scene.broker.ready(scene.queues[agent]) == 0


@pytest.mark.parametrize("agent", LANGUAGES)
def test_a_killed_process_loses_no_message_and_comes_back_with_the_same_card(scene, agent):
    queue = scene.queues[agent]
    with scene.start(agent, instance="a") as first:
        first.expect("taking")
        wait_until(lambda: scene.broker.consumers(queue) == 1, what="it to take messages")
        first.process.send_signal(signal.SIGSTOP)  # it hangs: the broker gives it a message that it does not acknowledge
        scene.send(agent, "do not lose me", messageType="text.noted")
        wait_until(lambda: scene.broker.ready(queue) == 0, what="the broker to give it the message")
        with scene.start(agent, instance="b", gateway="node") as second:
            second.expect("taking")
            assert set(scene.running(agent)) == {"a", "b"}
            first.process.kill()
            second.expect("received", text="do not lose me")
            scene.end_lease(agent, "a")
            assert scene.desk.card(agent)[1]["instances"] == 1
            before = scene.database.value(CHANGES, agent)
            with scene.start(agent, instance="a") as again:
                again.expect("taking")
                assert scene.desk.card(agent)[1]["instances"] == 2
    assert scene.database.value(CHANGES, agent) == before > 0


@pytest.mark.parametrize("agent", LANGUAGES)
def test_two_processes_with_one_instance_id_share_a_lease(scene, agent):
    with scene.start(agent) as first:
        first.expect("taking")
        before = scene.running(agent)
        with scene.start(agent) as second:
            second.expect("taking")
            after = scene.running(agent)
            assert set(before) == set(after) == {"host-1"} and after["host-1"] > before["host-1"], "the later start shows"
        scene.end_lease(agent, "host-1")
        wait_until(lambda: scene.running(agent), what="the beat of the one that is left")


def test_who_cannot_reach_the_relay_stops_taking_messages_when_its_lease_has_ended(scene):
    """By its own clock: nothing ends it from here."""
    gateway = scene.gateways["node"].process
    with scene.start("turner", gateway="node") as turner, scene.start("Shouter", gateway="node") as shouter:
        agents = {"turner": turner, "Shouter": shouter}
        for agent in agents.values():
            agent.expect("taking")
        gateway.send_signal(signal.SIGSTOP)
        try:
            for agent in agents.values():
                agent.expect("paused")
            for name in agents:
                wait_until(lambda name=name: scene.broker.consumers(scene.queues[name]) == 0, what="it to leave the queue")
                scene.send(name, "are you there", messageType="text.noted")
                assert scene.broker.ready(scene.queues[name]) == 1
        finally:
            gateway.send_signal(signal.SIGCONT)
        for agent in agents.values():
            agent.expect("received", text="are you there")


def test_blocked_agents_stop_taking_messages_at_their_next_beat_and_return_after_the_block(scene):
    with scene.start("turner") as turner, scene.start("Shouter") as shouter:
        for agent in (turner, shouter):
            agent.expect("taking")
        scene.relay("block", *LANGUAGES, check=0)
        for agent in (turner, shouter):
            agent.expect("paused")
        scene.relay("unblock", *LANGUAGES, "--yes", check=0)
        for agent in (turner, shouter):
            agent.expect("taking")


def test_the_clock_of_the_host_decides_nothing(scene, open_folder):
    """A lease is counted on the clock of the database here, and on the monotonic one there."""
    clock = MovedClock(open_folder)
    beats = "SELECT min(beat_at) FROM relay.agent_leases HAVING count(*) = 2"
    with scene.start("turner", env=clock.environment) as turner, scene.start("Shouter", env=clock.environment) as shouter:
        for agent in (turner, shouter):
            agent.expect("taking")
        for ahead in (86_400, -86_400):
            clock.move(ahead)
            before = scene.database.value("SELECT max(beat_at) FROM relay.agent_leases")
            wait_until(lambda before=before: scene.database.value(beats) > before, what="both to beat")
            assert scene.desk.find(f"?tag=text&most={9 + (ahead > 0)}") == ["Shouter", "turner"]
        for name, agent in (("turner", turner), ("Shouter", shouter)):
            scene.send(name, "from today", messageType="text.noted")
            agent.expect("refused", reason="stale")
            assert "paused" not in [said["event"] for said in agent.seen]


def test_after_a_restart_of_the_broker_they_take_messages_again(scene):
    with scene.start("turner") as turner, scene.start("Shouter") as shouter:
        agents = {"turner": turner, "Shouter": shouter}
        for agent in agents.values():
            agent.expect("taking")
        scene.broker.restart()
        for name, agent in agents.items():
            scene.send(name, "are you there", messageType="text.noted")
            agent.expect("received", text="are you there")


@pytest.mark.parametrize("agent", LANGUAGES)
def test_without_a_tenant_it_does_not_start(scene, agent):
    with scene.start(agent, env={"FLOWGRID_TENANT_ID": ""}) as running:
        assert running.process.wait(60) == 1 and scene.running(agent) == {}

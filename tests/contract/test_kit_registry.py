"""The client of the registry in each language: it reads requests as the vectors say, and answers them from the database."""

import json
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.database import Database, make_template
from support.gateways import LANGUAGES, Gateway
from support.processes import wait_until
from support.registry import run_all, settle
from support.relay import Runner
from support.running_agents import PLACE, card

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/registry.json").read_text())


@pytest.fixture
def client(language):
    with Gateway(language, part="registry") as running:
        yield running


def differences(client, op, vectors, good):
    """Those vectors that it reads otherwise, with what it says."""
    found = []
    for vector in vectors:
        given = {name: vector[name] for name in ("method", "target", "content_type", "body") if name in vector}
        said = client.call(op, **given)
        if good in vector:
            expected = {good: vector[good]} if op == "route" else vector[good]
        else:
            expected = {"ok": False, "allow": None, **{name: value for name, value in vector.items() if name not in given}}
        if said != expected:
            found.append((given, said))
    return found


def test_it_reads_each_request_as_the_vectors_say(client):
    assert differences(client, "route", VECTORS["routes"], "request") == [] and len(VECTORS["routes"]) > 50


def test_it_reads_each_body_as_the_vectors_say(client):
    assert differences(client, "read", VECTORS["bodies"], "read") == [] and len(VECTORS["bodies"]) > 20
    for deep in ("[" * 30_000 + "]" * 30_000, '{"card": ' * 5_000 + "1" + "}" * 5_000):
        assert client.call("read", content_type="application/json", body=deep).get("status") in (400, None), "it survives"


# ---- with a database


@pytest.fixture(scope="module")
def scene(cluster):
    """A database with the agents `bot` and `Bot.v2` of acme, and `spy` of evil; and a client in each language, which follows the feed."""
    database = Database(cluster, template=make_template(cluster))
    for org in ("acme", "evil"):
        database.execute("INSERT INTO relay.organizations (org_id, name, plan, created_by) VALUES (%s, %s, 'paid', 'test')", org, org)
    for agent, org in (("bot", "acme"), ("Bot.v2", "acme"), ("spy", "evil")):
        database.execute("INSERT INTO relay.agents (agent_id, org_id, name, created_by) VALUES (%s, %s, %s, 'test')", agent, org, agent)
    with ExitStack() as stack:
        clients = {one: stack.enter_context(Gateway(one, database, part="registry", gateway_id=f"kit-{one}")) for one in LANGUAGES}
        for client in clients.values():
            client.call("follow")
        for client in clients.values():
            wait_until(lambda client=client: client.call("hears")["hears"], what="the feed")
        yield database, clients
    database.drop()


@pytest.fixture
def serve(language, scene):
    """Asks a client: `serve(METHOD, TARGET, agent=, org=, body=)`. No agent runs yet."""
    database, clients = scene
    database.execute("TRUNCATE relay.agent_leases; DELETE FROM relay.agent_cards")

    def ask(method, target, *, agent="bot", org="acme", body=""):
        raw = body if isinstance(body, str) else json.dumps(body)
        return clients[language].call("answer", method=method, target=PLACE + target, agent=agent, org=org, content_type="application/json", body=raw)

    return ask


def found(said):
    return [one["agent_id"] for one in said["answer"]["agents"]]


def test_an_agent_registers_beats_is_found_drains_and_unregisters(serve):
    assert serve("POST", "/bot/register")["status"] == 409, "it has no card yet"
    said = serve("POST", "/bot/register", body={"card": card(), "lease_seconds": 30, "instance_id": "host-1"})
    assert (said["status"], said["answer"]["reason"]) == (200, "ok") and 0 < said["answer"]["lease_seconds"] <= 30
    assert serve("POST", "/bot/register", body={"instance_id": "host-2", "lease_seconds": 1e300})["answer"]["lease_seconds"] > 60
    (one,) = serve("GET", "?skill=search_kb")["answer"]["agents"]
    assert (one["agent_id"], one["instances"], one["queue"], one["card"]) == ("bot", 2, "acme.bot", card())
    assert serve("GET", "/bot")["answer"]["card"] == card()
    assert serve("POST", "/bot/drain?instance_id=host-1")["answer"] == {"ok": True, "found": True}
    assert serve("GET", "/bot")["answer"]["instances"] == 1
    assert serve("DELETE", "/bot/unregister?instance_id=host-2")["answer"]["found"] is True
    assert serve("DELETE", "/bot/unregister?instance_id=host-2")["answer"]["found"] is False
    assert found(serve("GET", "")) == [] and serve("GET", "/bot")["status"] == 404
    assert serve("POST", "/bot/register", body={"instance_id": "host-1"})["status"] == 200, "it still runs"


def test_pages_and_names_of_queues(serve):
    for agent in ("bot", "Bot.v2"):
        serve("POST", f"/{agent}/register", agent=agent, body={"card": card()})
    first = serve("GET", "?most=1")["answer"]
    assert [(one["agent_id"], one["queue"]) for one in first["agents"]] == [("Bot.v2", "acme.bot.v2/8")] and first["next"] == "Bot.v2"
    second = serve("GET", "?most=1&after=Bot.v2")["answer"]
    assert [one["agent_id"] for one in second["agents"]] == ["bot"]
    assert serve("GET", "?most=1&after=bot")["answer"] == {"agents": [], "next": None}
    assert found(serve("GET", "?skill=")) == [] and found(serve("GET", "?tag=TEST&pattern=*bot*&capability=streaming")) == ["Bot.v2", "bot"]


def test_a_page_of_large_cards_ends_early_and_leads_to_the_next(scene, serve):
    database, _ = scene
    agents = [f"big-{number:03}" for number in range(80)]
    if not database.value("SELECT count(*) FROM relay.organizations WHERE org_id = 'big'"):
        settle(database, agents, org="big")
    run_all(database, "big", card(description="x" * 60_000))
    listed, after = [], ""
    while after is not None:
        said = serve("GET", f"?most=1000&pattern=big*&after={after}", org="big")
        assert len(said["text"]) < 2**22 + 2**17
        listed.append(found(said))
        after = said["answer"]["next"]
    assert len(listed) == 2 and sum(listed, []) == agents
    assert serve("GET", "?most=80", org="big")["answer"]["next"] == agents[len(listed[0]) - 1]
    assert serve("GET", "?pattern=*zz*", org="big")["answer"] == {"agents": [], "next": agents[len(listed[0]) - 1]}


def test_a_process_speaks_for_no_later_one_with_its_instance_id(serve):
    older, newer = (serve("POST", "/bot/register", body={"card": card()})["answer"]["started_at"] for _ in range(2))
    assert older < newer and newer.endswith("Z")
    for method, what in (("POST", "drain"), ("DELETE", "unregister")):
        assert serve(method, f"/bot/{what}?started_at={older}")["answer"] == {"ok": True, "found": False}
    assert serve("POST", "/bot/register", body={"started_at": older, "ready": False})["answer"]["started_at"] == newer
    assert found(serve("GET", "")) == ["bot"]
    assert serve("POST", f"/bot/drain?started_at={newer}")["answer"]["found"] and found(serve("GET", "")) == []
    assert serve("POST", "/bot/register", body={"started_at": newer, "ready": True})["status"] == 200
    assert serve("GET", "/bot")["status"] == 200
    assert serve("POST", "/bot/drain?started_at=soon")["status"] == 400 == serve("POST", "/bot/register", body={"started_at": "soon"})["status"]


def test_an_agent_reports_a_message_that_it_refused(scene, serve):
    database, _ = scene
    database.execute("SELECT relay.settle_floods('infinity')")
    told = {"reason": "tenant_mismatch", "claimed_org_id": "evil", "trace_id": "t-1"}
    assert serve("POST", "/bot/refused", body=told)["answer"] == {"ok": True}
    event = database.one("SELECT * FROM relay.auth_events WHERE action = 'message_refused' ORDER BY event_id DESC LIMIT 1")
    assert (event["org_id"], event["agent_id"], event["reason"], event["trace_id"]) == ("acme", None, "tenant_mismatch", "t-1")
    assert event["detail"] == {"claimed_org_id": "evil", "receiver": "bot"}
    for body in ({"reason": "dislike"}, {"reason": 7}, {}, {"reason": "stale", "sender": "x"}, {"reason": "stale", "trace_id": 1}):
        said = serve("POST", "/bot/refused", body=body)
        assert said["status"] == 400 and said["answer"]["problems"], body


def test_another_tenant_sees_nothing(serve):
    serve("POST", "/bot/register", body={"card": card()})
    serve("POST", "/spy/register", agent="spy", org="evil", body={"card": card()})
    assert found(serve("GET", "")) == ["bot"] and found(serve("GET", "", org="evil")) == ["spy"]
    assert serve("GET", "/spy")["answer"] == serve("GET", "/nobody")["answer"] == {"ok": False, "reason": "not_found"}
    assert serve("GET", "/spy")["status"] == 404


def test_what_the_database_refuses_is_400_or_has_its_problems(serve):
    said = serve("POST", "/bot/register", body={"card": {}})
    assert said["status"] == 422 and said["answer"]["reason"] == "card_invalid" and len(said["answer"]["problems"]) >= 6
    for body in ('{"card": {"name": "\\u0000"}}', '{"card": "\\ud800"}', '{"card": ' + "[" * 9_000 + "]" * 9_000 + "}",
                 '{"instance_id": "_x"}'):  # fmt: skip
        said = serve("POST", "/bot/register", body=body)
        assert said["status"] in (400, 422) and said["answer"]["problems"], body[:40]
    assert serve("GET", f"?pattern={'x' * 128}")["status"] == 400


def test_a_card_passes_through_as_it_was_sent(serve):
    """Numbers that a double cannot hold, and fields that no version of the protocol knows."""
    text = json.dumps(card(extra={"count": 0}, name="Café 🐱")).replace('"count": 0', '"count": 12345678901234567890.10')
    assert serve("POST", "/bot/register", body=f'{{"card": {text}}}')["status"] == 200
    for target in ("", "/bot"):
        assert "12345678901234567890.10" in serve("GET", target)["text"]


def test_a_search_is_kept_until_the_feed_has_a_row_about_one_of_its_agents(scene, home, serve):
    relay = Runner(dsn=scene[0].dsn(), home=home, cwd=home)
    for agent in ("bot", "Bot.v2"):
        serve("POST", f"/{agent}/register", agent=agent, body={"card": card()})
    wait_until(lambda: serve("GET", "?skill=search_kb")["queries"] == 0, what="an answer from memory")
    relay("block", "bot", "--wait-ack", "20s", check=0)
    said = serve("GET", "?skill=search_kb")
    assert found(said) == ["Bot.v2"] and said["queries"] == 1
    relay("block", "--org", "acme", "--confirm", "acme", "--wait-ack", "20s", check=0)
    assert found(serve("GET", "?skill=search_kb")) == []
    relay("unblock", "--org", "acme", "--yes", check=0)
    relay("unblock", "bot", "--yes", check=0)
    assert found(serve("GET", "?skill=search_kb&most=99")) == ["Bot.v2", "bot"], "it was not asked before, and no one registered"


def test_what_came_elsewhere_is_found_after_some_seconds(scene):
    database, clients = scene
    database.execute("TRUNCATE relay.agent_leases; DELETE FROM relay.agent_cards")

    def seen():
        return [found(one.call("answer", method="GET", target=f"{PLACE}?tag=test", org="acme")) for one in clients.values()]

    wait_until(lambda: seen() == [[]] * 3, what="the agents of other tests to be forgotten")
    database.rows("SELECT relay_api.register('bot', %s)", json.dumps(card()))
    wait_until(lambda: seen() == [["bot"]] * 3, what="the searches to be asked again", step=0.2)


def test_without_the_feed_each_search_asks(language, scene):
    with Gateway(language, scene[0], part="registry") as deaf:
        for _ in range(3):
            assert deaf.call("answer", method="GET", target=PLACE, org="acme")["queries"] == 1

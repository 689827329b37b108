"""The registry over real HTTP, in Python and Node: whose request it is comes from the key, and each wrong request has its status."""

import socket
from contextlib import ExitStack

import pytest
from support.agents import first_agent, read_key
from support.database import Database, make_template
from support.gateways import HTTP_LANGUAGES, HttpGateway
from support.own_key import make_key
from support.processes import wait_until
from support.relay import Runner
from support.running_agents import PLACE, Caller, card

REGISTER = f"{PLACE}/bot/register"


@pytest.fixture(scope="module")
def scene(cluster, tmp_path_factory):
    """A database with the agents `bot` and `helper` of acme and `spy` of evil, their keys, and a gateway in each language."""
    folder = tmp_path_factory.mktemp("keys")
    database = Database(cluster, template=make_template(cluster))
    relay = Runner(dsn=database.dsn(), home=folder, cwd=folder)
    keys = {"bot": first_agent(relay, folder / "bot.key")}
    relay("org", "create", "evil", "--name", "Evil", check=0)
    for agent, org in (("helper", "acme"), ("spy", "evil")):
        relay("agent", "create", agent, "--org", org, "--name", agent, "--secret-file", folder / agent, check=0)
        keys[agent] = read_key(folder / agent)
    with ExitStack() as stack:
        ports = {one: stack.enter_context(HttpGateway(database, language=one)).port for one in HTTP_LANGUAGES}
        yield database, relay, keys, ports
    database.drop()


@pytest.fixture(params=HTTP_LANGUAGES)
def agents(request, scene):
    """`bot`, `helper` and `spy`, who ask a gateway written in one of the languages. None of them runs yet."""
    database, _, keys, ports = scene
    database.execute("TRUNCATE relay.agent_leases; DELETE FROM relay.agent_cards")
    return {name: Caller(ports[request.param], name, key) for name, key in keys.items()}


def test_the_five_endpoints_and_the_one_that_drains(agents):
    bot, helper = agents["bot"], agents["helper"]
    assert bot.beat() == (409, {"ok": False, "reason": "register", "problems": []})
    status, said = bot.register(card("Bot", "search_kb"), lease_seconds=30)
    assert (status, said["ok"], said["reason"]) == (200, True, "ok") and 0 < said["lease_seconds"] <= 30
    assert helper.register(card("Helper", "translate"))[0] == 200
    assert bot.beat(lease_seconds=600)[0] == 200
    assert bot.find() == ["bot", "helper"] == bot.find("/search")
    assert bot.find("?skill=translate") == bot.find("/search?pattern=HELP*") == ["helper"]
    status, said = bot.card("helper")
    assert status == 200 and said["card"] == card("Helper", "translate") and said["queue"] == "acme.helper"
    assert helper.drain() == (200, {"ok": True, "found": True})
    assert bot.find() == ["bot"] and bot.card("helper")[0] == 404
    assert helper.beat()[0] == 200 and bot.find() == ["bot"], "it still finishes its work"
    assert helper.unregister() == (200, {"ok": True, "found": True}) and helper.unregister() == (200, {"ok": True, "found": False})


def test_the_tenant_comes_from_the_key_and_from_nothing_else(agents):
    bot, spy = agents["bot"], agents["spy"]
    assert bot.register()[0] == spy.register()[0] == 200
    assert bot.find() == ["bot"] and spy.find() == ["spy"]
    assert bot.card("spy") == bot.card("nobody") == (404, {"ok": False, "reason": "not_found"})
    for name in ("org", "org_id", "tenant", "tenantId"):
        assert bot.ask("GET", f"{PLACE}?{name}=evil")[0] == 400
        assert bot.ask("POST", REGISTER, {"card": card(), name: "evil"})[0] == 400
    assert bot.ask("GET", PLACE, headers={"X-Org-Id": "evil"}) == (403, None)
    assert bot.ask("GET", PLACE, headers={"X-Org-Id": "acme", "X-Agent-Id": "bot"})[0] == 200


def test_only_the_agent_itself_comes_and_goes(scene, agents):
    database, bot, helper = scene[0], agents["bot"], agents["helper"]
    assert helper.register()[0] == 200
    before = database.value("SELECT count(*) FROM relay.auth_events WHERE reason = 'agent_mismatch'")
    assert bot.register(agent="helper") == bot.register(agent="spy") == bot.register(agent="nobody") == (403, None)
    assert bot.ask("POST", f"{PLACE}/helper/drain") == bot.ask("DELETE", f"{PLACE}/helper/unregister") == (403, None)
    assert bot.ask("POST", REGISTER, {"card": card()}, headers={"X-Agent-Id": "helper"}) == (403, None)
    assert helper.find() == ["helper"]
    assert database.value("SELECT count(*) FROM relay.auth_events WHERE reason = 'agent_mismatch'") > before, "it is recorded"
    for key in (None, make_key(), "relay_dt_x", "x" * 9):
        assert Caller(bot.port, "bot", key).register() == Caller(bot.port, "bot", key).ask("GET", PLACE) == (401, None)


def test_an_agent_that_is_refused_hears_it(scene, agents):
    database, relay, bot, helper = *scene[:2], agents["bot"], agents["helper"]
    assert bot.register()[0] == helper.register()[0] == 200
    assert helper.find() == ["bot", "helper"]
    relay("block", "bot", "--wait-ack", "20s", check=0)
    assert bot.beat() == bot.register() == (401, None) and helper.find() == ["helper"]
    relay("unblock", "bot", "--yes", check=0)
    assert bot.beat()[0] == 200 and helper.find("?most=99") == ["bot", "helper"]
    database.execute("INSERT INTO relay.limits (owner_kind, owner_id, meter, org_id, amount) VALUES ('org', 'acme', 'agents', 'acme', 1)")
    try:
        wait_until(lambda: helper.beat()[0] == 403, what="the gateway to hear of it")
        assert bot.beat()[0] == 200 and bot.find("?most=98") == ["bot"], "one seat is left, and helper came later"
    finally:
        database.execute("DELETE FROM relay.limits WHERE owner_id = 'acme'")


def test_a_card_that_is_wrong_comes_back_with_its_problems(agents):
    bot = agents["bot"]
    for wrong in ([], None, {}, card(url="http://x"), card(skills=[{"id": "a"}, {"id": "a"}])):
        status, said = bot.ask("POST", REGISTER, {"card": wrong})
        assert (status, said["reason"], bool(said["problems"])) == (422, "card_invalid", True)
        assert all(": " in one for one in said["problems"]), said
    assert bot.find() == []


def test_a_body_is_bounded_before_it_is_read(agents):
    bot = agents["bot"]
    assert bot.ask("POST", REGISTER, "x" * 70_000) == (413, None) and bot.headers["Connection"] == "close"
    assert bot.ask("POST", REGISTER, {"card": card(description="x" * 2**16)})[0] in (413, 422)
    assert bot.ask("POST", REGISTER, {"card": card(description="x" * 60_000)})[0] == 200
    with socket.create_connection(("127.0.0.1", bot.port), timeout=30) as connection:
        connection.sendall(f"POST {REGISTER} HTTP/1.1\r\nHost: relay\r\nContent-Length: 9999999\r\n\r\n".encode())
        assert connection.makefile("rb").readline().startswith(b"HTTP/1.1 413 "), "no byte of it was sent"
    with socket.create_connection(("127.0.0.1", bot.port), timeout=30) as connection:
        connection.sendall(f"POST {REGISTER} HTTP/1.1\r\nHost: relay\r\nTransfer-Encoding: chunked\r\n\r\n11000\r\n{'x' * 0x11000}\r\n".encode())
        assert connection.makefile("rb").readline().startswith(b"HTTP/1.1 413 ")


def test_what_is_no_request_of_the_registry_has_its_status(agents):
    bot = agents["bot"]
    assert bot.ask("POST", REGISTER, "{")[0] == bot.ask("POST", REGISTER, "[]")[0] == bot.ask("POST", REGISTER, b'{"card": "\xff"}')[0] == 400
    assert bot.ask("POST", REGISTER, "[" * 60_000)[0] == 400
    assert bot.ask("POST", REGISTER, {}, content_type="text/plain")[0] == bot.ask("POST", REGISTER, "{}", content_type=None)[0] == 415
    assert bot.ask("GET", f"{PLACE}/b%20t")[0] == bot.ask("GET", "/api/registry/queues")[0] == 404
    for method, path, allow in (("HEAD", PLACE, "GET"), ("PUT", REGISTER, "POST"), ("PATCH", f"{PLACE}/bot", "GET"), ("OPTIONS", PLACE, "GET"),
                                ("POST", f"{PLACE}/bot/unregister", "DELETE"), ("DELETE", f"{PLACE}/bot", "GET")):  # fmt: skip
        assert bot.ask(method, path)[0] == 405 and bot.headers["Allow"] == allow, (method, path)
    for instance in ("_x", "a b", "x" * 128, 7):
        assert bot.beat(instance_id=instance)[0] == 400, instance


def test_a_request_with_a_body_that_is_not_asked_for_is_not_read_as_the_next_one(agents):
    bot = agents["bot"]
    smuggled = f"GET {PLACE}/smuggled HTTP/1.1\r\nHost: relay\r\n\r\n"
    last = f"GET {PLACE} HTTP/1.1\r\nHost: relay\r\nConnection: close\r\nAuthorization: Bearer {bot.key}\r\n\r\n"
    for method, path in (("GET", PLACE), ("HEAD", PLACE), ("DELETE", f"{PLACE}/bot/unregister"), ("GET", "/api/registry/x"), ("PUT", "/stripe/x")):
        head = f"{method} {path} HTTP/1.1\r\nHost: relay\r\nAuthorization: Bearer {bot.key}\r\nContent-Length: {len(smuggled)}"
        with socket.create_connection(("127.0.0.1", bot.port), timeout=30) as connection:
            connection.sendall(f"{head}\r\n\r\n{smuggled}{last}".encode())
            # The body is read as a body, or the connection ends.
            assert connection.makefile("rb").read().count(b"HTTP/1.1 ") in (1, 2), (method, path)


def test_beats_are_calls_of_the_policy_and_none_of_the_day(scene, agents):
    database, bot = scene[0], agents["bot"]
    assert bot.register()[0] == 200
    database.execute("INSERT INTO relay.limits (owner_kind, owner_id, meter, org_id, amount)"
                     " VALUES ('org', 'acme', 'api_calls', 'acme', 0), ('agent', 'helper', 'agent_qps', 'acme', 1)")  # fmt: skip
    try:
        assert bot.beat()[0] == 200, "the calls of the day are used up, and it still runs"
        key_is_asked_again = Caller(bot.port, "helper", scene[2]["helper"])
        statuses = [key_is_asked_again.ask("GET", PLACE)[0] for _ in range(30)]
        assert statuses[0] == 200 and 429 in statuses and int(key_is_asked_again.headers["Retry-After"]) >= 1
    finally:
        database.execute("DELETE FROM relay.limits WHERE org_id = 'acme'")


def test_without_the_database_it_is_503_and_with_it_again_as_before(cluster, scene, agents):
    database, bot = scene[0], agents["bot"]
    assert bot.register()[0] == 200
    cluster.query(f'ALTER DATABASE "{database.name}" ALLOW_CONNECTIONS false')
    try:
        cluster.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND usename = %s",
                      (database.name, database.gateway_login()))  # fmt: skip
        assert bot.beat() == bot.register() == bot.ask("GET", f"{PLACE}?pattern=new") == bot.card("bot") == (503, None)
    finally:
        cluster.query(f'ALTER DATABASE "{database.name}" ALLOW_CONNECTIONS true')
    assert bot.beat()[0] == 200 and bot.card("bot")[1]["card"] == card()

"""whois: whose the keys in a text are, or those of an id; and what revoke --scan shows before it asks."""


from support.agents import decide, first_agent, key_id, read_key, rotate
from support.hidden_keys import every_way
from support.own_key import make_key
from support.prepared import prepared
from support.relay import finish_terminal


@prepared
def key(relay, tmp_path):
    """The key of the agent `bot`, in organization acme."""
    return first_agent(relay, tmp_path / "bot.key")


@prepared
def other(relay, key, tmp_path):
    """The key of the agent `crm`, which has an owner."""
    relay("agent", "create", "crm", "--org", "acme", "--name", "CRM sync", "--owner", "team sales", "--secret-file", "crm.key", check=0)
    return read_key(tmp_path / "crm.key")


def play(scene):
    scene.relay("agent", "create", "seen", "--org", "acme", "--name", "Seen", "--secret-file", "seen.key", check=0)
    (scene.folder / "leak.log").write_text((scene.folder / "seen.key").read_text() + " " + make_key()[:40])
    scene.read("whois", "leak.log")
    scene.read("whois", "seen", "acme")
    scene.read("whois", "seen", "no-such-id", code=7)
    scene.fail(3, "whois", "no-such-id")
    (scene.folder / "leak.log").write_text("nothing")
    scene.read("whois", "leak.log")
    (scene.folder / "leak.log").write_text((scene.folder / "seen.key").read_text())
    scene.write("revoke", "--scan", "leak.log", "--clean", "fresh")


def look(relay, *words, check=0, **given):
    return relay("whois", *words, "-o", "json", check=check, **given).json()


# --- a text


def test_whose_the_keys_of_a_text_are(relay, database, key, other, tmp_path):
    database.execute(f"SELECT relay_api.authenticate('{key_id(other)}', relay_test_digest, NULL, NULL, '192.0.2.7') FROM (SELECT sha256('{other}'::bytea)) AS d (relay_test_digest)")  # fmt: skip
    (tmp_path / "build.log").write_text(f"first\n  x {other} y {key}\n")
    first, second = sorted(look(relay, "build.log")["items"], key=lambda item: item["agent_id"])
    assert (first["agent_id"], first["owner"], first["last_used_at"], first["last_address"]) == ("bot", None, None, None)
    assert (second["key_id"], second["agent_name"], second["owner"]) == (key_id(other), "CRM sync", "team sales")
    assert (second["org_id"], second["org_name"], second["state"], second["live"]) == ("acme", "Acme", "active", True)
    assert (second["proof"], second["last_address"]) == ("whole_key", "192.0.2.7") and second["last_used_at"]
    assert second["places"] == [{"file": "build.log", "line": 2, "column": 5, "offset": 10, "encodings": []}]
    result = relay("whois", "build.log", check=0)
    assert "team sales" in result.out and "build.log:2:5" in result.out and "192.0.2.7" in result.out
    assert "next:  relay-admin revoke --scan build.log" in result.err and "read " in result.err
    assert key not in result.out + result.err and other not in result.out + result.err


def test_it_leaves_no_trace(relay, database, key, tmp_path):
    before = database.value("SELECT count(*) FROM relay.auth_events")
    relay("whois", "bot.key", check=0)
    relay("whois", "bot", check=0)
    assert database.value("SELECT count(*) FROM relay.auth_events") == before
    assert decide(database, key) == "ok"


def test_a_key_on_stdin_and_behind_encodings(relay, key):
    assert look(relay, "-", stdin=key)["items"][0]["agent_id"] == "bot"
    ways = {kind: data for kind, _, data in every_way(key)}
    for data in ways.values():
        assert look(relay, "-", stdin=data)["items"][0]["proof"] == "whole_key"


def test_a_key_as_an_argument_is_refused(relay, key):
    error = relay.error("whois", key, check=2)
    assert key not in str(error) and "the command line contains a key" in error["message"]


def test_without_keys_it_says_what_it_has_read(relay, key, tmp_path):
    (tmp_path / "empty.log").write_text("nothing\n" * 1000)
    result = relay("whois", "empty.log", check=0)
    assert "no API key found in empty.log" in result.err and "read 8.0 kB; looked for keys in clear text and behind ansi," in result.err
    assert "next:" not in result.err
    assert look(relay, "empty.log")["items"] == []


def test_only_the_whole_key_proves_anything(relay, key):
    forged, unknown = make_key(identity=key_id(key)), make_key()
    items = look(relay, "-", stdin=f"{forged} {unknown} {unknown[:9]}{key_id(key)}x")["items"]
    found = {(item["proof"], item["key_id"]): item for item in items}
    other_secret = found[("other_secret", key_id(key))]
    assert (other_secret["agent_id"], other_secret["live"]) == ("bot", False)
    stranger = found[("other_secret", key_id(unknown))]
    assert (stranger["agent_id"], stranger["state"], stranger["live"]) == (None, None, False)
    result = relay("whois", "-", stdin=forged, check=0)
    assert "unknown (another secret with this id)" in result.out and "next:" not in result.err


def test_a_damaged_key_is_named_by_its_id(relay, key):
    result = relay("whois", "-", stdin=f"key {key[:40]}...", check=0)
    assert "active (cut: id only)" in result.out and "bot" in result.out and "stdin:1:5" in result.out
    assert f"revoke --key {key_id(key)}" in result.err
    (item,) = look(relay, "-", stdin=f"key {key[:40]}...")["items"]
    assert (item["proof"], item["live"], item["places"][0]["column"]) == ("id_only", True, 5)


def test_an_admin_token(relay, key, tmp_path):
    relay("org", "update", "acme", "--admin-token", "acme.token", check=0)
    (item,) = look(relay, "acme.token")["items"]
    assert (item["thing"], item["org_id"], item["agent_id"], item["state"], item["live"]) == ("token", "acme", None, "active", True)


def test_an_admin_token_gets_a_command_that_ends_it(relay, key, tmp_path):
    relay("org", "update", "acme", "--admin-token", "first", check=0)
    token = (tmp_path / "first").read_text().strip()
    result = relay("whois", "-", stdin=token, check=0)
    assert "org update acme --admin-token file:acme.token" in result.err and "--key" not in result.err
    relay("org", "update", "acme", "--admin-token", "file:acme.token", check=0)
    assert look(relay, "-", stdin=token)["items"][0]["live"] is False


def test_a_file_among_ids_is_not_taken_for_an_unknown_id(relay, key, tmp_path):
    (tmp_path / "build.log").write_text(key)
    for words in (("build.log", "bot"), ("build.log", "bot.key")):
        assert "build.log" in relay.error("whois", *words, check=2)["message"]
    assert "no such file either" in relay.error("whois", "biuld.log", check=3)["why"]


def test_the_state_is_that_of_now(relay, key, other, tmp_path):
    def state():
        return relay("whois", "bot.key", check=0).out, look(relay, "bot.key")["items"][0]

    relay("block", "bot", check=0)
    assert "active, blocked" in state()[0] and state()[1]["blocked"] is True and state()[1]["live"] is True
    relay("revoke", "bot", check=0)
    assert "revoked" in state()[0] and state()[1]["live"] is False


# --- ids


def test_ids_of_every_kind(relay, key, other, tmp_path):
    items = look(relay, key_id(key), "crm", "acme")["items"]
    assert [(item["asked"], item["thing"], item["agent_id"], item["proof"]) for item in items] == [
        (key_id(key), "key", "bot", "id_only"), ("crm", "key", "crm", "id_only"), ("acme", "org", None, None)]  # fmt: skip
    assert items[2]["org_name"] == "Acme" and items[0]["places"] is None
    assert look(relay, f"relay_sk_{key_id(key)}")["items"][0]["agent_id"] == "bot"
    assert look(relay, "CRM sync")["items"][0]["agent_id"] == "crm"


def test_an_agent_has_its_live_keys(relay, key, tmp_path):
    second = rotate(relay, tmp_path / "2.key")
    assert [item["key_id"] for item in look(relay, "bot")["items"]] == [key_id(second), key_id(key)]
    relay("revoke", "bot", check=0)
    (item,) = look(relay, "bot")["items"]
    assert (item["thing"], item["key_id"], item["state"], item["live"]) == ("agent", None, "revoked", False)


def test_unknown_ids(relay, key):
    error = relay.error("whois", "no-such-agent", check=3)
    assert "no key, agent or organization is called 'no-such-agent'" in error["message"]
    result = relay("whois", "bot", "ghost", "-o", "json", check=7)
    assert result.json()["unknown"] == ["ghost"] and len(result.json()["items"]) == 1
    assert "ghost" in relay.error("whois", "ghost", "wraith", check=3)["message"] + "ghost"
    relay.error("whois", check=2)
    relay.error("whois", "bot", "-", check=2)


def test_all_agents_with_a_name_are_listed_by_id(relay, database, key):
    insert = ("INSERT INTO relay.agents (agent_id, org_id, name, created_by)"
              " SELECT 'same-' || to_char(n, 'FM000'), 'acme', 'Same name', 'test' FROM generate_series(%s, %s, -1) AS n")
    database.execute(insert, 9, 1)
    document = relay.json("whois", "same name")
    assert [each["agent_id"] for each in document["items"]] == [f"same-{n:03}" for n in range(1, 10)] and document["warnings"] == []
    database.execute(insert, 150, 10)
    document = relay.json("whois", "same name")
    assert len(document["items"]) == len({each["agent_id"] for each in document["items"]}) == 100
    assert "more than 100 agents or organizations are called" in document["warnings"][0]


def test_a_file_with_the_name_of_an_agent(relay, key, other, tmp_path):
    (tmp_path / "bot").write_text(other)
    items = look(relay, "bot")["items"]
    assert [(item["agent_id"], item["asked"]) for item in items] == [("crm", None), ("bot", "bot")]


# --- before and after a revocation


def test_revoke_scan_shows_whose_keys_they_are_and_asks_about_the_live_ones(relay, database, key, other, tmp_path):
    dead = read_key(tmp_path / "bot.key")
    rotate(relay, tmp_path / "2.key", "--grace", "0")
    (tmp_path / "leak").write_text(f"{dead} {other}")
    session = relay.terminal("revoke", "--scan", "leak")
    session.expect_exact("team sales")
    session.expect_exact(f"Revoke key {key_id(other)} permanently? [y/N] ")
    session.sendline("n")
    assert finish_terminal(session)[0] == 13 and decide(database, other) == "ok"


def test_several_live_keys_are_counted(relay, database, key, other, tmp_path):
    (tmp_path / "leak").write_text(f"{key} {other} {make_key()}")
    session = relay.terminal("revoke", "--scan", "leak")
    session.expect_exact("Revoke 2 live keys permanently? [y/N] ")
    session.sendline("y")
    assert finish_terminal(session)[0] == 7 and decide(database, key) == decide(database, other) == "revoked"


def test_dead_keys_alone_are_not_asked_about(relay, database, key, tmp_path):
    relay("revoke", "--key", key_id(key), check=0)
    session = relay.terminal("revoke", "--scan", "bot.key")
    code, text = finish_terminal(session)
    assert code == 0 and "permanently?" not in text and "revoked" in text


def test_the_agents_without_a_key_are_named_with_a_command_that_works(relay, database, key, other, tmp_path):
    (tmp_path / "leak").write_text(f"{key} {other}")
    rotate(relay, tmp_path / "2.key", "--grace", "1h")
    result = relay("revoke", "--scan", "leak", check=0)
    assert "agent crm (owner: team sales) has no working key now" in result.err and "agent bot" not in result.err
    command = next(line for line in result.err.splitlines() if line.startswith("next:  relay-admin rotate-key crm"))
    relay(*command.split()[2:], check=0)
    assert decide(database, read_key(tmp_path / "crm-2.key")) == "ok", "crm.key was there"


def test_the_agents_without_a_key_for_machines(relay, key, other):
    document = relay.json("revoke", "--key", f"{key_id(key)},{key_id(other)}")
    assert [(one["agent_id"], one["owner"]) for one in document["without_key"]] == [("bot", None), ("crm", "team sales")]
    assert document["without_key"][1]["next"].startswith("relay-admin rotate-key crm")
    assert relay.json("revoke", "crm")["without_key"] is None


def test_what_cannot_be_read_does_not_delay_the_revocation(relay, database, key, tmp_path):
    database.execute("REVOKE SELECT ON relay.key_status FROM relay_responder")
    login = database.cluster.login("responder_login", member_of="relay_responder")
    result = relay.with_(dsn=database.dsn(user=login))("revoke", "--scan", "bot.key", check=0)
    assert "cannot show whose keys they are" in result.err and decide(database, key) == "revoked"

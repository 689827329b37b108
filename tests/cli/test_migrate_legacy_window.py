"""migrate-legacy start, status, extend, finish, abort: one window at most, always with a deadline, and it fails closed."""

import pexpect
import pytest

from support.agents import digest, key_id, read_key
from support.legacy_past import grow_old
from support.prepared import prepared
from support.relay import finish_terminal

OFF = ("--confirm", "legacy-off")


@prepared
def fleet(relay, tmp_path):
    """Ten imported agents, agent-0 to agent-9."""
    source = tmp_path / "agents.csv"
    source.write_text("agent_id,org_id,owner\n" + "".join(f"agent-{n},o,team-{n % 2}\n" for n in range(10)))
    relay("migrate-legacy", "import", source, "--create-orgs", check=0)


def use_secret(database, agent, ip="192.0.2.1"):
    return database.one("SELECT * FROM relay_api.authenticate_legacy(%s, NULL, %s)", agent, ip)["reason"]


def use_key(database, relay, tmp_path, agent):
    relay("rotate-key", agent, "--secret-file", tmp_path / f"{agent}.key", check=0)
    key = read_key(tmp_path / f"{agent}.key")
    return database.value("SELECT (relay_api.authenticate(%s, %s)).reason", key_id(key), digest(key))


def status(relay, *words, check=0):
    return relay.json("migrate-legacy", "status", *words, check=check)["data"]


def steps(relay, check=10):
    return [step["command"] for step in status(relay, "--exit-code", check=check)["next_steps"]]


def actions(database):
    rows = database.rows("SELECT action FROM relay.auth_events WHERE action LIKE 'migration%%' ORDER BY event_id")
    return [row["action"] for row in rows if row["action"] != "migration_imported"]


def test_the_way_of_a_fleet(relay, database, fleet, tmp_path):
    assert status(relay)["state"] == "none" and status(relay)["counts"]["imported"] == 10
    started = relay.json("migrate-legacy", "start", "--deadline", "14d", "--expect", "10")
    assert started["changed"] and started["data"]["wave"] == 1 and started["data"]["wave_agents"] == 10
    again = relay.json("migrate-legacy", "start", "--deadline", "14d")
    assert again["changed"] is False and again["data"]["wave"] is None

    assert [use_secret(database, f"agent-{n}", f"192.0.2.{n}") for n in range(4)] == ["ok"] * 4
    database.execute("UPDATE relay.legacy_agents SET last_seen_at = now() - interval '4 days' WHERE agent_id = 'agent-3'")
    assert use_key(database, relay, tmp_path, "agent-0") == "ok"
    relay("revoke", "agent-9", check=0)
    now = status(relay, "--exit-code", check=10)
    counts = now["counts"]
    assert (counts["total"], counts["listed"], counts["proven"], counts["revoked"]) == (10, 8, 1, 1)
    assert (counts["on_shared_secret"], counts["silent"], counts["never_seen"]) == (2, 1, 5)
    assert 13 * 86400 < now["left_seconds"] <= 14 * 86400 and now["pace"]["proven"] == 1
    assert now["estimated_end_at"] is not None
    first = now["stragglers"][0]
    assert (first["agent_id"], first["last_seen_from"], first["owner"]) == ("agent-2", "192.0.2.2", "team-0")
    assert [row["agent_id"] for row in now["stragglers"]][2:] == ["agent-3", *(f"agent-{n}" for n in (4, 6, 8, 5, 7))]

    grow_old(database)
    refused = relay.error("migrate-legacy", "finish", *OFF, check=5)
    assert "agent-1 (192.0.2.1)" in refused["message"] and "agent-3" not in refused["message"]
    assert refused["next"] == "relay-admin migrate-legacy status"
    told = relay("migrate-legacy", "finish", *OFF, check=5).err
    assert told.endswith("  next: relay-admin migrate-legacy finish --allow-active 2 --allow-never-seen 5  # locks them out\n")
    for active, never_seen in ((1, 5), (3, 5), (2, 4), (2, 6), (2, 0), (0, 5)):
        relay.error("migrate-legacy", "finish", "--allow-active", str(active), "--allow-never-seen", str(never_seen), *OFF, check=5)
    refused = relay.error("migrate-legacy", "finish", "--allow-active", "2", *OFF, check=5)
    assert refused["message"].startswith("5 agents were never seen: agent-4, agent-6")
    result = relay("migrate-legacy", "finish", "--allow-active", "2", "--allow-never-seen", "5", *OFF, "-o", "json", check=0)
    assert "way back, for agents that are left: relay-admin migrate-legacy start --deadline 7d" in result.err
    done = result.json()
    assert done["data"]["state"] == "finished" and done["data"]["relay_setting"] == "ALLOW_LEGACY_GLOBAL_AGENT_SECRET=false"
    assert use_secret(database, "agent-1") == "legacy_closed"
    assert relay.json("migrate-legacy", "finish", *OFF)["changed"] is False
    assert actions(database) == ["migration_started", "migration_wave_opened", "migration_proven", "migration_finished"]


def test_quiet_for_says_who_counts(relay, database, fleet):
    relay("migrate-legacy", "start", "--deadline", "14d", check=0)
    use_secret(database, "agent-1")
    database.execute("UPDATE relay.legacy_agents SET last_seen_at = now() - interval '2 hours' WHERE agent_id = 'agent-1'")
    grow_old(database)
    never_seen = ("--allow-never-seen", "9")
    relay.error("migrate-legacy", "finish", *never_seen, *OFF, check=5)
    relay("migrate-legacy", "finish", *never_seen, "--quiet-for", "1h", *OFF, check=0)


def test_silence_proves_something_only_if_a_gateway_listened(relay, database, fleet):
    """One second after `start`, no agent was heard because no gateway has asked."""
    relay("migrate-legacy", "start", "--deadline", "14d", check=0)
    relay("migrate-legacy", "issue", "--all", "--secret-file", "keys", "--secret-format", "json", check=0)
    everybody = ("--allow-never-seen", "10")
    told = relay.error("migrate-legacy", "finish", *everybody, *OFF, check=5)
    assert told["message"].startswith("no gateway has asked this database since the window was opened at ")
    assert steps(relay) == [None] and "no gateway has asked" in status(relay)["next_steps"][0]["what"]
    use_secret(database, "nobody.here")
    told = relay.error("migrate-legacy", "finish", *everybody, *OFF, check=5)
    assert told["message"].startswith("silence for 3 days proves something from ")
    assert steps(relay) == [None] and "silence proves something only after 3 days" in status(relay)["next_steps"][0]["what"]
    relay("migrate-legacy", "finish", *everybody, "--quiet-for", "0", *OFF, "--dry-run", check=0)
    grow_old(database, "71 hours")
    relay.error("migrate-legacy", "finish", *everybody, *OFF, check=5)
    grow_old(database, "1 hour 5 seconds")
    relay.error("migrate-legacy", "finish", *everybody, *OFF, check=5)  # gateways report every 10 s, and again
    grow_old(database, "1 minute")
    assert steps(relay) == ["relay-admin migrate-legacy finish --allow-never-seen 10"]
    for wrong in ((), ("--allow-never-seen", "9"), ("--allow-never-seen", "11")):
        assert "10 agents were never seen" in relay.error("migrate-legacy", "finish", *wrong, *OFF, check=5)["message"]
    relay("migrate-legacy", "finish", *everybody, *OFF, check=0)


def test_a_young_wave_holds_an_old_window_up(relay, database, fleet, tmp_path):
    (tmp_path / "one").write_text("agent-0\n")
    relay("migrate-legacy", "start", "--deadline", "14d", "--agents", tmp_path / "one", check=0)
    grow_old(database)
    relay("migrate-legacy", "start", check=0)
    assert "silence for 3 days" in relay.error("migrate-legacy", "finish", "--allow-never-seen", "10", *OFF, check=5)["message"]
    for number in range(1, 10):  # those of the young wave have left
        assert use_key(database, relay, tmp_path, f"agent-{number}") == "ok"
    relay("migrate-legacy", "finish", "--allow-never-seen", "1", *OFF, check=0)


def test_when_nobody_is_left_nothing_has_to_be_waited_for(relay, database, fleet, tmp_path):
    relay("migrate-legacy", "start", "--deadline", "14d", check=0)
    for number in range(10):
        assert use_key(database, relay, tmp_path, f"agent-{number}") == "ok"
    assert steps(relay, check=0) == ["relay-admin migrate-legacy finish"]
    relay("migrate-legacy", "finish", *OFF, check=0)


def test_finish_wants_the_word(relay, database, fleet):
    relay("migrate-legacy", "start", "--deadline", "14d", check=0)
    grow_old(database)
    assert relay.error("migrate-legacy", "finish", "--yes", check=2)["changed"] == "no"
    relay.error("migrate-legacy", "finish", "--confirm", "legacy", check=13)
    session = relay.terminal("migrate-legacy", "finish")
    session.expect("10 listed agents were never seen")
    session.expect("legacy-off")
    session.sendline("no")
    assert finish_terminal(session)[0] == 13
    session = relay.terminal("migrate-legacy", "finish", "--allow-never-seen", "10")
    session.expect("Type ")
    session.sendline("legacy-off")
    session.expect("ALLOW_LEGACY_GLOBAL_AGENT_SECRET=false")
    assert finish_terminal(session)[0] == 0
    assert status(relay)["state"] == "finished"


def test_waves(relay, database, fleet, tmp_path):
    (tmp_path / "one").write_text("# the first gateway\nagent-0\nagent-1\n\n")
    (tmp_path / "two").write_text("agent-1\nagent-2\n")
    relay("migrate-legacy", "start", "--deadline", "14d", "--agents", tmp_path / "one", check=0)
    assert [use_secret(database, f"agent-{n}") for n in range(3)] == ["ok", "ok", "not_listed"]
    second = relay("migrate-legacy", "start", "--deadline", "30d", "--agents", tmp_path / "two", "-o", "json", check=0)
    assert (second.data()["wave"], second.data()["wave_agents"]) == (2, 1)
    assert "keeps its deadline" in second.err
    rest = relay.json("migrate-legacy", "start")["data"]
    assert (rest["wave"], rest["wave_agents"]) == (3, 7)
    assert {row["wave"] for row in status(relay)["stragglers"]} == {1, 2, 3}
    (tmp_path / "bad").write_text("agent-0\nstranger\n")
    error = relay.error("migrate-legacy", "start", "--agents", tmp_path / "bad", check=3)
    assert "stranger" in error["message"]


def test_expect_holds_it_to_a_number(relay, database, fleet):
    assert relay.json("migrate-legacy", "start", "--deadline", "1d", "--dry-run")["data"]["wave_agents"] == 10
    assert database.value("SELECT count(*) FROM relay.legacy_migrations") == 0
    error = relay.error("migrate-legacy", "start", "--deadline", "1d", "--expect", "9", check=5)
    assert "10 agents would join" in error["message"]
    assert status(relay)["state"] == "none"


@pytest.mark.parametrize("deadline", [None, "0", "181d", "2020-01-01T00:00:00Z", "14", "soon", "2999-01-01T00:00:00Z"])
def test_a_window_has_an_end_that_is_near(relay, fleet, deadline):
    words = () if deadline is None else ("--deadline", deadline)
    relay.error("migrate-legacy", "start", *words, check=2)
    assert status(relay)["state"] == "none"


def test_an_expired_window_is_closed_and_can_be_extended(relay, database, fleet):
    relay("migrate-legacy", "start", "--deadline", "14d", check=0)
    database.execute("UPDATE relay.legacy_migrations SET deadline = now() - interval '1 second'")
    assert status(relay)["state"] == "expired" and status(relay)["left_seconds"] is None
    assert use_secret(database, "agent-1") == "legacy_closed"
    relay.error("migrate-legacy", "start", "--deadline", "1d", check=5)
    relay.error("migrate-legacy", "extend", "--deadline", "1d", check=2)
    done = relay.json("migrate-legacy", "extend", "--deadline", "1d", "--reason", "holiday")
    assert done["data"]["state"] == "open" and done["data"]["deadline_before"] < done["meta"]["at"]
    assert use_secret(database, "agent-1") == "ok"
    row = database.one("SELECT reason, detail FROM relay.auth_events WHERE action = 'migration_extended'")
    assert row["reason"] == "holiday" and {"deadline", "deadline_before"} <= row["detail"].keys()


def test_abort_locks_nobody_out_and_deny_all_everybody(relay, database, fleet, tmp_path):
    relay("migrate-legacy", "start", "--deadline", "14d", check=0)
    assert use_key(database, relay, tmp_path, "agent-0") == "ok"
    assert relay.json("migrate-legacy", "abort")["data"]["state"] == "aborted"
    assert use_secret(database, "agent-1") == "ok" and use_secret(database, "agent-0") == "own_key"
    assert relay.json("migrate-legacy", "abort")["changed"] is False
    relay.error("migrate-legacy", "extend", "--deadline", "1d", "--reason", "x", check=5)
    relay.error("migrate-legacy", "finish", *OFF, check=5)
    relay.error("migrate-legacy", "abort", "--deny-all", check=2)
    assert relay.json("migrate-legacy", "abort", "--deny-all", *OFF)["data"]["state"] == "denied"
    assert use_secret(database, "agent-1") == "legacy_closed"
    assert relay.json("migrate-legacy", "start", "--deadline", "1d")["data"]["wave_agents"] == 9
    assert use_secret(database, "agent-1") == "ok" and use_secret(database, "agent-0") == "own_key"


def test_a_responder_may_pull_the_emergency_stop_and_nothing_else(relay, database, fleet):
    relay("migrate-legacy", "start", "--deadline", "14d", check=0)
    responder = relay.with_(dsn=database.dsn(user=database.cluster.login("legacy_responder", member_of="relay_responder")))
    responder.error("migrate-legacy", "extend", "--deadline", "1d", "--reason", "x", check=4)
    responder("migrate-legacy", "abort", "--deny-all", *OFF, check=0)
    assert use_secret(database, "agent-1") == "legacy_closed"


@pytest.mark.parametrize("verb", ["finish", "abort"])
def test_there_is_nothing_to_end_before_it_began(relay, verb):
    relay.error("migrate-legacy", verb, *(OFF if verb == "finish" else ()), check=5)
    assert relay.json("migrate-legacy", "abort", "--deny-all", *OFF)["changed"] is True, "it looks at nothing first"


def test_two_operators_open_one_window(relay, database, fleet):
    started = [relay.start("migrate-legacy", "start", "--deadline", "14d", "-o", "json") for _ in range(4)]
    assert [process.wait(timeout=60) for process in started] == [0] * 4
    for process in started:
        process.communicate()
    assert database.value("SELECT count(*) FROM relay.legacy_migrations") == 1
    assert actions(database) == ["migration_started", "migration_wave_opened"]


def test_people_see_the_stragglers(relay, database, fleet):
    relay("migrate-legacy", "start", "--deadline", "14d", check=0)
    use_secret(database, "agent-7", "2001:db8::7")
    shown = relay("migrate-legacy", "status", check=0).out
    assert "open until" in shown and "2001:db8::7" in shown and "Never seen" in shown
    session = relay.terminal("migrate-legacy", "status", "--no-pager")
    session.expect("agent-7")
    session.expect(pexpect.EOF)

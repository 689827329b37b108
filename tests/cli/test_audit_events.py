"""audit list, show and export: what was done, and what gateways decided."""

import csv
import io
import json

import pytest

from support.agents import digest, first_agent, key_id, rotate
from support.audit_months import make_old_month
from support.prepared import prepared
from support.processes import peak_memory

HERE, THERE = "203.0.113.7", "2001:db8::5"
TRACE = "trace-of-a-call"


def ask(database, key, *, address=HERE, secret=None, trace=TRACE):
    """A gateway checks a key; `secret` is the digest that it shows, if not the key's."""
    return database.one(
        "SELECT * FROM relay_api.authenticate(%s, %s, NULL, NULL, %s, %s)", key_id(key), secret or digest(key), address, trace)["reason"]  # fmt: skip


@prepared
def key(relay, database, tmp_path):
    """The key of `bot`, used once, tried once with a wrong secret; a second agent, blocked under a ticket."""
    key = first_agent(relay, tmp_path / "bot.key")
    relay("org", "create", "other", "--name", "Other", "--plan", "paid", check=0)
    relay("agent", "create", "crm", "--org", "other", "--name", "CRM", "--owner", "ana", "--secret-file", "crm.key", check=0)
    assert ask(database, key) == "ok"
    assert ask(database, key, address=THERE, secret=b"x" * 32, trace=None) == "unknown_key"
    relay("block", "crm", "--ticket", "INC-1", "--actor", "dana", "--reason", "odd calls", check=0)
    assert ask(database, (tmp_path / "crm.key").read_text()) == "blocked"
    return key


def listed(relay, *words):
    document = relay.json("audit", "list", *words)
    assert document["kind"] == "EventList"
    return document["items"]


def actions(relay, *words):
    return [item["action"] for item in listed(relay, *words)]


def test_newest_first_with_everything(relay, key):
    items = listed(relay)
    assert [item["occurred_at"] for item in items] == sorted((item["occurred_at"] for item in items), reverse=True)
    assert [item["action"] for item in items][:4] == ["auth_failed", "agent_blocked", "auth_failed", "authenticated"]
    refused, blocked, guessed, used = items[:4]
    assert (refused["agent_id"], refused["reason"], refused["outcome"]) == ("crm", "blocked", "failed")
    assert (blocked["ticket"], blocked["actor"], blocked["reason"], blocked["db_role"]) == ("INC-1", "dana", "odd calls", "postgres")
    assert (guessed["agent_id"], guessed["key_id"], guessed["ip_address"]) == (None, key_id(key), THERE)
    assert (used["agent_id"], used["ip_address"], used["trace_id"]) == ("bot", HERE, TRACE)
    shown = relay("audit", "list", check=0).out
    assert "AGENT ID" in shown and HERE in shown and "INC-1" in shown and TRACE not in shown


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("--agent bot --outcome failed", ["auth_failed"]),  # a wrong secret for its key, which names no agent
        ("--agent bot --action authenticated,auth_failed", ["auth_failed", "authenticated"]),
        ("--agent crm --since 1h --until 0", ["auth_failed", "agent_blocked", "key_issued", "agent_created"]),
        ("--org acme --outcome failed", ["auth_failed"]),
        ("--org other --action agent_blocked", ["agent_blocked"]),
        ("--owner ana --outcome failed", ["auth_failed"]),
        ("--owner nobody-at-all", []),
        ("--address 2001:db8::/64", ["auth_failed"]),
        ("--address 203.0.113.7 --outcome ok", ["authenticated"]),
        ("--address 203.0.113.0/24", ["auth_failed", "authenticated"]),
        ("--ticket INC-1", ["agent_blocked"]),
        ("--actor dana", ["agent_blocked"]),
        ("--db-role postgres --action agent_blocked", ["agent_blocked"]),
        ("--db-role postgre", []),
        (f"--trace {TRACE}", ["auth_failed", "authenticated"]),
        ("--until 2020-01-01T00:00:00Z", []),
        ("--since 2020-01-01T00:00:00Z --ticket INC-1", ["agent_blocked"]),
    ],
)  # fmt: skip
def test_each_condition(relay, key, words, found):
    assert sorted(actions(relay, *words.split())) == sorted(found)


def test_a_role_is_proven_whatever_actor_it_claimed(relay, database, key, tmp_path):
    lea = relay.with_(dsn=database.dsn(user=database.cluster.login("lea_events", member_of="relay_provisioner")))
    lea("block", "bot", "--actor", "ana", check=0)
    assert actions(relay, "--db-role", "lea_events") == ["agent_blocked"] and actions(relay, "--actor", "lea_events") == []
    (exported, _) = relay("audit", "export", "--db-role", "lea_events", check=0).jsonl()
    assert exported["actor"] == "ana"
    assert "agent_blocked" in relay("audit", "tail", "--db-role", "lea_events", "--until-idle", check=0).out


def test_a_failure_with_the_secret_of_another_is_the_keys_own(relay, database, key, tmp_path):
    assert [(item["action"], item["ip_address"]) for item in listed(relay, "--key", key_id(key), "--outcome", "failed")] == [("auth_failed", THERE)]
    rotate(relay, tmp_path / "new.key", "--grace", "0")
    assert ask(database, key) == "retired"
    assert [item["reason"] for item in listed(relay, "--key", key_id(key), "--outcome", "failed")] == ["retired", "unknown_key"]
    assert [item["reason"] for item in listed(relay, "--agent", "bot", "--outcome", "failed")] == ["retired", "unknown_key"]
    assert listed(relay, "--agent", "crm", "--key", key_id(key)) == []


def test_a_flood_that_has_not_ended_is_listed_without_a_number(relay, database, key):
    for _ in range(15):
        ask(database, key, secret=b"y" * 32)
    newest, *_ = listed(relay, "--agent", "bot")
    assert newest["event_id"] is None and newest["times"] > 1
    assert sum(item["times"] for item in listed(relay, "--key", key_id(key), "--outcome", "failed")) == 16


def test_pages_follow_each_other_without_a_gap(relay, database, key):
    database.execute(
        "INSERT INTO relay.auth_events (action, agent_id, occurred_at)"
        " SELECT 'x', CASE WHEN n % 2 = 0 THEN 'bot' END, '2026-01-02 03:04:05+00' FROM generate_series(1, 50) AS n")  # fmt: skip
    for words in ((), ("--agent", "bot"), ("--key", key_id(key))):
        whole = [item["event_id"] for item in listed(relay, *words, "--all")]
        pages, after = [], ()
        while True:
            document = relay.json("audit", "list", *words, "--limit", "7", *after)
            pages += [item["event_id"] for item in document["items"]]
            if document["next"] is None:
                break
            after = ("--after", document["next"])
        assert pages == whole and len(set(whole)) == len(whole)
    assert "is not a cursor" in relay.error("audit", "list", "--after", "x", check=2)["message"]
    relay.error("audit", "list", "--after", "2026-01-02T03:04:05Z/x", check=2)


def test_floods_of_one_instant_are_on_several_pages(relay, database, key):
    """They have no number. Others are before and after them, and one has the same instant and a number."""
    database.execute(
        "INSERT INTO relay.event_floods (backend, subject, ends_at, began_at, last_at, written, folded, agent_id, key_id, action, outcome, reason)"
        " SELECT n, 'x', at + interval '1 hour', at, at, 10, n, 'bot', %s, 'auth_failed', 'failed', 'flood-' || n"
        " FROM generate_series(1, 7) AS n, (VALUES (TIMESTAMPTZ '2026-01-02 03:04:05+00'), ('2026-01-02 03:04:04+00')) AS t (at) WHERE (n < 6) = (at > '2026-01-02 03:04:04+00')",
        key_id(key))  # fmt: skip
    database.execute("INSERT INTO relay.auth_events (action, agent_id, occurred_at) VALUES ('x', 'bot', '2026-01-02 03:04:05+00'), ('y', 'bot', '2026-01-02 03:04:03+00')")
    for words in (("--until", "2026-02-01T00:00:00Z"), ("--agent", "bot", "--until", "2026-02-01T00:00:00Z")):
        whole = [(item["event_id"], item["reason"]) for item in listed(relay, *words, "--all")]
        assert len(whole) == 9
        for limit in ("1", "3", "4"):
            pages, after = [], ()
            while True:
                document = relay.json("audit", "list", *words, "--limit", limit, *after)
                pages += [(item["event_id"], item["reason"]) for item in document["items"]]
                if document["next"] is None:
                    break
                after = ("--after", document["next"])
            assert pages == whole and len(set(whole)) == len(whole), (words, limit)
    for wrong in ("-0", "--1", "-x", "-99999999999999999999", "0"):
        relay.error("audit", "list", "--after", f"2026-01-02T03:04:05Z/{wrong}", check=2)


def test_an_id_that_does_not_exist_is_an_error_unless_events_name_it(relay, key):
    error = relay.error("audit", "list", "--agent", "bott", check=3)
    assert "bot" in error["suggestions"]
    relay.error("audit", "list", "--key", "000000000000", check=3)
    relay.error("audit", "export", "--org", "acmee", check=3)
    relay("block", "stranger", "--force", check=0)
    assert actions(relay, "--agent", "stranger") == ["agent_blocked"]


@pytest.mark.parametrize(
    "words",
    ["--address nonsense", "--address 1.2.3.4/33", "--action Auth_Failed!", "--since yesterday", "--until 5", "--outcome maybe",
     "--key short", "--limit 0", "--fields nothing", "--sort actor"],
)  # fmt: skip
def test_bad_words_are_refused_before_the_database_is_asked(relay, words):
    offline = relay.with_(dsn="host=/nowhere-at-all dbname=none")
    offline.error("audit", "list", *words.split(), check=2)


def test_show_has_the_whole_row(relay, key):
    (blocked,) = listed(relay, "--ticket", "INC-1")
    document = relay.json("audit", "show", blocked["event_id"])
    assert document["kind"] == "EventDetails" and document["data"] == {**blocked}
    shown = relay("audit", "show", blocked["event_id"], check=0).out
    for text in ("agent_blocked", "dana", "postgres", "INC-1", "odd calls", blocked["event_id"]):
        assert text in shown
    assert "no such event" in relay.error("audit", "show", "999999999", check=3)["message"]
    for word in ("0", "+1", "1x", "99999999999999999999"):
        relay.error("audit", "show", word, check=2)


def test_export_is_json_lines_with_a_summary_oldest_first(relay, database, key):
    *lines, summary = relay("audit", "export", check=0).jsonl()
    assert summary["kind"] == "Summary" and {line["kind"] for line in lines} == {"Event"}
    assert [line["event_id"] for line in lines] == [item["event_id"] for item in reversed(listed(relay, "--all"))]
    assert relay("audit", "export", "-o", "jsonl", check=0).out.splitlines()[:-1] == [json.dumps(line, separators=(",", ":"), ensure_ascii=False) for line in lines]
    rows = list(csv.DictReader(io.StringIO(relay("audit", "export", "-o", "csv", check=0).out)))
    assert [row["event_id"] for row in rows] == [line["event_id"] for line in lines]
    assert rows[-1]["reason"] == "blocked" and json.loads(rows[0]["detail"] or "{}") == (lines[0]["detail"] or {})
    for form in ("id", "env"):
        relay("audit", "export", "-o", form, check=2)
    (only, _) = relay("audit", "export", "--ticket", "INC-1", check=0).jsonl()
    assert only["action"] == "agent_blocked"


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_a_long_export_is_the_list_byte_for_byte_in_little_memory(relay, database, key, form, tmp_path):
    database.execute(
        "INSERT INTO relay.auth_events (occurred_at, org_id, agent_id, key_id, action, outcome, reason, ip_address, actor, ticket, trace_id, detail, times)"
        " SELECT now() + n * interval '1 ms', NULLIF('acme', CASE WHEN n % 7 = 0 THEN 'acme' END), 'bot', CASE WHEN n % 5 = 0 THEN '000000000000' END,"
        " 'authenticated', CASE WHEN n % 3 = 0 THEN 'failed' ELSE 'ok' END, CASE n % 4 WHEN 0 THEN E'=x \"q\", \\ \u202e\u00e9' WHEN 1 THEN '-1' END,"
        " '2001:db8::/64', CASE WHEN n % 6 = 0 THEN 'ana, b' END, CASE WHEN n % 8 = 0 THEN E'a\nb' END, 't' || n,"
        " CASE WHEN n % 100 = 0 THEN '{\"a\": [1, \"=\"]}'::jsonb END, n FROM generate_series(1, 20000) AS n"
    )  # fmt: skip
    peaks = []
    for words in (("--ticket", "INC-1"), ()):
        with open(tmp_path / "out", "wb") as out, open(tmp_path / "err", "wb") as err:
            process = relay.start("audit", "export", "-o", form, *words, stdout=out, stderr=err)
        peaks.append(peak_memory(process))
        assert process.returncode == 0
    assert peaks[1] - peaks[0] <= 8, "MiB more for 20,000 events, which would take 40 as records"
    exported = (tmp_path / "out").read_text().splitlines()
    listed_all = relay("audit", "list", "--all", "--sort", "occurred_at", "-o", form, check=0).out.splitlines()
    last = -1 if form == "jsonl" else None
    assert len(exported) > 20000 and exported[:last] == listed_all[:last]
    if form == "jsonl":
        assert json.loads(exported[-1])["count"] == len(exported) - 1


def test_text_of_strangers_is_harmless(relay, database, key):
    database.execute("INSERT INTO relay.auth_events (action, actor, reason) VALUES ('x', '=cmd()', E'red \\x1b[31m\\u202e')")
    assert "\x1b" not in relay("audit", "list", check=0).out + relay("audit", "tail", "--until-idle", check=0).out
    assert "'=cmd()" in relay("audit", "export", "-o", "csv", check=0).out


def test_all_months_are_listed_and_the_trail_of_a_reader_is_enough(relay, database, key):
    make_old_month(database, 3, 5)
    assert len(listed(relay, "--agent", "bot", "--action", "authenticated")) == 6
    for role in ("relay_auditor", "relay_responder"):
        login = database.cluster.login(f"only_{role}", member_of=role)
        reader = relay.with_(dsn=database.dsn(user=login))
        assert len(listed(reader, "--agent", "bot", "--action", "authenticated")) == 6
        assert reader("audit", "tail", "--lines", "3", "--until-idle", "-o", "jsonl", check=0).out.count("\n") == 3
        assert reader.json("audit", "show", listed(reader)[0]["event_id"])


def play(scene):
    scene.read("audit", "list", "--limit", "3")
    scene.read("audit", "list", "--agent", "bot", "--outcome", "failed", "--sort", "occurred_at")
    scene.read("audit", "list", "--until", "2020-01-01T00:00:00Z")
    event = scene.read("audit", "list", "--action", "org_created", "--org", "acme", "--limit", "1")["items"][0]
    scene.read("audit", "show", event["event_id"])
    scene.read("audit", "export", "--ticket", "INC-42")
    for form in ("json", "jsonl"):
        scene.shoot("audit", "tail", "--lines", "3", "--until-idle", form=form)

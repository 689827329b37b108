"""Tests agent create, list, show and update, as an operator, a script and a responder run them."""

import json
import stat
import time

import pexpect
import pytest
from support.prepared import prepared

AGENT_KEYS = {
    "agent_id", "org_id", "name", "status", "permissions", "key_max_age_seconds", "effective_key_max_age_seconds", "owner", "labels",
    "owner_user_id", "created_at", "created_by", "last_used_at",
}  # fmt: skip
CREATION_KEYS = AGENT_KEYS | {"key_id", "secret", "delivered_to", "due_at", "expires_at"}
BAD_IDS = {
    "empty": "",
    "too long": "a" * 64,
    "capitals": "Payments",
    "homoglyph": "p\u0430yments",
    "dot": "pay.ments",
    "bytes": b"pay\xff",
}


@prepared
def acme(relay):
    """An organization that may have many agents."""
    relay("org", "create", "acme-corp", "--name", "Acme Corp", "--plan", "paid", check=0)
    return relay


def create(relay, agent, *more, name="Bot", **options):
    words = ("agent", "create", agent, "--org", "acme-corp", "--name", name, "--secret-file", f"{agent}.key")
    return relay.json(*words, *more, **options)


def shut_out(database, kind, subject_kind, subject):
    database.execute(
        "INSERT INTO relay.revocations (subject_kind, subject_id, kind, ticket, reason, actor) VALUES (%s, %s, %s, %s, %s, 'ana')",
        subject_kind, subject, kind, "INC-42", "key seen in a log",
    )  # fmt: skip


# --- create


def test_the_spelling_from_the_field_works_as_written(acme, database):
    command = ("agent", "create", "--org-id", "acme-corp", "--name", "Payment Processor", "--permissions", "stripe:create_payment")
    result = acme(*command, "--secret-file", "p.env", "--secret-format", "env", check=0)
    for label in ("Org ID:", "Agent ID:", "Key ID:", "API Key:   written to p.env (mode 0600)", "Due:"):
        assert label in result.out
    row = database.one("SELECT agent_id, name, permissions FROM relay.agents")
    assert row["agent_id"].startswith("agent_") and row["permissions"] == ["stripe:create_payment"]


def test_the_key_goes_to_its_file_and_works(acme, tmp_path):
    result = acme("agent", "create", "bot", "--org", "acme-corp", "--name", "Bot", "--secret-file", "bot.key", "-o", "json", check=0)
    key = (tmp_path / "bot.key").read_text()
    document = result.json()
    assert document["kind"] == "AgentCreation" and document["changed"] is True
    assert set(document["data"]) == CREATION_KEYS
    data = document["data"]
    assert key.startswith(f"relay_sk_{data['key_id']}_") and len(key) == 71
    assert data["delivered_to"] == "file:bot.key" and data["secret"] is None and data["expires_at"] is None
    assert key not in result.out and key not in result.err
    assert stat.S_IMODE((tmp_path / "bot.key").stat().st_mode) == 0o600
    assert acme.json("key", "verify", stdin=key)["data"]["agent_id"] == "bot"


def test_at_a_terminal_the_key_is_shown_once(acme):
    session = acme.terminal("agent", "create", "bot", "--org", "acme-corp", "--name", "Bot")
    session.expect(r"API Key:   (relay_sk_\w{62})\r\n")
    key = session.match.group(1)
    session.expect("save the API key now")
    session.expect("Agent ID:  bot\r\n")
    session.expect(pexpect.EOF)
    assert acme.json("key", "verify", stdin=key)["data"]["ok"] is True


def test_without_a_sink_and_a_terminal_nothing_is_asked_of_the_database(acme):
    offline = acme.with_(dsn="host=/nowhere-at-all dbname=none")
    error = offline.error("agent", "create", "bot", "--org", "acme-corp", "--name", "Bot", check=2)
    assert "terminal" in error["message"] and "--secret-file" in error["next"]


def test_secret_stdout_holds_the_secret_alone(acme):
    result = acme("agent", "create", "bot", "--org", "acme-corp", "--name", "Bot", "--secret-stdout", check=0)
    assert len(result.out) == 71 and result.out.startswith("relay_sk_")
    assert "Agent ID:  bot" in result.err and result.out not in result.err


def test_every_flag_arrives(acme):
    data = create(
        acme, "bot", "--permissions", "stripe:read,github:*", "--permissions", "stripe:read", "--key-max-age", "30d",
        "--expires", "2999-01-01T01:00:00+01:00",
    )["data"]  # fmt: skip
    assert sorted(data["permissions"]) == ["github:*", "stripe:read"]
    assert data["key_max_age_seconds"] == data["effective_key_max_age_seconds"] == 30 * 86400
    assert data["expires_at"] == "2999-01-01T00:00:00.000Z"


def test_the_same_again_changes_nothing_and_delivers_nothing(acme, database, tmp_path):
    first = create(acme, "bot")
    key = (tmp_path / "bot.key").read_text()
    again = create(acme, "bot")
    assert again["changed"] is False and again["data"]["key_id"] == first["data"]["key_id"]
    assert again["data"]["delivered_to"] is None and (tmp_path / "bot.key").read_text() == key
    elsewhere = acme("agent", "create", "bot", "--org", "acme-corp", "--name", "Bot", "--secret-file", "second.key", check=0)
    assert "nothing changed" in elsewhere.err and not (tmp_path / "second.key").exists()
    assert database.value("SELECT count(*) FROM relay.agent_keys") == 1


def test_other_content_is_a_conflict_that_names_the_fields(acme, tmp_path):
    create(acme, "bot")
    words = ("agent", "create", "bot", "--org", "acme-corp", "--name", "Other", "--permissions", "a:b", "--secret-file", "x")
    error = acme.error(*words, check=5)
    assert "name" in error["message"] and "permissions" in error["message"] and not (tmp_path / "x").exists()


@pytest.mark.parametrize("agent", BAD_IDS.values(), ids=BAD_IDS)
def test_a_bad_id_is_refused_before_the_database_is_asked(relay, agent, tmp_path):
    offline = relay.with_(dsn="host=/nowhere-at-all dbname=none")
    offline("agent", "create", "--org", "acme", "--name", "Bot", "--secret-file", "k", "--id", agent, check=2)
    assert not (tmp_path / "k").exists()


@pytest.mark.parametrize(
    "flags", [["--permissions", "no-colon"], ["--permissions", "a:b,,c:d"], ["--permissions", "a:b c"], ["--expires", "tomorrow"],
              ["--key-max-age", "0"], ["--key-max-age", "5"]]
)  # fmt: skip
def test_a_bad_value_is_refused(acme, database, flags):
    acme("agent", "create", "bot", "--org", "acme-corp", "--name", "Bot", "--secret-file", "k", *flags, check=2)
    assert database.value("SELECT count(*) FROM relay.agents") == 0


def test_a_name_with_control_characters_is_refused(acme):
    error = acme.error("agent", "create", "bot", "--org", "acme-corp", "--name", "Bot\x07", "--secret-file", "k", check=2)
    assert "\x07" not in error["message"]


def test_a_missing_org_is_not_found(acme, tmp_path):
    error = acme.error("agent", "create", "bot", "--org", "acme-crop", "--name", "Bot", "--secret-file", "k", check=3)
    assert error["suggestions"] == ["acme-corp"] and error["changed"] == "no" and not (tmp_path / "k").exists()
    assert "--org" in acme.error("agent", "create", "bot", "--name", "Bot", "--secret-file", "k", check=2)["message"]


@pytest.mark.parametrize("kind", ["block", "revoke"])
def test_a_shut_out_org_takes_no_agents(acme, database, tmp_path, kind):
    shut_out(database, kind, "org", "acme-corp")
    error = acme.error("agent", "create", "bot", "--org", "acme-corp", "--name", "Bot", "--secret-file", "k", check=5)
    assert "acme-corp" in error["message"] and not (tmp_path / "k").exists()


def test_the_free_plan_has_its_limit(relay, database, tmp_path):
    relay("org", "create", "acme-corp", "--name", "Acme Corp", check=0)
    create(relay, "one")
    error = relay.error("agent", "create", "two", "--org", "acme-corp", "--name", "Two", "--secret-file", "two.key", check=6)
    assert "1 of 1" in error["message"] and "--plan paid" in error["next"] and not (tmp_path / "two.key").exists()
    assert create(relay, "one")["changed"] is False
    shut_out(database, "revoke", "agent", "one")
    assert create(relay, "two", name="Two")["changed"] is True


def test_two_creates_at_the_limit_let_one_in(relay, database):
    relay("org", "create", "acme-corp", "--name", "Acme Corp", check=0)
    words = ("agent", "create", "--org", "acme-corp", "--name", "Bot", "--secret-stdout")
    started = [relay.start(*words, "--id", f"bot-{number}") for number in range(4)]
    codes = sorted(process.communicate(timeout=60) and process.returncode for process in started)
    assert codes == [0, 6, 6, 6] and database.value("SELECT count(*) FROM relay.agents") == 1


def test_two_creates_of_one_id_at_once(acme, database, tmp_path):
    for number in range(3):
        words = ("agent", "create", f"bot-{number}", "--org", "acme-corp", "--name", "Bot", "-o", "json")
        started = [acme.start(*words, "--secret-file", f"{number}-{which}.key") for which in range(2)]
        ends = [(process.communicate(timeout=60), process.returncode) for process in started]
        assert [code for _, code in ends] == [0, 0], ends
        changed = [json.loads(streams[0])["changed"] for streams, _ in ends]
        assert sorted(changed) == [False, True]
        kept = [(tmp_path / f"{number}-{which}.key").exists() for which in range(2)]
        assert kept == changed
        key_id = database.value("SELECT key_id FROM relay.agent_keys WHERE agent_id = %s", f"bot-{number}")
        assert key_id in (tmp_path / f"{number}-{changed.index(True)}.key").read_text()


def test_a_dry_run_makes_neither_row_nor_file(acme, database, tmp_path):
    document = create(acme, "bot", "--dry-run")
    assert document["dry_run"] is True and document["changed"] is True and document["data"]["delivered_to"] is None
    assert not (tmp_path / "bot.key").exists() and database.value("SELECT count(*) FROM relay.agents") == 0


def test_a_taken_file_leaves_nothing(acme, database, tmp_path):
    (tmp_path / "bot.key").write_text("mine")
    words = ("agent", "create", "bot", "--org", "acme-corp", "--name", "Bot", "--secret-file", "bot.key")
    assert acme.error(*words, check=12)["changed"] == "no"
    assert (tmp_path / "bot.key").read_text() == "mine" and database.value("SELECT count(*) FROM relay.agents") == 0


def test_env_and_id_output(acme):
    words = ("agent", "create", "bot", "--org", "acme-corp", "--name", "Bot", "--secret-file", "bot.key")
    lines = dict(line.split("=", 1) for line in acme(*words, "-o", "env", check=0).out.splitlines())
    assert lines["AGENT_ID"] == "bot" and lines["ORG_ID"] == "acme-corp" and len(lines["KEY_ID"]) == 12 and lines["SECRET"] == ""
    assert "" not in lines
    assert acme(*words, "-o", "id", check=0).out == "bot\n"
    header, row = acme(*words, "-o", "csv", check=0).out.splitlines()
    assert header.split(",")[:3] == ["org_id", "agent_id", "key_id"] and row.startswith("acme-corp,bot,")
    assert len(header.split(",")) == len(CREATION_KEYS) and "" not in header.split(",")


# --- list, show, update


def test_lists_filter_and_page(acme, database):
    for agent in ("one", "three", "two"):
        create(acme, agent)
    shut_out(database, "block", "agent", "two")
    shut_out(database, "revoke", "agent", "three")
    document = acme.json("agent", "list", "--org", "acme-corp", "--limit", "2")
    assert document["kind"] == "AgentList" and set(document["items"][0]) == AGENT_KEYS and document["next"] == "three"
    assert [agent["agent_id"] for agent in acme.json("agent", "list", "--after", "three")["items"]] == ["two"]
    for state, agent in (("active", "one"), ("blocked", "two"), ("revoked", "three")):
        assert acme("agent", "list", "--state", state, "-o", "id", check=0).out == f"{agent}\n"
    assert acme("agent", "list", "--key-due", "14d", "-o", "id", check=0).out == ""
    assert "one" in acme("agent", "list", "--key-due", "91d", "-o", "id", check=0).out
    assert acme("agent", "list", "--unused-for", "1d", "-o", "id", check=0).out == ""
    assert "one" in acme("agent", "list", "--unused-for", "0", "-o", "id", check=0).out
    assert acme.error("agent", "list", "--state", "actve", check=2)["suggestions"] == ["active"]
    acme("agent", "list", "--org", "nobody", check=3)


def test_an_agent_is_unused_only_when_no_report_of_a_use_can_be_on_its_way(acme, database):
    key_id = create(acme, "bot")["data"]["key_id"]
    create(acme, "idle")
    database.execute("UPDATE relay.agents SET created_at = now() - interval '3 days'")

    def unused(age):
        """The agents that are unused for a day while the last use of bot is `age` old, give or take eight seconds. By
        its key, it is the same."""
        while True:
            began = time.monotonic()
            database.execute("DELETE FROM relay.key_sightings")
            database.execute("INSERT INTO relay.key_sightings SELECT %s, '192.0.2.1', clock_timestamp() - %s::interval", key_id, age)
            found = acme("agent", "list", "--unused-for", "1d", "-o", "id", check=0).out.split()
            keys = acme.json("key", "list", "--unused-for", "1d")["items"]
            if time.monotonic() - began < 8:
                assert [one["agent_id"] for one in keys if one["agent_id"] != "idle"] == [one for one in found if one != "idle"]
                return found

    assert unused("1 hour") == ["idle"]
    assert unused("1 day 1 second") == ["idle"], "gateways report every 10 s"
    assert unused("1 day 12 seconds") == ["idle"], "and the next report has what the last one could not deliver"
    assert unused("1 day 1 minute") == ["bot", "idle"]


def test_the_table_lines_up(acme):
    create(acme, "one", name="Payment Processor")
    header, row = acme("agent", "list", check=0).out.splitlines()
    assert header.split()[:4] == ["AGENT", "ID", "ORG", "ID"] and "Payment Processor" in row
    assert header.index("NAME") == row.index("Payment Processor")


def test_show_is_what_a_responder_reads(acme, database, tmp_path):
    key_id = create(acme, "bot", "--permissions", "stripe:read", name="Payment Processor")["data"]["key_id"]
    key = (tmp_path / "bot.key").read_text()
    database.execute(
        "SELECT relay_api.authenticate(%s, sha256(%s::bytea), ip_address => '203.0.113.7')", key_id, key.encode()
    )
    shut_out(database, "block", "agent", "bot")
    shown = acme("agent", "show", "bot", check=0).out
    for text in ("Payment Processor", "BLOCKED since", "by ana (role postgres), INC-42: key seen in a log", "1 active; refused while blocked",
                 "from 203.0.113.7", "authenticated", "agent_created", key_id, "stripe:read"):  # fmt: skip
        assert text in shown, text
    document = acme.json("agent", "show", "bot", "--events", "2")
    assert document["kind"] == "AgentDetails" and document["meta"]["at"]
    data = document["data"]
    assert set(data) == AGENT_KEYS | {"last_address", "standing", "keys", "devices", "authentications", "events", "grants", "roles", "registry"}
    (used,) = data["authentications"]
    assert (used["key_id"], used["ip_address"], used["times"]) == (key_id, "203.0.113.7", 1) and used["first_at"] == used["last_at"]
    assert [event["action"] for event in data["events"]] == ["agent_blocked", "authenticated"]
    assert data["keys"][0]["key_id"] == key_id and data["keys"][0]["blocked"] is True
    assert data["standing"][0]["ticket"] == "INC-42" and data["last_address"] == "203.0.113.7"
    assert acme.json("agent", "show", "bot", "--events", "0")["data"]["events"] == []
    assert key not in shown


def test_show_takes_flag_or_word_and_names_near_ids(acme):
    create(acme, "payments")
    assert acme.json("agent", "show", "--agent-id", "payments")["data"]["agent_id"] == "payments"
    acme("agent", "show", "payments", "--agent-id", "other", check=2)
    assert acme.error("agent", "show", "payment", check=3)["suggestions"] == ["payments"]
    acme("agent", "show", "Legacy.Bot-1", check=3)
    acme("agent", "show", check=2)


def test_update_changes_what_is_given(acme, database):
    create(acme, "bot", "--permissions", "a:b,c:d")
    words = ("agent", "update", "bot", "--name", "New", "--add-permission", "e:f,a:b", "--remove-permission", "c:d", "--key-max-age", "5d")
    document = acme.json(*words)
    assert document["kind"] == "AgentUpdate" and document["changed"] is True
    assert set(document["data"]) == AGENT_KEYS | {"changed_fields"}
    assert sorted(document["data"]["changed_fields"]) == ["key_max_age", "name", "permissions"]
    assert document["data"]["permissions"] == ["a:b", "e:f"] and document["data"]["key_max_age_seconds"] == 5 * 86400
    again = acme.json(*words)
    assert again["changed"] is False and again["data"]["changed_fields"] == []
    assert database.value("SELECT count(*) FROM relay.auth_events WHERE action = 'agent_updated'") == 1
    acme("agent", "update", "bot", check=2)
    acme("agent", "update", "bot", "--add-permission", "x:y", "--remove-permission", "x:y", check=2)
    acme("agent", "update", "nobody", "--name", "X", check=3)
    assert acme.json("agent", "update", "bot", "--name", "Dry", "--dry-run")["dry_run"] is True
    assert database.value("SELECT name FROM relay.agents") == "New"

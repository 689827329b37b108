"""key list, show, verify, retire."""

import base64
import gzip
import json
import textwrap

import pexpect
import pytest
from support import relay as relay_support
from support.prepared import prepared

KEY_KEYS = {
    "key_id", "agent_id", "org_id", "status", "state", "blocked", "created_at", "created_by", "due_at", "expires_at", "retired_at",
    "revoked_at", "replaced_by", "retire_on_first_use", "deliver_until", "settle_until", "last_used_at", "algorithm",
}  # fmt: skip
VERIFICATION_KEYS = {"ok", "reason", "key_id", "agent_id", "org_id", "expires_at", "grants"}
UNKNOWN_KEY_ID = "000000000000"
NOWHERE = "host=/nowhere-at-all dbname=none"


@prepared
def bot(relay, tmp_path):
    """An agent with a key; returns the key."""
    relay("org", "create", "acme", "--name", "Acme", "--plan", "paid", check=0)
    relay("agent", "create", "bot", "--org", "acme", "--name", "Bot", "--secret-file", "bot.key", check=0)
    return (tmp_path / "bot.key").read_text()


def id_of(key):
    return key[9:21]


def with_other_checksum(key):
    return key[:-1] + ("0" if key[-1] != "0" else "1")


def block(database):
    database.execute(
        "INSERT INTO relay.revocations (subject_kind, subject_id, kind, ticket, actor) VALUES ('agent', 'bot', 'block', 'INC-7', 'ana')"
    )


# --- list and show


def test_a_list_has_every_field_and_its_filters(relay, bot):
    document = relay.json("key", "list", "--agent", "bot")
    assert document["kind"] == "KeyList" and document["next"] is None
    (key,) = document["items"]
    assert set(key) == KEY_KEYS and key["key_id"] == id_of(bot) and key["status"] == key["state"] == "active"
    assert relay("key", "list", "--org", "acme", "--state", "active", "-o", "id", check=0).out == id_of(bot) + "\n"
    assert relay("key", "list", "--state", "retired", "-o", "id", check=0).out == ""
    relay("key", "list", "--agent", "nobody", check=3)
    relay("key", "list", "--org", "nobody", check=3)
    relay("key", "list", "--state", "dead", check=2)
    lines = relay("key", "list", "-o", "jsonl", check=0).jsonl()
    assert [line["kind"] for line in lines] == ["Key", "Summary"]


def test_the_keys_of_an_agent_are_listed_newest_first_page_by_page(relay, bot):
    ids = [id_of(bot)]
    for number in range(4):
        words = ("rotate-key", "bot", "--grace", "0", "--secret-file", f"{number}.key")
        ids.insert(0, relay.json(*words)["data"]["key_id"])
    found, after = [], ()
    while True:
        page = relay.json("key", "list", "--agent", "bot", "--state", "retired", "--limit", "2", *after)
        found += [item["key_id"] for item in page["items"]]
        if page["next"] is None:
            break
        after = ("--after", page["next"])
    assert found == ids[1:]


def test_show_tells_of_the_key_and_what_stands_against_it(relay, database, bot):
    block(database)
    document = relay.json("key", "show", id_of(bot))
    assert document["kind"] == "KeyDetails" and set(document["data"]) == KEY_KEYS | {"standing", "authentications", "events"}
    assert document["data"]["blocked"] is True and document["data"]["standing"][0]["ticket"] == "INC-7"
    shown = relay("key", "show", id_of(bot), check=0).out
    assert "BLOCKED" in shown and "INC-7" in shown and " (in " not in shown and bot not in shown


def test_an_unknown_key_and_a_whole_key_are_told_apart(relay, bot):
    assert relay.error("key", "show", UNKNOWN_KEY_ID, check=3)["code"] == "not_found"
    pasted = relay("key", "show", bot, check=2)
    assert bot[22:] not in pasted.err
    relay("key", "show", "short", check=2)
    relay("key", "show", check=2)


# --- verify


def accepted_inputs(key):
    return {
        "raw": key,
        "raw with a newline": key + "\n",
        "env": f"RELAY_AGENT_ID=bot\nRELAY_ORG_ID=acme\nRELAY_API_KEY={key}\n",
        "json": json.dumps({"agent_id": "bot", "api_key": key}),
        "twice the same": f"A={key}\nB={key}\n",
    }


@pytest.mark.parametrize("form", accepted_inputs("x" * 71))
def test_a_good_key_is_accepted_in_each_form(relay, bot, form):
    result = relay("key", "verify", "-o", "json", stdin=accepted_inputs(bot)[form], check=0)
    document = result.json()
    assert document["kind"] == "KeyVerification" and set(document["data"]) == VERIFICATION_KEYS
    data = document["data"]
    assert data["ok"] is True and data["reason"] == "ok" and (data["agent_id"], data["org_id"]) == ("bot", "acme")
    assert data["key_id"] == id_of(bot) and bot not in result.out + result.err


def hidden(key):
    """Texts with the key in the ways in which logs, stores and pastes have it; by name."""
    line = f"2026-11-29T01:02:03Z DEBUG header X-Api-Key: {key} end\n"
    return {
        "colours": line.replace(key, f"\x1b[32m{key[:30]}\x1b[0m\x1b[1m{key[30:]}\x1b[0m").encode(),
        "wrapped at 80": "\n".join(textwrap.wrap(line, 80, break_on_hyphens=False)).encode(),
        "zero width": f"{key[:22]}\u200b{key[22:]}\n".encode(),
        "markdown": line.replace("_", "\\_").encode(),
        "a Secret": b"data:\n  RELAY_API_KEY: " + base64.b64encode(key.encode()) + b"\n",
        "base64 in lines": base64.encodebytes(f"RELAY_API_KEY={key}\n".encode()),
        "UTF-16": line.encode("utf-16"),
        "JSON": json.dumps({"log": f"{key[:20]}\n{key[20:]}"}).encode(),
    }


def test_a_key_is_read_wherever_a_scan_finds_it(relay, bot):
    for name, text in hidden(bot).items():
        data = relay("key", "verify", "-o", "json", stdin=text, check=0).json()["data"]
        assert (data["reason"], data["key_id"], data["agent_id"]) == ("ok", id_of(bot), "bot"), name


def test_a_packed_text_is_named(relay, bot):
    error = relay.error("key", "verify", stdin=gzip.compress(bot.encode()), check=2)
    assert "cannot be looked into: gzip" in error["message"] and "opened" in error["why"]


@pytest.mark.parametrize("secret_format", ["raw", "env", "json"])
def test_what_the_program_wrote_it_reads(relay, bot, tmp_path, secret_format):
    words = ("agent", "create", "second", "--org", "acme", "--name", "Second", "--secret-format", secret_format)
    relay(*words, "--secret-file", "second", check=0)
    data = relay.json("key", "verify", "--agent", "second", stdin=(tmp_path / "second").read_bytes())["data"]
    assert data["ok"] is True


def test_it_leaves_no_trace(relay, database, bot):
    before = database.value("SELECT count(*) FROM relay.auth_events")
    relay("key", "verify", stdin=bot, check=0)
    assert database.value("SELECT count(*) FROM relay.auth_events") == before
    assert database.value("SELECT last_used_at FROM relay.key_status") is None


def test_people_read_the_answer(relay, database, bot):
    assert "accepted" in relay("key", "verify", stdin=bot, check=0).out
    block(database)
    refused = relay("key", "verify", stdin=bot, check=10)
    assert "refused: blocked" in refused.out and bot not in refused.out + refused.err


def test_refusals_have_their_reason_and_exit_10(relay, database, bot):
    def reason(*words):
        data = relay.json("key", "verify", *words, stdin=bot, check=10)["data"]
        assert data["ok"] is False
        return data["reason"]

    assert reason("--agent", "another") == "agent_mismatch"
    block(database)
    assert reason() == "blocked"
    database.execute("UPDATE relay.revocations SET lifted_at = now(), lifted_by = 'ana'")
    database.execute("UPDATE relay.agent_keys SET expires_at = now() - interval '1 second'")
    assert reason() == "expired"
    database.execute("UPDATE relay.agent_keys SET expires_at = NULL, state = 'retired', retired_at = now()")
    assert reason() == "retired"
    database.execute("INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor) VALUES ('key', %s, 'revoke', 'a')", id_of(bot))
    assert reason() == "revoked"


def test_a_key_that_nobody_made(relay, database, bot):
    other = "relay_sk_00000000000g_0000000000000000000000000000000000000000000"
    import zlib

    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    number, digits = zlib.crc32(other.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = alphabet[digit] + digits
    data = relay.json("key", "verify", stdin=other + digits, check=10)["data"]
    assert data["reason"] == "unknown_key" and data["agent_id"] is None


@pytest.mark.parametrize(
    "spoil", [with_other_checksum, lambda key: key[:-2], lambda key: key + "\n\n", lambda key: key + " ", lambda key: key[:30] + "\0" + key[31:]],
    ids=["checksum", "cut off", "two newlines", "blank", "NUL"],
)  # fmt: skip
def test_a_malformed_key_is_refused_without_a_query(relay, bot, spoil):
    offline = relay.with_(dsn=NOWHERE)
    result = offline("key", "verify", "-o", "json", stdin=spoil(bot), check=10)
    document = result.json()
    assert document["data"]["ok"] is False and document["data"]["reason"] == "malformed" and document["warnings"]
    assert bot[22:60] not in result.out + result.err


def test_an_admin_token_is_no_agents_key(relay, bot, tmp_path):
    relay("org", "update", "acme", "--admin-token", "token", check=0)
    data = relay.with_(dsn=NOWHERE).json("key", "verify", stdin=(tmp_path / "token").read_bytes(), check=10)["data"]
    assert data["reason"] == "admin_token"


@pytest.mark.parametrize("text", ["", "\n", "hello", "RELAY_API_KEY=\n", "\0\0", "x" * 70_000])
def test_no_key_in_the_input_is_a_usage_error(relay, text):
    error = relay.with_(dsn=NOWHERE).error("key", "verify", stdin=text, check=2)
    assert "hello" not in error["message"]


def test_several_keys_are_a_usage_error(relay, bot, tmp_path):
    relay("agent", "create", "second", "--org", "acme", "--name", "Second", "--secret-file", "second", check=0)
    error = relay.error("key", "verify", stdin=f"A={bot}\nB={(tmp_path / 'second').read_text()}\n", check=2)
    assert "2 different keys" in error["message"]
    assert "revoke --scan FILE --dry-run" in error["next"]


def test_a_closed_stdin_is_an_error(relay):
    assert relay("key", "verify", closed=(0,)).code in (1, 2)


def test_at_a_terminal_it_asks_without_an_echo(relay, bot):
    session = relay.terminal("key", "verify")
    session.expect("API key .*: ")
    session.sendline(bot)
    code, rest = relay_support.finish_terminal(session)
    assert code == 0 and "accepted" in rest and bot[22:] not in rest


def test_at_a_terminal_ctrl_d_declines_and_ctrl_c_gives_the_echo_back(relay):
    session = relay.terminal("key", "verify")
    session.expect("API key .*: ")
    session.sendeof()
    assert relay_support.finish_terminal(session)[0] == 13
    session = relay.terminal("key", "verify")
    session.expect("API key .*: ")
    assert session.getecho() is False
    session.sendintr()
    session.expect(pexpect.EOF)
    session.close()
    assert session.signalstatus == 2
    session = relay.terminal("key", "verify", "--no-input")
    assert relay_support.finish_terminal(session)[0] == 2


# --- retire


def retiring_key(relay):
    relay("rotate-key", "bot", "--secret-file", "new.key", check=0)


def test_retiring_the_old_key_of_a_rotation(relay, database, bot):
    retiring_key(relay)
    document = relay.json("key", "retire", id_of(bot), "--yes")
    assert document["kind"] == "KeyRetirement" and document["changed"] is True and set(document["data"]) == KEY_KEYS
    assert document["data"]["status"] == "retired" and document["data"]["retired_at"]
    assert relay.json("key", "verify", stdin=bot, check=10)["data"]["reason"] == "retired"
    again = relay.json("key", "retire", id_of(bot), "--yes")
    assert again["changed"] is False
    assert database.value("SELECT count(*) FROM relay.auth_events WHERE action = 'key_retired'") == 1


def test_the_active_key_needs_force(relay, bot):
    error = relay.error("key", "retire", id_of(bot), "--yes", check=5)
    assert error["changed"] == "no" and error["next"] == "relay-admin rotate-key bot --grace 0"
    assert "next: add --force to end the key anyway\n" in relay("key", "retire", id_of(bot), "--yes", check=5).err
    assert relay.json("key", "retire", id_of(bot), "--yes", "--force")["data"]["status"] == "retired"


def test_a_script_must_say_yes_before_the_database_is_asked(relay):
    assert "--yes" in relay.with_(dsn=NOWHERE).error("key", "retire", UNKNOWN_KEY_ID, check=2)["next"]
    relay("key", "retire", UNKNOWN_KEY_ID, "--yes", check=3)


def test_a_dry_run_asks_nothing_and_changes_nothing(relay, bot):
    assert relay.json("key", "retire", id_of(bot), "--force", "--dry-run")["dry_run"] is True
    assert relay.json("key", "verify", stdin=bot)["data"]["ok"] is True


@pytest.mark.parametrize("answer, code, status", [("y", 0, "retired"), ("n", 13, "active"), ("", 13, "active")])
def test_a_person_is_asked(relay, bot, answer, code, status):
    session = relay.terminal("key", "retire", id_of(bot), "--force")
    session.expect(r"Retire the active key \w+ of agent bot permanently\? \[y/N\] ")
    session.sendline(answer)
    assert relay_support.finish_terminal(session)[0] == code
    assert relay.json("key", "show", id_of(bot))["data"]["status"] == status

"""revoke and restore: keys die permanently, also in a race, also if they are found in a log; a restored agent gets a
new key."""

import concurrent.futures
import os
import random
import subprocess
import time

import pytest

from support.agents import decide, first_agent, key_id, live_key_ids, read_key, rotate
from support.own_key import make_key
from support.prepared import prepared
from support.processes import at_once
from support.relay import finish_terminal

FORGED = "relay_sk_0123456789ab_" + "0" * 49


@prepared
def key(relay, tmp_path):
    """The key of the agent `bot`, in organization acme."""
    return first_agent(relay, tmp_path / "bot.key")


@prepared
def other(relay, key, tmp_path):
    """The key of a second agent, `crm`."""
    relay("agent", "create", "crm", "--org", "acme", "--name", "CRM", "--secret-file", "crm.key", check=0)
    return read_key(tmp_path / "crm.key")


# --- agents


def test_every_key_of_the_agent_dies(relay, database, key, other, tmp_path):
    second = rotate(relay, tmp_path / "2.key")
    result = relay("revoke", "bot", "--reason", "laptop stolen", "--ticket", "INC-43", check=0)
    assert decide(database, key) == "revoked" and decide(database, second) == "revoked" and decide(database, other) == "ok"
    assert "REVOKED since 20" in result.out and "INC-43: laptop stolen" in result.out and "no live key" in result.out
    assert "undo:  relay-admin restore bot --secret-file bot.key" in result.err
    assert database.value("SELECT count(*) FROM relay.auth_events WHERE action = 'agent_revoked' AND reason = 'laptop stolen'") == 1


def test_revoking_again_changes_nothing(relay, database, key):
    relay("revoke", "bot", "--actor", "ana", check=0)
    result = relay("revoke", "bot", "--actor", "ben", "-o", "json", check=0)
    assert result.json()["changed"] is False and result.json()["items"][0]["actor"] == "ana"
    assert "nothing changed: agent bot was already revoked by ana" in result.err
    assert database.value("SELECT count(*) FROM relay.revocations") == 1


def test_a_blocked_agent_can_be_revoked(relay, database, key):
    relay("block", "bot", check=0)
    assert relay.json("revoke", "bot")["changed"] is True and decide(database, key) == "revoked"


def test_unknown_ids(relay, database, key, other):
    assert relay.error("revoke", "bott", check=3)["changed"] == "no"
    result = relay("revoke", "bot", "bott", "-o", "json", check=7)
    assert [item["result"] for item in result.json()["items"]] == ["done", "not_found"]
    assert decide(database, key) == "revoked" and decide(database, other) == "ok"
    relay("revoke", "ghost", "--force", check=0)
    assert database.value("SELECT kind FROM relay.standing_revocations WHERE subject_id = 'ghost'") == "revoke"


def test_an_organization_is_typed_or_confirmed(relay, database, key, other):
    relay.error("revoke", "--org", "acme", "--yes", check=2)
    session = relay.terminal("revoke", "--org", "acme")
    session.expect_exact("This revokes organization acme (Acme): 2 agents.")
    session.expect_exact("Type acme to continue: ")
    session.sendline("bot")
    assert finish_terminal(session)[0] == 13 and decide(database, key) == "ok"
    document = relay.json("revoke", "--org", "acme", "--confirm", "acme")
    assert document["kind"] == "Revocation" and decide(database, key) == decide(database, other) == "revoked"


@pytest.mark.parametrize(
    "words",
    [(), ("bot", "--key", "0123456789ab"), ("--key", "short"), ("--scan", "x", "--org", "acme"), ("--scan", "bot.key", "--force"), ("--scan", "gone")],
)
def test_lines_that_make_no_sense(relay, database, key, words):
    relay.error("revoke", *words, check=2)
    assert decide(database, key) == "ok"


def test_a_script_is_not_asked_about_agents_and_keys(relay, database, key, other, tmp_path):
    """At a terminal a person is asked: test_prompts.py."""
    relay("revoke", "bot", check=0)
    relay("revoke", "--key", key_id(other), check=0)
    assert decide(database, key) == decide(database, other) == "revoked"


def test_a_row_lock_on_the_agent_is_no_hindrance(relay, database, key):
    holder = database.connect(autocommit=False)
    with holder.cursor() as cursor:
        cursor.execute("SELECT * FROM relay.agents FOR UPDATE")
        cursor.execute("SELECT * FROM relay.agent_keys FOR UPDATE")
    with at_once():
        relay("revoke", "bot", check=0)
    assert decide(database, key) == "revoked"
    holder.close()


# --- single keys


def test_one_key_dies_and_the_other_lives(relay, database, key, tmp_path):
    second = rotate(relay, tmp_path / "2.key")
    document = relay.json("revoke", "--key", key_id(key))
    (item,) = document["items"]
    assert (item["subject_kind"], item["agent_id"], item["org_id"]) == ("key", "bot", "acme")
    assert decide(database, key) == "revoked" and decide(database, second) == "ok"
    assert relay.json("revoke", "--key", key_id(key))["changed"] is False
    result = relay.json("revoke", "--key", f"{key_id(second)},zzzzzzzzzzzz", check=7)
    assert [each["result"] for each in result["items"]] == ["done", "not_found"]
    relay.error("revoke", "--key", "zzzzzzzzzzzz", check=3)


# --- keys in a text


@pytest.mark.parametrize("way", ["file", "stdin"])
def test_the_keys_in_a_text_die_and_their_owners_are_told(relay, database, key, other, tmp_path, way):
    text = f'POST /v1 "Authorization: Bearer {key}"\n+RELAY_API_KEY={other}\n{FORGED}\n{key[:-1]}\n' + "noise relay_sk_ \n" * 10_000
    (tmp_path / "leak.log").write_text(text)
    given = {"stdin": text} if way == "stdin" else {}
    result = relay("revoke", "--scan", "-" if way == "stdin" else "leak.log", "-o", "json", check=0, **given)
    items = {item["subject_id"]: item for item in result.json()["items"]}
    assert {name: item["agent_id"] for name, item in items.items()} == {key_id(key): "bot", key_id(other): "crm"}
    assert decide(database, key) == decide(database, other) == "revoked"
    for secret in (key, other):
        assert secret[22:] not in result.out + result.err
    again = relay.json("revoke", "--scan", "leak.log" if way == "file" else "-", **given)
    assert again["changed"] is False


def test_a_text_without_a_key_is_no_error(relay, key):
    result = relay("revoke", "--scan", "-", "-o", "json", stdin=f"nothing here {FORGED} {key[:-2]}", check=0)
    assert result.json()["items"] == [] and result.json()["changed"] is False
    assert "no API key found in stdin" in relay("revoke", "--scan", "-", stdin="", check=0).err


def test_a_forged_key_with_a_public_id_kills_nothing(relay, database, key):
    """Anyone who knows a key id, which is public, can write a text that looks like the key. Only the hash proves it."""
    forged = make_key(identity=key_id(key))
    error = relay.error("revoke", "--scan", "-", stdin=forged, check=3)
    assert key_id(key) in error["message"] and decide(database, key) == "ok"
    relay("revoke", "--scan", "-", stdin=f"{forged} {key}", check=7)
    assert decide(database, key) == "revoked"


def test_an_admin_token_is_found_as_well(relay, database, key, tmp_path):
    relay("org", "update", "acme", "--admin-token", "token.txt", check=0)
    token = read_key(tmp_path / "token.txt")
    document = relay.json("revoke", "--scan", "token.txt")
    assert document["items"][0]["subject_kind"] == "token" and document["changed"] is True
    assert database.value("SELECT revoked_at IS NOT NULL FROM relay.org_tokens WHERE token_id = %s", key_id(token)) is True


def peak_memory(relay, *words):
    """Runs a command that must succeed; returns its peak memory in MiB, as the kernel counted it."""
    argv = relay.argv(words)
    process = subprocess.Popen(argv, env=relay.environment(), cwd=relay.cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss / 1024


def test_a_large_text_costs_no_memory(relay, database, key, tmp_path):
    (tmp_path / "small.log").write_bytes(b"nothing here\n")
    with open(tmp_path / "big.log", "wb") as big:
        for _ in range(64):
            big.write(b"x" * (1024 * 1024 - 1) + b"\n")
        big.write(key.encode())
    small = peak_memory(relay, "revoke", "--scan", "small.log")
    assert peak_memory(relay, "revoke", "--scan", "big.log") < small + 16
    assert decide(database, key) == "revoked"


# --- against a rotation


def test_a_rotation_that_races_a_revocation_loses(relay, database, key, other, tmp_path):
    """Whichever commits first, afterwards no key of the agent works."""
    rounds = 25
    lost = 0
    generator = random.Random(7)
    for number in range(rounds):
        agent = f"racer{number}"
        relay("agent", "create", agent, "--org", "acme", "--name", agent, "--secret-file", f"{agent}.0", check=0)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            delay = generator.uniform(0, 0.03)
            rotation = pool.submit(relay, "rotate-key", agent, "--grace", "0", "--secret-file", f"{agent}.1")
            time.sleep(delay)
            revocation = pool.submit(relay, "revoke", agent)
        assert revocation.result().code == 0, revocation.result()
        assert rotation.result().code in (0, 5), rotation.result()
        lost += rotation.result().code == 5
        for path in tmp_path.glob(f"{agent}.?"):
            assert decide(database, read_key(path)) in ("revoked", "retired"), f"round {number}: a key lives"
        assert not database.rows("SELECT 1 FROM relay.key_status WHERE agent_id = %s AND status IN ('staged', 'active', 'retiring')", agent)
    print(f"{rounds} rounds, the rotation saw the revocation in {lost}")


# --- back again


def test_restore_brings_back_with_a_fresh_key(relay, database, key, tmp_path):
    relay("revoke", "bot", check=0)
    document = relay.json("restore", "bot", "--yes", "--secret-file", "fresh.key")
    fresh = read_key(tmp_path / "fresh.key")
    (item,) = document["items"]
    assert document["kind"] == "Restore" and document["changed"] is True
    assert item["subject_id"] == "bot" and item["key_id"] == key_id(fresh) and item["secret"] is None
    assert decide(database, fresh) == "ok" and decide(database, key) == "revoked"
    assert live_key_ids(database) == {key_id(fresh)}


def test_restoring_what_is_not_revoked_changes_nothing(relay, database, key, tmp_path):
    result = relay("restore", "bot", "--yes", "--secret-file", "fresh.key", "-o", "json", check=0)
    assert result.json()["changed"] is False and not (tmp_path / "fresh.key").exists()
    assert "agent bot was not revoked" in result.err and decide(database, key) == "ok"


def test_restore_asks(relay, database, key, tmp_path):
    relay("revoke", "bot", check=0)
    error = relay.error("restore", "bot", "--secret-file", "fresh.key", check=2)
    assert "--yes" in error["next"]
    for answer, code in (("n", 13), ("y", 0)):
        session = relay.terminal("restore", "bot", "--secret-file", "fresh.key")
        session.expect_exact("Restore agent bot and issue it a fresh key? [y/N] ")
        session.sendline(answer)
        assert finish_terminal(session)[0] == code
        assert (tmp_path / "fresh.key").exists() == (code == 0)
    assert decide(database, read_key(tmp_path / "fresh.key")) == "ok"


def test_a_restored_agent_has_no_more_time_than_before(relay, database, tmp_path):
    first_agent(relay, tmp_path / "bot.key")
    relay("agent", "create", "guest", "--org", "acme", "--name", "Guest", "--expires", "2031-01-01T00:00:00Z", "--secret-file", "guest.key", check=0)

    def restored(agent, number, *flags):
        relay("revoke", agent, check=0)
        relay("restore", agent, "--yes", "--secret-file", f"{agent}.{number}", *flags, check=0)
        return database.value("SELECT to_char(expires_at AT TIME ZONE 'UTC', 'YYYY') FROM relay.agent_keys WHERE agent_id = %s AND state = 'active'", agent)

    assert restored("guest", 1) == "2031" and restored("bot", 1) is None
    assert restored("guest", 2, "--expires", "2033-01-01T00:00:00Z") == "2033" and restored("bot", 2, "--expires", "2030-01-01T00:00:00Z") == "2030"
    relay("revoke", "bot", check=0)
    assert "has passed" in relay.error("restore", "bot", "--yes", "--secret-file", "late", "--expires", "2020-01-01T00:00:00Z", check=2)["message"]
    assert not (tmp_path / "late").exists() and database.value("SELECT status FROM relay.agent_status WHERE agent_id = 'bot'") == "revoked"
    assert "none can expire" in relay.error("restore", "--org", "acme", "--confirm", "acme", "--expires", "2033-01-01T00:00:00Z", check=2)["message"]


def test_restore_needs_a_sink_before_anything_else(relay, database, key):
    relay("revoke", "bot", check=0)
    assert "standard output is not a terminal" in relay("restore", "bot", "--yes", check=2).err
    assert live_key_ids(database) == set()


def test_an_agent_that_is_also_blocked_is_told_so(relay, database, key, tmp_path):
    relay("block", "bot", check=0)
    relay("revoke", "bot", check=0)
    result = relay("restore", "bot", "--yes", "--secret-file", "fresh.key", check=0)
    assert "warning: agent bot is still refused" in result.err
    assert decide(database, read_key(tmp_path / "fresh.key")) == "blocked"


def test_an_organization_comes_back_without_its_keys(relay, database, key, tmp_path):
    relay("revoke", "--org", "acme", "--confirm", "acme", check=0)
    relay("revoke", "bot", check=0)
    assert "restore --org acme" in relay.error("restore", "bot", "--yes", "--secret-file", "f.key", check=5)["next"]
    relay.error("restore", "--org", "acme", "--yes", check=2)
    relay.error("restore", "--org", "acme", "--confirm", "acme", "--secret-file", "f.key", check=2)
    document = relay.json("restore", "--org", "acme", "--confirm", "acme")
    assert document["kind"] == "Restore" and document["changed"] is True and decide(database, key) == "revoked"
    relay("restore", "bot", "--yes", "--secret-file", "f.key", check=0)
    assert decide(database, read_key(tmp_path / "f.key")) == "ok"
    assert relay.json("restore", "--org", "acme", "--confirm", "acme")["changed"] is False


def test_restore_obeys_the_limit_of_the_plan(relay, database, key, tmp_path):
    relay("revoke", "bot", check=0)
    relay("org", "update", "acme", "--max-agents", "1", check=0)
    relay("agent", "create", "crm", "--org", "acme", "--name", "CRM", "--secret-file", "crm.key", check=0)
    relay.error("restore", "bot", "--yes", "--secret-file", "f.key", check=6)
    assert not (tmp_path / "f.key").exists() and decide(database, key) == "revoked"


@pytest.mark.parametrize("words, code", [((), 2), (("bot", "--org", "acme"), 2), (("bot", "--confirm", "acme"), 2), (("bott",), 3), (("--org", "nope", "--confirm", "nope"), 3)])
def test_restore_of_the_wrong_thing(relay, key, words, code):
    sink = () if "--org" in words else ("--secret-file", "f.key")
    relay.error("restore", *words, "--yes", *sink, check=code)

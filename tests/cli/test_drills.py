"""Drills as a responder runs them, on a real terminal: from a pasted log to "dead and proven dead" in three commands; two
responders together."""

import base64
import threading


from support import tmux
from support.agents import decide, first_agent, key_id, read_key
from support.own_key import make_key
from support.prepared import prepared


@prepared
def key(relay, tmp_path):
    """The key of the agent `bot`, in organization acme."""
    made = first_agent(relay, tmp_path / "bot.key")
    relay("agent", "update", "bot", "--owner", "team ops", check=0)
    return made


@prepared
def other(relay, key, tmp_path):
    """The key of a second agent, `crm`."""
    relay("agent", "create", "crm", "--org", "acme", "--name", "CRM sync", "--secret-file", "crm.key", check=0)
    return read_key(tmp_path / "crm.key")


def paste_of(key, other):
    hidden = base64.b64encode(f"user:{other}".encode()).decode()
    return f"2026-11-30 INFO start\n\x1b[31mX-Api-Key: {key}\x1b[0m\nAuthorization: Basic {hidden}\nnoise {make_key()[:30]}...\n"


def test_from_a_pasted_log_to_proven_dead_in_three_commands(relay, database, key, other, tmp_path):
    (tmp_path / "paste").write_text(paste_of(key, other))
    with tmux.terminal(relay, f"relay-admin --dsn '{relay.dsn}' whois paste", columns=120) as pane:
        assert pane.finish() == 0
        text = "\n".join(pane.everything())
        assert "team ops" in text and key_id(other) in text and "next:  relay-admin" in text
    with tmux.terminal(relay, f"relay-admin --dsn '{relay.dsn}' revoke --scan paste --clean fresh --ticket INC-1", columns=120) as pane:
        pane.wait_for("Revoke 2 live keys permanently? [y/N]")
        pane.press("y", "Enter")
        assert pane.finish() == 0
        text = "\n".join(pane.everything())
        assert "fresh key of agent bot: fresh/bot.key" in text and "fresh key of agent crm: fresh/crm.key" in text
    with tmux.terminal(relay, f"relay-admin --dsn '{relay.dsn}' whois paste", columns=120) as pane:
        assert pane.finish() == 0
        lines = [line for line in pane.everything() if key_id(key) in line or key_id(other) in line]
        assert len(lines) >= 2 and all("revoked" in line for line in lines if "next:" not in line)
    assert decide(database, key) == decide(database, other) == "revoked"
    for agent in ("bot", "crm"):
        assert decide(database, read_key(tmp_path / "fresh" / f"{agent}.key")) == "ok"


def test_two_responders_with_the_same_log(relay, database, key, other, tmp_path):
    """Both revoke what they found, both give fresh keys: each agent ends with exactly one live key, and no file holds a dead one."""
    (tmp_path / "paste").write_text(paste_of(key, other))
    results = {}

    def respond(name):
        results[name] = relay("revoke", "--scan", "paste", "--clean", name, "--actor", name, "-o", "json")

    threads = [threading.Thread(target=respond, args=(name,)) for name in ("ana", "ben")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {result.code for result in results.values()} == {0}, results
    assert decide(database, key) == decide(database, other) == "revoked"
    for agent in ("bot", "crm"):
        files = [tmp_path / name / f"{agent}.key" for name in ("ana", "ben")]
        assert [decide(database, read_key(file)) for file in files if file.exists()] == ["ok"], results
    assert database.value("SELECT count(*) FROM relay.key_status WHERE status = 'active'") == 2


def test_two_responders_block_and_revoke_the_same_agent(relay, database, key):
    processes = [relay.start(*words, "--actor", name) for words, name in
                 ((("block", "bot"), "ana"), (("revoke", "bot"), "ben"), (("block", "bot", "--until", "1h"), "eve"), (("revoke", "--scan", "bot.key"), "joe"))]  # fmt: skip
    for process in processes:
        process.communicate(timeout=60)
    assert [process.returncode for process in processes] == [0, 0, 0, 0]
    assert decide(database, key) == "revoked"
    relay("unblock", "bot", "--yes", check=0)
    assert decide(database, key) == "revoked"

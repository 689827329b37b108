"""Gateways in Node and Python accept what relay-admin makes, and stop accepting what it ends."""

from support import gateways
from support.agents import first_agent, key_id, rotate
from support.processes import wait_until


def test_a_key_of_init_opens_and_tells_whose_it_is(gateway, key):
    decision = gateway.ask(key)
    assert decision == {
        "ok": True, "reason": "ok", "org_id": "acme", "agent_id": "bot", "permissions": [], "expires_at": None,
        "conditions": None,
    }  # fmt: skip


def test_a_gateway_that_just_starts_reads_the_key_file_as_it_is(language, database, relay, tmp_path):
    first_agent(relay, tmp_path / "bot.key")
    content = (tmp_path / "bot.key").read_bytes()
    assert gateways.check(language, database, content)["ok"] is True
    assert gateways.check(language, database, content + b"\n")["ok"] is True
    assert gateways.check(language, database, content + b"\n\n") == {"ok": False, "reason": "malformed"}


def test_permissions_come_with_the_decision(gateway, relay, tmp_path, key):
    named = ["--org-id", "acme", "--id", "payer", "--name", "Payment Processor"]
    permitted = ["--permissions", "stripe:create_payment,stripe:refund"]
    relay("agent", "create", *named, *permitted, "--secret-file", tmp_path / "payer.key", check=0)
    decision = gateway.ask((tmp_path / "payer.key").read_text())
    assert decision["agent_id"] == "payer"
    assert decision["permissions"] == ["stripe:create_payment", "stripe:refund"]


def test_revoke_ends_it(gateway, relay, key):
    assert gateway.reason(key) == "ok"
    relay("revoke", "bot", check=0)
    assert gateway.ask(key) == {
        "ok": False, "reason": "revoked", "org_id": None, "agent_id": None, "permissions": None, "expires_at": None,
        "conditions": None,
    }  # fmt: skip


def test_restore_brings_the_agent_back_with_a_fresh_key_only(gateway, relay, tmp_path, key):
    relay("revoke", "bot", check=0)
    relay("restore", "bot", "--yes", "--secret-file", tmp_path / "fresh.key", check=0)
    assert gateway.reason((tmp_path / "fresh.key").read_text()) == "ok"
    assert gateway.reason(key) == "revoked"


def test_block_is_a_pause(gateway, relay, key):
    relay("block", "bot", check=0)
    assert gateway.reason(key) == "blocked"
    relay("unblock", "bot", "--yes", check=0)
    assert gateway.reason(key) == "ok"


def test_a_block_may_end_by_itself(gateway, relay, key):
    relay("block", "bot", "--until", "5s", check=0)
    assert gateway.reason(key) == "blocked"
    wait_until(lambda: gateway.reason(key) != "blocked", step=0.1, what="the end of the block")
    assert gateway.reason(key) == "ok"


def test_a_blocked_organization_blocks_its_agents(gateway, relay, key):
    relay("block", "--org", "acme", "--confirm", "acme", check=0)
    assert gateway.reason(key) == "blocked"
    relay("unblock", "--org", "acme", "--yes", check=0)
    assert gateway.reason(key) == "ok"


def test_rotation_with_grace_accepts_both_keys(gateway, relay, tmp_path, database, key):
    new = rotate(relay, tmp_path / "new.key", "--grace", "24h")
    assert gateway.reason(new) == "ok"
    assert gateway.ask(new)["expires_at"] is None
    old = gateway.ask(key)
    assert old["ok"] is True and old["expires_at"] is not None
    left = database.value("SELECT extract(epoch FROM %s::timestamptz - now())", old["expires_at"])
    assert 24 * 3600 - 60 < left <= 24 * 3600


def test_rotation_without_grace_accepts_only_the_new_key(gateway, relay, tmp_path, key):
    new = rotate(relay, tmp_path / "new.key", "--grace", "0")
    assert gateway.reason(new) == "ok"
    assert gateway.reason(key) == "retired"


def test_grace_ends_on_the_clock_of_the_database(gateway, relay, tmp_path, key):
    new = rotate(relay, tmp_path / "new.key", "--grace", "5s")
    assert gateway.reason(key) == "ok"
    wait_until(lambda: gateway.reason(key) != "ok", step=0.1, what="the end of the grace")
    assert gateway.reason(key) == "expired"
    assert gateway.reason(new) == "ok"


def test_a_key_that_retires_on_first_use_of_the_next_one_works_until_then(gateway, relay, tmp_path, key):
    new = rotate(relay, tmp_path / "new.key", "--grace", "24h", "--retire-on-first-use")
    assert gateway.reason(key) == "ok"
    assert gateway.reason(new) == "ok"
    assert gateway.reason(key) == "retired"


def test_key_retire_ends_the_old_key_early(gateway, relay, tmp_path, key):
    new = rotate(relay, tmp_path / "new.key", "--grace", "24h")
    relay("key", "retire", key_id(key), "--yes", check=0)
    assert gateway.reason(key) == "retired"
    assert gateway.reason(new) == "ok"


def test_claims_must_match_when_they_are_made(gateway, relay, tmp_path, key):
    assert gateway.reason(key, agent_id="bot", org_id="acme") == "ok"
    assert gateway.reason(key, agent_id="other") == "agent_mismatch"
    assert gateway.reason(key, org_id="other") == "org_mismatch"
    assert gateway.reason(key, agent_id="", org_id="acme") == "agent_mismatch"
    assert gateway.reason(key, agent_id="BOT") == "agent_mismatch"


def test_one_agent_cannot_pass_for_another_of_the_same_org(gateway, relay, tmp_path, key):
    relay("agent", "create", "other", "--org", "acme", "--name", "Other", "--secret-file", tmp_path / "o.key", check=0)
    assert gateway.reason((tmp_path / "o.key").read_text(), agent_id="bot") == "agent_mismatch"


def test_a_key_that_nobody_made_is_unknown(gateway, key, foreign_key):
    assert gateway.reason(foreign_key) == "unknown_key"


def test_the_checks_come_in_their_order(gateway, relay, tmp_path, key):
    rotate(relay, tmp_path / "new.key", "--grace", "0")
    assert gateway.reason(key, agent_id="other", org_id="other") == "retired"
    relay("block", "bot", check=0)
    assert gateway.reason(key, agent_id="other") == "blocked"
    relay("revoke", "bot", check=0)
    assert gateway.reason(key, agent_id="other") == "revoked"
    assert gateway.reason((tmp_path / "new.key").read_text(), org_id="other") == "revoked"


def test_a_malformed_key_costs_no_query(gateway, database, key):
    typo = key[:-1] + ("A" if key[-1] != "A" else "B")
    assert gateway.ask(typo) == {"ok": False, "reason": "malformed"}
    assert database.value("SELECT count(*) FROM relay.auth_events WHERE action = 'auth_failed'") == 0

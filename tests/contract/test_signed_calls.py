"""Signed calls, as the database decides about them: proofs of API keys, nonces, policies, and what each records."""

import hashlib

import psycopg2
import pytest
from support.agents import digest, key_hash, key_id
from support.sampling import dice
from support.signed_calls import ANONYMOUS, LEGACY, SIGNED, SIGNER, gateway, policy, public_id, refusals, uses  # noqa: F401
from support.signing import message, proof, proof_of


# ---- proofs


def test_a_proof_is_accepted_as_its_key_would_be_and_gives_the_verifier(gateway, key):
    for _ in range(2):  # the first use, and the usual call
        found = gateway.signed(key, agent="bot", org="acme")
        assert (found["ok"], found["reason"], found["agent_id"], found["org_id"]) == (True, "ok", "bot", "acme")
        assert found["permissions"] == [] and bytes(found["verifier"]) == key_hash(key) and found["public_key"] is None
    assert gateway.bearer(key) == "ok"


def test_a_proof_is_the_one_of_any_message_and_key(database, key):
    """Against Python's HMAC: many keys and messages, also with every value of a byte."""
    random = dice("proofs")
    for _ in range(300):
        inner, over = random.randbytes(32), random.randbytes(32)
        verifier = hashlib.sha256(inner).digest()
        shown = proof_of(inner, over)
        assert database.value("SELECT relay.proves(%s, %s, %s)", verifier, over, shown) is True
        place, bit = random.randrange(32), 1 << random.randrange(8)
        for changed in range(3):
            parts = [bytearray(verifier), bytearray(over), bytearray(shown)]
            parts[changed][place] ^= bit
            assert database.value("SELECT relay.proves(%s, %s, %s)", *map(bytes, parts)) is False


@pytest.mark.parametrize("length", [0, 1, 31, 33, 64])
def test_a_proof_or_digest_of_another_length_is_malformed_before_anything_else(gateway, database, key, length):
    assert gateway.signed(key, shown=b"\0" * length)["reason"] == "malformed"
    found = gateway.one(SIGNED, key_id(key), b"\0" * length, proof(key, message()), gateway.now(-999), None, None, None)
    assert found["reason"] == "malformed" and found["verifier"] is None
    assert uses(database) == []


def test_the_order_of_the_checks(gateway, database, relay, key):
    wrong = b"\0" * 32
    assert gateway.signed(key, shown=wrong, at=gateway.now(-61))["reason"] == "too_old"
    assert gateway.signed(key, shown=wrong, at=gateway.now(90))["reason"] == "too_early"
    assert gateway.signed(key, shown=wrong)["reason"] == "bad_signature"
    assert gateway.signed(key, id_of="zzzzzzzzzzzz")["reason"] == "unknown_key"
    relay("block", "bot", check=0)
    assert gateway.signed(key, shown=wrong)["reason"] == "bad_signature"  # a stranger does not learn that it is blocked
    assert gateway.signed(key, agent="other")["reason"] == "blocked"
    relay("unblock", "bot", "--yes", check=0)
    assert gateway.signed(key, agent="other")["reason"] == "agent_mismatch"
    assert gateway.signed(key, org="other")["reason"] == "org_mismatch"


def test_a_wrong_signature_with_a_known_key_id_records_no_use(gateway, database, key):
    for change in ("key", "message"):
        shown = proof(key[:-1] + ("a" if key[-1] != "a" else "b"), message()) if change == "key" else proof(key, message("another"))
        assert gateway.signed(key, shown=shown)["reason"] == "bad_signature"
    assert uses(database) == []
    assert database.value("SELECT count(*) FROM relay.auth_events WHERE action = 'authenticated'") == 0
    assert refusals(database) == [("auth_failed", "bad_signature", "bot", key_id(key), 2)]


@pytest.mark.parametrize("at", [None, "infinity", "-infinity"])
def test_a_time_that_is_none_is_malformed(gateway, key, at):
    assert gateway.one(SIGNED, key_id(key), message(), proof(key, message()), at, None, None, None)["reason"] == "malformed"
    assert gateway.one(SIGNER, key_id(key), at, None, None, None)["reason"] == "malformed"


def test_the_window_is_that_of_the_policy_also_in_the_usual_call(gateway, database, key):
    assert gateway.signed(key)["ok"] and gateway.signed(key, at=gateway.now(-40))["ok"]
    narrow = policy(database, "window", "30s")
    assert gateway.signed(key, at=gateway.now(-40))["reason"] == "too_old"
    policy(database, "window", "300s", scope=("agent", "bot"))
    assert gateway.signed(key, at=gateway.now(-240))["ok"]
    assert narrow and gateway.signed(key, at=gateway.now(-310))["reason"] == "too_old"


@pytest.mark.parametrize("refuse", ["block bot", "block --org acme --confirm acme", "revoke bot", "rotate"])
def test_what_a_command_does_counts_at_the_next_signed_call(gateway, relay, key, tmp_path, refuse):
    assert gateway.signed(key)["ok"] and gateway.signed(key)["ok"]
    if refuse == "rotate":
        relay("rotate-key", "bot", "--grace", "0", "--secret-file", tmp_path / "new.key", check=0)
    else:
        relay(*refuse.split(), check=0)
    reason = {"block": "blocked", "revoke": "revoked", "rotate": "retired"}[refuse.split()[0]]
    found = gateway.signed(key)
    assert (found["ok"], found["reason"], found["agent_id"], found["verifier"]) == (False, reason, None, None)


def test_addresses_and_seats_count_for_signed_calls(gateway, relay, key, public_id):
    assert gateway.signed(key)["ok"] and gateway.accept(public_id)["ok"]
    relay("policy", "set", "--org", "acme", "--allow", "198.51.100.0/24", check=0)
    assert gateway.signed(key)["reason"] == "address_not_allowed" == gateway.signer(public_id)["reason"]
    assert gateway.signed(key, address="198.51.100.7")["ok"] and gateway.signer(public_id, address="198.51.100.7")["ok"]
    relay("org", "update", "acme", "--max-agents", "1", "--expect", "1", check=0)
    assert gateway.signer(public_id, address="198.51.100.8")["reason"] == "over_limit"


def test_bearer_and_signed_uses_are_told_apart_and_each_is_written_once_a_minute(gateway, database, key):
    gateway.bearer(key)
    assert [row["bearer_at"] for row in uses(database)] == [None]
    gateway.signed(key)
    (row,) = uses(database)
    assert row["bearer_at"] is not None and row["bearer_at"] < row["last_used_at"] and row["uses"] == 2
    database.execute("CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION $$written$$; END';"
                     "CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON relay.key_sightings FOR EACH ROW EXECUTE FUNCTION public.refuse()")  # fmt: skip
    for _ in range(3):
        assert gateway.bearer(key) == "ok" and gateway.signed(key)["ok"]
    database.execute("DROP TRIGGER refuse ON relay.key_sightings")
    assert uses(database) == [row]
    gateway.signed(key, address="192.0.2.9")
    assert str(uses(database)[-1]["bearer_at"]) == "-infinity" or database.value(
        "SELECT bearer_at = '-infinity' FROM relay.key_sightings WHERE ip_address = '192.0.2.9'")  # fmt: skip


# ---- nonces


@pytest.mark.parametrize("said", ["require_nonce yes", "signing required"])
def test_a_signed_request_is_accepted_once_where_nonces_are_needed(gateway, database, key, public_id, said):
    gateway.one("SELECT relay_api.acknowledge('here', next_cursor) FROM relay_api.changes_since(NULL)")
    at = gateway.now()
    assert gateway.accept(public_id, nonce=b"12345678", at=at)["ok"] and gateway.accept(public_id, nonce=b"12345678", at=at)["ok"]
    policy(database, *said.split())
    assert gateway.accept(public_id, nonce=b"abcdefgh", at=at)["ok"]
    before = uses(database)
    assert gateway.accept(public_id, nonce=b"abcdefgh", at=at)["reason"] == "replayed"
    assert gateway.accept(public_id, nonce=None)["reason"] == "malformed" == gateway.accept(public_id, nonce=b"1234567")["reason"]
    assert gateway.accept(public_id, nonce=b"another nonce", at=gateway.now(-70))["reason"] == "too_old"
    assert uses(database) == before
    assert ("auth_failed", "replayed", "signer", public_id, 1) in refusals(database)


def test_signing_required_needs_a_nonce_unless_someone_said_no(database, key):
    def nonce(agent="bot"):
        return database.value("SELECT require_nonce FROM relay_api.policy('acme', %s)", agent)

    required = policy(database, "signing", "required", scope=("platform", None))
    assert nonce() is True
    source = database.one("SELECT value, scope_kind, change_id FROM relay.policy_in_force('acme', 'bot') WHERE setting = 'require_nonce'")
    assert source == {"value": "yes", "scope_kind": "platform", "change_id": required}
    named = policy(database, "require_nonce", "no", scope=("agent", "bot"))
    assert nonce() is False
    database.execute("UPDATE relay.policy_changes SET lifted_at = now(), lifted_by = 'test' WHERE change_id = %s", named)
    assert nonce() is True
    policy(database, "signing", "bearer", scope=("agent", "bot"))
    assert nonce() is False


# ---- calls that must be signed


def test_without_a_signature_nothing_is_accepted_where_it_is_required(gateway, database, relay, key, public_id):
    database.execute("UPDATE relay.organizations SET auth_mode = 'optional'")
    database.execute("INSERT INTO relay.agents (agent_id, org_id, name, created_by) VALUES ('late', 'acme', 'L', 'test')")
    database.execute("INSERT INTO relay.legacy_migrations (deadline, opened_by) VALUES (now() + interval '1 day', 'test')")
    database.execute("INSERT INTO relay.legacy_agents (agent_id, org_id, imported_by) VALUES ('late', 'acme', 'test')")
    database.execute("UPDATE relay.legacy_agents SET migration_id = 1, wave = 1")
    calls = (lambda: gateway.bearer(key), lambda: gateway.one(LEGACY, "late")["reason"], lambda: gateway.one(ANONYMOUS, "late")["reason"])
    for _ in range(2):  # the second ones are usual calls
        assert [call() for call in calls] == ["ok", "ok", "unauthenticated"]
    tight = policy(database, "signing", "required", until=database.value("SELECT now() + interval '1 hour'"))
    assert [call() for call in calls] == ["signature_required"] * 3
    assert gateway.one("SELECT * FROM relay_api.authenticate(%s, %s, reports_uses => true)", key_id(key), digest(key))["reason"] == "signature_required"
    assert database.value("SELECT (relay.verify_key(%s, %s)).reason", key_id(key), digest(key)) == "signature_required"
    assert gateway.signed(key)["ok"] and gateway.signer(public_id)["ok"]
    assert gateway.one("SELECT signing FROM relay_api.policy('acme', 'bot')")["signing"] == "required"
    database.execute("UPDATE relay.policy_changes SET lifted_at = now(), lifted_by = 'test' WHERE change_id = %s", tight)
    assert [call() for call in calls] == ["ok", "ok", "unauthenticated"]


def test_an_agent_may_be_left_out_of_what_its_organization_requires(gateway, database, key):
    policy(database, "signing", "required")
    assert gateway.bearer(key) == "signature_required"
    policy(database, "signing", "either", scope=("agent", "bot"))
    assert gateway.bearer(key) == "ok"
    assert gateway.bearer(key) == "ok"
    policy(database, "signing", "required", scope=("platform", None), until=database.value("SELECT now() + interval '1 hour'"))
    assert gateway.bearer(key) == "signature_required"


def test_gateways_hear_of_it(gateway, database, key):
    before = database.value("SELECT COALESCE(max(seq), 0) FROM relay.key_changes")
    policy(database, "signing", "required", scope=("agent", "bot"))
    change = database.one("SELECT org_id, agent_id, change FROM relay.key_changes WHERE seq > %s", before)
    assert change == {"org_id": "acme", "agent_id": "bot", "change": "policy_changed"}


# ---- violations


def test_a_violation_is_recorded_folded_and_blocks_nothing(gateway, database, key, public_id):
    for _ in range(50):
        gateway.one("SELECT relay_api.report_violation(%s, 'bad_signature', '192.0.2.66', 'trace')", public_id)
    gateway.one("SELECT relay_api.report_violation('zzzzzzzzzzzz', 'digest_mismatch')")
    gateway.one("SELECT relay_api.report_violation(NULL, 'malformed')")
    assert refusals(database) == [("auth_failed", "bad_signature", "signer", public_id, 50),
                                  ("auth_failed", "digest_mismatch", None, "zzzzzzzzzzzz", 1),
                                  ("auth_failed", "malformed", None, None, 1)]  # fmt: skip
    assert database.value("SELECT count(*) FROM relay.auth_events WHERE reason = 'bad_signature'") <= 10
    assert gateway.signer(public_id)["ok"] and uses(database) == []
    for reason in ("ok", "", None, "x" * 10_000):
        with pytest.raises(psycopg2.errors.InvalidParameterValue):
            gateway.one("SELECT relay_api.report_violation(%s, %s)", public_id, reason)

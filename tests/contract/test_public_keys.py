"""Public keys that agents sign with, as the database decides about them: staged, confirmed by a use, replaced."""

import hashlib
from contextlib import closing

import psycopg2
import pytest
from support.agents import key_id
from support.signed_calls import BEARER, PUBLIC, SIGNED, add_public_key, gateway, public_id, refusals, uses  # noqa: F401
from support.signing import message, proof_of


def test_a_public_key_is_no_bearer_key_whoever_chose_it(gateway, database, key):
    """Anyone can register SHA-256(text) as a public key, and then show the text as a digest."""
    text = b"a text that someone knows"
    chosen = add_public_key(database, "trap", hashlib.sha256(text).digest(), state="active")
    assert gateway.one(BEARER, chosen, text, None)["reason"] == "unknown_key"
    assert gateway.one("SELECT * FROM relay_api.authenticate(%s, %s, reports_uses => true)", chosen, text)["reason"] == "unknown_key"
    assert database.value("SELECT (relay.verify_key(%s, %s)).reason", chosen, text) == "unknown_key"
    assert database.rows("SELECT * FROM relay.identify(%s, %s)", chosen, hashlib.sha256(text).digest()) == []
    # As the digest of a key, it would also make a proof.
    inner = text[:32].ljust(32)
    also = add_public_key(database, "trap", hashlib.sha256(inner).digest(), key="0123456789ac")
    assert gateway.one(SIGNED, also, message(), proof_of(inner, message()), gateway.now(), None, None, None)["reason"] == "unknown_key"


def test_the_signer_of_a_call_is_read_and_nothing_is_recorded(gateway, database, key, public_id):
    gateway.connection.set_session(readonly=True)  # so that any write would be an error
    found = gateway.signer(public_id, agent="signer", org="acme")
    assert (found["ok"], found["agent_id"], bytes(found["public_key"]), found["verifier"]) == (True, "signer", PUBLIC, None)
    assert found["report_now"] is True
    refused = {"agent_mismatch": {"agent": "bot"}, "org_mismatch": {"org": "zeta"}, "too_old": {"at": gateway.now(-70)}}
    for reason, claims in refused.items():
        answer = gateway.signer(public_id, **claims)
        assert (answer["ok"], answer["reason"], answer["agent_id"]) == (False, reason, None)
        # What says something about the agent is passed on after the signature was verified.
        assert (answer["public_key"] is None) == (reason == "too_old")
    assert gateway.signer(key_id(key))["reason"] == "unknown_key" == gateway.signer("zzzzzzzzzzzz")["reason"]
    assert uses(database) == [] and refusals(database) == []


def test_a_staged_public_key_that_never_signs_leaves_the_old_key(gateway, database, key):
    public = add_public_key(database, "bot", PUBLIC)
    for _ in range(3):
        assert gateway.signer(public)["ok"] and gateway.bearer(key) == "ok"
    gateway.one("SELECT relay_api.report_violation(%s, 'bad_signature')", public)
    states = dict(database.rows("SELECT key_id, state FROM relay.agent_keys")[0].items())
    assert states and {row["key_id"]: row["state"] for row in database.rows("SELECT key_id, state FROM relay.agent_keys")} == {
        key_id(key): "active", public: "staged"}  # fmt: skip
    assert database.rows("SELECT FROM relay.due_keys WHERE key_id = %s", public) == []


@pytest.mark.parametrize("grace", ["0", "1 hour"])
def test_the_first_accepted_request_confirms_a_public_key(gateway, database, key, grace):
    assert gateway.bearer(key) == "ok"
    public = add_public_key(database, "bot", PUBLIC, grace=grace)
    found = gateway.accept(public)
    assert (found["ok"], found["reason"], found["report_now"]) == (True, "ok", False)
    assert database.value("SELECT state FROM relay.agent_keys WHERE key_id = %s", public) == "active"
    old = database.one("SELECT * FROM relay.agent_keys WHERE key_id = %s", key_id(key))
    assert (old["state"], old["replaced_by"]) == ("retired" if grace == "0" else "retiring", public)
    assert gateway.bearer(key) == ("retired" if grace == "0" else "ok")
    events = database.rows("SELECT action, key_id, detail FROM relay.auth_events WHERE reason LIKE 'its %' ORDER BY event_id")
    rotated = events[-1]
    assert (rotated["action"], rotated["key_id"], rotated["detail"]["previous_key_id"]) == ("key_rotated", public, key_id(key))
    assert [event["action"] for event in events] == (["key_retired"] if grace == "0" else []) + ["key_rotated"]
    assert database.rows("SELECT FROM relay.auth_events WHERE reason = 'by SQL' AND action <> 'key_issued'") == []
    assert gateway.signer(public)["report_now"] is False
    assert database.value("SELECT change FROM relay.key_changes WHERE key_id = %s ORDER BY seq DESC LIMIT 1", key_id(key)) is not None


def test_a_rotation_in_flight_holds_up_no_signed_call_and_the_next_one_confirms(gateway, database, key, public_id):
    holder = database.connect()
    holder.autocommit = False
    with closing(holder), holder.cursor() as cursor:
        cursor.execute("SELECT FROM relay.agents WHERE agent_id = 'signer' FOR NO KEY UPDATE")
        assert gateway.accept(public_id)["ok"]
        assert database.value("SELECT state FROM relay.agent_keys WHERE key_id = %s", public_id) == "staged"
        holder.rollback()
    assert gateway.accept(public_id)["ok"]
    assert database.value("SELECT state FROM relay.agent_keys WHERE key_id = %s", public_id) == "active"


@pytest.mark.parametrize("what", ["replaced", "a later active key"])
def test_a_public_key_that_another_has_replaced_is_accepted_and_confirmed_never(gateway, database, key, public_id, what):
    if what == "replaced":
        database.execute("UPDATE relay.agent_keys SET replaced_by = %s WHERE key_id = %s", key_id(key), public_id)
    else:
        database.execute("INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, created_by)"
                         " VALUES ('abcdefghjkmn', 'signer', 'acme', sha256('x'), 'test')")  # fmt: skip
    assert gateway.accept(public_id)["ok"]
    assert database.value("SELECT state FROM relay.agent_keys WHERE key_id = %s", public_id) == "staged"
    assert gateway.signer(public_id)["report_now"] is False, "a gateway may keep the decision"


@pytest.mark.parametrize("settled", [True, False])
def test_an_earlier_staged_key_ends_only_if_its_store_has_settled(gateway, database, key, settled):
    database.execute(
        "INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, state, deliver_until, settle_until, created_by)"
        " VALUES ('abcdefghjkmn', 'bot', 'acme', sha256('x'), 'staged', now(), now() + make_interval(secs => %s), 'test')",
        0 if settled else 600,
    )
    public = add_public_key(database, "bot", PUBLIC)
    assert gateway.accept(public)["ok"]
    assert database.value("SELECT state FROM relay.agent_keys WHERE key_id = 'abcdefghjkmn'") == ("retired" if settled else "staged")


def test_a_use_by_signature_takes_the_agent_off_the_shared_secret(gateway, database, key, public_id):
    assert gateway.accept(public_id)["ok"]
    assert database.value("SELECT key_id FROM relay.proven_agents WHERE agent_id = 'signer'") == public_id


def test_a_public_key_is_registered_once_ever(database, key, public_id):
    for state in ("staged", "retired", "revoked"):
        database.execute("UPDATE relay.agent_keys SET state = %s, retired_at = CASE WHEN %s = 'retired' THEN now() END,"
                         " revoked_at = CASE WHEN %s = 'revoked' THEN now() END WHERE key_id = %s", state, state, state, public_id)  # fmt: skip
        assert database.value("SELECT relay.find_public_key(%s)", PUBLIC) == public_id
        with pytest.raises(psycopg2.errors.UniqueViolation):
            add_public_key(database, "bot", PUBLIC, key="0123456789ad")
    assert database.value("SELECT relay.find_public_key(%s)", b"\1" * 32) is None
    # Two API keys may have the same hash, as before: no one can choose it.
    assert database.value("SELECT count(*) FROM pg_index WHERE indexrelid = 'relay.agent_keys_public'::regclass AND indpred IS NOT NULL") == 1


P = 2**255 - 19
SMALL = [0, 1, P - 1,
         int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"),
         int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little")]  # fmt: skip


def is_public(database, value):
    return database.value("SELECT relay.is_public_key(%s)", value)


def test_points_of_small_order_are_refused_in_every_encoding(database, key):
    encodings = {(y + more).to_bytes(32, "little") for y in SMALL for more in (0, P) if y + more < 2**255}
    encodings |= {(P + n).to_bytes(32, "little") for n in range(19)}  # every number that is not reduced
    for value in sorted(encodings):
        signed = value[:31] + bytes([value[31] | 0x80])
        assert not is_public(database, value) and not is_public(database, signed), value.hex()
        with pytest.raises(psycopg2.errors.CheckViolation):
            add_public_key(database, "bot", value)
    for y in (2, 3, 4, P - 2, P - 3, 256, 257):
        value = y.to_bytes(32, "little")
        assert is_public(database, value) and is_public(database, value[:31] + bytes([value[31] | 0x80]))
    assert not is_public(database, b"\2" * 31) and not is_public(database, b"\2" * 33) and not is_public(database, b"")

"""Signed calls, as the database decides about them: proofs of API keys, public keys, and what each records."""

import hashlib
from contextlib import closing
from datetime import timedelta

import psycopg2
import pytest

from support.agents import digest, key_hash, key_id
from support.sampling import dice
from support.signing import message, proof, proof_of

SEEN_FROM = "192.0.2.1"
PUBLIC = bytes(range(32))  # the database stores it, and cannot verify with it
SIGNED = "SELECT * FROM relay_api.authenticate_signed(%s, %s, %s, %s, agent_id => %s, org_id => %s, ip_address => %s)"
SIGNER = "SELECT * FROM relay_api.signer(%s, %s, %s, %s, %s)"
ACCEPT = "SELECT * FROM relay_api.accept_signed(%s, %s, %s, %s)"
BEARER = "SELECT ok, reason FROM relay_api.authenticate(%s, %s, ip_address => %s)"
LEGACY = "SELECT ok, reason FROM relay_api.authenticate_legacy(%s)"
ANONYMOUS = "SELECT ok, reason FROM relay_api.authenticate_anonymous(%s, 'acme')"


class Gateway:
    def __init__(self, database):
        self.database = database
        self.connection = database.connect(user=database.gateway_login())
        self.connection.autocommit = True

    def one(self, sql, *parameters):
        with self.connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return dict(zip([column.name for column in cursor.description], cursor.fetchone(), strict=True))

    def now(self, seconds=0.0):
        return self.one("SELECT clock_timestamp() AS at")["at"] + timedelta(seconds=seconds)

    def signed(self, key, *, shown=None, over=None, at=None, agent=None, org=None, address=SEEN_FROM, id_of=None):
        return self.one(SIGNED, id_of or key_id(key), over or message(), proof(key, message()) if shown is None else shown, at or self.now(),
                        agent, org, address)  # fmt: skip

    def bearer(self, key, address=SEEN_FROM):
        return self.one(BEARER, key_id(key), digest(key), address)["reason"]

    def signer(self, public_id, *, at=None, agent=None, org=None, address=SEEN_FROM):
        return self.one(SIGNER, public_id, at or self.now(), agent, org, address)

    def accept(self, public_id, *, nonce=None, at=None, address=SEEN_FROM):
        return self.one(ACCEPT, public_id, nonce, at or self.now(), address)


@pytest.fixture
def gateway(database):
    made = Gateway(database)
    with closing(made.connection):
        yield made


@pytest.fixture
def public_id(database, key):
    """A second agent with a staged public key, and no other."""
    return add_public_key(database, "signer", PUBLIC)


def add_public_key(database, agent, public_key, *, key="0123456789ab", grace="0", state="staged"):
    database.execute("INSERT INTO relay.agents (agent_id, org_id, name, created_by) VALUES (%s, 'acme', 'A', 'test') ON CONFLICT DO NOTHING", agent)
    database.execute(
        "INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, hash_algorithm, state, confirm_grace, deliver_until, settle_until,"
        " created_by) VALUES (%s, %s, 'acme', %s, 'ed25519', %s, %s, now(), now(), 'test')", key, agent, public_key, state, grace)  # fmt: skip
    return key


def policy(database, setting, value, *, scope=("org", "acme"), until=None):
    return database.value(
        "INSERT INTO relay.policy_changes (scope_kind, scope_id, org_id, setting, value, until, actor)"
        " VALUES (%s, %s, %s, %s, %s, %s, 'test') RETURNING change_id",
        scope[0], scope[1], None if scope[0] == "platform" else "acme", setting, value, until)  # fmt: skip


def uses(database):
    """What the database has recorded of the uses of keys."""
    return database.rows("SELECT key_id, last_used_at, uses, bearer_at FROM relay.key_sightings ORDER BY 1, 2")


def refusals(database):
    rows = database.rows("SELECT action, reason, agent_id, key_id, sum(times) AS times FROM relay.recorded_events WHERE outcome = 'failed'"
                         " GROUP BY 1, 2, 3, 4 ORDER BY 1, 2")  # fmt: skip
    return [(row["action"], row["reason"], row["agent_id"], row["key_id"], row["times"]) for row in rows]


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


# ---- public keys


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

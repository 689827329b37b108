"""A gateway that asks the database about signed calls, and what the database has recorded of them."""

from contextlib import closing
from datetime import timedelta

import pytest

from .agents import digest, key_id
from .signing import message, proof

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

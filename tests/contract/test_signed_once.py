"""Of a signed request that reaches two gateways, one is accepted: in SQL, with the steps of both in the worst order. And schema verify finds each
right that signing added, if it is missing."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg2
import pytest

from support.processes import wait_until
from support.signed_calls import PUBLIC, Gateway, add_public_key, policy

NONCE = "SELECT ok, reason FROM relay_api.use_nonce(%s, %s, %s, '60 s')"
ROUNDS = 20


class ByProof:
    """A gateway that is shown a proof asks for the nonce itself, after the proof."""

    def __init__(self, database, key):
        self.agent, self.key = database.value("SELECT agent_id FROM relay.agent_keys"), key

    def ask(self, gateway, nonce, at):
        assert gateway.signed(self.key, at=at)["reason"] == "ok"
        return gateway.one(NONCE, self.agent, nonce, at)["reason"]


class ByPublicKey:
    """A gateway verifies the signature between the two calls."""

    def __init__(self, database, _):
        self.key_id = add_public_key(database, "signer", PUBLIC)

    def ask(self, gateway, nonce, at):
        assert gateway.signer(self.key_id, at=at)["public_key"] is not None
        return gateway.accept(self.key_id, nonce=nonce, at=at)["reason"]


@pytest.fixture(params=[ByProof, ByPublicKey])
def caller(request, database, key):
    return request.param(database, key)


@pytest.fixture
def gateways(database, caller):
    first, second = Gateway(database), Gateway(database)
    first.one("SELECT relay_api.acknowledge('here', next_cursor) FROM relay_api.changes_since(NULL)")
    policy(database, "require_nonce", "yes")
    with closing(first.connection), closing(second.connection):
        assert caller.ask(first, b"the first of all", first.now()) == "ok"  # a staged public key is confirmed with it
        yield first, second


def test_at_once_one_of_two_is_accepted(gateways, caller):
    together = threading.Barrier(2)

    def both(gateway, nonce, at):
        together.wait()
        return caller.ask(gateway, nonce, at)

    with ThreadPoolExecutor(2) as threads:
        for number in range(ROUNDS):
            at = gateways[0].now()
            answers = list(threads.map(lambda gateway, nonce=b"number %d" % number, at=at: both(gateway, nonce, at), gateways))
            assert sorted(answers) == ["ok", "replayed"]


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_the_second_waits_for_the_first_and_is_accepted_only_if_that_was_rolled_back(database, gateways, caller, end):
    first, second = gateways
    at = first.now()
    first.connection.autocommit = False
    assert caller.ask(first, b"open request", at) == "ok"
    with ThreadPoolExecutor(1) as thread:
        answer = thread.submit(caller.ask, second, b"open request", at)
        wait_until(lambda: database.value("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"),
                   what="the second to wait for the first")  # fmt: skip
        getattr(first.connection, end)()
        assert answer.result(30) == ("replayed" if end == "commit" else "ok")


RIGHTS = """
SELECT DISTINCT format('%s ON %s %s FROM %s', a.privilege_type, 'FUNCTION', p.oid::regprocedure, a.grantee::regrole) AS right
FROM pg_proc AS p CROSS JOIN aclexplode(p.proacl) AS a
WHERE a.grantee <> p.proowner AND p.oid::regproc::text = ANY (ARRAY['relay_api.authenticate_signed', 'relay_api.signer', 'relay_api.accept_signed',
    'relay_api.report_violation', 'relay.verify_signed', 'relay.is_public_key', 'relay.find_public_key', 'relay.is_narrowed', 'relay.claimed_agents'])
UNION
SELECT format('%s (%I) ON %s FROM %s', a.privilege_type, c.attname, c.attrelid::regclass, a.grantee::regrole)
FROM pg_attribute AS c CROSS JOIN aclexplode(c.attacl) AS a
WHERE (c.attrelid, c.attname) IN (('relay.agents'::regclass, 'owner_user_id'), ('relay.agent_keys'::regclass, 'confirm_grace'))
UNION
SELECT format('%s ON %s FROM %s', a.privilege_type, c.oid::regclass, a.grantee::regrole)
FROM pg_class AS c CROSS JOIN aclexplode(c.relacl) AS a
WHERE c.oid IN ('relay.guarded_calls'::regclass) AND a.grantee <> c.relowner
ORDER BY 1"""


def test_every_right_that_signing_added_appears_in_schema_verify(relay, database):
    rights = [row["right"] for row in database.rows(RIGHTS)]
    assert len(rights) >= 15
    relay("schema", "verify", check=0)
    for right in rights:
        database.execute(f"REVOKE {right}")
        found = relay("schema", "verify")
        assert found.code != 0, f"without {right}, schema verify finds nothing"
        database.execute(f"GRANT {right.replace(' FROM ', ' TO ')}")
    relay("schema", "verify", check=0)

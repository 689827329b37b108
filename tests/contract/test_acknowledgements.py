"""acknowledge cannot be lied to: an id belongs to the role that uses it, a cursor
of the future is refused, and ids are counted by role."""

import psycopg2
import psycopg2.errors
import pytest

from support.health import assert_found, one

FUTURE = "999999999999999999"


class Login:
    """A gateway's connection, as a login that is in relay_gateway and in nothing else."""

    def __init__(self, database, name):
        self.name = database.cluster.login(name, member_of="relay_gateway")
        self.connection = database.connect(user=self.name)
        self.cursor = self.run("SELECT next_cursor FROM relay_api.changes_since(NULL)")

    def run(self, sql, *parameters):
        with self.connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchone()[0]

    def catch_up(self):
        """Reads the feed to its end, as a gateway does that acts on each row."""
        with self.connection.cursor() as cursor:
            while True:
                cursor.execute("SELECT next_cursor FROM relay_api.changes_since(%s)", (self.cursor,))
                rows = cursor.fetchall()
                if not rows or rows[-1][0] == self.cursor:
                    return self.cursor
                self.cursor = rows[-1][0]

    def acknowledge(self, gateway, place=None):
        self.run("SELECT relay_api.acknowledge(%s, %s)", gateway, place or self.cursor)


@pytest.fixture
def honest(database, key):
    login = Login(database, "honest_gateway")
    yield login
    login.connection.close()


@pytest.fixture
def liar(database, key):
    login = Login(database, "lying_gateway")
    yield login
    login.connection.close()


def forget(database, seconds=61):
    """All gateways have been silent for so long."""
    database.execute(f"UPDATE relay.gateway_acks SET at = at - interval '{seconds} seconds'")


def beyond(place):
    """Cursors that lie about the future, made of an honest one: each part that could be claimed."""
    database_id, timeline, txid, seq, seen = place.split(".")
    return {
        "a later transaction": f"{database_id}.{timeline}.{FUTURE}.{FUTURE}.{FUTURE}:{FUTURE}:",
        "a later timeline": f"{database_id}.{int(timeline) + 1}.{FUTURE}.{FUTURE}.{FUTURE}:{FUTURE}:",
        "the next transaction": f"{database_id}.{timeline}.{int(seen.split(':')[1])}.1.{seen}",
    }


@pytest.mark.parametrize("lie", ["a later transaction", "a later timeline", "the next transaction"])
def test_a_cursor_beyond_the_present_is_refused(relay, honest, lie):
    with pytest.raises(psycopg2.errors.InvalidParameterValue, match="beyond the present"):
        honest.acknowledge("prod-1", beyond(honest.catch_up())[lie])
    honest.acknowledge("prod-1")
    assert relay.json("block", "bot", "--wait-ack", "1s", check=10)["items"][0]["gateways"]["missing"] == ["prod-1"]


def test_a_snapshot_that_shows_the_future_counts_for_nothing(relay, database, honest):
    """The place is honest, and the list of what was seen ahead of it is not."""
    database_id, timeline, txid, seq, _ = honest.catch_up().split(".")
    honest.acknowledge("prod-1", f"{database_id}.{timeline}.{txid}.{seq}.{FUTURE}:{FUTURE}:")
    assert relay.json("block", "bot", "--wait-ack", "1s", check=10)["items"][0]["gateways"]["complete"] is False
    honest.catch_up()
    honest.acknowledge("prod-1")
    assert relay.json("block", "bot", "--wait-ack", "5s", check=0)["items"][0]["gateways"]["complete"] is True


def test_a_transaction_that_is_open_cannot_have_been_seen(relay, database, honest):
    holder = database.connect(autocommit=False)
    with holder.cursor() as cursor:
        cursor.execute("INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor) VALUES ('agent', 'bot', 'block', 'x')")
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        open_one = cursor.fetchone()[0]
    database.execute("INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor) VALUES ('agent', 'y', 'block', 'x')")
    database_id, timeline, txid, seq, _ = honest.catch_up().split(".")
    honest.acknowledge("prod-1", f"{database_id}.{timeline}.{txid}.{seq}.{open_one + 1}:{open_one + 1}:")
    holder.commit()
    holder.close()
    assert relay.json("block", "bot", "--wait-ack", "1s", check=10)["items"][0]["gateways"]["missing"] == ["prod-1"]


def test_an_id_belongs_to_the_role_that_uses_it_while_it_is_live(relay, database, honest, liar):
    honest.acknowledge("prod-1")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="prod-1 is in use by role honest_gateway"):
        liar.acknowledge("prod-1")
    assert database.value("SELECT db_role FROM relay.gateway_acks") == honest.name
    assert_found(one(relay, "gateways"), "ok")
    relay("block", "bot", check=0)
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        liar.acknowledge("prod-1", liar.catch_up())
    assert relay.json("block", "bot", "--wait-ack", "1s", check=10)["items"][0]["gateways"]["acknowledged"] == 0


def test_doctor_says_when_an_id_changes_hands(relay, database, honest, liar):
    honest.acknowledge("prod-1")
    forget(database)
    liar.acknowledge("prod-1")
    item = one(relay, "gateways")
    assert_found(item, "warn", "prod-1", "from honest_gateway to lying_gateway")
    row = relay.json("gateway", "list")["items"][0]
    assert (row["db_role"], row["former_role"]) == (liar.name, honest.name) and row["changed_hands_at"]


def test_two_roles_that_claim_one_free_id_at_once_do_not_share_it(database, honest, liar):
    honest.connection.autocommit = False
    honest.acknowledge("prod-1")
    liar.connection.autocommit = True
    with liar.connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '300ms'")
    with pytest.raises(psycopg2.Error):
        liar.acknowledge("prod-1")
    honest.connection.commit()
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        liar.acknowledge("prod-1")
    assert database.value("SELECT db_role FROM relay.gateway_acks") == honest.name


def test_invented_ids_are_counted_by_role_and_have_an_end(relay, database, honest, liar):
    honest.acknowledge("prod-1")
    with liar.connection.cursor() as cursor:
        cursor.execute("SELECT count(relay_api.acknowledge('fake-' || g, %s)) FROM generate_series(1, 1000) AS g", (liar.cursor,))
    with pytest.raises(psycopg2.errors.ConfigurationLimitExceeded, match="1000 live gateway ids"):
        liar.acknowledge("one-more")
    liar.acknowledge("fake-7")
    honest.acknowledge("prod-2")
    relay("block", "bot", check=0)
    honest.catch_up()
    honest.acknowledge("prod-1")
    honest.acknowledge("prod-2")
    result = relay("block", "bot", "--wait-ack", "1s", "-o", "json", check=10)
    found = result.json()["items"][0]["gateways"]
    assert found["roles"] == [
        {"db_role": liar.name, "live": 1000, "acknowledged": 0},
        {"db_role": honest.name, "live": 2, "acknowledged": 2},
    ]
    assert f"2/1002 gateways in" in result.err and f"(role {liar.name}: 0/1000, role {honest.name}: 2/2)" in result.err


def test_a_block_that_the_feed_does_not_hold_is_acknowledged_by_nobody(relay, database, honest):
    honest.acknowledge("prod-1")
    database.execute("CREATE RULE swallow AS ON INSERT TO relay.key_changes DO INSTEAD NOTHING")
    result = relay("block", "bot", "--wait-ack", "5s", "-o", "json", check=10)
    assert result.json()["changed"] is True and "the change feed (relay.key_changes) took no row" in result.err
    assert "the change feed holds no row of this change" in result.err

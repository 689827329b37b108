"""Devices behind PgBouncer, and on a standby that is promoted: a rotation that a failover loses logs no one out."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg2
import pytest

from support.agents import first_agent
from support.cluster import Cluster
from support.database import Database, make_template
from support.devices import Contract
from support.pooler import PgBouncer
from support.relay import Runner


def test_many_devices_share_two_connections(database, key):
    with closing(database.connect(user=database.gateway_login())) as connection:
        devices = [Contract(connection).pair() for _ in range(8)]
    with PgBouncer(database, users=["postgres", database.gateway_login()], pool_size=2) as pool:

        def use(device):
            device_id, token = device
            with closing(database.connect(user=database.gateway_login(), host=pool.host, port=pool.port)) as connection:
                contract, before = Contract(connection), token
                for _ in range(10):
                    reason, following, _ = contract.refresh(device_id, token)
                    assert (reason, contract.refresh(device_id, token)[0]) == ("ok", "again")
                    before, token = token, following
                assert contract.refresh(device_id, before)[0] == "again"
                return contract.refresh(device_id, token)[0]

        with ThreadPoolExecutor(len(devices)) as clients:
            assert set(clients.map(use, devices)) == {"ok"}
    assert database.value("SELECT count(*) FROM relay.revocations") == 0


@pytest.fixture
def primary():
    with Cluster(name="primary") as running:
        yield running


@pytest.fixture
def database_to_lose(primary):
    return Database(primary, template=make_template(primary))


def test_a_standby_answers_only_what_changes_nothing(primary, database_to_lose, tmp_path):
    database = database_to_lose
    login = database.gateway_login()
    standby = primary.make_standby().wait_caught_up()
    with closing(standby.connect(database.name, user=login)) as connection:
        contract = Contract(connection)
        for call in (lambda: contract.refresh("abcdefghjkmn", "x"), contract.start, lambda: contract.redeem("abcdefghjkmn")):
            with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction, match="call [a-z_]+ on the primary"):
                call()
        assert contract.status("abcdefghjkmn") == "gone"


def test_after_a_failover_that_lost_a_rotation_the_token_before_works(primary, database_to_lose, home, tmp_path):
    database = database_to_lose
    first_agent(Runner(dsn=database.dsn(), home=home, cwd=tmp_path), tmp_path / "bot.key")
    login = database.gateway_login()
    standby = primary.make_standby().wait_streaming()
    with closing(database.connect(user=login)) as connection:
        contract = Contract(connection)
        device_id, kept = contract.pair()
        standby.wait_caught_up()
        standby.stop()
        _, lost, _ = contract.refresh(device_id, kept)
    primary.kill()
    standby.start()
    standby.promote()
    with closing(standby.connect(database.name, user=login)) as connection:
        contract = Contract(connection)
        assert contract.refresh(device_id, lost)[0] == "unknown_token"
        reason, following, _ = contract.refresh(device_id, kept)
        assert reason == "ok" and contract.refresh(device_id, following)[0] == "ok"

"""The test support itself: the proxy that cuts, swallows and delays."""

import os
import signal
import socket
import threading
import time

import psycopg2
import pytest

from support import processes
from support.cluster import Cluster
from support.database import Database
from support.proxy import AFTER, BEFORE, MIDDLE, Fault, Proxy, answer_to_commit, commit

SIMPLE_SESSION = ["F1 Startup", "F2 Query", "F3 Query", "F4 Query", "F5 Terminate"]


@pytest.fixture
def table(empty_database):
    empty_database.execute("CREATE TABLE t (n integer)")
    return empty_database


def insert(proxy, database, **more):
    """BEGIN, INSERT, COMMIT through the proxy."""
    connection = psycopg2.connect(proxy.dsn(database, **more))
    try:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO t VALUES (1)")
        connection.commit()
    finally:
        connection.close()


def rows(database):
    return database.value("SELECT count(*) FROM t")


@pytest.mark.parametrize("unix", [False, True])
def test_it_forwards_and_writes_down_every_message(cluster, table, unix):
    with Proxy(cluster.socket_path, unix=unix) as proxy:
        insert(proxy, table)
        processes.wait_until(lambda: len(proxy.sent("F")) == 5, what="the Terminate")
        assert [message.place for message in proxy.sent("F")] == SIMPLE_SESSION
        assert [message.sql for message in proxy.sent("F")][1:4] == ["BEGIN", "INSERT INTO t VALUES (1)", "COMMIT"]
        assert [message.name for message in proxy.sent("B")][-2:] == ["CommandComplete", "ReadyForQuery"]
        assert b"INSERT INTO t" in proxy.bytes_sent("F") and b"INSERT INTO t" not in proxy.bytes_sent("B")
    assert rows(table) == 1


def test_a_large_copy_passes_in_both_directions(cluster, table):
    with Proxy((cluster.tcp_host, cluster.port)) as proxy:
        connection = psycopg2.connect(proxy.dsn(table))
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO t SELECT generate_series(1, 50000)")
            cursor.execute("SELECT n FROM t")
            assert len(cursor.fetchall()) == 50000
        connection.close()


@pytest.mark.parametrize("how", ["fin", "rst"])
@pytest.mark.parametrize(("when", "stored"), [(BEFORE, 0), (MIDDLE, 0), (AFTER, 1)])
def test_a_cut_at_the_commit_is_exact(cluster, table, how, when, stored):
    with Proxy(cluster.socket_path, Fault(how, match=commit, when=when)) as proxy:
        with pytest.raises(psycopg2.Error):
            insert(proxy, table)
        assert proxy.fired == 1
        pid = proxy.backend_pid()
        processes.wait_until(lambda: not processes.is_alive(pid), what="the server's side to end")
        assert rows(table) == stored


def test_a_reset_is_seen_as_one_and_an_end_as_one(cluster):
    for how, error in (("rst", ConnectionResetError), ("fin", None)):
        with Proxy(cluster.socket_path, Fault(how, direction="F", number=1)) as proxy:
            client = socket.create_connection((proxy.host, proxy.port))
            client.settimeout(10)
            client.sendall(b"\0\0\0\x0f\0\3\0\0user\0\0\0")
            if error:
                with pytest.raises(error):
                    client.recv(1)
            else:
                assert client.recv(1) == b""
            client.close()


def test_the_answer_to_a_commit_can_be_lost_after_the_server_committed(cluster, table):
    with Proxy(cluster.socket_path, Fault("rst", match=answer_to_commit)) as proxy:
        with pytest.raises(psycopg2.OperationalError):
            insert(proxy, table)
    assert rows(table) == 1


def test_a_fault_is_for_one_connection_unless_said_otherwise(cluster, table):
    with Proxy(cluster.socket_path, Fault("fin", direction="F", number=2)) as proxy:
        with pytest.raises(psycopg2.OperationalError):
            insert(proxy, table)
        insert(proxy, table)
        assert proxy.accepted == 2
    with Proxy(cluster.socket_path, Fault("fin", direction="F", number=2, connection=None)) as proxy:
        for _ in range(2):
            with pytest.raises(psycopg2.OperationalError):
                insert(proxy, table)


@pytest.mark.parametrize(("action", "stored"), [("swallow", 1), ("deaf", 0)])
def test_a_network_that_swallows_answers_keeps_the_client_waiting(cluster, table, action, stored):
    with Proxy(cluster.socket_path, Fault(action, match=commit)) as proxy:
        client = threading.Thread(target=lambda: pytest.raises(psycopg2.Error, insert, proxy, table))
        client.start()
        processes.wait_until(lambda: proxy.fired == 1, what="the COMMIT to be met")
        processes.wait_until(lambda: rows(table) == stored, what="what the server does with it")
        client.join(0.5)
        assert client.is_alive() and rows(table) == stored
    client.join(60)
    assert not client.is_alive()


def test_silent_and_refusing_servers(cluster, table):
    with Proxy(cluster.socket_path) as proxy:
        proxy.mode = "silent"
        with pytest.raises(psycopg2.OperationalError, match="timeout expired"):
            insert(proxy, table, connect_timeout=2)
        proxy.mode = "refuse"
        with pytest.raises(psycopg2.OperationalError, match="closed"):
            insert(proxy, table)
        proxy.mode = "forward"
        insert(proxy, table)
    assert rows(table) == 1


def test_a_delay_delays(cluster, table):
    with Proxy(cluster.socket_path, Fault(0.4, match=commit)) as proxy:
        begin = time.monotonic()
        insert(proxy, table)
        assert time.monotonic() - begin >= 0.4


def test_a_backend_can_be_killed_while_its_commit_waits():
    with Cluster() as own:
        database = Database(own)
        database.execute("CREATE TABLE t (n integer)")
        with Proxy(own.socket_path) as proxy:

            def kill(_):
                os.kill(proxy.backend_pid(), signal.SIGKILL)
                processes.wait_until(lambda: not processes.is_alive(proxy.backend_pid()))

            proxy.faults.append(Fault(kill, match=commit))
            with pytest.raises(psycopg2.OperationalError):
                insert(proxy, database)
        database.wait_until_back()
        assert rows(database) == 0

"""The test support itself: clusters, logins, standbys."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psycopg2
import pytest

from support import initdb, kept, processes
from support.cluster import Cluster


def test_the_cluster_is_private_and_answers_on_socket_and_loopback(cluster):
    assert cluster.query("SHOW data_directory") == [(str(cluster.data),)]
    assert len(cluster.socket_path) < 100
    connection = cluster.connect(tcp=True)
    assert connection.info.host == "127.0.0.1"
    connection.close()


def test_a_database_of_a_test_is_its_own(cluster, empty_database):
    empty_database.execute("CREATE TABLE t (n integer)")
    empty_database.execute("INSERT INTO t VALUES (%s)", 7)
    assert empty_database.value("SELECT n FROM t") == 7
    assert empty_database.rows("SELECT n FROM t WHERE n > %s", 10) == []
    assert cluster.query("SELECT count(*) FROM pg_class WHERE relname = 't'") == [(0,)]


def test_a_password_login_is_really_asked_for_its_password():
    hba = ["host all with_password 127.0.0.1/32 scram-sha-256"]
    with Cluster(tcp=True, hba=hba) as own:
        own.login("with_password", password="hunter 2")
        with pytest.raises(psycopg2.OperationalError, match="password"):
            own.connect(user="with_password", tcp=True, password="wrong")
        own.connect(user="with_password", tcp=True, password="hunter 2").close()


def test_statements_are_in_the_log_when_asked():
    with Cluster(log_statements=True) as own:
        own.query("SELECT 'needle in the log'")
        assert "needle in the log" in own.log()


def test_a_kill_leaves_no_process_and_the_cluster_comes_back():
    with Cluster(settings={"fsync": "on"}) as own:
        own.query("CREATE TABLE kept (n integer)")
        session = own.connect()
        everyone = [own.process.pid, *processes.children_of(own.process.pid)]
        own.kill()
        assert not any(map(processes.is_alive, everyone))
        with pytest.raises(psycopg2.Error):
            session.cursor().execute("SELECT 1")
        own.start()
        assert own.query("SELECT count(*) FROM kept") == [(0,)]


def test_initdb_runs_once_for_a_build_tree(tmp_path, monkeypatch):
    """And again, if the process that ran it died before all was copied."""
    made = tmp_path / "made"
    made.mkdir()
    (made / "PG_VERSION").write_text("15\n")
    runs = []
    monkeypatch.setattr(initdb, "_initdb", lambda: runs.append(1) or made)
    monkeypatch.setenv("RELAY_BUILD_DIR", str(tmp_path))
    template = initdb.template.__wrapped__
    archive = template()
    assert template() == archive and archive.is_relative_to(tmp_path) and len(runs) == 1
    archive.rename(archive.with_suffix(".new"))
    (made / "PG_VERSION").write_text("16\n")
    kept.copy(template(), tmp_path / "copy")
    assert (tmp_path / "copy" / "PG_VERSION").read_text() == "16\n" and len(runs) == 2


def test_what_is_kept_is_made_again_for_another_program(tmp_path, monkeypatch):
    monkeypatch.setenv("RELAY_BUILD_DIR", str(tmp_path))
    made = tmp_path / "made"
    made.mkdir()
    runs = []
    for program in ("one", "one", "two"):
        kept.kept("data", lambda: runs.append(1) or made, made_from=program)
    assert len(runs) == 2


def test_nothing_is_left_when_the_test_process_is_killed(tmp_path):
    program = tmp_path / "victim.py"
    program.write_text(
        "import sys, time; sys.path.insert(0, sys.argv[1])\n"
        "from support import initdb; from support.cluster import Cluster\n"
        "c = Cluster().start()\n"
        "print(c.process.pid, c.folder, initdb.template(), flush=True); time.sleep(100)\n"
    )
    tests = str(Path(__file__).parents[1])
    without_build_tree = {**os.environ, "RELAY_BUILD_DIR": ""}
    victim = subprocess.Popen(
        [sys.executable, program, tests], stdout=subprocess.PIPE, text=True, env=without_build_tree
    )
    pid, folder, initdb_folder = victim.stdout.readline().split()
    assert processes.is_alive(int(pid))
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    victim.stdout.close()
    processes.wait_until(lambda: not processes.is_alive(int(pid)), what="the server to be stopped")
    processes.wait_until(lambda: not Path(folder).exists(), what="its folder to be removed")
    processes.wait_until(lambda: not Path(initdb_folder).exists(), what="the template to be removed")


def test_a_server_that_was_killed_leaves_no_shared_memory():
    with Cluster() as cluster:
        segment = (cluster.data / "postmaster.pid").read_text().splitlines()[6].split()[1]
        assert segment in shared_segments()
        cluster.kill()
        assert segment in shared_segments()
        assert list((cluster.data / "pg_dynshmem").iterdir()), "not in /dev/shm"
    assert segment not in shared_segments()


def shared_segments():
    return {line.split()[1] for line in Path("/proc/sysvipc/shm").read_text().splitlines()}


def test_a_commit_waits_for_a_dead_synchronous_standby_and_goes_on_when_it_is_back():
    with Cluster() as primary:
        primary.query("CREATE TABLE t (n integer)")
        standby = primary.make_standby(sync=True)
        primary.query("INSERT INTO t VALUES (1)")
        standby.wait_caught_up()
        assert standby.query("SELECT n FROM t") == [(1,)]

        standby.kill()
        late = threading.Thread(target=primary.query, args=("INSERT INTO t VALUES (2)",))
        late.start()
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        processes.wait_until(lambda: primary.query(waiting) == [(1,)], what="the COMMIT to wait for the standby")
        assert late.is_alive()
        assert primary.query("SELECT n FROM t") == [(1,)], "a commit in flight must not be visible"

        standby.start()
        late.join(60)
        assert not late.is_alive()
        assert primary.query("SELECT count(*) FROM t") == [(2,)]


def test_a_promoted_standby_takes_writes_and_waits_for_nobody():
    with Cluster() as primary:
        primary.query("CREATE TABLE t (n integer)")
        standby = primary.make_standby(sync=True)
        standby.wait_caught_up()
        with pytest.raises(psycopg2.Error, match="read-only"):
            standby.query("INSERT INTO t VALUES (1)")
        primary.kill()
        standby.promote()
        standby.query("INSERT INTO t VALUES (1)")
        assert standby.query("SELECT n FROM t") == [(1,)]


def test_databases_are_made_and_dropped_also_after_a_crash():
    with Cluster(settings={"restart_after_crash": "on"}) as own:
        own.create_database("one")
        own.kill()
        own.start()
        own.create_database("two", "one")
        session = own.connect("two")
        processes.kill(session.info.backend_pid)
        own.drop_database("one")
        assert own.has_database("two") and not own.has_database("one")
        session.close()

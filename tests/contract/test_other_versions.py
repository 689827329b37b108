"""The schema on other major versions of PostgreSQL than Debian's: made there, changed there, and restored there from here."""

import os
import subprocess
from pathlib import Path

import pytest

from support import initdb
from support.agents import first_agent
from support.binaries import built, postgres_bin, tool
from support.cluster import Cluster
from support.database import Database
from support.relay import Runner

SECONDS = 120
HERE = postgres_bin()


def binaries_of(major):
    """The servers are modules of npm, which cannot hold symbolic links: a script of each module makes them."""
    folder = Path(os.environ["RELAY_NODE_MODULES"]) / f"postgres-{major}"
    subprocess.run([tool("node"), "scripts/hydrate-symlinks.js"], cwd=folder, check=True, timeout=60)
    return folder / "native" / "bin"


@pytest.fixture
def server(request, monkeypatch, cluster):  # after the cluster of this machine's version
    monkeypatch.setenv("RELAY_PG_BIN", str(binaries_of(request.param)))
    postgres_bin.cache_clear()
    initdb.template.cache_clear()
    try:
        with Cluster() as running:
            assert running.query("SHOW server_version")[0][0].startswith(request.param)
            yield running
    finally:
        monkeypatch.undo()
        postgres_bin.cache_clear()
        initdb.template.cache_clear()


@pytest.mark.parametrize("server", ("13", "16", "17", "18"), indirect=True)
def test_a_new_schema_is_as_it_should_be(server, home, tmp_path):
    relay = Runner(dsn=Database(server).dsn(), home=home, cwd=tmp_path)
    relay("schema", "apply", check=0)
    assert relay.json("schema", "verify", check=0)["data"]["differences"] == []


@pytest.mark.parametrize("server", ("16", "17", "18"), indirect=True)
def test_a_faithful_restore_is_as_it_should_be(server, database, relay, home, tmp_path):
    first_agent(relay, tmp_path / "bot.key")
    dumped = subprocess.run([HERE / "pg_dump", "-d", database.dsn()], check=True, capture_output=True, timeout=120).stdout
    there = Database(server)
    restored = Runner(dsn=there.dsn(), home=home, cwd=tmp_path)
    load = [HERE / "psql", "-X", "-q", "-d", there.dsn()]
    subprocess.run(load, input=dumped, check=True, capture_output=True, timeout=120)
    restored("schema", "apply", "--repair", check=0)  # the groups, which belong to the server, and the policies that name them
    again = Database(server)
    subprocess.run([*load[:-1], again.dsn()], input=dumped, check=True, capture_output=True, timeout=120)
    faithful = restored.with_(dsn=again.dsn())
    assert faithful.json("schema", "verify", check=0)["data"]["differences"] == []
    assert faithful.json("agent", "show", "bot")["data"]["status"] == "active"


@pytest.mark.parametrize("server", ("13", "18"), indirect=True)
def test_each_change_is_noticed_there_too(server):
    environment = dict(os.environ, RELAY_TEST_DSN=f"host={server.host} port={server.port} user=postgres")
    subprocess.run([built("db_tests"), "--source-file=*/db/*drift_test.cpp"], env=environment, check=True, timeout=400)

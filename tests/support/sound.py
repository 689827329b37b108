"""A server as it should be in production, with the logins that it should have: `doctor` has nothing to report there."""

from contextlib import contextmanager

import pytest

from .cluster import Cluster
from .database import Database, make_template
from .relay import Runner

SETTINGS = {"full_page_writes": "on", "password_encryption": "scram-sha-256", "fsync": "off"}


def sound_cluster(**options):
    """Not started. All is as it should be except fsync, which would cost each new database seconds (see `durable`).
    These settings are not on the command line, so a test can change them with ALTER SYSTEM."""
    cluster = Cluster(name="sound", **options)
    for name in SETTINGS:
        cluster.settings.pop(name, None)
    with open(cluster.data / "postgresql.auto.conf", "a", encoding="utf-8") as conf:
        conf.writelines(f"{name} = '{value}'\n" for name, value in SETTINGS.items())
    return cluster


@contextmanager
def durable(cluster):
    """Until the end of the block, a crash would lose nothing."""
    cluster.query("ALTER SYSTEM SET fsync = on")
    cluster.reload()
    yield
    cluster.query("ALTER SYSTEM SET fsync = off")
    cluster.reload()


def sound_database(cluster):
    """A database with our schema on a server with a gateway's login."""
    database = Database(cluster, template=make_template(cluster))
    database.gateway_login()
    return database


def login(database, group, name=None):
    """The conninfo of a login in one group, or in none."""
    return database.dsn(user=database.cluster.login(name or f"a_{group}", member_of=[group] if group else ()))


@pytest.fixture(scope="module")
def server():
    """A sound server for the tests of a file."""
    with sound_cluster() as running:
        yield running


@pytest.fixture
def database(server):
    """A database with our schema on `server`."""
    made = sound_database(server)
    yield made
    made.drop()


@pytest.fixture
def relay(database, home, tmp_path):
    """As an auditor, the role that doctor asks for."""
    return Runner(dsn=login(database, "relay_auditor"), home=home, cwd=tmp_path)

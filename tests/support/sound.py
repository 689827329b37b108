"""A server as it should be in production, with the logins that it should have: where `doctor` finds nothing to say."""

from contextlib import contextmanager

from .cluster import Cluster
from .database import Database, make_template

SETTINGS = {"full_page_writes": "on", "password_encryption": "scram-sha-256", "fsync": "off"}


def sound_cluster(**options):
    """Not started. All is as it should be but for fsync, which would cost each new database seconds (see `durable`); what a test changes by
    ALTER SYSTEM counts, as these settings do not stand on the command line."""
    cluster = Cluster(name="sound", **options)
    for name in SETTINGS:
        cluster.settings.pop(name, None)
    with open(cluster.data / "postgresql.auto.conf", "a", encoding="utf-8") as conf:
        conf.writelines(f"{name} = '{value}'\n" for name, value in SETTINGS.items())
    return cluster


@contextmanager
def durable(cluster):
    """While it lasts a crash would lose nothing."""
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

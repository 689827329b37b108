"""A database of one test, on a cluster that many tests share."""

import contextlib
import datetime
import hashlib
import itertools
import os

import psycopg2
import psycopg2.extras

from . import binaries, initdb, kept, processes
from . import relay as relay_support
from .cluster import Cluster

_numbers = itertools.count(1)

GATEWAY_LOGIN = "gateway_login"
TEMPLATE = "relay_template"


def make_template(cluster):
    """The template database with the schema applied by the program under test; made once per cluster."""
    if TEMPLATE not in cluster.templates:
        if cluster.has_database(TEMPLATE):
            cluster.connect(TEMPLATE).close()  # leaves the file of cached catalogs, which a start removes, to the copies
        else:
            cluster.create_database(TEMPLATE)
            relay_support.Runner(dsn=cluster.dsn(TEMPLATE))("schema", "apply", check=0)
        cluster.templates.add(TEMPLATE)
    return TEMPLATE


def cluster_with_template(**options):
    """A cluster, not started, that has the template database already: all tests of one program share the work of making it."""
    return Cluster(data=_data_with_template() if kept.is_possible() else None, **options)


def _data_with_template():
    """The archive of a data folder with the template database."""
    program = binaries.relay_admin()
    seen = program.stat()
    today = datetime.datetime.now(datetime.timezone.utc).date()  # the schema makes the months of the audit trail from its day on
    with contextlib.ExitStack() as stack:

        def make():
            cluster = stack.enter_context(Cluster(name="template"))
            make_template(cluster)
            cluster.stop()
            return cluster.data

        name = f"template-{initdb.version()}-{os.geteuid()}-{hashlib.sha256(os.fsencode(program)).hexdigest()[:8]}"
        return kept.kept(name, make, made_from=f"{seen.st_mtime_ns} {seen.st_size} {today}\n")


class Database:
    """One database: its conninfo strings, its rows."""

    def __init__(self, cluster, *, template="template0"):
        self.cluster = cluster
        self.name = f"t{os.getpid()}_{next(_numbers)}"
        cluster.create_database(self.name, template)
        self._connection = None
        self.left = None  # what it begins with, and whether its test has the files of that: support/prepared.py
        self.has_files = False

    def dsn(self, **options):
        """A conninfo string; `user=`, `tcp=`, `password=` and further libpq keywords may be given."""
        return self.cluster.dsn(self.name, **options)

    def connect(self, **options):
        """A new psycopg2 connection; the caller closes it."""
        return self.cluster.connect(self.name, **options)

    def rows(self, sql, *parameters):
        """Returns all rows of a statement as dicts, run as superuser; keeps the connection, and makes it again after an
        error."""
        if self._connection is None or self._connection.closed:
            self._connection = self.connect()
        try:
            with self._connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
                cursor.execute(sql, parameters or None)
                return [dict(row) for row in cursor.fetchall()] if cursor.description else []
        except psycopg2.DatabaseError:
            if self._connection.closed:
                self._connection = None
            raise

    def one(self, sql, *parameters):
        """The only row as a dict; an error when there is not exactly one."""
        found = self.rows(sql, *parameters)
        assert len(found) == 1, f"{len(found)} rows instead of one from: {sql}"
        return found[0]

    def value(self, sql, *parameters):
        """The only value of the only row."""
        (value,) = self.one(sql, *parameters).values()
        return value

    def execute(self, sql, *parameters):
        """Runs a statement for its effect."""
        self.rows(sql, *parameters)

    def wait_until_back(self):
        """After a crash of the server: waits until this database answers again."""

        def answers():
            try:
                return self.rows("SELECT 1")
            except psycopg2.DatabaseError:
                return False

        processes.wait_until(answers, timeout=60, what=f"{self.name} to answer again")

    def gateway_login(self):
        """The login of a gateway, a member of relay_gateway only."""
        return self.cluster.login(GATEWAY_LOGIN, member_of="relay_gateway")

    def disconnect(self):
        """Ends the connection that `rows` has kept."""
        if self._connection is not None:
            self._connection.close()

    def drop(self):
        """Drops the database, and ends the sessions that are still connected."""
        self.disconnect()
        if self.cluster.is_running():
            self.cluster.drop_database(self.name)

"""A database of ten organizations that the tests of a file share, and a reader for one tenant."""

import pytest

from .database import Database, make_template
from .tenants import WAYS, read_for, settle

TENANT_LOGIN = "tenant_login"


@pytest.fixture(scope="module")
def database(cluster):
    """One database for all tests of this file: most only read. A test undoes its changes."""
    made = Database(cluster, template=make_template(cluster))
    yield made
    made.drop()


@pytest.fixture(scope="module")
def keys(database):
    """The keys of the hundred agents."""
    return settle(database)


@pytest.fixture
def tenant(database, keys):
    """A connection of a login that is a member of relay_tenant only."""
    connection = database.connect(user=database.cluster.login(TENANT_LOGIN, member_of="relay_tenant"))
    yield connection
    connection.close()


def ask(connection, sql, *parameters, org=None, way=WAYS[0]):
    """Returns the rows of a statement, read for `org` in its own transaction."""
    connection.autocommit = False
    try:
        with connection, connection.cursor() as cursor:
            if org is not None:
                read_for(cursor, org, way)
            cursor.execute(sql, parameters or None)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.autocommit = True


def owners(database):
    return {row["key_id"]: row["org_id"] for row in database.rows(
        "SELECT key_id, org_id FROM relay.agent_keys UNION ALL SELECT device_id, org_id FROM relay.devices"
        " UNION ALL SELECT pairing_id, org_id FROM relay.pairings")}

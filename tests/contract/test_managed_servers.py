"""A server on which no one is a superuser: what a login may not do has an advice that ends the error when it is followed."""

import re

import pytest

from support.database import Database
from support.other_versions import running
from support.relay import Runner

SECONDS = 120


@pytest.fixture(scope="module", params=("13", "16", "17", "18"))
def server(request):
    """A cluster with the master `one` of a provider: it may create roles and databases, but is not a superuser."""
    with running(request.param) as found:
        found.query("CREATE ROLE one LOGIN CREATEROLE CREATEDB")
        found.major = int(request.param)
        yield found


def database_of(server, owner):
    database = Database(server)
    server.query(f'ALTER DATABASE "{database.name}" OWNER TO {owner}')
    return database


def login(server, name, options=""):
    if not server.query("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,)):
        server.query(f"CREATE ROLE {name} LOGIN {options}")
    return name


def follow(server, database, error):
    """Runs the advised statements as the role that the advice names: a role, or one of a kind, which `one` is."""
    assert error["exit"] == 4 and error["sqlstate"] == "42501" and error["retryable"] is False, error
    who, statements = re.fullmatch(r"as (.*?), run: (.*)", error["next"]).groups()
    names = [name for name in re.split(r",? or ", who) if server.query("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,))]
    user = names[0] if names else "postgres" if "superuser" in who else "one"
    for statement in statements.split("; "):
        server.query(statement, dbname=database.name, user=user)


def ends_when_followed(server, database, user, *words, why, home):
    """The command is refused; after following its advices, at most three, it works. Returns how many there were."""
    relay = Runner(dsn=database.dsn(user=user), home=home)
    for count in range(4):
        result = relay(*words, "-o", "json")
        if result.code == 0:
            return count
        error = result.error()
        assert count > 0 or why in error["why"], error
        follow(server, database, error)
    raise AssertionError(error)


def installed(server, home):
    """A database in which `one` has applied the schema, so that the groups exist."""
    database = database_of(server, "one")
    Runner(dsn=database.dsn(user="one"), home=home)("schema", "apply", check=0)
    return database


def test_a_login_that_may_not_create_roles_says_which_ones_are_needed(server, home):
    """First, because it needs a server that has no groups yet."""
    user = login(server, "plain")
    assert not server.query("SELECT 1 FROM pg_roles WHERE rolname LIKE 'relay_%%'")
    database = database_of(server, user)
    assert ends_when_followed(server, database, user, "schema", "apply", why="may not create roles", home=home) == 1


def test_a_second_owner_joins_by_the_first_ones_grant(server, home):
    installed(server, home)
    user = login(server, "two", "CREATEROLE CREATEDB")
    database = database_of(server, user)
    count = ends_when_followed(server, database, user, "schema", "apply", why="two is not a member of relay_owner", home=home)
    assert count == (1 if server.major >= 16 else 0)  # until 15, CREATEROLE may grant every role, also to itself
    Runner(dsn=database.dsn(user=user), home=home)("schema", "status", check=0)


def test_the_owner_of_the_database_is_not_a_member(server, home):
    installed(server, home)
    user = login(server, "Data Owner".replace(" ", "_").lower())
    database = database_of(server, user)
    why = "is not a member of relay_owner"
    assert ends_when_followed(server, database, user, "schema", "apply", why=why, home=home) == 1


def test_a_member_of_the_owner_may_not_create_in_this_database(server, home):
    installed(server, home)
    user = login(server, "guest")
    server.query("GRANT relay_owner TO guest")
    database = database_of(server, "one")
    why = "may not create schemas in this database"
    assert ends_when_followed(server, database, user, "schema", "apply", why=why, home=home) == 1


def test_a_member_without_set(server, home):
    if server.major < 16:
        return  # each grant has options only since 16
    installed(server, home)
    user = login(server, "without_set")
    server.query("GRANT relay_owner TO without_set WITH SET FALSE")
    database = database_of(server, user)
    assert ends_when_followed(server, database, user, "schema", "apply", why="without SET", home=home) == 1


def test_a_member_that_does_not_inherit(server, home):
    database = installed(server, home)
    user = login(server, "aloof", "NOINHERIT")
    server.query("GRANT relay_provisioner TO aloof")
    why = "does not inherit its privileges"
    assert ends_when_followed(server, database, user, "org", "create", "acme", "--name", "Acme", why=why, home=home) == 1


@pytest.mark.parametrize("words", [("org", "list"), ("org", "create", "globex", "--name", "Globex")])
def test_a_login_in_no_group(server, home, words):
    database = installed(server, home)
    user = login(server, f"stranger_{words[1]}")
    why = "is in none of the groups"
    assert ends_when_followed(server, database, user, *words, why=why, home=home) == 1


def memberships(database, user, home, of):
    """The memberships of these logins that `schema verify` names; other tests leave more."""
    document = Runner(dsn=database.dsn(user=user), home=home).json("schema", "verify", check=None)
    found = [one["object"] for one in document["data"]["differences"]]
    return [line for line in found if line.startswith(tuple(f"membership of {name} " for name in of))]


def test_who_installed_another_database_of_the_server_is_no_difference(server, home):
    """The groups are of the whole server: `one` made them and joined relay_owner, `three` only applied the schema to its own."""
    installed(server, home)
    user = login(server, "three", "CREATEROLE CREATEDB")
    database = database_of(server, user)
    ends_when_followed(server, database, user, "schema", "apply", why="relay_owner", home=home)
    assert memberships(database, user, home, ("one", user)) == []
    intruder = login(server, "intruder", "CREATEROLE")
    server.query(f"GRANT relay_owner TO {intruder}")
    server.query(f"GRANT relay_gateway TO {intruder} WITH ADMIN OPTION")
    try:
        assert memberships(database, user, home, ("one", user, intruder)) == [
            "membership of intruder in relay_gateway with admin option",
            "membership of intruder in relay_owner",
        ]
    finally:
        server.query(f"REVOKE relay_owner, relay_gateway FROM {intruder}")


def test_the_first_owner_can_do_everything(server, home, tmp_path):
    database = installed(server, home)
    relay = Runner(dsn=database.dsn(user="one"), home=home, cwd=tmp_path)
    relay("init", "--org-id", "acme", "--org-name", "Acme", "--agent-id", "bot", "--agent-name", "Bot",
          "--secret-file", "k", check=0)  # fmt: skip
    relay("block", "bot", check=0)
    relay("schema", "status", check=0)

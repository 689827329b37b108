"""What an administrator has set with ALTER DATABASE or ALTER ROLE comes between us and our own settings in no command: each
setting in turn, and all that a session may change together."""

import pytest

from support.agents import decide, first_agent, read_key
from support.cluster import Cluster
from support.database import Database, make_template
from support.health import examine
from support.processes import wait_until
from support.relay import Runner, finish_terminal

HOSTILE = {
    "statement_timeout": "1ms",
    "lock_timeout": "1ms",
    "idle_in_transaction_session_timeout": "1ms",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "search_path": "evil, public",
    "row_security": "off",
    "client_min_messages": "error",
    "DateStyle": "SQL, DMY",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "standard_conforming_strings": "off",
    "backslash_quote": "off",
    "array_nulls": "off",
    "transform_null_equals": "on",
    "quote_all_identifiers": "on",
    "default_tablespace": "nowhere",
    "default_table_access_method": "nothing",
    "xmloption": "document",
    "enable_indexscan": "off",
}
EVIL = """
CREATE SCHEMA evil;
CREATE FUNCTION evil.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT '1999-01-01'::timestamptz $$;
CREATE TABLE evil.agent_keys (LIKE relay.agent_keys);
"""
# Whatever a session may change, turned to the value that is farthest from the usual one.
EVERY = """
SELECT name, CASE vartype WHEN 'bool' THEN CASE boot_val WHEN 'on' THEN 'off' ELSE 'on' END
                          WHEN 'enum' THEN (SELECT v FROM unnest(enumvals) AS v WHERE v <> boot_val ORDER BY v DESC LIMIT 1)
                          ELSE min_val END AS value, vartype
FROM pg_settings WHERE context = 'user' AND vartype IN ('bool', 'enum', 'integer', 'real') AND name NOT LIKE '%.%'
  AND name NOT IN ('exit_on_error', 'default_transaction_read_only', 'transaction_read_only', 'transaction_deferrable',
                   'transaction_isolation', 'synchronous_commit', 'ssl_renegotiation_limit', 'idle_session_timeout')
  AND boot_val IS NOT NULL ORDER BY name"""


@pytest.fixture(scope="module")
def server():
    with Cluster(name="settings") as running:
        yield running


@pytest.fixture
def database(server):
    made = Database(server, template=make_template(server))
    made.execute(EVIL)
    yield made
    made.drop()


@pytest.fixture
def relay(database, server, home, tmp_path):
    login = server.login("operator", member_of=("relay_provisioner", "relay_responder"))
    return Runner(dsn=database.dsn(user=login), home=home, cwd=tmp_path)


@pytest.fixture
def key(relay, database, tmp_path):
    return first_agent(relay, tmp_path / "bot.key")


def judged(relay):
    """How doctor judges each check, except those of the keys, which the test changes."""
    return {name: item["status"] for name, item in examine(relay).items() if not name.startswith("keys.")}


def works(relay, database, key, tmp_path):
    """The commands do what they say; returns the judgements of doctor."""
    assert [row["org_id"] for row in relay("org", "list", "-o", "jsonl", check=0).jsonl() if "org_id" in row] == ["acme"]
    new = tmp_path / "new.key"
    document = relay.json("rotate-key", "bot", "--grace", "1h", "--secret-file", new)
    assert document["changed"] is True and document["meta"]["at"] > "2026"
    assert decide(database, read_key(new)) == "ok" and decide(database, key) == "ok"
    assert relay.json("block", "bot", "--until", "2h", "--reason", "it's\\a \"test\"")["changed"] is True
    assert decide(database, key) == "blocked"
    assert database.value("SELECT until > now() + interval '119 minutes' AND reason = 'it''s\\a \"test\"' FROM relay.revocations") is True
    assert relay.json("unblock", "bot", "--yes")["changed"] is True
    assert decide(database, key) == "ok"
    assert database.value("SELECT count(*) FROM evil.agent_keys") == 0
    return set(judged(relay).items())


@pytest.mark.parametrize(
    "name, where",
    [(name, "DATABASE") for name in HOSTILE] + [(name, "ROLE") for name in ("statement_timeout", "lock_timeout", "search_path", "row_security")],
)
def test_no_setting_comes_in_between(server, relay, database, key, tmp_path, name, where):
    usual = judged(relay)
    target = f'DATABASE "{database.name}"' if where == "DATABASE" else "ROLE operator"
    alter = f"ALTER {target} SET {name} = {HOSTILE[name]}" if name == "search_path" else f"ALTER {target} SET {name} = '{HOSTILE[name]}'"
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(alter)
    connection.close()
    try:
        assert works(relay, database, key, tmp_path) == set(usual.items())
    finally:
        with server.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"ALTER {target} RESET {name}")
        connection.close()


@pytest.mark.parametrize("kind", ["bool", "enum", "integer", "real"])
def test_nor_do_all_that_a_session_may_change(server, relay, database, key, tmp_path, kind):
    usual = judged(relay)
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(EVERY)
        names = [(name, value) for name, value, vartype in cursor.fetchall() if vartype == kind]
        assert names
        for name, value in names:
            cursor.execute(f"ALTER DATABASE \"{database.name}\" SET {name} = '{value}'")
    connection.close()
    # doctor itself reports how new passwords are stored, and what is logged.
    reported = {"enum": {"server.passwords"}, "integer": {"server.logging"}}.get(kind, set())
    assert works(relay, database, key, tmp_path) - set(usual.items()) <= {(name, "warn") for name in reported}


def test_a_read_only_default_is_a_clear_refusal(server, relay, database, key, tmp_path):
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f'ALTER DATABASE "{database.name}" SET default_transaction_read_only = on')
    connection.close()
    assert relay("org", "list", check=0)
    for words in (("block", "bot"), ("rotate-key", "bot", "--secret-file", tmp_path / "new.key")):
        error = relay.error(*words, check=8)
        assert "read-only" in error["message"] and error["changed"] == "no"
    assert not (tmp_path / "new.key").exists() and decide(database, key) == "ok"


def test_a_session_that_ended_while_someone_typed_is_made_again(server, relay, database, key):
    """idle_session_timeout, or a restart: nothing had been sent in the new transaction."""
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE \"{database.name}\" SET idle_session_timeout = '200ms'")
    connection.close()
    session = relay.terminal("block", "--org", "acme", columns=250)
    session.expect_exact("Type acme to continue: ")
    ended = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND application_name = 'relay-admin'"
    wait_until(lambda: server.query(ended, (database.name,))[0][0] == 0, what="the session to be ended")
    session.sendline("acme")
    assert finish_terminal(session)[0] == 0 and decide(database, key) == "blocked"

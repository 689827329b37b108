"""Settings and time-outs of a database, a role or a session, hostile or not: none decides what a command does."""

import contextlib
import itertools
import os
import signal
import struct
import threading
import time
from pathlib import Path

import pytest
from support.agents import decide, first_agent, key_id, live_key_ids
from support.main_commands import whole_day
from support.prepared import prepared
from support.proxy import BACKEND, Fault, Proxy

EVIL = """
CREATE SCHEMA evil; GRANT ALL ON SCHEMA evil TO PUBLIC;
CREATE FUNCTION evil.bite() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'hijacked'; END $$;
CREATE FUNCTION evil.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT evil.bite(); SELECT timestamptz '1999-01-01' $$;
CREATE FUNCTION evil.set_config(text, text, boolean) RETURNS text LANGUAGE sql AS $$ SELECT evil.bite(); SELECT '' $$;
CREATE FUNCTION evil.current_setting(text) RETURNS text LANGUAGE sql AS $$ SELECT evil.bite(); SELECT '' $$;
CREATE FUNCTION evil.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS $$ SELECT evil.bite(); SELECT true $$;
CREATE FUNCTION evil.lower(text) RETURNS text LANGUAGE sql AS $$ SELECT evil.bite(); SELECT '' $$;
CREATE FUNCTION evil.sha256(bytea) RETURNS bytea LANGUAGE sql AS $$ SELECT evil.bite(); SELECT ''::bytea $$;
CREATE FUNCTION evil.decode(text, text) RETURNS bytea LANGUAGE sql AS $$ SELECT evil.bite(); SELECT ''::bytea $$;
CREATE FUNCTION evil.encode(bytea, text) RETURNS text LANGUAGE sql AS $$ SELECT evil.bite(); SELECT '' $$;
CREATE FUNCTION evil.same(text, text) RETURNS boolean LANGUAGE sql AS $$ SELECT evil.bite(); SELECT true $$;
CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.same);
CREATE TABLE evil.agents (agent_id text); CREATE TABLE evil.organizations (org_id text);
CREATE TABLE evil.agent_keys (key_id text);
"""

SETTINGS = {
    "search_path": "evil, pg_catalog", "DateStyle": "German, DMY", "IntervalStyle": "sql_standard",
    "TimeZone": "Asia/Kathmandu", "bytea_output": "escape",
    "standard_conforming_strings": "off", "extra_float_digits": "-15", "default_transaction_isolation": "serializable",
    "client_min_messages": "debug1",
    "synchronous_commit": "off", "idle_in_transaction_session_timeout": "1", "lock_timeout": "1", "row_security": "on",
    "client_encoding": "LATIN1",
    "transform_null_equals": "on", "quote_all_identifiers": "on", "backslash_quote": "on", "array_nulls": "off",
    "default_transaction_deferrable": "on",
}  # fmt: skip


@prepared
def hostile(database):
    database.execute(EVIL)
    return database


def set_all(database, where):
    for name, value in SETTINGS.items():
        values = ", ".join(f"'{part.strip()}'" for part in value.split(",")) if name == "search_path" else f"'{value}'"
        database.execute(f'ALTER {where} SET "{name}" = {values}')


@pytest.mark.parametrize("way", ["PGOPTIONS", "role", "database", "PG variables"])
def test_what_a_session_is_born_with_changes_nothing(hostile, relay, cluster, tmp_path, way):
    runner = relay
    login = cluster.login("settled", member_of="relay_provisioner")
    cluster.query(f"ALTER ROLE {login} RESET ALL")
    if way == "PGOPTIONS":
        options = " ".join(f"-c {name}={value.replace(' ', '')}" for name, value in SETTINGS.items())
        runner = relay.with_(env={"PGOPTIONS": options})
    elif way == "role":
        set_all(hostile, f"ROLE {login}")
        runner = relay.with_(dsn=hostile.dsn(user=login))
    elif way == "database":
        set_all(hostile, f'DATABASE "{hostile.name}"')
    else:
        runner = relay.with_(env={"PGCLIENTENCODING": "LATIN1", "PGTZ": "Asia/Kathmandu", "PGDATESTYLE": "German",
        "LC_ALL": "de_DE.UTF-8", "LANG": "tr_TR.UTF-8",
                                  "TZ": "Asia/Kathmandu", "PGAPPNAME": "x\x1b[31m", "PGTARGETSESSIONATTRS": "any",
                                  "LANGUAGE": "de"})  # fmt: skip
    assert decide(hostile, whole_day(runner, tmp_path)) == "ok"
    cluster.query(f"ALTER ROLE {login} RESET ALL")


def test_options_that_were_asked_for_in_the_connection_string_cannot_lead_elsewhere_either(hostile, relay, tmp_path):
    runner = relay.with_(dsn=hostile.dsn(options="-c search_path=evil,pg_catalog -c client_encoding=LATIN1"))
    assert decide(hostile, whole_day(runner, tmp_path)) == "ok"


def stutter(cluster, done):
    """Stops the server's processes for 2 ms again and again: a slow moment can come at any point of a statement."""
    children = Path(f"/proc/{cluster.process.pid}/task/{cluster.process.pid}/children")
    while not done.wait(0.0002):
        pids = [int(pid) for pid in children.read_text().split()]
        for number in (signal.SIGSTOP, signal.SIGCONT):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            time.sleep(0.002 if number == signal.SIGSTOP else 0)


@pytest.mark.parametrize("name", ["statement_timeout", "idle_in_transaction_session_timeout", "lock_timeout"])
def test_a_time_out_of_the_database_does_not_come_before_ours(relay, database, tmp_path, name):
    first_agent(relay, tmp_path / "bot.key")
    database.execute(f'ALTER DATABASE "{database.name}" SET {name} = \'1ms\'')
    done = threading.Event()
    stuttering = threading.Thread(target=stutter, args=(database.cluster, done))
    stuttering.start()
    try:
        for words in (["org", "list"], ["block", "bot"], ["unblock", "bot", "--yes"]) * 4:
            relay(*words, check=0)
    finally:
        done.set()
        stuttering.join()


# The words, and whether the first message leaves the transaction open, so that it is undone and tried again.
LATE = [
    (["org", "list"], True),
    (["block", "bot"], False),
    (["org", "update", "acme", "--name", "Other"], True),
    (["rotate-key", "bot", "--secret-file", "new.key"], True),
]


@pytest.mark.parametrize("words, undone", LATE, ids=[" ".join(words) for words, _ in LATE])
def test_a_time_out_that_is_reported_at_the_end_of_a_message_undoes_what_is_not_ended(relay, database, tmp_path, words, undone):
    """The server reports a statement_timeout that fires as a statement ends when it comes to what is next in the message."""
    key = first_agent(relay, tmp_path / "bot.key")
    fields = b"SERROR\0VERROR\0C57014\0Mcanceling statement due to statement timeout\0\0"
    cancelled = b"E" + struct.pack("!i", len(fields) + 4) + fields

    def cancel(_):
        proxy.pairs[0].client.sendall(cancelled)

    at_the_end = Fault(cancel, direction=BACKEND, match=lambda sent: sent.name == "ReadyForQuery" and next(ends) == 1)
    ends = itertools.count()  # the first one ends the login
    with Proxy(database.cluster.socket_path, at_the_end) as proxy:
        result = relay.with_(dsn=proxy.dsn(database))(*words, "--json", check=0)
        undoes = [sent for sent in proxy.sent(connection=1) if sent.name == "Query" and sent.sql == "ROLLBACK"]
    assert result.json()["changed"] is (words[1] != "list")
    assert (at_the_end.fired, bool(undoes)) == (1, undone)
    assert len(live_key_ids(database) - {key_id(key)}) == (words[0] == "rotate-key")


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "EUC_JP", "nonsense"])
def test_the_encoding_is_utf8_whatever_the_environment_says(relay, database, encoding):
    name = "\u00c4rzte \u6771\u4eac"
    runner = relay.with_(env={"PGCLIENTENCODING": encoding})
    runner("org", "create", "acme", "--name", name, check=0)
    assert database.value("SELECT name FROM relay.organizations") == name
    assert name in runner("org", "show", "acme", check=0).out


def test_a_session_that_may_only_read_is_refused_cleanly(relay, database):
    database.execute(f'ALTER DATABASE "{database.name}" SET default_transaction_read_only = on')
    error = relay.error("org", "create", "acme", "--name", "Acme", check=8)
    assert "read-only" in error["message"] and error["changed"] == "no"
    relay("org", "list", check=0)

"""block and unblock while others hold locks, beside other responders, and with few rights."""

import contextlib

import pytest

from support import processes
from support.agents import decide, first_agent, key_id
from support.devices import Contract
from support.prepared import prepared


@prepared
def key(relay, tmp_path):
    """The key of the agent `bot`, in organization acme."""
    return first_agent(relay, tmp_path / "bot.key")


def standing(database):
    return {row["subject_id"] for row in database.rows("SELECT * FROM relay.standing_revocations")}


def blocked_events(database):
    return database.value("SELECT count(*) FROM relay.auth_events WHERE action = 'agent_blocked'")


def hold(database, *statements):
    connection = database.connect(autocommit=False)
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    return connection


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM relay.agents WHERE agent_id = 'bot' FOR UPDATE",
        "SELECT * FROM relay.agent_keys WHERE agent_id = 'bot' FOR UPDATE",
        "SELECT * FROM relay.organizations FOR UPDATE",
        "UPDATE relay.agents SET name = 'held' WHERE agent_id = 'bot'",
        "LOCK TABLE relay.auth_events IN ROW EXCLUSIVE MODE",
        "SELECT * FROM relay.auth_events",
        "INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor) VALUES ('agent', 'bot', 'block', 'other')",
    ],
)
def test_a_block_waits_for_no_row_lock(relay, database, key, statement):
    holder = hold(database, statement)
    with processes.at_once():
        relay("block", "bot", check=0)
    assert decide(database, key) == "blocked"
    holder.close()


def test_a_lock_on_the_audit_log_holds_up_no_block(relay, database, key):
    holder = hold(database, "LOCK TABLE relay.auth_events IN SHARE MODE")
    process = relay.start("block", "bot", "-o", "json", "--reason", "leak")
    processes.wait_until(lambda: "bot" in standing(database), what="the block, which must not wait for the audit log")
    holder.rollback()  # in time for the row that follows
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and blocked_events(database) == 1, err
    assert decide(database, key) == "blocked"
    holder.close()


def test_an_audit_row_that_could_not_be_written_is_told(relay, database, key):
    holder = hold(database, "LOCK TABLE relay.auth_events IN SHARE MODE")
    result = relay("block", "bot", "-o", "json", "--reason", "leak", "--ticket", "INC-42", check=0)
    holder.close()
    document = result.json()
    assert document["changed"] is True and "cannot write the auth_events row" in document["warnings"][0]
    assert "committed; now reading" in result.err and "warning: cannot write the auth_events row" in result.err
    assert blocked_events(database) == 0 and decide(database, key) == "blocked"
    row = database.one("SELECT * FROM relay.revocations")
    assert (row["reason"], row["ticket"], row["db_role"]) == ("leak", "INC-42", "postgres")
    # The block that it did not lift can be lifted, with its row.
    relay("unblock", "bot", "--yes", check=0)
    assert database.value("SELECT count(*) FROM relay.auth_events WHERE action = 'agent_unblocked'") == 1


def test_a_lock_on_the_revocations_is_an_error_in_time(relay, database, key):
    holder = hold(database, "LOCK TABLE relay.revocations IN SHARE MODE")
    error = relay.error("block", "bot", check=8, timeout=40)
    assert "nothing was changed" in error["message"] and error["changed"] == "no" and error["retryable"] is True
    holder.close()
    assert standing(database) == set() and blocked_events(database) == 0


@pytest.mark.parametrize("mode", ["ACCESS EXCLUSIVE", "SHARE"])
@pytest.mark.parametrize("words", [("block", "bot"), ("revoke", "bot", "--yes"), ("block", "--org", "acme", "--confirm", "acme")], ids=" ".join)
def test_who_has_locked_the_revocations_is_named_at_once_and_the_change_follows_when_that_session_ends(relay, database, key, words, mode):
    """SHARE is the lock of CREATE INDEX."""
    holder = hold(database, "SET application_name = 'a report'", f"LOCK TABLE relay.revocations IN {mode} MODE")
    pid = holder.info.backend_pid
    process = relay.start(*words, "--timeout", "30s")
    line = process.stderr.readline().decode()
    assert "warning: nothing is changed yet" in line and f"session {pid} of role postgres (a report) holds" in line
    assert "on relay.revocations" in line and f"SELECT pg_terminate_backend({pid})" in line
    assert process.poll() is None, "it waits"
    database.execute(f"SELECT pg_terminate_backend({pid})")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert decide(database, key) == ("revoked" if words[0] == "revoke" else "blocked")
    assert database.value("SELECT count(*) FROM relay.auth_events WHERE action ~ '_(blocked|revoked)$'") == 1


def test_the_command_waits_for_the_revocations_no_longer_than_asked(relay, database, key):
    holder = hold(database, "LOCK TABLE relay.revocations IN ACCESS EXCLUSIVE MODE")
    assert relay.error("block", "bot", "--timeout", "3s", check=8, timeout=60)["changed"] == "no"
    holder.close()
    assert standing(database) == set()


# A block or revocation, and the table that says what there is of its kind.
SHUT_OUT = {
    "block bot": "agents",
    "block nosuch": "agents",
    "revoke bot": "agents",
    "block --org acme --confirm acme": "organizations",
    "revoke --key KEY": "agent_keys",
    "block --device DEVICE": "devices",
}


@pytest.mark.parametrize("line", SHUT_OUT)
def test_what_is_shut_out_waits_for_no_one_who_has_locked_its_table(relay, database, key, line):
    """Gateways that cache accept it meanwhile. An id that does not exist can be unblocked."""
    with contextlib.closing(database.connect(user=database.gateway_login())) as connection:
        device, _ = Contract(connection).pair()
    words = line.replace("KEY", key_id(key)).replace("DEVICE", device).split()
    subject = words[-1]
    holder = hold(database, "SET application_name = 'a report'", f"LOCK TABLE relay.{SHUT_OUT[line]} IN ACCESS EXCLUSIVE MODE")
    document = relay(*words, "-o", "json", check=0).json()
    (item,) = document["items"]
    assert document["changed"] is item["changed"] is True and item["known"] is None and item["result"] == "done"
    assert item["status"] == ("revoked" if words[0] == "revoke" else "blocked")
    (warning,) = document["warnings"]
    assert f"session {holder.info.backend_pid} of role " in warning and f"(a report) holds AccessExclusiveLock on relay.{SHUT_OUT[line]}" in warning
    assert subject in warning and "no one looked whether" in warning
    holder.rollback()
    holder.close()
    assert standing(database) == {subject}
    assert decide(database, key) == ("ok" if subject in ("nosuch", device) else item["status"])
    told = database.rows("SELECT * FROM relay.change_feed WHERE seq > 0 ORDER BY seq DESC LIMIT 1")
    assert subject in (told[0]["key_id"], told[0]["agent_id"], told[0]["org_id"]) and told[0]["kicks"] is True
    assert database.value("SELECT count(*) FROM relay.auth_events WHERE action LIKE '%%ed' AND %s IN (agent_id, org_id, key_id)"
                          " AND action ~ 'blocked|revoked'", subject) == 1  # fmt: skip
    if words[0] == "block":
        relay("unblock", *words[1:3], "--yes", check=0)


def test_an_id_that_can_be_looked_up_is(relay, database, key):
    """Although it is not the first attempt: the audit log is locked, and the table of agents is free."""
    holder = hold(database, "LOCK TABLE relay.auth_events IN SHARE MODE")
    document = relay("block", "bot", "nosuch", "-o", "json", check=7).json()
    holder.close()
    assert [(item["known"], item["result"], item["org_id"]) for item in document["items"]] == [(True, "done", "acme"), (False, "not_found", None)]
    assert standing(database) == {"bot"}


@pytest.mark.parametrize("words", [("block", "bot"), ("org", "update", "acme", "--name", "New")], ids=" ".join)
def test_the_session_that_holds_a_lock_is_named_and_can_be_ended(relay, database, key, words):
    tables = "relay.revocations" if words[0] == "block" else "relay.agents, relay.organizations"
    holder = hold(database, "SET application_name = 'a report'", f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE")
    pid = holder.info.backend_pid
    error = relay.error(*words, check=8, timeout=40)
    assert f"session {pid} of role " in error["why"] and "(a report) holds AccessExclusiveLock on relay." in error["why"]
    assert error["retryable"] is True and f"SELECT pg_terminate_backend({pid})" in error["next"]
    database.execute(f"SELECT pg_terminate_backend({pid})")
    relay(*words, check=0)
    holder.close()


def test_a_report_that_fails_does_not_undo_the_block(relay, database, key):
    """Here the role may block, but not read the data of the report."""
    database.execute("REVOKE SELECT ON relay.key_status FROM relay_responder")
    login = database.cluster.login("responder_login", member_of="relay_responder")
    result = relay.with_(dsn=database.dsn(user=login))("block", "bot", "-o", "json", check=0)
    document = result.json()
    assert document["changed"] is True and "reading the details failed" in document["warnings"][0]
    assert "warning: the command succeeded" in result.err and decide(database, key) == "blocked"


def test_two_responders_at_once_both_succeed(relay, database, key):
    relay("agent", "create", "crm", "--org", "acme", "--name", "CRM", "--secret-file", "crm.key", check=0)
    processes = [relay.start("block", "bot", "crm", "--actor", name) for name in ("ana", "ben", "eve", "joe")]
    for process in processes:
        process.communicate(timeout=60)
    assert [process.returncode for process in processes] == [0, 0, 0, 0]
    assert standing(database) == {"bot", "crm"}


def test_a_responder_needs_only_the_responder_role(relay, database, key):
    login = database.cluster.login("responder_login", member_of="relay_responder")
    responder = relay.with_(dsn=database.dsn(user=login))
    document = responder.json("block", "bot")
    assert document["changed"] is True and document["meta"]["db_role"] == login and document["items"][0]["keys"]
    assert responder.json("unblock", "bot", "--yes")["changed"] is True
    auditor = database.cluster.login("auditor_login", member_of="relay_auditor")
    relay.with_(dsn=database.dsn(user=auditor)).error("block", "bot", check=4)
    assert decide(database, key) == "ok"

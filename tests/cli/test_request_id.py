"""--request-id: a record of a request counts only if this login wrote it, for this organization and this agent."""

import psycopg2.errors
import pytest

from support.agents import decide, first_agent, key_id
from support.prepared import prepared

REQUEST = "22222222-2222-4222-8222-222222222222"
PARAMETERS = "rotate-key bot grace=1h if-older-than=- due-within=- retire-on-first-use=false force=false own-key=-"


@prepared
def key(relay, tmp_path):
    return first_agent(relay, tmp_path / "bot.key")


@prepared
def evil(relay, tmp_path, key):
    """The key of an agent of another organization."""
    relay("org", "create", "evil", "--name", "Evil", "--plan", "paid", check=0)
    relay("agent", "create", "bad1", "--org", "evil", "--name", "Bad", "--secret-file", tmp_path / "bad.key", check=0)
    return (tmp_path / "bad.key").read_text()


def login(database, group):
    return database.cluster.login(f"ci_{group}", member_of=f"relay_{group}")


def rotation(tmp_path, name="r.key"):
    return ("rotate-key", "bot", "--request-id", REQUEST, "--grace", "1h", "--secret-file", tmp_path / name)


def squat(database, user, squatted_key, parameters=PARAMETERS):
    connection = database.connect(user=user)
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO relay.operations (op_id, state, org_id, request_id, request, key_id) VALUES ('deadbeef', 'done', 'acme', %s, %s, %s)",
                (REQUEST, parameters, squatted_key),
            )
    finally:
        connection.close()


def test_the_parameters_are_as_this_test_writes_them(relay, database, key, tmp_path):
    relay(*rotation(tmp_path), check=0)
    assert database.value("SELECT request FROM relay.operations WHERE request_id IS NOT NULL") == PARAMETERS


def test_a_responder_cannot_claim_that_a_request_was_done(database, key):
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        squat(database, login(database, "responder"), key_id(key))


@pytest.mark.parametrize("whose", ["of another agent", "of this agent", "of nobody"])
def test_a_row_of_another_login_is_a_conflict(relay, database, key, evil, whose, tmp_path):
    named = {"of another agent": key_id(evil), "of this agent": key_id(key), "of nobody": None}[whose]
    squat(database, login(database, "provisioner"), named)
    error = relay.error(*rotation(tmp_path), check=5)
    assert "ci_provisioner" in error["message"] and error["changed"] == "no"
    assert not (tmp_path / "r.key").exists() and decide(database, key) == "ok"


def test_a_row_of_this_login_that_names_another_agent_is_a_conflict(relay, database, key, evil, tmp_path):
    squat(database, "postgres", key_id(evil))
    error = relay.error(*rotation(tmp_path), check=5)
    assert "bad1" in error["message"]
    assert not (tmp_path / "r.key").exists()


def test_the_own_request_again_is_no_conflict(relay, key, tmp_path):
    done = relay.json(*rotation(tmp_path))
    again = relay.json(*rotation(tmp_path, "again.key"))
    assert (done["changed"], again["changed"]) == (True, False) and not (tmp_path / "again.key").exists()
    assert again["data"]["key_id"] == done["data"]["key_id"]


def test_another_login_with_the_same_request_is_a_conflict(relay, database, key, tmp_path):
    relay(*rotation(tmp_path), check=0)
    other = relay.with_(dsn=database.dsn(user=login(database, "provisioner")))
    error = other.error(*rotation(tmp_path, "again.key"), check=5)
    assert "recorded by role postgres" in error["message"]

"""A deferred trigger that was made by hand undoes an act at COMMIT, after it was read back: the command does not call it done."""

import pytest

from support.agents import decide, first_agent, read_key
from support.prepared import prepared

DEFERRED = """CREATE FUNCTION public.undo() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN {change}; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER zz_undo AFTER {events} ON relay.{table} DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION public.undo()"""

UNDOES_A_BLOCK = {
    "deletes it": ("revocations", "INSERT", "DELETE FROM relay.revocations WHERE revocation_id = NEW.revocation_id"),
    "makes it another's": ("revocations", "INSERT", "UPDATE relay.revocations SET subject_id = 'other' WHERE revocation_id = NEW.revocation_id"),
    "lifts it": (
        "revocations",
        "INSERT",
        "UPDATE relay.revocations SET lifted_at = now(), lifted_by = 'hand' WHERE revocation_id = NEW.revocation_id AND subject_kind <> 'key';"
        "DELETE FROM relay.revocations WHERE subject_kind = 'key'",
    ),
    "at the end of any operation": ("operations", "INSERT", "DELETE FROM relay.revocations"),
}
BLOCKS_AGAIN = (
    "INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor) SELECT NEW.subject_kind, NEW.subject_id, NEW.kind, 'hand'"
)


@prepared
def key(relay, tmp_path):
    """The key of the agent `bot`, in organization acme."""
    return first_agent(relay, tmp_path / "bot.key")


def make(database, table, events, change):
    database.execute(DEFERRED.format(table=table, events=events, change=change))


def not_confirmed(relay, *words, doubts):
    """The command ends with exit 11, and its last lines say what may be so."""
    result = relay(*words, check=11)
    assert result.out == "" and "committed, but without effect" in result.err, result
    assert result.err.splitlines()[-len(doubts):] == [f"NOT CONFIRMED: {doubt}" for doubt in doubts]
    assert "nothing was changed" not in result.err and " verify" in result.err


@pytest.mark.parametrize("cause", UNDOES_A_BLOCK)
@pytest.mark.parametrize(
    "words, subject",
    [
        (("block", "bot"), "agent bot"),
        (("block", "bot", "--until", "2h"), "agent bot"),
        (("block", "nobody-yet", "--force"), "agent nobody-yet"),
        (("revoke", "bot"), "agent bot"),
        (("block", "--org", "acme", "--confirm", "acme"), "org acme"),
        (("revoke", "--org", "acme", "--confirm", "acme"), "org acme"),
        (("revoke", "--key", "KEY"), "key KEY"),
    ],
)
def test_what_is_undone_at_commit_is_not_called_blocked(relay, database, key, words, subject, cause):
    make(database, *UNDOES_A_BLOCK[cause])
    put = lambda text: text.replace("KEY", key[9:21])  # noqa: E731
    not_confirmed(relay, *map(put, words), doubts=[f"{put(subject)} may still be live"])
    # A revocation that was lifted is a cut-off for the keys from before it.
    assert decide(database, key) == ("revoked" if words[0] == "revoke" and cause == "lifts it" and words[1] != "--key" else "ok")


def test_json_says_that_something_was_committed(relay, database, key):
    make(database, *UNDOES_A_BLOCK["deletes it"])
    error = relay.error("block", "bot", check=11)
    assert (error["code"], error["changed"], error["retryable"]) == ("schema", "yes", False)


def test_a_found_key_that_is_still_alive_is_not_called_revoked(relay, database, key):
    make(database, *UNDOES_A_BLOCK["deletes it"])
    result = relay("revoke", "--scan", "-", stdin=f"x {key} y", check=11)
    assert result.err.splitlines()[-1] == f"NOT CONFIRMED: key {key[9:21]} may still be live"


def test_a_block_that_is_made_shorter_is_no_block(relay, database, key):
    make(database, "revocations", "INSERT", "UPDATE relay.revocations SET until = clock_timestamp() + interval '1 minute'")
    not_confirmed(relay, "block", "bot", "--until", "2h", doubts=["agent bot may still be live"])


def test_a_block_that_has_ended_on_time_is_no_error(relay, database, key):
    """Its row is there, however late the command reads it."""
    database.execute(
        "CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1.5); RETURN NULL; END $$;"
        "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON relay.revocations DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION public.slow()"
    )
    assert relay.json("block", "bot", "--until", "1s")["changed"] is True
    assert decide(database, key) == "ok"


def test_only_those_that_are_undone_are_in_doubt(relay, database, key):
    relay("agent", "create", "crm", "--org", "acme", "--name", "CRM", "--secret-file", "crm.key", check=0)
    make(database, "revocations", "INSERT", "DELETE FROM relay.revocations WHERE subject_id = 'crm'")
    not_confirmed(relay, "block", "bot", "crm", doubts=["agent crm may still be live"])
    assert decide(database, key) == "blocked"


def test_what_is_blocked_again_at_commit_is_not_called_unblocked(relay, database, key):
    relay("block", "bot", "--ticket", "T-1", check=0)
    relay("block", "--org", "acme", "--confirm", "acme", "--ticket", "T-1", check=0)
    make(database, "revocations", "UPDATE", BLOCKS_AGAIN)
    not_confirmed(relay, "unblock", "bot", "--yes", doubts=["agent bot may still be blocked"])
    not_confirmed(relay, "unblock", "--org", "acme", "--yes", doubts=["org acme may still be blocked"])
    relay("block", "bot", "--ticket", "T-2", "--until", "9d", check=0)
    database.execute("UPDATE relay.revocations SET ticket = 'T-2' WHERE lifted_at IS NULL")
    not_confirmed(relay, "unblock", "--ticket", "T-2", "--yes", doubts=["org acme may still be blocked", "agent bot may still be blocked"])


def test_what_is_revoked_again_at_commit_is_not_called_restored(relay, database, key, tmp_path):
    relay("revoke", "bot", check=0)
    relay("revoke", "--org", "acme", "--confirm", "acme", check=0)
    make(database, "revocations", "UPDATE", BLOCKS_AGAIN)
    not_confirmed(relay, "restore", "--org", "acme", "--confirm", "acme", doubts=["org acme may still be revoked"])
    database.execute("DROP TRIGGER zz_undo ON relay.revocations; DROP FUNCTION public.undo()")
    relay("restore", "--org", "acme", "--confirm", "acme", check=0)
    make(database, "revocations", "UPDATE", BLOCKS_AGAIN)
    not_confirmed(relay, "restore", "bot", "--yes", "--secret-file", tmp_path / "new.key", doubts=["agent bot may still be revoked"])
    assert decide(database, read_key(tmp_path / "new.key")) == "revoked"


def test_a_reading_that_fails_leaves_it_done(relay, database, key):
    """The block was read back before its COMMIT; that the report cannot be read is a warning."""
    database.execute("REVOKE SELECT ON relay.revocations FROM relay_responder")
    login = database.cluster.login("blind_responder", member_of="relay_responder")
    database.execute(f"GRANT SELECT ON relay.revocations TO {login}")
    make(database, "operations", "INSERT", f"REVOKE SELECT ON relay.revocations FROM {login}")
    result = relay.with_(dsn=database.dsn(user=login))("block", "bot", check=0)
    assert "the command succeeded, but could not be read back after its COMMIT: " in result.err and decide(database, key) == "blocked"

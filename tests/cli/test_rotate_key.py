"""rotate-key, run by a person at a terminal and by a script without one: the state of the old key, and where the new
key is."""

import re
import signal

import pytest

from support.agents import decide, digest, key_id, live_key_ids, read_key, rotate
from support.relay import finish_terminal
from support.rotation import keys, old  # noqa: F401

PROGRAM = "dev"  # a short test of the whole way
QUICK = True

UUID = "6f1c2d34-5a6b-4c7d-8e9f-0a1b2c3d4e5f"
FIELDS = {
    "org_id", "agent_id", "key_id", "secret", "delivered_to", "due_at", "expires_at", "previous", "ended", "confirmed",
    "unchanged_because",
}  # fmt: skip


def age(database, days):
    """Makes every key that many days older."""
    database.execute(
        "UPDATE relay.agent_keys SET created_at = created_at - make_interval(days => %s), due_at = due_at - make_interval(days => %s)",
        days, days,
    )  # fmt: skip


# --- what it does


def test_a_new_key_goes_to_its_file_and_the_old_one_works_for_a_day(relay, database, old, tmp_path):
    document = relay.json("rotate-key", "bot", "--secret-file", "new.key", "--reason", "schedule")
    new = read_key(tmp_path / "new.key")
    data = document["data"]
    assert document["kind"] == "AgentKeyRotation" and document["changed"] is True and document["dry_run"] is False
    assert set(data) == FIELDS
    assert (data["org_id"], data["agent_id"], data["key_id"]) == ("acme", "bot", key_id(new))
    assert data["secret"] is None and data["delivered_to"] == "file:new.key" and data["ended"] == []
    assert data["previous"]["key_id"] == key_id(old) and data["previous"]["status"] == "retiring"
    grace = database.value(
        "SELECT old.expires_at - new.created_at FROM relay.agent_keys old JOIN relay.agent_keys new ON new.key_id = old.replaced_by"
    )
    assert grace.total_seconds() == 24 * 3600
    assert decide(database, old) == "ok" and decide(database, new) == "ok"
    event = database.one("SELECT * FROM relay.auth_events WHERE action = 'key_rotated'")
    assert event["reason"] == "schedule" and event["key_id"] == key_id(new)
    assert document["meta"]["db_role"] == "postgres" and document["meta"]["actor"]


def test_a_person_reads_what_matters_and_no_secret(relay, old, tmp_path):
    result = relay("rotate-key", "bot", "--secret-file", "new.key", check=0)
    new = read_key(tmp_path / "new.key")
    for text in ("Agent ID:", "Key ID:", key_id(new), "written to new.key (mode 0600)", "Due:", f"{key_id(old)} works until 20"):
        assert text in result.out
    assert new not in result.out + result.err and old not in result.out + result.err


def test_the_seed_spelling_works(relay, old, tmp_path):
    relay("agent", "rotate-key", "--agent-id", "bot", "--secret-file", "new.key", check=0)
    assert read_key(tmp_path / "new.key")


def test_id_and_env_are_for_scripts(relay, old, tmp_path):
    made = relay("rotate-key", "bot", "--secret-file", "new.key", "-o", "env", check=0)
    new_id = key_id(read_key(tmp_path / "new.key"))
    assert made.out == f"AGENT_ID=bot\nKEY_ID={new_id}\nCHANGED=true\n"
    again = relay("rotate-key", "bot", "--if-older-than", "80d", "--secret-file", "none.key", "-o", "env", check=0)
    assert again.out == f"AGENT_ID=bot\nKEY_ID={new_id}\nCHANGED=false\n"
    ids = relay("rotate-key", "bot", "--if-older-than", "80d", "--secret-file", "none.key", "-o", "id", check=0)
    assert ids.out == new_id + "\n"


def test_secret_stdout_holds_the_secret_alone(relay, database, old):
    result = relay("rotate-key", "bot", "--secret-stdout", check=0)
    assert len(result.stdout) == 71 and decide(database, result.out) == "ok"
    assert key_id(result.out) in result.err and result.out not in result.err


def test_without_a_sink_and_a_terminal_nothing_is_touched(relay, database, old):
    result = relay("rotate-key", "bot", check=2)
    assert "--secret-file FILE" in result.err and len(keys(database)) == 1
    unreachable = relay.with_(dsn="host=/nowhere")
    assert "standard output is not a terminal" in unreachable("rotate-key", "bot", check=2).err


def test_a_terminal_is_shown_the_key_once(relay, database, old):
    session = relay.terminal("rotate-key", "bot")
    code, text = finish_terminal(session)
    found = set(re.findall(r"relay_sk_[0-9a-z]{12}_[0-9A-Za-z]{49}", text))
    assert code == 0 and len(found) == 1 and decide(database, found.pop()) == "ok"


def test_a_dry_run_changes_nothing(relay, database, old, tmp_path):
    document = relay.json("rotate-key", "bot", "--secret-file", "new.key", "--dry-run")
    assert document["dry_run"] is True and document["data"]["previous"]["key_id"] == key_id(old)
    assert len(keys(database)) == 1 and not (tmp_path / "new.key").exists() and decide(database, old) == "ok"
    assert database.value("SELECT count(*) FROM relay.auth_events WHERE action = 'key_rotated'") == 0


# --- not due


@pytest.mark.parametrize("flags", [("--if-older-than", "80d"), ("--due-within", "10d")])
def test_a_key_that_is_not_due_is_left_alone(relay, database, old, tmp_path, flags):
    result = relay("rotate-key", "bot", *flags, "--secret-file", "new.key", "-o", "json", check=0)
    assert result.json()["changed"] is False and result.json()["data"]["key_id"] == key_id(old)
    assert f"nothing changed: key {key_id(old)} is " in result.err
    assert not (tmp_path / "new.key").exists() and len(keys(database)) == 1
    assert database.value("SELECT count(*) FROM relay.operations") == 1  # that of init


@pytest.mark.parametrize("flags", [("--if-older-than", "80d"), ("--due-within", "10d")])
def test_a_key_that_is_due_is_rotated_once(relay, database, old, tmp_path, flags):
    age(database, 81)
    assert relay.json("rotate-key", "bot", *flags, "--secret-file", "new.key")["changed"] is True
    assert relay.json("rotate-key", "bot", *flags, "--secret-file", "again.key")["changed"] is False
    assert not (tmp_path / "again.key").exists() and decide(database, read_key(tmp_path / "new.key")) == "ok"


def test_a_daily_run_finds_its_file_of_the_last_time(relay, database, old, tmp_path):
    words = ("rotate-key", "bot", "--if-older-than", "80d", "--replace", "--secret-file", "old.key")
    assert relay.json(*words)["changed"] is False and read_key(tmp_path / "old.key") == old
    age(database, 81)
    assert relay.json(*words)["changed"] is True
    new = read_key(tmp_path / "old.key")
    assert new != old and decide(database, new) == "ok" and not (tmp_path / "old.key.new").exists()


@pytest.mark.parametrize("flags", [("--if-older-than", "80d"), ("--due-within", "10d")])
def test_a_reader_of_stdout_must_not_get_an_empty_secret(relay, old, flags):
    error = relay.error("rotate-key", "bot", *flags, "--secret-stdout", check=2)
    assert "--secret-stdout" in error["message"] and error["changed"] == "no"


# --- two live keys at most


def test_a_third_key_in_grace_is_refused(relay, database, old, tmp_path):
    second = rotate(relay, tmp_path / "2.key")
    error = relay.error("rotate-key", "bot", "--secret-file", "3.key", check=5)
    assert key_id(old) in error["message"] and "key retire" in error["next"] and error["changed"] == "no"
    assert not (tmp_path / "3.key").exists() and live_key_ids(database) == {key_id(old), key_id(second)}


@pytest.mark.parametrize("flags, ended", [(("--force",), 1), (("--grace", "0"), 2)])
def test_force_and_no_grace_say_what_they_end(relay, database, old, tmp_path, flags, ended):
    second = rotate(relay, tmp_path / "2.key")
    document = relay.json("rotate-key", "bot", *flags, "--secret-file", "3.key")
    third = read_key(tmp_path / "3.key")
    assert document["data"]["ended"] == [key_id(old), key_id(second)][:ended]
    assert decide(database, old) == "retired" and decide(database, third) == "ok"
    assert decide(database, second) == ("ok" if ended == 1 else "retired")


def test_first_use_of_the_new_key_ends_the_old_one(relay, database, old, tmp_path):
    new = rotate(relay, tmp_path / "new.key", "--retire-on-first-use")
    assert decide(database, old) == "ok"
    row = database.one("SELECT ok, reason FROM relay_api.authenticate(%s, %s, NULL, NULL, NULL, NULL)", key_id(new), digest(new))
    assert row == {"ok": True, "reason": "ok"}
    assert decide(database, old) == "retired" and decide(database, new) == "ok"


def test_a_key_that_was_meant_to_end_is_not_prolonged(relay, database, old, tmp_path):
    database.execute("UPDATE relay.agent_keys SET expires_at = now() - interval '1 hour'")
    assert "expired" in relay.error("rotate-key", "bot", "--secret-file", "new.key", check=5)["message"]
    rotate(relay, tmp_path / "new.key", "--force")
    assert live_key_ids(database) == {key_id(read_key(tmp_path / "new.key"))}


def test_the_old_key_never_outlives_its_own_end(relay, database, old, tmp_path):
    database.execute("UPDATE relay.agent_keys SET expires_at = now() + interval '1 hour'")
    before = database.value("SELECT expires_at FROM relay.agent_keys")
    new = rotate(relay, tmp_path / "new.key", "--grace", "90d")
    ends = {row["key_id"]: row["expires_at"] for row in keys(database).values()}
    assert ends == {key_id(old): before, key_id(new): before}


# --- no grace: a person is asked, a script is not


def test_a_script_kills_a_key_with_one_flag(relay, database, old, tmp_path):
    result = relay("rotate-key", "bot", "--grace", "0", "--secret-file", "new.key", check=0)
    assert decide(database, old) == "retired" and "ended now" in result.out


def start_asking(relay, *more):
    session = relay.terminal("rotate-key", "bot", "--grace", "0", "--secret-file", "new.key", *more)
    session.expect_exact("immediately. Continue? [y/N] ")
    return session


def test_a_person_who_says_yes_gets_it(relay, database, old):
    session = start_asking(relay)
    session.sendline("y")
    assert finish_terminal(session)[0] == 0 and decide(database, old) == "retired"


@pytest.mark.parametrize("answer", ["n", "", "j", "yep"])
def test_any_other_answer_declines(relay, database, old, tmp_path, answer):
    session = start_asking(relay)
    session.sendline(answer)
    code, text = finish_terminal(session)
    assert code == 13 and "nothing was changed" in text
    assert decide(database, old) == "ok" and not (tmp_path / "new.key").exists()


def test_ctrl_d_declines_and_ctrl_c_kills(relay, database, old):
    session = start_asking(relay)
    session.sendeof()
    assert finish_terminal(session)[0] == 13
    session = start_asking(relay)
    session.sendintr()
    assert finish_terminal(session)[0] == -signal.SIGINT
    assert decide(database, old) == "ok"


@pytest.mark.parametrize("flag", ["--yes", "--no-input"])
def test_who_says_so_is_not_asked(relay, database, old, flag):
    session = relay.terminal("rotate-key", "bot", "--grace", "0", "--secret-file", "new.key", flag)
    code, text = finish_terminal(session)
    assert code == 0 and "[y/N]" not in text and decide(database, old) == "retired"


# --- repeats


def test_a_repeated_request_tells_the_same_key_and_changes_nothing(relay, database, old, tmp_path):
    words = ("rotate-key", "bot", "--request-id")
    first = relay.json(*words, UUID, "--secret-file", "a.key")
    again = relay.json(*words, UUID.upper(), "--secret-file", "b.key")
    assert first["changed"] is True and again["changed"] is False
    assert again["data"]["key_id"] == first["data"]["key_id"] == key_id(read_key(tmp_path / "a.key"))
    assert again["meta"]["request_id"] == UUID and not (tmp_path / "b.key").exists()
    assert relay.error(*words, UUID, "--grace", "1h", "--secret-file", "c.key", check=5)["changed"] == "no"
    assert len(keys(database)) == 2


@pytest.mark.parametrize("text", ["x", "", UUID[:-1], UUID + "0", UUID.replace("-", "")])
def test_a_request_id_is_a_uuid(relay, old, text):
    relay.error("rotate-key", "bot", "--request-id", text, "--secret-file", "a.key", check=2)


# --- taking it back


def test_a_rotation_is_taken_back_while_the_old_key_works(relay, database, old, tmp_path):
    new = rotate(relay, tmp_path / "new.key")
    document = relay.json("rotate-key", "bot", "--revert")
    assert document["data"]["key_id"] == key_id(old) and document["data"]["ended"] == [key_id(new)]
    assert decide(database, old) == "ok" and decide(database, new) == "retired"
    assert keys(database)[key_id(old)]["expires_at"] is None
    relay.error("rotate-key", "bot", "--revert", check=5)


@pytest.mark.parametrize("flags", [("--grace", "1h"), ("--force",), ("--secret-stdout",), ("--request-id", UUID), ("--if-older-than", "1d")])
def test_revert_goes_alone(relay, old, flags):
    assert "--revert" in relay.error("rotate-key", "bot", "--revert", *flags, check=2)["message"]


# --- what is refused


@pytest.mark.parametrize(
    "words, fault",
    [
        (("rotate-key",), "AGENT"),
        (("rotate-key", "bot", "--agent-id", "other"), "other"),
        (("rotate-key", "bot", "--grace", "91d"), "90d"),
        (("rotate-key", "bot", "--grace", "90"), "--grace"),
        (("rotate-key", "bot", "--grace", "-1h"), "--grace"),
        (("rotate-key", "bot", "--if-older-than", "1d", "--due-within", "1d"), "--due-within"),
        (("rotate-key", "bot", "--grace", "0", "--retire-on-first-use"), "--retire-on-first-use"),
        (("rotate-key", "b\u043et"), "agent"),
        (("rotate-key", "bot", "bot2"), "bot2"),
        (("rotate-key", "bot", "--reason", "--force"), "--reason"),
    ],
)
def test_bad_lines_are_told_what_is_wrong(relay, database, old, words, fault):
    result = relay(*words, "--secret-file", "new.key", check=2)
    assert fault in result.err and len(keys(database)) == 1


def test_an_unknown_agent_is_named_with_those_that_are_close(relay, old):
    error = relay.error("rotate-key", "bott", "--secret-file", "new.key", check=3)
    assert "bott" in error["message"] and error["suggestions"] == ["bot"]


def test_a_revoked_agent_is_not_rotated_and_a_blocked_one_is(relay, database, old, tmp_path):
    relay("block", "bot", check=0)
    new = rotate(relay, tmp_path / "new.key", "--grace", "0")
    assert decide(database, new) == "blocked"
    relay("unblock", "bot", "--yes", check=0)
    assert decide(database, new) == "ok" and decide(database, old) == "retired"
    relay("revoke", "bot", check=0)
    error = relay.error("rotate-key", "bot", "--secret-file", "3.key", check=5)
    assert "relay-admin restore bot" in error["next"] and not (tmp_path / "3.key").exists()


def test_a_file_that_exists_is_kept(relay, database, old, tmp_path):
    error = relay.error("rotate-key", "bot", "--secret-file", "old.key", check=12)
    assert "old.key" in error["message"] and read_key(tmp_path / "old.key") == old and len(keys(database)) == 1


def test_a_role_without_rights_and_a_server_that_is_not_there(relay, database, old, tmp_path):
    login = database.cluster.login("auditor_login", member_of="relay_auditor")
    as_auditor = relay.with_(dsn=database.dsn(user=login))
    error = as_auditor.error("rotate-key", "bot", "--secret-file", "new.key", check=4)
    assert error["sqlstate"] == "42501"
    nobody = relay.with_(dsn="host=127.0.0.1 port=1 dbname=x connect_timeout=2")
    error = nobody.error("rotate-key", "bot", "--secret-file", "new.key", check=8)
    assert error["retryable"] is True and not (tmp_path / "new.key").exists()


def test_another_schema_version_is_told_apart(relay, database, old):
    database.execute("DELETE FROM relay.schema_migrations WHERE version = (SELECT max(version) FROM relay.schema_migrations)")
    error = relay.error("rotate-key", "bot", "--secret-file", "new.key", check=11)
    assert error["next"] == "relay-admin schema apply"


# --- at the same time


@pytest.mark.parametrize("flags", [(), ("--grace", "0")])
def test_two_at_once_leave_no_key_that_nobody_holds(relay, database, old, tmp_path, flags):
    for round_ in range(8):
        database.execute("UPDATE relay.agent_keys SET state = 'retired', retired_at = now() WHERE state = 'retiring'")
        names = [f"{round_}-{i}.key" for i in range(2)]
        processes = [relay.start("rotate-key", "bot", *flags, "--secret-file", name) for name in names]
        for process in processes:
            process.communicate(timeout=60)
        codes = sorted(process.returncode for process in processes)
        assert codes == ([0, 0] if flags else [0, 5])
        held = {key_id(read_key(path)) for path in tmp_path.glob("*.key")}
        live = live_key_ids(database)
        assert live <= held and len(live) == (1 if flags else 2)
        assert [name for name in names if (tmp_path / name).exists()] == [
            name for name, process in zip(names, processes) if process.returncode == 0
        ]


def test_each_line_of_stdout_is_json_in_jsonl_mode(relay, old):
    lines = relay("rotate-key", "bot", "--secret-file", "new.key", "-o", "jsonl", check=0).jsonl()
    assert [line["kind"] for line in lines] == ["AgentKeyRotation", "Summary"]

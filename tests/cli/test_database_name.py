"""The name of the database: set, shown by each write and by whoami, typed before a change that is wide or final."""

import json

import pytest
from support.a_change import WRITES, prepare
from support.prepared import prepared
from support.relay import finish_terminal

PROGRAM = "dev"  # prompts on real terminals


def play(scene):
    scene.read("config", "name")
    scene.write("config", "name", "eu-west", "--production")
    scene.read("config", "name")
    scene.fail(2, "config", "name", " blank")


@prepared
def key(relay, tmp_path):
    return prepare(relay, tmp_path)


@prepared
def named(relay, key):
    relay("config", "name", "eu-west", "--production", check=0)
    return relay


def label(relay):
    data = relay.json("config", "name")["data"]
    return data["database_name"], data["production"]


# --- setting it


def test_it_is_set_changed_and_kept(relay, database):
    assert label(relay) == (None, False)
    for words, expected in (
        (["eu-west"], ("eu-west", False)),
        (["--production"], ("eu-west", True)),
        (["eu-central"], ("eu-central", True)),  # a new name keeps the mark
        (["--no-production"], ("eu-central", False)),
        (["Grüße aus Köln", "--production"], ("Grüße aus Köln", True)),
        (["production database x", "--no-production"], ("production database x", False)),
    ):
        before = label(relay)
        dry = relay.json("config", "name", *words, "--dry-run")
        assert dry["changed"] is True and label(relay) == before
        done = relay.json("config", "name", *words)
        assert done["changed"] is True and label(relay) == expected
        assert (done["data"]["previous_name"], done["data"]["previous_production"]) == before
        assert relay.json("config", "name", *words)["changed"] is False
    assert database.value("SELECT count(*) FROM relay.auth_events WHERE action = 'database_named'") == 6


def test_the_database_writes_the_event(relay, database):
    relay("config", "name", "eu-west", "--actor", "ana", "--ticket", "CHG-7", "--reason", "new region", check=0)
    database.execute("SELECT relay.name_database('by-hand', true, 'bo')")
    events = database.rows(
        "SELECT actor, ticket, reason, db_role, detail ->> 'name' AS name,"
        " detail ->> 'comment_before' AS before FROM relay.auth_events"
        " WHERE action = 'database_named' ORDER BY event_id"
    )
    assert [tuple(event.values()) for event in events] == [
        ("ana", "CHG-7", "new region", "postgres", "eu-west", None),
        ("bo", None, None, "postgres", "by-hand", "database eu-west"),
    ]
    assert label(relay) == ("by-hand", True)


@pytest.mark.parametrize("name", ["", " x", "x ", "a\nb", "a\u202eb", "x" * 64, "ü" * 32])
def test_a_name_that_cannot_be_typed_is_refused(relay, database, name):
    relay("config", "name", name, check=2)
    assert label(relay) == (None, False)


def test_a_mark_needs_a_name(relay):
    error = relay.error("config", "name", "--production", check=5)
    assert "no name yet" in error["message"] and error["next"]
    relay.error("config", "name", "x", "--production", "--no-production", check=2)


def test_another_comment_is_not_overwritten(relay, database):
    database.execute("COMMENT ON SCHEMA relay IS 'ask team blue first'")
    assert label(relay) == (None, False)
    error = relay.error("config", "name", "eu-west", check=5)
    assert "ask team blue first" in error["message"] and "COMMENT ON SCHEMA relay IS NULL" in error["next"]


@pytest.mark.parametrize("group", ["relay_provisioner", "relay_responder", "relay_auditor", "relay_gateway", "relay_tenant", None])
def test_each_login_reads_it_and_provisioners_set_it(relay, named, database, group):
    login = database.cluster.login(f"named_{group or 'nobody'}", member_of=[group] if group else ())
    other = relay.with_(dsn=database.dsn(user=login))
    who = other.json("whoami")
    assert (who["data"]["database_name"], who["data"]["production"]) == ("eu-west", True) and label(other) == ("eu-west", True)
    may = group == "relay_provisioner"
    result = other("config", "name", "other", "-o", "json")
    assert (result.code == 0) is may and (label(relay) == (("other", True) if may else ("eu-west", True)))
    assert may or result.code in (4, 11)


# --- showing it


@pytest.mark.parametrize("name", [name for name in WRITES if name != "config name"])
def test_each_write_shows_it(named, name):
    words, _ = WRITES[name]
    for dry in (["--dry-run"], []):
        document = named.json(*name.split(), *words, *dry)
        assert document["meta"]["database"] == {"name": "eu-west", "production": True}


def test_people_see_it_beside_the_result(named, relay):
    told = named("org", "update", "acme", "--name", "New", check=0)
    assert "database: eu-west (production)\n" in told.err and "eu-west" not in told.out
    assert "eu-west" not in named("org", "list", check=0).err, "a read changes nothing"
    assert "eu-west (production)" in named("whoami", check=0).out
    named("config", "name", "--no-production", check=0)
    assert "database: eu-west\n" in named("org", "update", "acme", "--name", "Newer", check=0).err


def test_a_document_says_whether_a_database_was_asked(relay, named):
    for words in (["org", "list"], ["schema", "status"], ["schema", "verify"], ["whoami"]):
        assert named.json(*words)["meta"]["database"] == {"name": "eu-west", "production": True}, words
        summary = named(*words, "-o", "jsonl", check=0).jsonl()[-1]
        assert summary["meta"]["database"]["name"] == "eu-west"
    for words in (["version"], ["config", "show"]):
        assert named.json(*words)["meta"]["database"] is None, words


def test_a_database_without_a_name_without_our_schema_and_with_an_older_one(relay, empty_database):
    bare = relay.with_(dsn=empty_database.dsn())
    unnamed = {"name": None, "production": False}
    assert bare.json("whoami")["meta"]["database"] == unnamed
    result = bare("schema", "apply", "-o", "json", check=0)
    assert result.json()["meta"]["database"] == unnamed and "database:" not in result.err
    bare("config", "name", "old one", check=0)
    empty_database.execute("DELETE FROM relay.schema_migrations WHERE version = (SELECT max(version) FROM relay.schema_migrations)")
    assert json.loads(bare("schema", "status", "-o", "json").out)["meta"]["database"]["name"] == "old one"
    assert bare.json("whoami")["data"]["database_name"] == "old one"


# --- typing it


WIDE = {
    "block org": (["block", "--org", "acme"], "acme"),
    "revoke org": (["revoke", "--org", "acme"], "acme"),
    "deny all": (["migrate-legacy", "abort", "--deny-all"], "legacy-off"),
}


@pytest.mark.parametrize("name", WIDE)
@pytest.mark.parametrize("typed, code", [("eu-west", 0), ("eu-wset", 13), ("", 13), ("acme", 13)])
def test_a_wide_change_needs_the_name_too(named, database, name, typed, code):
    words, first = WIDE[name]
    session = named.terminal(*words, columns=250)
    session.expect_exact("database: eu-west (production)")
    session.expect_exact(f"Type {first} to continue: ")
    session.sendline(first)
    session.expect_exact("Type eu-west, the name of the database, to continue: ")
    session.sendline(typed)
    assert finish_terminal(session)[0] == code
    done = database.value("SELECT count(*) FROM relay.revocations") + database.value("SELECT count(*) FROM relay.legacy_stops")
    assert done == (1 if code == 0 else 0)


@pytest.mark.parametrize("name", WIDE)
def test_without_a_name_there_is_one_question(relay, key, name):
    words, first = WIDE[name]
    session = relay.terminal(*words, columns=250)
    session.expect_exact(f"Type {first} to continue: ")
    session.sendline(first)
    code, rest = finish_terminal(session)
    assert code == 0 and "the name of the database" not in rest


LOOSENING = {
    "policy of all": (["policy", "set", "--platform", "--window", "90s"], "This loosens the policy"),
    "policy undo": (["policy", "undo", "1"], "This loosens the policy"),
    "seats of an organization": (["org", "update", "acme", "--limit", "agents=0"], "Continue?"),
    "seats of a plan": (["plan", "update", "paid", "--limit", "agents=0"], "Continue?"),
}


@pytest.mark.parametrize("name", LOOSENING)
@pytest.mark.parametrize("typed, code", [("eu-west", 0), ("y", 13)])
def test_what_loosens_or_takes_seats_of_many_needs_the_name_after_yes(named, name, typed, code):
    words, question = LOOSENING[name]
    named("agent", "create", "other", "--org", "acme", "--name", "Other", "--secret-file", "other.key", check=0)
    named("policy", "set", "--org", "acme", "--window", "30s", check=0)
    session = named.terminal(*words, columns=250)
    session.expect_exact("database: eu-west (production)")
    session.expect_exact(question)
    session.sendline("y")
    session.expect_exact("Type eu-west, the name of the database, to continue: ")
    session.sendline(typed)
    assert finish_terminal(session)[0] == code


def test_a_policy_of_one_agent_needs_yes_alone(named):
    named("policy", "set", "bot", "--window", "30s", check=0)
    session = named.terminal("policy", "set", "bot", "--window", "40s", columns=250)
    session.expect_exact("database: eu-west (production)")
    session.expect_exact("Continue? [y/N]")
    session.sendline("y")
    assert finish_terminal(session)[0] == 0


FINAL = {
    "revoke several": (["revoke", "bot", "other"], "Revoke every key of 2 agents permanently?"),
    "rotate an organization": (["rotate-key", "--org", "acme", "--grace", "0", "--secrets-dir", "out"], "This ends every current key of"),
    "rotate all": (["rotate-key", "--all", "--grace", "0", "--secrets-dir", "out"], "This ends every current key of"),
}  # fmt: skip


@pytest.mark.parametrize("name", FINAL)
@pytest.mark.parametrize("typed, code", [("eu-west", 0), ("y", 13)])
def test_the_end_of_many_keys_needs_the_name_after_yes(named, tmp_path, name, typed, code):
    words, question = FINAL[name]
    named("agent", "create", "other", "--org", "acme", "--name", "Other", "--secret-file", "other.key", check=0)
    (tmp_path / "out").mkdir(mode=0o700)
    session = named.terminal(*words, columns=250)
    session.expect_exact("database: eu-west (production)")
    session.expect_exact(question)
    session.sendline("y")
    session.expect_exact("Type eu-west, the name of the database, to continue: ")
    session.sendline(typed)
    assert finish_terminal(session)[0] == code
    states = {item["status"] for item in named.json("agent", "list", "--all")["items"]}
    assert ("revoked" in states) is (name == "revoke several" and code == 0)
    assert bool(list((tmp_path / "out").iterdir())) is (name != "revoke several" and code == 0)


def test_a_question_about_one_revocation_shows_it_and_needs_a_yes(named):
    session = named.terminal("revoke", "bot", columns=250)
    session.expect_exact("database: eu-west (production)")
    session.expect_exact("Revoke every key of agent bot permanently?")
    session.sendline("y")
    code, rest = finish_terminal(session)
    assert code == 0 and "the name of the database" not in rest


def test_confirm_answers_for_a_script(named):
    named("block", "--org", "acme", "--confirm", "acme", check=0)


@pytest.mark.parametrize(
    "words", [["revoke", "bot", "other"], ["unblock", "bot", "other"], ["migrate-legacy", "abort"]], ids=" ".join
)
def test_a_question_about_many_shows_it(named, words):
    session = named.terminal(*words, columns=250)
    session.expect_exact("database: eu-west (production)")
    session.expect_exact("[y/N] ")
    session.sendline("n")
    assert finish_terminal(session)[0] == 13

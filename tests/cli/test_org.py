"""Tests org create, list, show and update, as an operator and as a script run them."""

import json
import stat

import pytest

ORG_KEYS = {
    "org_id", "name", "plan", "status", "agents", "agent_limit", "max_agents", "key_max_age_seconds", "created_at", "created_by",
    "auth_mode",
}  # fmt: skip
TOKEN_KEYS = {"admin_token_id", "secret", "delivered_to"}
META_KEYS = {"database", "request_id", "trace_id", "at", "actor", "db_role", "version"}

CYRILLIC_A = "\u0430"
BAD_IDS = {
    "empty": "",
    "too long": "a" * 64,
    "capitals": "Acme",
    "homoglyph": f"{CYRILLIC_A}cme",
    "blank inside": "acme corp",
    "dash first": "_acme",
    "newline": "acme\n",
    "dot": "acme.corp",
    "escape": "acme\x1b[31m",
}
BAD_NAMES = {
    "empty": "",
    "too long": "x" * 201,
    "escape": "Acme\x1b[2J",
    "newline": "Acme\nCorp",
    "bidi": "Acme\u202eproC",
    "C1": "Acme\u009b1m",
}


def create(relay, org="acme-corp", name="Acme Corp", *more, **options):
    return relay.json("org", "create", org, "--name", name, *more, **options)


# --- create


def test_the_spelling_from_the_field_works_as_written(relay, database):
    result = relay("org", "create", "--name", "Acme Corp", "--id", "acme-corp", check=0)
    assert "Org ID:" in result.out and "acme-corp" in result.out
    row = database.one("SELECT name, plan, max_agents, key_max_age = interval '90 days' AS usual FROM relay.organization_status")
    assert row == {"name": "Acme Corp", "plan": "free", "max_agents": None, "usual": True}


def test_json_has_each_key_and_null_where_there_is_nothing(relay):
    document = create(relay, "acme-corp", "Acme Corp", "--actor", "ana")
    assert document["kind"] == "OrgCreation"
    assert document["changed"] is True and document["dry_run"] is False and document["warnings"] == []
    assert set(document["data"]) == ORG_KEYS | TOKEN_KEYS
    assert set(document["meta"]) == META_KEYS
    data = document["data"]
    assert data["key_max_age_seconds"] == 90 * 86400 and data["agent_limit"] == 1 and data["agents"] == 0
    assert data["max_agents"] is data["admin_token_id"] is data["secret"] is data["delivered_to"] is None
    assert document["meta"]["actor"] == "ana" and document["meta"]["db_role"]


def test_an_id_is_made_when_none_is_given(relay, database):
    made = relay("org", "create", "--name", "Acme", "-o", "id", check=0).out
    assert made.startswith("org_") and len(made) == len("org_") + 12 + 1
    assert database.value("SELECT org_id FROM relay.organizations") == made.strip()


def test_every_flag_arrives(relay):
    data = create(relay, "acme", "Acme", "--plan", "paid", "--max-agents", "7", "--key-max-age", "30d")["data"]
    assert (data["plan"], data["max_agents"], data["agent_limit"], data["key_max_age_seconds"]) == ("paid", 7, 7, 30 * 86400)


def test_the_same_again_changes_nothing_and_says_so(relay, database):
    create(relay)
    again = create(relay)
    assert again["changed"] is False and again["data"]["org_id"] == "acme-corp"
    assert database.value("SELECT count(*) FROM relay.auth_events WHERE action = 'org_created'") == 1
    told = relay("org", "create", "acme-corp", "--name", "Acme Corp", check=0)
    assert "nothing changed" in told.err


def test_other_content_is_a_conflict_that_names_the_fields(relay, database):
    create(relay)
    error = relay.error("org", "create", "acme-corp", "--name", "Other", "--plan", "paid", check=5)
    assert "name" in error["message"] and "plan" in error["message"] and error["changed"] == "no"
    assert database.value("SELECT name FROM relay.organizations") == "Acme Corp"


def test_two_spellings_of_one_id_must_agree(relay):
    relay("org", "create", "acme", "--id", "acme", "--name", "Acme", check=0)
    error = relay.error("org", "create", "acme", "--id", "other", "--name", "Acme", check=2)
    assert "acme" in error["message"] and "other" in error["message"]


def test_a_dry_run_leaves_no_row(relay, database):
    document = create(relay, "acme", "Acme", "--dry-run")
    assert document["changed"] is True and document["dry_run"] is True
    assert database.value("SELECT count(*) FROM relay.organizations") == 0


@pytest.mark.parametrize("org", BAD_IDS.values(), ids=BAD_IDS)
def test_a_bad_id_is_refused_before_the_database_is_asked(relay, org):
    offline = relay.with_(dsn="host=/nowhere-at-all dbname=none")
    error = offline.error("org", "create", f"--id={org}", "--name", "Acme", check=2)
    assert error["message"] and "\x1b" not in error["message"]


@pytest.mark.parametrize("name", BAD_NAMES.values(), ids=BAD_NAMES)
def test_a_bad_name_is_refused(relay, database, name):
    error = relay.error("org", "create", "acme", f"--name={name}", check=2)
    assert "\x1b" not in error["message"] and "\u202e" not in error["message"]
    assert database.value("SELECT count(*) FROM relay.organizations") == 0


def test_a_name_of_bytes_that_are_no_text_is_refused(relay):
    relay("org", "create", "acme", "--name", b"Acme\xff", check=2)


@pytest.mark.parametrize(
    "flags", [["--max-agents", "-1"], ["--max-agents", "10000001"], ["--max-agents", "few"], ["--key-max-age", "0"],
              ["--key-max-age", "90"], ["--plan", "gold"], ["--key-max-age", "4000d"]]
)  # fmt: skip
def test_a_value_out_of_its_range_is_refused(relay, flags):
    relay("org", "create", "acme", "--name", "Acme", *flags, check=2)


def test_a_missing_name_is_named(relay):
    assert "--name" in relay.error("org", "create", "acme", check=2)["message"]


def test_two_creates_of_one_id_at_once(relay, database):
    for round_number in range(4):
        org = f"acme-{round_number}"
        names = ("Acme", "Acme") if round_number % 2 else ("Acme", "Other")
        started = [relay.start("org", "create", org, "--name", name, "-o", "json") for name in names]
        ends = [(process.communicate(timeout=60)[0], process.returncode) for process in started]
        codes = sorted(code for _, code in ends)
        if names[0] == names[1]:
            assert codes == [0, 0]
            assert sorted(json.loads(out)["changed"] for out, _ in ends) == [False, True]
        else:
            assert codes == [0, 5]
        assert database.value("SELECT count(*) FROM relay.organizations WHERE org_id = %s", org) == 1


# --- admin token


def test_an_admin_token_goes_to_its_file_and_nowhere_else(relay, database, tmp_path):
    result = relay("org", "create", "acme", "--name", "Acme", "--admin-token", "acme.token", "-o", "json", check=0)
    token = (tmp_path / "acme.token").read_text()
    data = result.data()
    assert token.startswith(f"relay_at_{data['admin_token_id']}_") and len(token) == 71
    assert stat.S_IMODE((tmp_path / "acme.token").stat().st_mode) == 0o600
    assert data["delivered_to"] == "file:acme.token" and data["secret"] is None
    assert token not in result.out and token not in result.err
    assert database.value("SELECT token_id FROM relay.org_tokens") == data["admin_token_id"]
    assert relay.json("org", "show", "acme")["data"]["admin_token_id"] == data["admin_token_id"]


def test_the_same_again_makes_no_second_token(relay, database, tmp_path):
    command = ("org", "create", "acme", "--name", "Acme", "--admin-token", "acme.token")
    relay(*command, check=0)
    token = (tmp_path / "acme.token").read_text()
    again = relay.json(*command)
    assert again["changed"] is False and again["data"]["admin_token_id"] is None
    assert (tmp_path / "acme.token").read_text() == token
    assert database.value("SELECT count(*) FROM relay.org_tokens") == 1


def test_a_token_on_a_pipe_needs_to_be_asked_for(relay, database):
    relay("org", "create", "acme", "--name", "Acme", "--admin-token", "terminal", check=2)
    assert database.value("SELECT count(*) FROM relay.organizations") == 0
    result = relay("org", "create", "acme", "--name", "Acme", "--admin-token", "stdout", check=0)
    assert result.out.startswith("relay_at_") and len(result.out) == 71 and "acme" in result.err


def test_flags_of_the_secret_need_the_secret(relay):
    assert "--admin-token" in relay.error("org", "create", "acme", "--name", "Acme", "--secret-format", "env", check=2)["message"]


def test_a_token_that_cannot_be_delivered_leaves_no_org(relay, database, tmp_path):
    (tmp_path / "taken").write_text("mine")
    error = relay.error("org", "create", "acme", "--name", "Acme", "--admin-token", "taken", check=12)
    assert error["changed"] == "no" and (tmp_path / "taken").read_text() == "mine"
    assert database.value("SELECT count(*) FROM relay.organizations") == 0


def test_update_replaces_the_token_at_once(relay, database):
    relay("org", "create", "acme", "--name", "Acme", "--admin-token", "t1", check=0)
    document = relay.json("org", "update", "acme", "--admin-token", "t2")
    assert document["kind"] == "OrgUpdate" and document["changed"] is True and document["data"]["delivered_to"] == "file:t2"
    rows = database.rows("SELECT token_id, revoked_at IS NULL AS live FROM relay.org_tokens ORDER BY live")
    assert [row["live"] for row in rows] == [False, True] and rows[1]["token_id"] == document["data"]["admin_token_id"]


# --- list, show, update


def test_lists_page_match_and_filter(relay, database):
    for org in ("acme-a", "acme-b", "other"):
        create(relay, org, org)
    database.execute("INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor) VALUES ('org', 'acme-b', 'block', 'ana')")
    first = relay.json("org", "list", "--limit", "2")
    assert first["kind"] == "OrgList" and set(first["items"][0]) == ORG_KEYS and first["changed"] is False
    assert [org["org_id"] for org in first["items"]] == ["acme-a", "acme-b"] and first["next"]
    rest = relay.json("org", "list", "--after", first["next"])
    assert [org["org_id"] for org in rest["items"]] == ["other"] and rest["next"] is None
    assert relay("org", "list", "--match", "acme-*", "-o", "id").out == "acme-a\nacme-b\n"
    assert relay("org", "list", "--match", "acme_?", "-o", "id").out == ""
    assert relay("org", "list", "--blocked", "-o", "id").out == "acme-b\n"
    assert len(relay.json("org", "list", "--all")["items"]) == 3
    relay("org", "list", "--all", "--limit", "2", check=2)


def test_an_empty_list_is_fine_in_every_format(relay):
    for form in ("table", "json", "jsonl", "csv", "id", "env"):
        result = relay("org", "list", "-o", form, check=0)
        assert {"id": "", "env": ""}.get(form, result.out) == result.out
    assert relay("org", "list", "-o", "csv").out.startswith("org_id,name,plan,")
    assert relay("org", "list", "-o", "jsonl").jsonl()[-1]["kind"] == "Summary"


def test_show_tells_who_blocked_it(relay, database):
    create(relay)
    database.execute(
        "INSERT INTO relay.revocations (subject_kind, subject_id, kind, ticket, reason, actor)"
        " VALUES ('org', 'acme-corp', 'block', 'INC-42', 'unpaid', 'ana')"
    )
    document = relay.json("org", "show", "acme-corp")
    assert document["kind"] == "OrgDetails" and document["meta"]["at"]
    assert set(document["data"]) == ORG_KEYS | {
        "admin_token_id", "admin_token_created_at", "standing", "keyless_callers", "keyless_calls", "keyless_latest",
    }  # fmt: skip
    (standing,) = document["data"]["standing"]
    assert (standing["kind"], standing["actor"], standing["ticket"]) == ("block", "ana", "INC-42")
    shown = relay("org", "show", "acme-corp", check=0).out
    assert "BLOCKED" in shown and "by ana" in shown and "INC-42" in shown


def test_an_unknown_org_is_named_with_a_near_one(relay):
    create(relay)
    error = relay.error("org", "show", "acme-crop", check=3)
    assert error["code"] == "not_found" and error["suggestions"] == ["acme-corp"]
    relay("org", "update", "nobody", "--plan", "paid", check=3)
    assert "missing" in relay.error("org", "show", check=2)["message"]


def test_update_changes_what_is_given_and_names_it(relay, database):
    create(relay)
    document = relay.json("org", "update", "acme-corp", "--name", "Acme 2", "--plan", "paid")
    assert document["changed"] is True and sorted(document["data"]["changed_fields"]) == ["name", "plan"]
    assert set(document["data"]) == ORG_KEYS | TOKEN_KEYS | {"changed_fields"}
    again = relay.json("org", "update", "acme-corp", "--name", "Acme 2")
    assert again["changed"] is False and again["data"]["changed_fields"] == []
    assert database.value("SELECT count(*) FROM relay.auth_events WHERE action = 'org_updated'") == 1
    assert "--name" in relay.error("org", "update", "acme-corp", check=2)["next"]


def test_hostile_text_from_the_database_is_escaped(relay, database):
    create(relay)
    database.execute("ALTER TABLE relay.organizations DROP CONSTRAINT organizations_name_form")
    database.execute("UPDATE relay.organizations SET name = %s", "=cmd\x1b[31m,\u202e")
    for form in ("table", "csv", "json", "jsonl"):
        out = relay("org", "list", "-o", form, check=0).out
        assert "\x1b" not in out and "\u202e" not in out, form
    assert "\"'=cmd" in relay("org", "list", "-o", "csv").out
    assert relay.json("org", "list")["items"][0]["name"] == "=cmd\x1b[31m,\u202e"

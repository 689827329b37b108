"""Tests role create, list, show, grant, revoke-permission and delete, as an operator and as a script run them."""

import pytest
from support.agents import first_agent
from support.prepared import prepared
from support.processes import wait_until
from support.relay import finish_terminal

OPS = ("role", "create", "ops", "--org", "acme", "--name", "Operations")


@prepared
def acme(relay, tmp_path):
    """The organization acme with the agent bot."""
    first_agent(relay, tmp_path / "bot.key")
    return relay


def grants(document):
    return {grant["permission"]: grant["conditions"] for grant in document["data"]["grants"]}


def rows(database, action):
    return database.rows("SELECT * FROM relay.auth_events WHERE action = %s ORDER BY event_id", action)


# --- create


def test_a_role_is_made_with_its_permissions_and_leaves_its_rows(acme, database):
    document = acme.json(*OPS, "--permissions", "stripe:pay,crm:*", "--permissions", "crm:*", "--ticket", "T-1")
    assert document["changed"] is True and grants(document) == {"crm:*": None, "stripe:pay": None}
    assert document["data"]["changed_permissions"] == ["crm:*", "stripe:pay"] and document["data"]["agents"] == 0
    (made,) = rows(database, "role_created")
    assert (made["org_id"], made["agent_id"], made["detail"], made["ticket"]) == ("acme", None, {"role_id": "ops"}, "T-1")
    assert [row["detail"] for row in rows(database, "permission_granted")] == [
        {"role_id": "ops", "permission": "crm:*"},
        {"role_id": "ops", "permission": "stripe:pay"},
    ]


def test_the_same_again_changes_nothing(acme, database):
    first = acme.json(*OPS, "--permissions", "crm:*")
    again = acme.json(*OPS, "--permissions", "crm:*")
    assert again["changed"] is False and again["data"]["created_at"] == first["data"]["created_at"]
    assert acme.json(*OPS)["changed"] is False, "without --permissions they are not compared"
    assert len(rows(database, "role_created")) == 1
    assert "nothing changed: role ops already exists" in acme(*OPS, check=0).err


def test_other_content_is_a_conflict_that_names_the_fields(acme):
    acme(*OPS, "--permissions", "crm:*", check=0)
    error = acme.error("role", "create", "ops", "--org", "acme", "--name", "X", "--permissions", "a:b", check=5)
    assert "different name, permissions" in error["message"] and error["changed"] == "no"
    acme("role", "grant", "ops", "crm:*", "--org", "acme", "--conditions", '{"a": 1}', check=0)
    assert "different conditions" in acme.error(*OPS, "--permissions", "crm:*", check=5)["message"]


def test_two_organizations_may_use_one_id(acme):
    acme("org", "create", "globex", "--name", "Globex", check=0)
    acme(*OPS, "--permissions", "a:b", check=0)
    acme("role", "create", "ops", "--org", "globex", "--name", "Other", "--permissions", "c:d", check=0)
    assert grants(acme.json("role", "show", "ops", "--org", "acme")) == {"a:b": None}
    assert grants(acme.json("role", "show", "ops", "--org", "globex")) == {"c:d": None}


@pytest.mark.parametrize(
    "words",
    [
        ["role", "create", "Ops", "--org", "acme", "--name", "x"],
        ["role", "create", "ops", "--org", "acme"],
        ["role", "create", "ops", "--name", "x"],
        ["role", "create", "ops", "--org", "acme", "--name", "x", "--permissions", "stripe"],
        ["role", "grant", "ops", "--org", "acme"],
        ["role", "grant", "ops", "a:b:c", "--org", "acme"],
        ["role", "revoke-permission", "ops", "--org", "acme"],
        ["role", "list", "--after", "ops"],
        ["agent", "list", "--role", "ops"],
    ],
)
def test_what_makes_no_sense_is_refused_before_the_database_is_asked(relay, words):
    relay.with_(dsn="host=/nowhere-at-all dbname=none").error(*words, check=2)


def test_unknown_organizations_and_roles_are_named_with_close_ones(acme):
    acme(*OPS, check=0)
    for words in (["show", "opps"], ["grant", "opps", "a:b"], ["revoke-permission", "opps", "a:b"]):
        error = acme.error("role", *words, "--org", "acme", check=3)
        assert error["suggestions"] == ["ops"]
    for words in (["show", "ops"], ["grant", "ops", "a:b"], ["delete", "ops", "--yes"], ["create", "ops", "--name", "x"]):
        assert acme.error("role", *words, "--org", "acmee", check=3)["suggestions"] == ["acme"]


# --- permissions of a role


def test_grant_adds_and_keeps_the_conditions_that_are_there(acme, database):
    acme(*OPS, check=0)
    limited = acme.json("role", "grant", "ops", "a:b", "c:d", "--org", "acme", "--conditions", '{"max": 1}')
    assert grants(limited) == {"a:b": {"max": 1}, "c:d": {"max": 1}}
    kept = acme.json("role", "grant", "ops", "a:b", "e:f", "--org", "acme")
    assert grants(kept) == {"a:b": {"max": 1}, "c:d": {"max": 1}, "e:f": None}
    assert kept["data"]["changed_permissions"] == ["e:f"]
    other = acme.json("role", "grant", "ops", "a:b", "c:d", "--org", "acme", "--conditions", '{"max":1.0}')
    assert other["changed"] is False, "1 is 1.0"
    freed = acme.json("role", "grant", "ops", "a:b", "e:f", "--org", "acme", "--unconditional")
    assert grants(freed) == {"a:b": None, "c:d": {"max": 1}, "e:f": None}
    assert freed["data"]["changed_permissions"] == ["a:b"]
    assert [row["detail"].get("conditions", "-") for row in rows(database, "permission_granted")] == [
        {"max": 1}, {"max": 1}, "-", None,
    ]  # fmt: skip


def test_revoke_permission_takes_what_is_there(acme, database):
    acme(*OPS, "--permissions", "a:b,c:d", check=0)
    done = acme.json("role", "revoke-permission", "ops", "a:b", "x:y", "--org", "acme")
    assert grants(done) == {"c:d": None} and done["data"]["changed_permissions"] == ["a:b"]
    again = acme.json("role", "revoke-permission", "ops", "a:b", "--org", "acme")
    assert again["changed"] is False
    assert [row["detail"] for row in rows(database, "permission_revoked")] == [{"role_id": "ops", "permission": "a:b"}]


# --- list and show


def test_list_goes_by_organization_and_id_page_by_page(acme):
    acme("org", "create", "aaa", "--name", "A", check=0)
    for org, role in (("acme", "b"), ("acme", "a"), ("aaa", "z")):
        acme("role", "create", role, "--org", org, "--name", role, check=0)
    seen, after = [], []
    for _ in range(3):
        page = acme.json("role", "list", "--limit", "1", *after)
        seen += [(item["org_id"], item["role_id"]) for item in page["items"]]
        after = ["--after", page["next"]] if page["next"] else []
    assert seen == [("aaa", "z"), ("acme", "a"), ("acme", "b")] and page["next"] is None
    assert acme("role", "list", "--org", "acme", "-o", "id", check=0).out == "a\nb\n"


def test_show_and_agent_list_tell_who_has_it(acme):
    acme(*OPS, check=0)
    acme("agent", "assign-role", "bot", "ops", check=0)
    acme("agent", "create", "other", "--org", "acme", "--name", "O", "--secret-file", "o.key", check=0)
    shown = acme.json("role", "show", "ops", "--org", "acme")["data"]
    assert shown["agents"] == 1 and shown["first_agents"] == ["bot"]
    assert "Agents:   1: bot" in acme("role", "show", "ops", "--org", "acme", check=0).out
    assert acme("agent", "list", "--org", "acme", "--role", "ops", "-o", "id", check=0).out == "bot\n"
    acme("agent", "list", "--org", "acme", "--role", "none", check=3)


def test_hostile_conditions_do_not_reach_the_terminal(acme):
    acme(*OPS, check=0)
    acme("role", "grant", "ops", "a:b", "--org", "acme", "--conditions", '{"a":"\u009b31m\u202e"}', check=0)
    for form in ("table", "json", "csv"):
        text = acme("role", "show", "ops", "--org", "acme", "-o", form, check=0).out
        assert "\u009b" not in text and "\u202e" not in text


# --- delete


def test_a_role_that_agents_have_stays_unless_forced(acme, database):
    acme(*OPS, "--permissions", "a:b", check=0)
    acme("agent", "assign-role", "bot", "ops", check=0)
    error = acme.error("role", "delete", "ops", "--org", "acme", "--yes", check=5)
    assert "1 agent of org acme has role ops" in error["message"] and error["next"] == "relay-admin agent list --org acme --role ops"
    told = acme("role", "delete", "ops", "--org", "acme", "--yes", check=5).err
    assert "next: relay-admin role delete ops --org acme --force  # takes it from all of them\n" in told
    done = acme.json("role", "delete", "ops", "--org", "acme", "--yes", "--force")
    assert done["changed"] is True and done["data"]["unassigned_agents"] == ["bot"]
    assert database.value("SELECT count(*) FROM relay.roles") == 0
    assert database.value("SELECT count(*) FROM relay.role_permissions") == 0
    (taken,) = rows(database, "role_unassigned")
    assert (taken["agent_id"], taken["detail"]) == ("bot", {"role_id": "ops"})
    assert [row["detail"] for row in rows(database, "role_deleted")] == [{"role_id": "ops"}]


def test_deleting_what_is_not_there_changes_nothing_and_warns_of_a_near_one(acme):
    acme(*OPS, check=0)
    gone = acme.json("role", "delete", "opps", "--org", "acme", "--yes")
    assert gone["changed"] is False and gone["data"]["name"] is None
    assert gone["warnings"] == ["there is a role ops; it was not changed"]
    assert acme.json("role", "show", "ops", "--org", "acme")["data"]["name"] == "Operations"


def test_a_script_must_say_yes_and_a_person_is_asked(acme, database):
    acme(*OPS, check=0)
    offline = acme.with_(dsn="host=/nowhere-at-all dbname=none")
    assert "--yes" in offline.error("role", "delete", "ops", "--org", "acme", check=2)["next"]
    acme("agent", "assign-role", "bot", "ops", check=0)
    session = acme.terminal("role", "delete", "ops", "--org", "acme", "--force")
    session.expect_exact("which 1 agent has?")
    session.sendline("n")
    assert finish_terminal(session)[0] == 13
    assert database.value("SELECT count(*) FROM relay.roles") == 1
    session = acme.terminal("role", "delete", "ops", "--org", "acme", "--force")
    session.expect_exact("which 1 agent has?")
    session.sendline("y")
    assert finish_terminal(session)[0] == 0
    assert database.value("SELECT count(*) FROM relay.roles") == 0


def test_a_dry_run_leaves_no_row(acme, database):
    assert acme.json(*OPS, "--permissions", "a:b", "--dry-run")["changed"] is True
    assert database.value("SELECT count(*) FROM relay.roles") == 0
    acme(*OPS, check=0)
    acme("role", "grant", "ops", "a:b", "--org", "acme", "--dry-run", check=0)
    acme("role", "delete", "ops", "--org", "acme", "--dry-run", check=0)
    assert grants(acme.json("role", "show", "ops", "--org", "acme")) == {}


# --- who may


def test_a_responder_and_an_auditor_read_and_write_nothing(acme, database):
    acme(*OPS, check=0)
    for group in ("relay_responder", "relay_auditor"):
        login = database.cluster.login(f"{group}_login", member_of=group)
        reader = acme.with_(dsn=database.dsn(user=login))
        reader("role", "show", "ops", "--org", "acme", check=0)
        for words in (["grant", "ops", "a:b"], ["delete", "ops", "--yes"]):
            reader("role", *words, "--org", "acme", check=4)
    provisioner = database.cluster.login("relay_provisioner_login", member_of="relay_provisioner")
    writer = acme.with_(dsn=database.dsn(user=provisioner))
    writer("role", "grant", "ops", "a:b", "--org", "acme", "--conditions", '{"a": 1}', check=0)
    writer("agent", "assign-role", "bot", "ops", check=0)
    writer("agent", "grant", "bot", "c:d", "--conditions", '{"a": 1}', check=0)
    writer("agent", "grant", "bot", "c:d", "--unconditional", check=0)
    writer("agent", "unassign-role", "bot", "ops", check=0)
    writer("role", "delete", "ops", "--org", "acme", "--yes", check=0)


# --- at the same time


def test_a_role_is_not_deleted_under_somebody_who_gives_it(acme, database):
    acme(*OPS, check=0)
    giving = database.connect(autocommit=False)
    with giving.cursor() as cursor:
        cursor.execute("SELECT FROM relay.roles WHERE role_id = 'ops' FOR KEY SHARE")
        cursor.execute("INSERT INTO relay.agent_roles (agent_id, org_id, role_id, assigned_by) VALUES ('bot', 'acme', 'ops', 'x')")
    deleting = acme.start("role", "delete", "ops", "--org", "acme", "--yes")
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    wait_until(lambda: database.rows(waiting), what="the deletion to wait")
    giving.commit()
    giving.close()
    deleting.communicate(timeout=60)
    assert deleting.returncode == 5
    assert database.value("SELECT count(*) FROM relay.agent_roles") == 1

"""agent grant, revoke-permission, assign-role, unassign-role; and where an agent's permissions are shown."""

import json

import pytest
from support.agents import first_agent
from support.prepared import prepared

LIMIT = '{"max_amount": 10000}'


@prepared
def acme(relay, tmp_path):
    """The organization acme with the agent bot and the role ops, which permits crm:*."""
    first_agent(relay, tmp_path / "bot.key")
    relay("role", "create", "ops", "--org", "acme", "--name", "Ops", "--permissions", "crm:*", check=0)
    return relay


def grants(data):
    return [(grant["permission"], grant["conditions"], grant["role_id"]) for grant in data["grants"]]


def rows(database, action):
    return [
        row["detail"]
        for row in database.rows(
            "SELECT detail FROM relay.auth_events WHERE action = %s AND agent_id = 'bot' ORDER BY event_id", action
        )
    ]


def test_grant_and_again_and_with_conditions(acme, database):
    first = acme.json("agent", "grant", "bot", "stripe:pay", "a:b", "stripe:pay")
    assert first["changed"] is True and first["data"]["changed_permissions"] == ["a:b", "stripe:pay"]
    assert acme.json("agent", "grant", "bot", "a:b")["changed"] is False
    bound = acme.json("agent", "grant", "bot", "stripe:pay", "--conditions", LIMIT)
    assert grants(bound["data"]) == [("a:b", None, None), ("stripe:pay", {"max_amount": 10000}, None)]
    assert acme.json("agent", "grant", "bot", "stripe:pay", "--conditions", LIMIT)["changed"] is False
    kept = acme.json("agent", "grant", "bot", "stripe:pay")
    assert kept["changed"] is False and grants(kept["data"]) == grants(bound["data"])
    freed = acme.json("agent", "grant", "bot", "stripe:pay", "--unconditional")
    assert freed["data"]["changed_permissions"] == ["stripe:pay"] and grants(freed["data"])[1][1] is None
    assert rows(database, "permission_granted") == [
        {"permission": "a:b"},
        {"permission": "stripe:pay"},
        {"permission": "stripe:pay", "conditions": {"max_amount": 10000}},
        {"permission": "stripe:pay", "conditions": None},
    ]


def test_revoke_permission_takes_the_conditions_along(acme, database):
    acme("agent", "grant", "bot", "stripe:pay", "--conditions", LIMIT, check=0)
    done = acme.json("agent", "revoke-permission", "bot", "stripe:pay", "x:y")
    assert done["data"]["changed_permissions"] == ["stripe:pay"] and grants(done["data"]) == []
    assert acme.json("agent", "revoke-permission", "bot", "stripe:pay")["changed"] is False
    assert database.value("SELECT count(*) FROM relay.agent_conditions") == 0
    assert grants(acme.json("agent", "grant", "bot", "stripe:pay")["data"]) == [("stripe:pay", None, None)]
    assert rows(database, "permission_revoked") == [{"permission": "stripe:pay"}]


def test_who_revokes_is_told_by_what_the_agent_still_may(acme):
    acme("agent", "assign-role", "bot", "ops", check=0)
    acme("agent", "grant", "bot", "crm:read", "*:read", "x:y", check=0)
    left = acme.json("agent", "revoke-permission", "bot", "crm:read", "x:y")
    assert left["warnings"] == [
        "agent bot may still do crm:read, by its own *:read",
        "agent bot may still do crm:read, by role ops",
    ]


def test_agent_update_goes_the_same_way(acme, database):
    acme("agent", "grant", "bot", "a:b", "c:d", "--conditions", LIMIT, check=0)
    updated = acme.json("agent", "update", "bot", "--add-permission", "a:b,e:f", "--remove-permission", "c:d")
    assert updated["data"]["permissions"] == ["a:b", "e:f"] and updated["data"]["changed_fields"] == ["permissions"]
    shown = acme.json("agent", "show", "bot")["data"]
    assert grants(shown) == [("a:b", {"max_amount": 10000}, None), ("e:f", None, None)]
    assert database.value("SELECT count(*) FROM relay.agent_conditions") == 1
    assert rows(database, "permission_granted")[2:] == [{"permission": "e:f"}]
    assert rows(database, "permission_revoked") == [{"permission": "c:d"}]


def test_roles_are_given_and_taken(acme, database):
    acme("role", "create", "desk", "--org", "acme", "--name", "Desk", "--permissions", "crm:*,mail:send", check=0)
    given = acme.json("agent", "assign-role", "bot", "ops", "desk", "ops", "--actor", "ana")["data"]
    assert given["roles"] == given["changed_roles"] == ["desk", "ops"]
    assert grants(given) == [("crm:*", None, "desk"), ("crm:*", None, "ops"), ("mail:send", None, "desk")]
    assert given["permissions"] == [], "these are its own"
    assert acme.json("agent", "assign-role", "bot", "ops")["changed"] is False
    assert {row["assigned_by"] for row in database.rows("SELECT assigned_by FROM relay.agent_roles")} == {"ana"}
    taken = acme.json("agent", "unassign-role", "bot", "ops", "none")["data"]
    assert taken["roles"] == ["desk"] and taken["changed_roles"] == ["ops"]
    assert acme.json("agent", "unassign-role", "bot", "ops")["changed"] is False
    assert rows(database, "role_assigned") == [{"role_id": "desk"}, {"role_id": "ops"}]
    assert rows(database, "role_unassigned") == [{"role_id": "ops"}]


def test_a_role_of_another_organization_is_not_found(acme, database):
    acme("org", "create", "globex", "--name", "Globex", check=0)
    acme("role", "create", "admin", "--org", "globex", "--name", "Admin", "--permissions", "*:*", check=0)
    error = acme.error("agent", "assign-role", "bot", "ops", "admin", check=3)
    assert error["message"] == "org acme has no role admin"
    assert database.value("SELECT count(*) FROM relay.agent_roles") == 0, "all or nothing"
    assert acme.error("agent", "assign-role", "bot", "oops", check=3)["suggestions"] == ["ops"]


@pytest.mark.parametrize("verb, word", [("grant", "a:b"), ("revoke-permission", "a:b"), ("assign-role", "ops"),
                                        ("unassign-role", "ops")])  # fmt: skip
def test_unknown_agents_and_missing_words(acme, verb, word):
    assert acme.error("agent", verb, "bott", word, check=3)["suggestions"] == ["bot"]
    offline = acme.with_(dsn="host=/nowhere-at-all dbname=none")
    offline.error("agent", verb, "bot", check=2)
    offline.error("agent", verb, check=2)


@pytest.mark.parametrize("text", ["", "{}", "[]", "max=1", '{"a":1,}', '{"a":1,"a":2}', '{"a":"\\u0000"}', "null",
                                  '{"a":1e999}'])  # fmt: skip
def test_conditions_are_checked_before_the_database_is_asked(relay, text):
    offline = relay.with_(dsn="host=/nowhere-at-all dbname=none")
    offline.error("agent", "grant", "bot", "a:b", f"--conditions={text}", check=2)


def test_conditions_and_unconditional_exclude_each_other(relay):
    offline = relay.with_(dsn="host=/nowhere-at-all dbname=none")
    offline.error("agent", "grant", "bot", "a:b", "--conditions", LIMIT, "--unconditional", check=2)


def test_a_key_in_the_conditions_is_not_repeated(relay, tmp_path):
    key = first_agent(relay, tmp_path / "bot.key")
    result = relay("agent", "grant", "bot", "a:b", "--conditions", json.dumps({"key": key}), check=2)
    assert key[22:] not in result.out + result.err


def test_dry_runs_leave_no_row(acme, database):
    for words in (["grant", "bot", "a:b", "--conditions", LIMIT], ["assign-role", "bot", "ops"]):
        tried = acme.json("agent", *words, "--dry-run")
        assert tried["changed"] is True and tried["dry_run"] is True and len(tried["data"]["grants"]) == 1
    assert database.value("SELECT count(*) FROM relay.agent_conditions") == 0
    assert acme.json("agent", "show", "bot")["data"]["grants"] == []


def test_show_and_verify_tell_conditions_and_roles(acme, tmp_path):
    plain = acme("agent", "show", "bot", check=0).out
    assert "Permissions:  none" in plain and "BY ROLE" not in plain
    acme("agent", "grant", "bot", "stripe:pay", "--conditions", LIMIT, check=0)
    acme("agent", "assign-role", "bot", "ops", check=0)
    key = (tmp_path / "bot.key").read_text()
    for result in (acme("agent", "show", "bot", check=0), acme("key", "verify", stdin=key, check=0)):
        lines = [" ".join(line.split()) for line in result.out.splitlines()]
        assert "PERMISSION CONDITIONS BY ROLE" in lines
        assert "crm:* ops" in lines and 'stripe:pay {"max_amount":10000}' in lines
    expected = [("crm:*", None, "ops"), ("stripe:pay", {"max_amount": 10000}, None)]
    assert grants(acme.json("agent", "show", "bot")["data"]) == expected
    assert grants(acme.json("key", "verify", stdin=key)["data"]) == expected


def test_who_blocks_sees_what_the_agent_may_do_by_its_roles(acme):
    acme("agent", "assign-role", "bot", "ops", check=0)
    acme("agent", "grant", "bot", "stripe:pay", "--conditions", LIMIT, check=0)
    assert "crm:*, stripe:pay (conditions)" in acme("block", "bot", check=0).out


def test_completion_offers_roles_of_the_organization_that_is_meant(acme):
    acme("org", "create", "globex", "--name", "Globex", check=0)
    acme("role", "create", "admin", "--org", "globex", "--name", "Admin", check=0)

    def offered(*words):
        out = acme("__complete", *words, check=0).out
        return {line.split("\t")[0] for line in out.splitlines()}

    assert offered("agent", "assign-role", "bot", "") == {"ops"}
    assert offered("agent", "assign-role", "bot", "ops", "") == set()
    assert offered("role", "show", "--org", "globex", "") == {"admin"}
    assert {"ops", "admin"} <= offered("role", "show", "")
    assert offered("agent", "assign-role", "") == {"bot"}
    assert offered("role", "create", "") == set()

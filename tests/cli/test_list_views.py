"""Lists for people: --fields in every format, --sort in the database, the filters of key list, and a reader who goes away."""

import csv
import io
import json

import pytest
from support.prepared import prepared

LISTS = ("agent list", "key list", "org list", "role list", "gateway list", "key due", "device list")
SORTED = {
    "agent list": "agent_id org_id name owner status created_at last_used_at",
    "key list": "key_id agent_id org_id status created_at due_at expires_at last_used_at",
    "org list": "org_id name plan status agents created_at",
    "role list": "org_id role_id name agents created_at",
    "gateway list": "gateway_id live acknowledged_at changes_behind behind_seconds db_role",
    "device list": "device_id agent_id org_id name status paired_at expires_at seen_at",
    "key due": "key_id agent_id org_id owner due_at reason created_at expires_at last_used_at",
}


@prepared
def fleet(relay):
    relay("org", "create", "acme", "--name", "Acme", "--plan", "paid", check=0)
    for agent, name, owner in (("one", "Beta", "ben"), ("three", "alpha", None), ("two", "Alpha", "ana")):
        owned = ("--owner", owner) if owner else ()
        relay("agent", "create", agent, "--org", "acme", "--name", name, *owned, "--secret-file", f"{agent}.key", check=0)
    return relay


def ids(relay, *words):
    return relay(*words, "-o", "id", check=0).out.split()


# --- fields


def test_every_format_has_the_fields_that_were_asked_for_in_that_order(fleet):
    words = ("agent", "list", "--fields", "created_by,agent_id,labels", "--fields", "owner")
    wanted = ["created_by", "agent_id", "labels", "owner"]
    items = fleet(*words, "-o", "json", check=0).json()["items"]
    assert [list(item) for item in items] == [wanted] * 3
    *lines, summary = fleet(*words, "-o", "jsonl", check=0).jsonl()
    assert [list(line) for line in lines] == [["kind", *wanted]] * 3 and summary["kind"] == "Summary"
    rows = list(csv.reader(io.StringIO(fleet(*words, "-o", "csv", check=0).out)))
    assert rows[0] == wanted and rows[1] == ["root", "one", "{}", "ben"]
    header, first, *_ = fleet(*words, check=0).out.splitlines()
    assert header.split() == ["CREATED", "BY", "AGENT", "ID", "LABELS", "OWNER"] and first.split() == ["root", "one", "{}", "ben"]
    env = fleet(*words, "-o", "env", check=0).out.split("\n\n")[0]
    assert env.splitlines() == ["CREATED_BY=root", "AGENT_ID=one", "LABELS=", "OWNER=ben"]


@pytest.mark.parametrize("words", LISTS)
def test_an_unknown_field_is_refused_with_the_known_ones(relay, words):
    offline = relay.with_(dsn="host=/nowhere-at-all dbname=none")
    error = offline.error(*words.split(), "--fields", "agnet_id", check=2)
    assert "has the fields " in error["message"] and "_id" in error["message"]
    id_field = SORTED[words].split()[0]
    assert "twice" in offline.error(*words.split(), "--fields", f"{id_field},{id_field}", check=2)["message"]
    offline(*words.split(), "--fields", id_field, "-o", "id", check=2)
    offline(*words.split(), "--fields", f"{id_field},", check=2)


def test_an_empty_list_has_the_headers_that_were_asked_for(relay):
    assert relay("agent", "list", "--fields", "owner,agent_id", "-o", "csv", check=0).out == "owner,agent_id\n"


# --- sort


@pytest.mark.parametrize(("words", "fields"), SORTED.items())
def test_each_list_can_be_sorted_by_its_fields_both_ways(fleet, words, fields):
    more = ("--within", "100d") if words == "key due" else ()
    for field in fields.split():
        for sign in ("", "-"):
            document = json.loads(fleet(*words.split(), *more, f"--sort={sign}{field}", "-o", "json").out)
            values = [item[field] for item in document["items"] if item[field] is not None]
            assert values == sorted(values, reverse=sign == "-"), (words, sign, field)
            nulls = [item[field] is None for item in document["items"]]
            assert nulls == sorted(nulls), "null comes last"
    error = fleet.error(*words.split(), "--sort", "nothing", check=2)
    assert ", ".join(fields.split()) in error["message"]


def test_several_fields_decide_one_after_the_other(fleet):
    assert ids(fleet, "agent", "list", "--sort", "name") == ["two", "one", "three"], "by code point, whatever the locale"
    assert ids(fleet, "agent", "list", "--sort=-owner,name") == ["one", "two", "three"]
    assert ids(fleet, "agent", "list", "--sort", "org_id") == ["one", "three", "two"], "the id decides between equals"
    assert ids(fleet, "agent", "list", "--sort", "status,-agent_id") == ["two", "three", "one"]


@pytest.mark.parametrize("field", ["name; DROP TABLE relay.agents", "1", "name COLLATE", "permissions", "", "-", "Name"])
def test_only_the_fields_of_the_table_are_part_of_the_statement(fleet, field):
    fleet("agent", "list", f"--sort={field}", check=2)
    assert ids(fleet, "agent", "list") == ["one", "three", "two"]


def test_a_sorted_list_says_that_there_is_more_and_has_no_cursor(fleet):
    document = fleet.json("agent", "list", "--sort", "name", "--limit", "2")
    assert document["next"] is None and "there are more" in document["warnings"][0]
    result = fleet("agent", "list", "--sort", "name", "--limit", "2", check=0)
    assert "there are more" in result.err
    assert fleet.json("agent", "list", "--sort", "name", "--limit", "3")["warnings"] == []
    fleet("agent", "list", "--sort", "name", "--after", "one", check=2)


# --- key list


def test_key_list_has_live_keys_and_the_history_with_all(fleet, database):
    old = ids(fleet, "key", "list", "--agent", "one")
    fleet("rotate-key", "one", "--grace", "0", "--secret-file", "new.key", check=0)
    database.execute("UPDATE relay.agent_keys SET created_at = created_at - interval '1 hour' WHERE key_id = %s", old[0])
    (new,) = ids(fleet, "key", "list", "--agent", "one")
    assert new != old[0]
    assert ids(fleet, "key", "list", "--agent", "one", "--all") == [new, old[0]], "newest first"
    assert ids(fleet, "key", "list", "--state", "retired") == old
    assert len(ids(fleet, "key", "list")) == 3 and len(ids(fleet, "key", "list", "--all")) == 4
    assert ids(fleet, "key", "list", "--all") == sorted(ids(fleet, "key", "list", "--all"))
    page = fleet.json("key", "list", "--limit", "2")
    assert len(page["items"]) == 2 and page["next"] == page["items"][-1]["key_id"]
    assert len(fleet.json("key", "list", "--after", page["next"])["items"]) == 1


def test_key_list_by_age_and_use_and_owner(fleet, database):
    key = {agent: ids(fleet, "key", "list", "--agent", agent)[0] for agent in ("one", "two", "three")}
    database.execute("UPDATE relay.agent_keys SET created_at = now() - interval '81 days' WHERE agent_id IN ('one', 'two')")
    database.execute("INSERT INTO relay.key_sightings SELECT %s, '192.0.2.1', now() - interval '40 days'", key["one"])
    def found(*words):
        return sorted(ids(fleet, "key", "list", *words))
    assert found("--older-than", "80d") == sorted([key["one"], key["two"]]) and found("--older-than", "82d") == []
    assert found("--never-used") == sorted([key["two"], key["three"]])
    assert found("--unused-for", "30d") == sorted([key["one"], key["two"]]) and found("--unused-for", "50d") == [key["two"]]
    assert found("--owner", "ana") == [key["two"]] and found("--no-owner") == [key["three"]] and found("--match", "t*") == sorted([key["two"], key["three"]])
    assert found("--older-than", "80d", "--never-used", "--owner", "ana", "--state", "active") == [key["two"]]
    fleet("key", "list", "--never-used", "--unused-for", "1d", check=2)


# --- a closed pipe


@pytest.mark.parametrize("words", ["agent list --sort name --all -o csv", "key due --within 100d -o csv", "agent list --fields name -o csv"])
def test_a_reader_who_goes_away_is_no_error(fleet, words):
    process = fleet.start(*words.split())
    process.stdout.close()
    assert process.wait(timeout=60) == 0 and process.stderr.read() == b""

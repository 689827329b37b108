"""What the values of other programs mean: words for yes and no, times, permissions, secrets; and how an import reports that
nothing was compared."""

import hashlib
import json

import pytest
from support.prepared import prepared

PROGRAM = "dev"  # hostile input

WORDS = """agent_id,org_id,revoked
w-1,acme,FALSCH
w-2,acme,FAUX
w-3,acme,active
w-4,acme,off
w-5,acme,-
w-6,acme,n/a
w-7,acme,TRUE
w-8,acme,f
"""


@prepared
def acme(relay):
    relay("org", "create", "acme", "--name", "Acme", "--plan", "paid", check=0)
    return relay


def imported(relay, tmp_path, text, *more, check=0):
    (tmp_path / "a.txt").write_bytes(text.encode() if isinstance(text, str) else text)
    return relay("migrate-legacy", "import", "a.txt", *more, "-o", "json", check=check)


def states(relay):
    return {row["agent_id"]: row["status"] for row in relay.json("agent", "list", "--all")["items"]}


def test_only_a_known_yes_revokes(acme, tmp_path):
    result = imported(acme, tmp_path, WORDS, check=7)
    assert {fault["agent_id"] for fault in result.data()["faults"]} == {"w-1", "w-2", "w-3", "w-5", "w-6"}
    assert states(acme) == {"w-4": "active", "w-7": "revoked", "w-8": "active"}
    assert "--map revoked=COLUMN:WORD" in result.json()["warnings"][0] and "'FALSCH'" in result.json()["warnings"][0]


TIMES = {  # revoked_at: revoked, or None if the row is refused
    "": False, "\\N": False, "NULL": False, "null": False, "infinity": False, "0001-01-01T00:00:00Z": False, "0001-01-01 00:00:00": False,
    "0000-00-00 00:00:00": False, "0": False, "1970-01-01T00:00:00Z": False, "2020-01-01": True, "2020-01-01 01:02:03": True,
    "2020-01-01T01:02:03.123456789Z": True, "1577836800": True, "1577836800000": True, "true": True, "2999-01-01": None,
    "2999-01-01T00:00:00Z": None, "32503680000": None, "-infinity": None, "01/02/2020": None, "2.1.2020": None, "soon": None, "7": None,
    "1577836800.25": True, "-62135596800": False, "-62135596800000": False, "-62135596800.0": False, "43831": None, "43831.5": None,
    "1753-01-01": None, "1899-12-30T00:00:00Z": None, "1900-01-01 00:00:00": None,
}  # fmt: skip


@pytest.mark.parametrize("json_lines", [False, True])
def test_a_time_revokes_only_when_it_has_passed(acme, tmp_path, json_lines):
    rows = [(f"t-{n}", time) for n, time in enumerate(TIMES)]
    if json_lines:
        text = "".join(json.dumps({"agent_id": agent, "org_id": "acme", "revoked_at": time}) + "\n" for agent, time in rows)
    else:
        text = "agent_id,org_id,revoked_at\n" + "".join(f"{agent},acme,{time}\n" for agent, time in rows)
    imported(acme, tmp_path, text, check=7)
    found = states(acme)
    expected = {agent: "revoked" if TIMES[time] else "active" for agent, time in rows if TIMES[time] is not None}
    assert found == expected


def test_words_of_the_source_can_be_named(acme, tmp_path):
    text = "id,team,status\na-1,acme,ACTIVE\na-2,acme,SUSPENDED\na-3,acme,deleted\na-4,acme,\n"
    result = imported(acme, tmp_path, text, "--map", "agent_id=id,org_id=team,revoked=status:suspended,DELETED,GONE")
    assert states(acme) == {"a-1": "active", "a-2": "revoked", "a-3": "revoked", "a-4": "active"}
    assert result.json()["warnings"] == ["--map: no row has the word 'GONE', which means revoked"]


def test_a_column_that_says_the_opposite_of_revoked(acme, tmp_path):
    text = '{"agent_id":"a-1","org_id":"acme","enabled":true}\n{"agent_id":"a-2","org_id":"acme","enabled":false}\n'
    error = json.loads(imported(acme, tmp_path, text, "--map", "revoked=enabled", check=2).err)
    assert "revoked=enabled:false" in json.dumps(error)
    imported(acme, tmp_path, text, "--map", "revoked=enabled:false")
    assert states(acme) == {"a-1": "active", "a-2": "revoked"}


def test_two_columns_that_contradict_each_other_refuse_the_row(acme, tmp_path):
    rows = "a-1,acme,f,2020-01-01\na-2,acme,f,\na-3,acme,,2020-01-01\na-4,acme,t,\na-5,acme,t,2020-01-01\na-6,acme,f,0001-01-01\n"
    result = imported(acme, tmp_path, "agent_id,org_id,revoked,revoked_at\n" + rows, check=7)
    assert [fault["agent_id"] for fault in result.data()["faults"]] == ["a-1"]
    assert states(acme) == {"a-2": "active", "a-3": "revoked", "a-4": "revoked", "a-5": "revoked", "a-6": "active"}


def test_a_column_that_no_object_has_is_reported(acme, tmp_path):
    text = '{"agent_id":"a-1","org_id":"acme","station":"gone"}\n'
    assert imported(acme, tmp_path, text, "--map", "revoked=statos").json()["warnings"] == ["--map: no row has 'statos'"]


def test_permissions_in_every_form_and_left_out(acme, database, tmp_path):
    forms = ["stripe:pay x:y", '["stripe:pay","x:y"]', "{stripe:pay,x:y}", '{"stripe:pay","x:y"}']
    quoted = ['"' + form.replace('"', '""') + '"' for form in forms]
    imported(acme, tmp_path, "agent_id,org_id,permissions\n" + "".join(f"a-{n},acme,{form}\n" for n, form in enumerate(quoted)))
    rows = database.rows("SELECT permissions FROM relay.agents")
    assert [sorted(row["permissions"]) for row in rows] == [["stripe:pay", "x:y"]] * len(forms)
    assert imported(acme, tmp_path, '{"agent_id":"c-1","org_id":"acme","permissions":"null"}').data()["imported"] == 1  # jsonb's null
    other = 'agent_id,org_id,permissions\nb-1,acme,"{""models"": [""gpt""]}"\nb-2,acme,admin\n'
    assert imported(acme, tmp_path, other, check=7).data()["refused"] == 2
    assert imported(acme, tmp_path, other, "--map", "permissions=").data()["imported"] == 2
    assert "no column agent_id" in imported(acme, tmp_path, other, "--map", "agent_id=", check=2).err


SECRET = "correct horse"
HASH = hashlib.sha256(SECRET.encode()).hexdigest()


@pytest.mark.parametrize(
    "content",
    [SECRET, SECRET + "\n", SECRET + "\r\n", SECRET + "\r", "\ufeff" + SECRET + "\n", (SECRET + "\r\n").encode("utf-16")],
    ids=["bare", "LF", "CRLF", "CR", "a mark", "UTF-16"],
)
def test_the_shared_secret_is_read_from_what_editors_write(acme, tmp_path, content):
    (tmp_path / "secret").write_bytes(content.encode() if isinstance(content, str) else content)
    text = f"agent_id,org_id,secret_hash\na-1,acme,{HASH}\n"
    assert imported(acme, tmp_path, text, "--match-secret", "secret").data()["imported"] == 1


def test_a_settings_file_is_not_the_secret(acme, tmp_path):
    (tmp_path / "secret").write_text(f"AGENT_SECRET={SECRET}\n")
    assert "NAME=VALUE" in imported(acme, tmp_path, "agent_id,org_id,secret_hash\n", "--match-secret", "secret", check=2).err


# Nothing was changed: why -------------------------------------------------------------------------------------------------------------------


def test_rows_of_another_secret_are_not_imported_before(acme, tmp_path):
    (tmp_path / "secret").write_text(SECRET)
    text = "agent_id,org_id,secret_hash\na-1,acme," + "a" * 64 + "\n"
    result = imported(acme, tmp_path, text, "--match-secret", "secret")
    assert "no row has the shared secret: 1 row compared" in result.json()["warnings"][0] and "before" not in result.err


@pytest.mark.parametrize("text", ["agent_id,org_id\n", "agent_id,org_id\n,\n\n", "[]", "[\n]\n"])
def test_no_rows_are_reported(acme, tmp_path, text):
    result = imported(acme, tmp_path, text)
    assert "no rows" in result.json()["warnings"][0] and "before" not in result.err


def test_what_was_imported_before_is_counted(acme, tmp_path):
    (tmp_path / "secret").write_text(SECRET)
    text = f"agent_id,org_id,secret_hash\na-1,acme,{HASH}\na-2,acme,{'b' * 64}\n"
    imported(acme, tmp_path, text, "--match-secret", "secret")
    again = imported(acme, tmp_path, text, "--match-secret", "secret")
    assert "of 2 rows, 1 imported before, 1 with another secret" in again.err
    assert "all rows were imported before" in imported(acme, tmp_path, "agent_id,org_id\na-1,acme\n").err


# Many rows with one reason ------------------------------------------------------------------------------------------------------------------


def test_missing_organizations_do_not_hide_the_other_rows(acme, tmp_path):
    rows = [f"a-{n},{('globex', 'initech')[n % 2]}" for n in range(1500)] + ["bad id,acme", "ok,acme"]
    (tmp_path / "a.csv").write_text("agent_id,org_id\n" + "\n".join(rows) + "\n")
    people = acme("migrate-legacy", "import", "a.csv", "--dry-run", check=7)
    assert "globex (750 rows), initech (750 rows)" in people.out and "bad id" in people.out and "a-17" not in people.out
    assert "--create-orgs" in people.err
    document = acme.json("migrate-legacy", "import", "a.csv", check=7)
    assert document["data"]["orgs_missing"] == ["globex", "initech"] and document["data"]["refused"] == 1501
    assert len(document["data"]["faults"]) == 1000 and document["data"]["faults"][-1]["agent_id"] == "bad id"
    assert acme.json("migrate-legacy", "import", "a.csv", "--create-orgs", check=7)["data"]["orgs_missing"] == []

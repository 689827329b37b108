"""migrate-legacy import: thousands of rows, dirty in every way. Good rows are imported, bad ones reported; a second run
changes nothing."""

import base64
import csv
import hashlib
import io
import json
import random
import re

import nacl.pwhash
import psycopg2.extras
import pytest

from support.agents import digest, key_id, read_key

PROGRAM = "dev"  # hostile input

SECRET = "correct horse battery staple"
BCRYPT = {  # made with crypt(3)
    SECRET: "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG",
    "another": "$2b$04$aaaaaaaaaaaaaaaaaaaaau9TDq.ZuGD7rtWRCsiMJIGPich1MPvPK",
}
SHARED = hashlib.sha256(SECRET.encode()).hexdigest()
OTHER = hashlib.sha256(b"another").hexdigest()
HEADER = ["agent_id", "org_id", "name", "owner", "permissions"]

# (the row as written in CSV, a word of the reason)
BROKEN = [
    (",acme,No id,,", "no agent_id"),
    ("has space,acme,Bad,,", "agent id"),
    ("-dash,acme,Bad,,", "agent id"),
    ("x" * 128 + ",acme,Bad,,", "agent id"),
    ("ünicode,acme,Bad,,", "agent id"),
    ("no-org,,Bad,,", "no org_id"),
    ("bad-org,Acme Corp,Bad,,", "org"),
    ("bidi,acme,ab\u202ecd,,", "name"),
    ("control,acme,a\x07b,,", "name"),
    ("long-name,acme," + "n" * 201 + ",,", "name"),
    ("bad-owner,acme,Ok,a\x1b[2Jb,", "name"),
    ("bad-permission,acme,Ok,,no-colon", "permission"),
    ('bad-json,acme,Ok,,"[""a:b"""', "JSON array"),
    ("short,acme", "2 fields"),
    ("long,acme,Ok,,,,extra", "7 fields"),
    ('quote,ac"me,Ok,,', "quote"),
    ('behind,acme,"Ok"tail,,', "after a quoted field"),
    ("'; DROP TABLE relay.agents; --,acme,Bobby,,", "agent id"),
]


def csv_text(rows, header=HEADER, end="\n"):
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=end)
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


def good_rows(count, seed=7):
    """Rows that are fine, though they do not look it: capitals, dots, quotes, line ends and commas in names, blanks around ids."""
    dice = random.Random(seed)
    names = ["Plain", "Comma, Inc.", 'He said "go"', "two\nlines", "Zoë ☃ 名前", "=cmd|' /C calc'!A0", "  padded  ", ""]
    for number in range(count):
        agent = f"{dice.choice(['agent', 'Agent', 'AGENT.v1', 'a_b', '0x'])}-{number}"
        name = dice.choice(names).replace("\n", " ")
        yield [f" {agent} " if number % 50 == 0 else agent, f"org-{number % 7}", name, dice.choice(["", "team a", "ops@example.org"]),
               dice.choice(["", "stripe:pay", "a:b, c:*", '["x:y","z:*"]'])]  # fmt: skip


def agents(database):
    return {row["agent_id"]: row for row in database.rows("SELECT * FROM relay.agents")}


def inventory(database):
    return {row["agent_id"]: row for row in database.rows("SELECT * FROM relay.legacy_agents")}


def test_thousands_of_dirty_rows(relay, database, tmp_path):
    rows = list(good_rows(3000))
    lines = csv_text(rows).splitlines(keepends=True)
    dice, expected = random.Random(3), {}
    for broken, _ in BROKEN:
        lines.insert(dice.randrange(1, len(lines)), broken + "\n")
    lines.insert(5, "\n")
    for number, line in enumerate(lines, 1):
        for broken, word in BROKEN:
            if line == broken + "\n":
                expected[number] = word
    source = tmp_path / "agents.csv"
    source.write_text("\ufeff" + "".join(lines), encoding="utf-8")

    done = relay.json("migrate-legacy", "import", source, "--create-orgs", check=7)["data"]
    assert {fault["line"]: fault["reason"] for fault in done["faults"]}.keys() == expected.keys()
    for fault in done["faults"]:
        assert expected[fault["line"]] in fault["reason"], fault
    assert (done["read"], done["imported"], done["created"]) == (3000 + len(BROKEN), 3000, 3000)
    assert done["orgs_created"] == [f"org-{n}" for n in range(7)]

    stored, listed = agents(database), inventory(database)
    for agent, org, name, owner, permissions in rows:
        agent = agent.strip()
        row = stored[agent]
        assert (row["org_id"], row["name"]) == (org, name.strip() or agent)
        assert listed[agent]["owner"] == (owner or None) and listed[agent]["wave"] is None
        assert sorted(row["permissions"]) == sorted(
            json.loads(permissions) if permissions.startswith("[") else [p.strip() for p in permissions.split(",") if p]
        )
    assert len(stored) == len(listed) == 3000

    again = relay.json("migrate-legacy", "import", source, "--create-orgs", check=7)
    assert again["changed"] is False
    assert (again["data"]["imported"], again["data"]["unchanged"], again["data"]["refused"]) == (0, 3000, len(BROKEN))


def test_a_quote_that_never_ends_costs_one_row(relay, database, tmp_path):
    source = tmp_path / "a.csv"
    source.write_text('agent_id,org_id\none,o\n"two,o\nthree,o\n')
    done = relay.json("migrate-legacy", "import", source, "--create-orgs", check=7)["data"]
    assert [(fault["line"], fault["reason"]) for fault in done["faults"]] == [(3, "a quoted field that never ends")]
    assert agents(database).keys() == {"one", "three"}


@pytest.mark.parametrize(
    "content, word",
    [(b"agent_id,agent_id,org_id\none,two,o\n", "two columns"), (b"agent_id,Agent ID\none,two\n", None),
     (b"Agent-ID,Agent ID\none,two\n", "two columns"), (b"one,o\ntwo,o\n", "no column agent_id"), (b"", "no first line"),
     (b"\n\n", "no first line")],
    ids=["twice", "the exact one counts", "twice in other words", "no header", "empty", "blank"],
)  # fmt: skip
def test_a_file_whose_columns_are_not_clear_is_refused_whole(relay, database, tmp_path, content, word):
    (tmp_path / "a.csv").write_bytes(content)
    if word is None:
        relay("migrate-legacy", "import", "a.csv", "--org", "acme", check=7)
    else:
        assert word in relay.error("migrate-legacy", "import", "a.csv", "--create-orgs", check=2)["message"]
    assert agents(database) == {}


def test_bytes_that_are_no_text_cost_their_row(relay, database, tmp_path):
    rows = [b"latin,o,Z\xfcrich", b"nul,o,a\0b", b"long,o," + b"n" * 2_000_000, b"Twin,o,", b"twin,o,", b"end,o,the last has no line end"]
    (tmp_path / "a.csv").write_bytes(b"agent_id,org_id,name\r\n" + b"\r\n".join(rows))
    done = relay.json("migrate-legacy", "import", "a.csv", "--create-orgs", check=7)["data"]
    assert [fault["line"] for fault in done["faults"]] == [2, 3, 4]
    assert agents(database).keys() == {"Twin", "twin", "end"}, "ids that differ in a capital are two"


def test_lines_of_json(relay, database, tmp_path):
    lines = [
        {"agent_id": "one", "org_id": "o", "name": "One", "permissions": ["a:b"], "unknown": {"deep": [1]}},
        {"agent_id": 7.5, "org_id": "o"},
        {"agent_id": "two", "org_id": "o", "permissions": {"a": "b"}},
        ["agent_id", "x"],
        {"agent_id": "three", "org_id": None},
        {"agent_id": "gone", "org_id": "o", "revoked_at": "2020-01-01"},
        {"agent_id": "kept", "org_id": "o", "revoked": False},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines) + "{broken\n\n"
    source = tmp_path / "a.jsonl"
    source.write_bytes(text.encode() + b'{"agent_id": "\xff", "org_id": "o"}\n')
    done = relay.json("migrate-legacy", "import", source, "--create-orgs", check=7)["data"]
    assert {fault["line"] for fault in done["faults"]} == {2, 3, 4, 5, 8, 10}
    assert inventory(database).keys() == {"one", "kept"}
    assert done["revoked"] == 1 and agents(database).keys() == {"one", "kept", "gone"}
    assert relay.json("agent", "show", "gone")["data"]["status"] == "revoked"


def test_a_dry_run_writes_nothing(relay, database, tmp_path):
    source = tmp_path / "a.csv"
    source.write_text(csv_text(good_rows(2500)))
    done = relay.json("migrate-legacy", "import", source, "--create-orgs", "--dry-run")
    assert done["dry_run"] and done["data"]["imported"] == 2500 and len(done["data"]["orgs_created"]) == 7
    assert agents(database) == {} and database.value("SELECT count(*) FROM relay.auth_events") == 0


def test_every_write_is_in_the_audit_trail(relay, database, tmp_path):
    source = tmp_path / "a.csv"
    source.write_text("agent_id,org_id,revoked\none,o,\ntwo,o,yes\n")
    relay("migrate-legacy", "import", source, "--create-orgs", "--ticket", "MIG-1", check=0)
    told = database.rows("SELECT action, org_id, agent_id, ticket FROM relay.auth_events ORDER BY event_id")
    assert sorted((row["action"], row["agent_id"]) for row in told) == [
        ("agent_created", "one"), ("agent_created", "two"), ("agent_revoked", "two"), ("migration_imported", "one"),
        ("org_created", None)]  # fmt: skip
    assert {(row["org_id"], row["ticket"]) for row in told} == {("o", "MIG-1")}


def test_what_is_there_is_never_changed(relay, database, tmp_path):
    source = tmp_path / "a.csv"
    source.write_text("agent_id,org_id,name,permissions\none,o,One,a:b\ntwo,o,Two,\n")
    relay("migrate-legacy", "import", source, "--create-orgs", check=0)
    before = agents(database)
    source.write_text(
        "agent_id,org_id,name,permissions,revoked\none,p,One,a:b,\ntwo,o,Other,,\none,o,One,,true\n"
        "two,o,,,\n"
    )
    done = relay.json("migrate-legacy", "import", source, "--create-orgs", check=7)["data"]
    reasons = {fault["line"]: fault["reason"] for fault in done["faults"]}
    assert "exists in org o" in reasons[2] and "a different name" in reasons[3]
    assert "conflicts with line 2" in reasons[4] and "conflicts with line 3" in reasons[5]
    assert agents(database) == before


def test_of_very_many_bad_rows_a_thousand_are_listed_and_the_others_told(relay, tmp_path):
    source = tmp_path / "a.csv"
    source.write_text("agent_id,org_id\n" + "".join(f"no id {n},o\n" for n in range(1500)) + "good,o\n")
    result = relay("migrate-legacy", "import", source, "--create-orgs", "--json", check=7)
    document = result.json()
    assert (document["data"]["refused"], document["data"]["imported"]) == (1500, 1)
    listed = [fault["line"] for fault in document["data"]["faults"]]
    told = [int(line) for line in re.findall(r"line (\d+) \(no id \d+\): ", result.err)]
    assert len(listed) == 1000 and sorted(listed + told) == list(range(2, 1502))
    assert "500 more rows were refused" in document["warnings"][0]


def test_the_same_row_twice_is_one_agent(relay, database, tmp_path):
    source = tmp_path / "a.csv"
    source.write_text("agent_id,org_id,name\n" + "one,o,One\n" * 3)
    done = relay.json("migrate-legacy", "import", source, "--create-orgs")["data"]
    assert (done["imported"], done["unchanged"]) == (1, 2)


def test_organizations_are_made_only_when_asked_and_limits_hold(relay, database, tmp_path):
    relay("org", "create", "tiny", "--name", "Tiny", check=0)
    relay("org", "create", "gone", "--name", "Gone", "--plan", "paid", check=0)
    source = tmp_path / "a.csv"
    source.write_text("agent_id,org_id\none,tiny\ntwo,tiny\nthree,nowhere\n")
    done = relay.json("migrate-legacy", "import", source, check=7)["data"]
    reasons = {fault["agent_id"]: fault["reason"] for fault in done["faults"]}
    assert "limit" in reasons["two"] and "--create-orgs" in reasons["three"]
    assert inventory(database).keys() == {"one"}


def test_agents_that_have_a_key_are_taken_as_they_are(relay, database, tmp_path):
    for agent in ("fresh", "used"):
        relay("org", "create", "o", "--name", "O", "--plan", "paid", check=0)
        relay("agent", "create", agent, "--org", "o", "--name", agent, "--secret-file", tmp_path / agent, check=0)
    used = read_key(tmp_path / "used")
    database.execute("SELECT relay_api.authenticate(%s, %s)", key_id(used), digest(used))
    source = tmp_path / "a.csv"
    source.write_text("agent_id,org_id\nfresh,o\nused,o\n")
    done = relay.json("migrate-legacy", "import", source)["data"]
    assert (done["imported"], done["created"], done["own_key"]) == (1, 0, 1)
    assert inventory(database)["fresh"]["issued_key"] == database.value(
        "SELECT key_id FROM relay.agent_keys WHERE agent_id = 'fresh'"
    )


def test_a_row_that_the_database_refuses_fails_alone(relay, database, tmp_path):
    database.execute("ALTER TABLE relay.agents ADD CONSTRAINT no_thirteen CHECK (agent_id !~ '-13$')")
    source = tmp_path / "a.csv"
    source.write_text("agent_id,org_id\n" + "".join(f"agent-{n},o\n" for n in range(40)))
    done = relay.json("migrate-legacy", "import", source, "--create-orgs", check=7)["data"]
    assert [fault["agent_id"] for fault in done["faults"]] == ["agent-13"]
    assert len(inventory(database)) == 39


# The shared secret ----------------------------------------------------------------------------------------------------------------------


def hashes_of(secret):
    raw = hashlib.sha256(secret.encode()).digest()
    return [
        raw.hex(), raw.hex().upper(), base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode().rstrip("="),
        *("$2" + letter + BCRYPT[secret][3:] for letter in "aby"), "sha256:" + raw.hex(), "\\x" + raw.hex(), nacl.pwhash.argon2id.str(secret.encode(), 1, 8192).decode(),
    ]  # fmt: skip


def test_only_rows_that_carry_the_shared_secret_are_taken(relay, database, tmp_path):
    (tmp_path / "secret").write_text(SECRET + "\n")
    shared, other = hashes_of(SECRET), hashes_of("another")
    rows = [[f"s{n}", "o", value] for n, value in enumerate(shared)] + [[f"x{n}", "o", value] for n, value in enumerate(other)]
    unclear = {
        "plain": SECRET, "none": "", "old": "$2x$" + BCRYPT[SECRET][4:], "short": BCRYPT[SECRET][:-1], "md5": "0" * 32,
        "endless": "$2b$31$" + BCRYPT[SECRET][7:], "greedy": "$argon2id$v=19$m=4194304,t=20,p=1$c29tZXNhbHQ$" + "A" * 43,
    }  # fmt: skip
    rows += [[agent, "o", value] for agent, value in unclear.items()]
    source = tmp_path / "a.csv"
    source.write_text(csv_text(rows, ["agent_id", "org_id", "secret_hash"]))
    result = relay("migrate-legacy", "import", source, "--create-orgs", "--match-secret", tmp_path / "secret", "-o", "json", check=7)
    done = result.data()
    assert inventory(database).keys() == {f"s{n}" for n in range(len(shared))}
    assert done["other_secret"] == len(other)
    assert {fault["agent_id"]: fault["reason"] for fault in done["faults"]}.keys() == unclear.keys()
    assert SECRET not in result.out + result.err
    dump = json.dumps(database.rows("SELECT * FROM relay.auth_events"), default=str)
    assert SECRET not in dump and SHARED not in dump


@pytest.mark.parametrize("content", ["", "\n", "a\0b", "x" * 5000])
def test_a_file_that_holds_no_secret_is_refused(relay, tmp_path, content):
    (tmp_path / "secret").write_text(content)
    (tmp_path / "a.csv").write_text("agent_id,org_id,secret_hash\n")
    relay.error("migrate-legacy", "import", tmp_path / "a.csv", "--match-secret", tmp_path / "secret", check=2)


# The tables of older relays -------------------------------------------------------------------------------------------------------------


def fill(database, table, columns, rows):
    with database.connect() as connection, connection.cursor() as cursor:
        psycopg2.extras.execute_values(cursor, f"INSERT INTO {table} ({columns}) VALUES %s", rows)


def test_the_first_older_table(relay, database, tmp_path):
    database.execute("CREATE TABLE public.agents (agent_id text, secret_hash text, created_at timestamptz DEFAULT now())")
    dice = random.Random(1)
    rows = [(f"Bot.{n}", SHARED if dice.random() < 0.8 else OTHER) for n in range(2500)]
    rows += [(None, SHARED), ("", SHARED), ("bad id", SHARED), ("no-hash", None), ("Bot.1", rows[1][1])]
    fill(database, "public.agents", "agent_id, secret_hash", rows)
    (tmp_path / "secret").write_text(SECRET)
    relay("org", "create", "acme", "--name", "Acme", "--plan", "paid", check=0)
    words = ("migrate-legacy", "import", "--from-table", "public.agents", "--org", "acme", "--match-secret", tmp_path / "secret")
    done = relay.json(*words, check=7)["data"]
    expected = {agent for agent, value in rows[:2500] if value == SHARED}
    assert inventory(database).keys() == expected
    assert done["refused"] == 4 and done["read"] == len(rows)
    assert relay.json(*words, check=7)["changed"] is False


def test_the_second_older_table_with_its_organizations(relay, database, tmp_path):
    database.execute(
        "CREATE SCHEMA old; CREATE TABLE old.organizations (org_id text PRIMARY KEY, name text, created_at timestamptz, admin_token text);"
        "CREATE TABLE old.agents (agent_id varchar(255) PRIMARY KEY, org_id text, name text, api_key_hash text, api_key_prefix text,"
        " permissions jsonb, created_at timestamptz DEFAULT now(), revoked_at timestamptz, last_used_at timestamptz)"
    )
    fill(database, "old.organizations", "org_id, name, admin_token", [("acme", "Acme Corp", "t"), ("bad", "a\x07b", "t"), ("beta", None, "t")])
    rows = []
    for n in range(1200):
        org = ("acme", "bad", "beta", "nowhere")[n % 4]
        permissions = json.dumps([["stripe:pay"], [], ["a:*", "b:c"], ["not a permission"]][n % 11 % 4])
        rows.append((f"agent_{n:04}", org, f"Agent {n}", SHARED, "relay_sk", permissions, "2024-05-01" if n % 10 == 0 else None))
    fill(database, "old.agents", "agent_id, org_id, name, api_key_hash, api_key_prefix, permissions, revoked_at", rows)
    words = ("migrate-legacy", "import", "--from-table", "old.agents", "--orgs-table", "old.organizations", "--create-orgs")
    done = relay.json(*words, check=7)["data"]
    names = {row["org_id"]: row["name"] for row in database.rows("SELECT org_id, name FROM relay.organizations")}
    assert names == {"acme": "Acme Corp", "bad": "bad", "beta": "beta", "nowhere": "nowhere"}
    fine = [row for row in rows if "not a" not in row[5]]
    stored = agents(database)
    assert stored.keys() == {row[0] for row in fine}
    assert inventory(database).keys() == {row[0] for row in fine if row[6] is None}
    assert {agent: sorted(row["permissions"]) for agent, row in stored.items()} == {row[0]: sorted(json.loads(row[5])) for row in fine}
    assert done["revoked"] == sum(row[6] is not None for row in fine)
    assert relay("agent", "list", "--state", "revoked", "--all", "-o", "id", check=0).out.split() == sorted(
        row[0] for row in fine if row[6]
    )
    assert relay.json(*words, check=7)["changed"] is False


def test_columns_of_other_types_and_what_is_no_plain_table(relay, database, tmp_path):
    (tmp_path / "secret").write_text(SECRET)
    database.execute(
        "CREATE TABLE public.typed (agent_id uuid, org_id integer, secret_hash bytea, permissions jsonb, revoked boolean);"
        f"INSERT INTO public.typed SELECT gen_random_uuid(), 5, '\\x{SHARED}', NULL, n = 1 FROM generate_series(1, 3) AS n;"
        f"INSERT INTO public.typed VALUES (gen_random_uuid(), 5, '\\x{SHARED}', '{{\"a\": 1}}', false);"
        "CREATE VIEW public.shown AS SELECT 'Bot.' || n AS agent_id, 'o' AS org_id FROM generate_series(1, 5) AS n;"
        "CREATE TABLE public.parts (agent_id text, org_id text) PARTITION BY LIST (org_id);"
        "CREATE TABLE public.part PARTITION OF public.parts DEFAULT; INSERT INTO public.parts VALUES ('in-a-part', 'o')"
    )
    words = ("migrate-legacy", "import", "--create-orgs", "--from-table")
    done = relay.json(*words, "public.typed", "--match-secret", "secret", check=7)["data"]
    assert (done["imported"], done["revoked"], done["refused"]) == (2, 1, 1)
    assert relay.json(*words, "public.shown")["data"]["imported"] == 5
    assert relay.json(*words, "public.parts")["data"]["imported"] == 1


def test_columns_by_other_names_and_hostile_ones(relay, database):
    database.execute('CREATE TABLE public."Odd ""Table" ("the id" text, "org;--" text)')
    fill(database, 'public."Odd ""Table"', '"the id", "org;--"', [("one", "o")])
    words = ("migrate-legacy", "import", "--from-table", 'public."Odd ""Table"', "--create-orgs")
    relay.error(*words, check=2)
    relay("migrate-legacy", "import", "--from-table", 'public."Odd ""Table"', "--create-orgs", "--map", "agent_id=the id,org_id=org;--", check=0)
    assert agents(database)["one"]["org_id"] == "o"
    relay.error(*words, "--map", "agent_id=missing", check=2)
    relay.error(*words, "--map", "no_such=x", check=2)
    relay.error("migrate-legacy", "import", "--from-table", "public.nothing", check=3)
    for name in ("x; DROP TABLE relay.agents", "agents", 'public."agents', "public.", "a.b.c", '""."x"', "relay.agents; --"):
        relay.error("migrate-legacy", "import", "--from-table", name, check=2)
    relay.error("migrate-legacy", "import", "--from-table", "relay.agents", "--create-orgs", "--orgs-table", "relay.agent_keys", check=2)


def test_a_table_that_the_login_may_not_read_is_denied(relay, database):
    database.execute("CREATE TABLE public.agents (agent_id text, org_id text)")
    login = database.cluster.login("legacy_importer", member_of="relay_provisioner")
    error = relay.with_(dsn=database.dsn(user=login)).error("migrate-legacy", "import", "--from-table", "public.agents", check=4)
    assert "agents" in error["message"]


@pytest.mark.parametrize("words, code", [((), 2), (("a.csv", "--from-table", "x.y"), 2), (("missing.csv",), 2)])
def test_one_source_and_one_that_is_there(relay, words, code):
    relay.error("migrate-legacy", "import", *words, check=code)


def test_people_are_told_the_lines(relay, tmp_path):
    (tmp_path / "a.csv").write_text("agent_id,org_id\nok,o\nnot ok,o\n")
    result = relay("migrate-legacy", "import", tmp_path / "a.csv", "--create-orgs", check=7)
    assert "not ok" in result.out and "  3 " in result.out

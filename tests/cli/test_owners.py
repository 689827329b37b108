"""The owner and the labels of an agent: --owner and --label when it is made and updated, where they are shown, and the lists that are narrowed to them."""

import pytest
from support.prepared import prepared
from support.processes import wait_until

ROWS = 30_000


def play(scene):
    words = ("agent", "create", "owned", "--org", "acme", "--name", "Owned", "--owner", "ana@acme.example", "--label", "team=pay")
    scene.write(*words, "--secret-file", "owned.key")
    scene.write("agent", "update", "owned", "--label", "env=prod", "--remove-label", "team", "--no-owner")
    scene.read("agent", "list", "--label", "env=prod", "--match", "own*")
    scene.write("agent", "update", "owned", "--owner", "ana@acme.example")
    scene.read("agent", "show", "owned")


@prepared
def acme(relay):
    relay("org", "create", "acme", "--name", "Acme", "--plan", "paid", check=0)
    return relay


def create(relay, agent, *more, check=0):
    return relay("agent", "create", agent, "--org", "acme", "--name", "Bot", "--secret-file", f"{agent}.key", *more, "-o", "json", check=check)  # fmt: skip


def ids(relay, *words):
    return relay("agent", "list", *words, "-o", "id", check=0).out.split()


def test_an_agent_is_made_with_its_owner_and_labels(acme, database):
    words = ("--owner", "Payments <pay@acme.example>", "--label", "team=pay", "--label", "env=prod=eu")
    data = create(acme, "bot", *words).data()
    assert data["owner"] == "Payments <pay@acme.example>" and data["labels"] == {"team": "pay", "env": "prod=eu"}
    row = database.one("SELECT owner, labels FROM relay.agents")
    assert (row["owner"], row["labels"]) == (data["owner"], data["labels"])
    assert create(acme, "bot", *words).json()["changed"] is False
    assert create(acme, "bot").json()["changed"] is False, "what is not asked for is not compared"
    message = acme.error("agent", "create", "bot", "--org", "acme", "--name", "Bot", "--secret-file", "x", "--owner", "ana",
                         "--label", "team=hr", check=5)["message"]  # fmt: skip
    assert "owner, labels" in message


def test_an_agent_without_them_says_so(acme):
    data = create(acme, "bot").data()
    assert data["owner"] is None and data["labels"] == {}
    lines = dict(line.split("=", 1) for line in acme("agent", "show", "bot", "-o", "env", check=0).out.splitlines())
    assert lines["OWNER"] == lines["LABELS"] == ""


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--owner", ""), "owner"),
        (("--owner", "a\u202eb"), "owner"),
        (("--owner", "x" * 201), "201 bytes where 200"),
        (("--label", "team"), "has no '='"),
        (("--label", "team="), "value of label team is empty"),
        (("--label", "Team=pay"), "capitals"),
        (("--label", "=pay"), "label name is empty"),
        (("--label", "t=\u200b"), "value of label t"),
        (("--label", "team=a", "--label", "team=b"), "label team is given two values"),
        (tuple(w for n in range(33) for w in ("--label", f"l{n}=x")), "32 labels, not 33"),
    ],
)
def test_a_bad_owner_or_label_is_refused_before_the_database_is_asked(relay, words, part):
    offline = relay.with_(dsn="host=/nowhere-at-all dbname=none")
    error = offline.error("agent", "create", "bot", "--org", "acme", "--name", "Bot", "--secret-file", "k", *words, check=2)
    assert part in error["message"]
    assert part in offline.error("agent", "update", "bot", *words, check=2)["message"]


def test_a_key_is_not_taken_for_an_owner_or_a_label(acme, tmp_path):
    create(acme, "bot")
    key = (tmp_path / "bot.key").read_text()
    for words in (("--owner", key), ("--label", f"key={key}"), ("--label", key)):
        result = acme("agent", "update", "bot", *words, check=2)
        assert key not in result.out + result.err


def test_an_update_sets_and_removes_what_is_given(acme, database):
    create(acme, "bot", "--owner", "ana", "--label", "team=pay", "--label", "env=prod")
    done = acme.json("agent", "update", "bot", "--label", "env=test", "--label", "tier=1", "--remove-label", "team")
    assert done["data"]["labels"] == {"env": "test", "tier": "1"} and done["data"]["owner"] == "ana"
    assert done["data"]["changed_fields"] == ["labels"]
    assert acme.json("agent", "update", "bot", "--no-owner", "--key-max-age", "30d")["data"]["changed_fields"] == ["key_max_age", "owner"]
    back = acme.json("agent", "update", "bot", "--key-max-age", "none")["data"]
    assert back["key_max_age_seconds"] is None and back["effective_key_max_age_seconds"] == 90 * 86400
    assert acme.json("agent", "update", "bot", "--remove-label", "nothing", "--no-owner")["changed"] is False
    events = database.rows("SELECT detail FROM relay.auth_events WHERE action = 'agent_updated' ORDER BY event_id")
    assert [row["detail"] for row in events] == [{"labels": "changed"}, {"key_max_age": "changed", "owner": "changed"}, {"key_max_age": "changed"}]  # fmt: skip
    acme("agent", "update", "bot", "--owner", "ana", "--no-owner", check=2)
    acme("agent", "update", "bot", *(w for n in range(31) for w in ("--label", f"l{n}=x")), check=2)


def test_people_see_whose_it_is(acme):
    create(acme, "bot", "--owner", "ana", "--label", "team=pay", "--label", "env=prod")
    for words in (("agent", "show", "bot"), ("block", "bot")):
        shown = acme(*words, check=0).out
        assert "Owner:" in shown and "ana" in shown and "env=prod, team=pay" in shown, shown
    assert acme.json("block", "bot")["items"][0]["agent"]["owner"] == "ana"
    header, row = acme("agent", "list", check=0).out.splitlines()
    assert header.index("OWNER") == row.index("ana")


def test_lists_are_narrowed_to_them(acme):
    create(acme, "pay-one", "--owner", "ana", "--label", "team=pay", "--label", "env=prod")
    create(acme, "pay-two", "--owner", "ben", "--label", "team=pay")
    create(acme, "hr_one", "--owner", "ana")
    assert ids(acme, "--owner", "ana") == ["hr_one", "pay-one"]
    assert ids(acme, "--label", "team=pay") == ["pay-one", "pay-two"]
    assert ids(acme, "--label", "team=pay", "--label", "env=prod", "--org", "acme") == ["pay-one"]
    assert ids(acme, "--label", "team=p") == ids(acme, "--owner", "an") == []
    assert ids(acme, "--match", "pay-*") == ["pay-one", "pay-two"] and ids(acme, "--match", "hr?one") == ["hr_one"]
    assert ids(acme, "--match", "hr_*") == ["hr_one"], "an underscore is no wildcard"
    assert ids(acme, "--match", "*one", "--owner", "ana", "--state", "active") == ["hr_one", "pay-one"]


@pytest.mark.parametrize(
    "wrong", ["'[]'", "'{\"team\": 1}'", "'{\"Team\": \"x\"}'", "'{\"team\": \"\"}'", "jsonb_build_object('t', chr(8203))"]
)
def test_the_database_refuses_labels_that_the_program_would(acme, database, wrong):
    create(acme, "bot")
    with pytest.raises(Exception, match="agents_labels_valid"):
        database.execute(f"UPDATE relay.agents SET labels = {wrong}")
    with pytest.raises(Exception, match="agents_owner_form"):
        database.execute("UPDATE relay.agents SET owner = ''")


def rows_read(database):
    """How many rows of relay.agents all sessions that have ended have read so far."""
    database.execute("SELECT pg_stat_clear_snapshot()")
    return database.value("SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relid = 'relay.agents'::regclass")


@pytest.mark.parametrize("words", [("--owner", "owner-7"), ("--label", "team=team-7"), ("--match", "agent-777*")])
def test_only_the_few_that_are_asked_for_are_read(acme, database, words):
    database.execute(
        "INSERT INTO relay.agents (agent_id, org_id, name, created_by, owner, labels) SELECT 'agent-' || n, 'acme', 'A', 't',"
        " 'owner-' || n %% 3000, jsonb_build_object('team', 'team-' || n %% 3000) FROM generate_series(1, %s) AS n", ROWS,
    )  # fmt: skip
    database.execute("ANALYZE relay.agents")
    before = rows_read(database)
    assert len(ids(acme, "--all", *words)) in (10, 11)
    wait_until(lambda: rows_read(database) > before, what="the statistics")
    assert rows_read(database) - before < 1000

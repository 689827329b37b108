"""key due: keys that are due and their owners, exit codes for scripts and for systemd, pages and commands for owners."""

import json
import os
import re
import stat
import time

import pytest
from support.sound import login

HOSTILE = "<script>alert(1)</script> & \"Ana\" <ana@acme.example>"


def play(scene):
    scene.read("key", "due", code=10)  # the agent of an earlier scene has no key left
    scene.read("key", "due", "--within", "91d", code=10)
    scene.read("key", "due", "--within", "91d", "--by", "owner", code=10)
    scene.read("key", "due", "--within", "91d", "--no-owner", "--fields", "agent_id,reason", code=10)
    scene.fail(3, "key", "due", "--org", "nobody")


@pytest.fixture
def acme(relay):
    relay("org", "create", "acme", "--name", "Acme", "--plan", "paid", check=0)
    return relay


def create(relay, agent, *more):
    words = ("agent", "create", agent, "--org", "acme", "--name", f"The {agent}", "--secret-file", f"{agent}.key")
    return relay.json(*words, *more)["data"]["key_id"]


def make_older(database, agent, days):
    database.execute(
        "UPDATE relay.agent_keys SET created_at = created_at - %s * interval '1 day', due_at = due_at - %s * interval '1 day'"
        " WHERE agent_id = %s", days, days, agent,
    )  # fmt: skip


def due(relay, *words, check=10):
    return [item["agent_id"] for item in relay.json("key", "due", *words, check=check)["items"]]


@pytest.fixture
def fleet(acme, database):
    """Five agents of three owners: two overdue, one due soon, two young."""
    create(acme, "late", "--owner", HOSTILE, "--label", "team=pay")
    create(acme, "later", "--owner", HOSTILE)
    create(acme, "soon", "--owner", "ben")
    create(acme, "young", "--owner", "ben")
    create(acme, "nobodys")
    for agent, days in (("late", 91), ("later", 95), ("soon", 85), ("nobodys", 100)):
        make_older(database, agent, days)
    return acme


# --- which keys


def test_no_key_is_due_and_the_code_says_so(acme):
    create(acme, "bot")
    assert due(acme, check=0) == []
    assert due(acme, "--within", "91d") == ["bot"]
    assert acme("key", "due", check=0).err == "no due keys\n"


def test_the_most_urgent_come_first_with_whose_they_are(fleet):
    assert due(fleet) == ["nobodys", "later", "late"]
    assert due(fleet, "--within", "14d") == ["nobodys", "later", "late", "soon"]
    document = fleet.json("key", "due", "--within", "14d", "--owner", HOSTILE, check=10)
    late = document["items"][1]
    assert late["owner"] == HOSTILE and late["labels"] == {"team": "pay"} and late["agent_name"] == "The late"
    assert late["overdue"] is True and late["reason"] == "age" and late["expired"] is late["blocked"] is False
    assert due(fleet, "--label", "team=pay") == ["late"] and due(fleet, "--match", "late*") == ["later", "late"]
    assert due(fleet, "--no-owner") == ["nobodys"] and due(fleet, "--owner", "ben", check=0) == []
    assert due(fleet, "--org", "acme", "--limit", "1") == ["nobodys"]
    fleet("key", "due", "--org", "nobody", check=3)


def test_a_limit_is_not_the_end(fleet):
    document = fleet.json("key", "due", "--limit", "2", check=10)
    assert document["next"] is None and "there are more" in document["warnings"][0]
    assert fleet.json("key", "due", "--limit", "3", check=10)["warnings"] == []


def test_a_key_that_expires_is_due_although_it_is_young(acme, database):
    create(acme, "bot", "--expires", "2999-01-01T00:00:00Z")
    database.execute("UPDATE relay.agent_keys SET expires_at = now() + interval '5 days'")
    assert due(acme, check=0) == []
    item = acme.json("key", "due", "--within", "7d", check=10)["items"][0]
    assert item["reason"] == "expiry" and item["due_at"] == item["expires_at"] and item["overdue"] is False
    database.execute("UPDATE relay.agent_keys SET expires_at = now() - interval '1 minute'")
    item = acme.json("key", "due", check=10)["items"][0]
    assert item["overdue"] is item["expired"] is True


def test_keys_that_have_ended_and_keys_of_revoked_agents_are_not_due(acme, database):
    for agent in ("gone", "rotated", "blocked"):
        create(acme, agent)
        make_older(database, agent, 100)
    acme("revoke", "gone", check=0)
    acme("rotate-key", "rotated", "--secret-file", "new.key", check=0)
    acme("block", "blocked", check=0)
    assert due(acme) == ["blocked"]
    assert acme.json("key", "due", check=10)["items"][0]["blocked"] is True


def reason_of(relay, *words):
    return {item["agent_id"]: (item["reason"], item["overdue"]) for item in relay.json("key", "due", *words, check=10)["items"]}


def assert_due_everywhere(relay, agents):
    """The lists, the condition, doctor and the metrics agree."""
    code = 10 if agents else 0
    assert sorted(due(relay, check=code)) == agents
    relay("key", "due", "--exec-condition", check=0 if agents else 1)
    assert relay("agent", "list", "--key-due", "0", "-o", "id", check=0).out.split() == agents
    item = next(item for item in relay.json("doctor", check=None)["items"] if item["check"] == "keys.due")
    assert item["status"] == ("warn" if agents else "ok"), item
    assert f"\nrelay_keys_overdue {len(agents)}\n" in relay("metrics", check=0).out


def test_an_agent_without_a_key_is_due_until_it_has_one(acme, database):
    create(acme, "young")
    acme("revoke", "--key", create(acme, "out"), check=0)
    leaked = acme.json("agent", "show", "young")["data"]["keys"][0]["key_id"]
    assert_due_everywhere(acme, ["out"])
    assert reason_of(acme) == {"out": ("missing", True)}
    new = acme.json("rotate-key", "young", "--grace", "24h", "--secret-file", "2.key")["data"]["key_id"]
    assert_due_everywhere(acme, ["out"])
    acme("revoke", "--key", new, check=0)
    assert reason_of(acme) == {"out": ("missing", True), "young": ("missing", False)}
    item = acme.json("key", "due", "--match", "young", check=10)["items"][0]
    assert item["key_id"] == leaked and item["due_at"] == item["expires_at"]
    assert_due_everywhere(acme, ["out", "young"])
    for agent in ("out", "young"):
        acme("rotate-key", agent, "--force", "--secret-file", f"{agent}.3.key", check=0)
    assert_due_everywhere(acme, [])


def test_keys_that_ended_in_other_ways_are_missing_and_revoked_agents_are_not(acme):
    acme("key", "retire", create(acme, "retired"), "--force", "--yes", check=0)
    create(acme, "of-org")
    create(acme, "gone")
    acme("revoke", "gone", check=0)
    assert reason_of(acme) == {"retired": ("missing", True)}
    acme("revoke", "--org", "acme", "--confirm", "acme", check=0)
    assert_due_everywhere(acme, [])
    acme("restore", "--org", "acme", "--yes", "--confirm", "acme", check=0)
    assert reason_of(acme) == {"retired": ("missing", True), "of-org": ("missing", True)}


def rows_read(plan, table):
    """The rows that the nodes of a plan read from a table and its indexes."""
    own = (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"] if plan.get("Relation Name") == table else 0
    return own + sum(rows_read(part, table) for part in plan.get("Plans", ()))


def test_what_is_due_is_found_without_reading_the_fleet(fleet, database):
    fleet("revoke", "--key", database.value("SELECT key_id FROM relay.agent_keys WHERE agent_id = 'young'"), check=0)
    database.execute("INSERT INTO relay.agents (agent_id, org_id, name, created_by) SELECT 'many-' || n, 'acme', 'A', 't' FROM generate_series(1, 20000) AS n")
    database.execute(
        "INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, created_by, due_at)"
        " SELECT lpad(n::text, 12, '0'), 'many-' || n, 'acme', sha256(n::text::bytea), 't', now() + interval '80 days'"
        " FROM generate_series(1, 20000) AS n"
    )
    database.execute("ANALYZE relay.agent_keys, relay.agents, relay.revocations")
    found = database.value("EXPLAIN (ANALYZE, FORMAT JSON) SELECT * FROM relay.due_keys WHERE listed_from <= now() + interval '1 day'")
    plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
    assert plan["Actual Rows"] == 4 and rows_read(plan, "agent_keys") < 100, json.dumps(plan)


@pytest.mark.parametrize("role", ["relay_auditor", "relay_responder"])
def test_who_reads_may_ask(fleet, database, role):
    reader = fleet.with_(dsn=login(database, role))
    assert due(reader) == ["nobodys", "later", "late"]
    reader("key", "due", "--exec-condition", check=0)
    reader("key", "due", "--by", "owner", "--notify", "cat > /dev/null", check=10)
    reader("agent", "list", "--key-due", "0", check=0)
    reader("metrics", check=0)
    key = database.value("SELECT key_id FROM relay.agent_keys WHERE agent_id = 'late'")
    reader("key", "wait", key, "--for", "used", "--timeout", "0", check=10)


def test_the_policy_of_the_organization_decides(acme, database):
    acme.json("org", "update", "acme", "--key-max-age", "10d")
    create(acme, "young")
    create(acme, "own", "--key-max-age", "5d")
    assert due(acme, "--within", "6d") == ["own"] and due(acme, "--within", "11d") == ["own", "young"]
    updated = acme.json("org", "update", "acme", "--key-max-age", "none")["data"]
    assert updated["key_max_age_seconds"] is None and updated["changed_fields"] == ["key_max_age"]
    assert acme.json("org", "update", "acme", "--key-max-age", "none")["changed"] is False
    assert "Key max age:        none" in acme("org", "show", "acme", check=0).out
    create(acme, "timeless")
    shown = acme.json("agent", "show", "timeless")["data"]
    assert shown["effective_key_max_age_seconds"] is None and shown["keys"][0]["due_at"] is None
    assert "timeless" not in due(acme, "--within", "3650d")
    kept = acme.json("rotate-key", "timeless", "--due-within", "3650d", "--secret-file", "t.key")
    assert kept["changed"] is False
    assert acme.json("org", "update", "acme", "--key-max-age", "90d")["data"]["key_max_age_seconds"] == 90 * 86400
    acme("org", "update", "acme", "--key-max-age", "0", check=2)
    acme("org", "update", "acme", "--key-max-age", "never", check=2)
    assert acme.json("org", "create", "free", "--name", "Free", "--key-max-age", "none")["data"]["key_max_age_seconds"] is None


# --- systemd


@pytest.mark.parametrize(("words", "code"), [((), 0), (("--owner", "ben"), 1), (("--owner", "ben", "--within", "14d"), 0)])
def test_systemd_reads_due_and_not_due(fleet, words, code):
    result = fleet("key", "due", "--exec-condition", *words, check=code)
    assert result.out == ""


@pytest.mark.parametrize(
    "words", [("--org", "nobody"), ("--within", "14"), ("--bogus",), ("--notify", "true"), ("--html", "."), ("--owner", "")]
)
def test_systemd_reads_every_error_as_one(fleet, words):
    fleet("key", "due", "--exec-condition", *words, check=255)


def test_other_commands_keep_their_exit_codes(relay):
    relay("block", "bot", "--exec-condition", check=2)
    relay("key", "list", "--exec-condition", check=2)
    relay("key", "due", "--", "--exec-condition", check=2)


def test_systemd_reads_a_dead_database_as_an_error(relay):
    relay.with_(dsn="host=/nowhere-at-all dbname=none")("key", "due", "--exec-condition", check=255)


# --- owners


def test_the_list_of_whom_to_write_to(fleet):
    document = fleet.json("key", "due", "--within", "14d", "--by", "owner", check=10)
    assert document["kind"] == "DueOwnerList"
    found = [(item["owner"], item["keys"], item["overdue"]) for item in document["items"]]
    assert found == [(HOSTILE, 2, 2), ("ben", 1, 0), (None, 1, 1)]
    assert document["items"][0]["first_due_at"] == fleet.json("key", "due", "--match", "later", check=10)["items"][0]["due_at"]
    assert fleet("key", "due", "--by", "owner", "--sort", "keys,-owner", "-o", "csv", check=10).out.splitlines()[1].startswith(",1,1,")
    assert fleet("key", "due", "--by", "owner", "-o", "id", check=10).out == HOSTILE + "\n"
    fleet("key", "due", "--by", "team", check=2)


def test_a_page_for_each_owner(fleet, tmp_path):
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "mine.html").write_text("not ours")
    fleet("key", "due", "--within", "14d", "--html", "pages", check=10)
    index = (pages / "index.html").read_text()
    names = re.findall(r'href="([^"]+)"', index)
    assert len(names) == 3 and sorted({*names, "index.html", "mine.html"}) == sorted(os.listdir(pages))
    assert {stat.S_IMODE((pages / name).stat().st_mode) for name in (*names, "index.html")} == {0o600}
    texts = {name: (pages / name).read_text() for name in names}
    for text in (index, *texts.values()):
        assert "<script" not in text
        assert "default-src 'none'" in text and not re.search(r"(src|href)=\"(http|//)", text)
    hers = next(text for text in texts.values() if "alert(1)" in text)
    assert "<script" not in hers and "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;Ana&quot;" in hers
    assert ">late<" in hers and ">later<" in hers and "young" not in hers and "soon<" not in hers
    assert "rotate-key later" in hers and "relay_sk_" not in hers
    assert "nobodys" in texts["no-owner.html"]


def test_pages_of_earlier_runs_are_replaced_or_removed_and_nothing_else(fleet, tmp_path):
    pages = tmp_path / "pages"
    pages.mkdir()
    fleet("key", "due", "--within", "14d", "--html", "pages", check=10)
    (pages / "index.html").chmod(0o644)
    first = set(os.listdir(pages))
    (pages / "note.html").write_text("mine")
    (pages / "link.html").symlink_to("index.html")
    fleet("key", "due", "--html", "pages", check=10)
    assert len(first) - len(set(os.listdir(pages)) & first) == 1, "the page of ben is gone"
    assert {"note.html", "link.html"} <= set(os.listdir(pages))
    assert stat.S_IMODE((pages / "index.html").stat().st_mode) == 0o644
    for agent in ("late", "later", "nobodys"):
        fleet("rotate-key", agent, "--grace", "0", "--secret-file", f"{agent}.2.key", check=0)
    fleet("key", "due", "--html", "pages", check=0)
    assert sorted(os.listdir(pages)) == ["index.html", "link.html", "note.html"]
    assert "No key is due." in (pages / "index.html").read_text()


def test_a_page_replaces_no_other_file(fleet, tmp_path):
    fleet("key", "due", "--html", "nowhere", check=12)
    (tmp_path / "index.html").write_text("mine")
    fleet("key", "due", "--html", ".", check=5)
    assert (tmp_path / "index.html").read_text() == "mine"


def test_two_owners_that_look_alike_have_two_pages(acme, database, tmp_path):
    (tmp_path / "pages").mkdir()
    for number, owner in enumerate(("a b", "a-b", "A b", "ä", "ö", "x" * 199, "x" * 200)):
        create(acme, f"bot-{number}", "--owner", owner)
    acme("key", "due", "--within", "91d", "--html", "pages", check=10)
    assert len(os.listdir(tmp_path / "pages")) == 8


# --- commands


def test_each_owner_is_told_with_json_on_stdin(fleet, tmp_path):
    script = 'n=$(ls told* 2>/dev/null | wc -l); cat > "told$n"; printf "%s|%s|%s" "$RELAY_OWNER" "$RELAY_DUE" "$RELAY_OVERDUE" > "env$n"; echo out'
    result = fleet("key", "due", "--within", "14d", "--notify", script, "-o", "id", check=10)
    assert result.err.count("out\n") == 3 and "out" not in result.out, "stdout is ours"
    told = [json.loads((tmp_path / f"told{number}").read_text()) for number in range(3)]
    assert [(tmp_path / f"env{number}").read_text() for number in range(3)] == [f"{HOSTILE}|2|2", "ben|1|0", "|1|1"]
    assert [[item["agent_id"] for item in one["items"]] for one in told] == [["later", "late"], ["soon"], ["nobodys"]]
    same = fleet.json("key", "due", "--within", "14d", "--owner", HOSTILE, check=10)
    assert told[0]["items"] == same["items"] and told[0]["kind"] == "DueKeyList" and told[0]["meta"]["database"]


def test_no_text_of_the_database_is_part_of_the_command(acme, database, tmp_path):
    create(acme, "bot", "--owner", "$(touch pwned); `touch pwned` ' \" #")
    make_older(database, "bot", 100)
    acme("key", "due", "--notify", 'cat > /dev/null; test -n "$RELAY_OWNER"', check=10)
    assert not (tmp_path / "pwned").exists()


def test_a_failing_command_is_partial_and_names_the_owners(fleet):
    result = fleet("key", "due", "--within", "14d", "--notify", 'test "$RELAY_OWNER" = ben', check=7)
    assert f"--notify failed for owner {HOSTILE}: it ended with exit code 1" in result.err
    assert "--notify failed for agents without an owner" in result.err and "owner ben" not in result.err
    document = fleet.json("key", "due", "--within", "14d", "--notify", 'test "$RELAY_OWNER" = ben', check=7)
    assert len(document["warnings"]) == 2 and len(document["items"]) == 4


def test_what_fails_after_a_command_says_who_was_told(fleet, tmp_path):
    pages = tmp_path / "pages"
    pages.mkdir()
    breaks = 'test "$RELAY_OWNER" != ben || { rm -r pages; exit 3; }'
    error = fleet.error("key", "due", "--within", "14d", "--html", "pages", "--notify", breaks, check=7)
    assert f"notified: {HOSTILE}; for 1 owner the command failed; no command was run for: agents without an owner" in error["message"]


def test_a_closed_pipe_hides_no_failure(fleet):
    for command, code in (("false", 7), ("true", 0)):
        reader, writer = os.pipe()
        os.close(reader)
        try:
            result = fleet("key", "due", "--notify", command, stdout=writer, check=code)
        finally:
            os.close(writer)
        assert result.err.count("--notify failed for ") == (2 if code else 0)


def test_a_dry_run_tells_nobody_and_writes_nothing(fleet, tmp_path):
    pages = tmp_path / "pages"
    pages.mkdir()
    result = fleet("-n", "key", "due", "--html", "pages", "--notify", "touch told", check=10)
    assert f"would run the command of --notify for {HOSTILE} (2 keys)" in result.err
    assert "would write a page for agents without an owner (1 key) into pages" in result.err
    assert os.listdir(pages) == [] and not (tmp_path / "told").exists()
    fleet("metrics", "--dry-run", "--textfile", "relay.prom", check=0)
    assert not (tmp_path / "relay.prom").exists()


def test_a_narrowed_run_removes_no_page_and_no_run_removes_a_copy(fleet, tmp_path):
    pages = tmp_path / "pages"
    pages.mkdir()
    fleet("key", "due", "--within", "14d", "--html", "pages", check=10)
    (pages / "copy-of-index.html").write_bytes((pages / "index.html").read_bytes())
    all_names = sorted(os.listdir(pages))
    for words in (("--org", "acme"), ("--owner", "ben"), ("--no-owner",), ("--label", "team=pay"), ("--match", "soon")):
        fleet("key", "due", "--html", "pages", *words)
        assert sorted(os.listdir(pages)) == all_names, words
    fleet("key", "due", "--html", "pages", check=10)
    assert len(os.listdir(pages)) == len(all_names) - 1 and (pages / "copy-of-index.html").exists()


def test_a_folder_that_cannot_be_listed_fails_before_anyone_is_told(fleet, tmp_path):
    pages = tmp_path / "pages"
    pages.mkdir()
    pages.chmod(0o333)
    without_rights_of_root = ("setpriv", "--bounding-set=-all") if os.geteuid() == 0 else ()
    result = fleet.with_(prefix=without_rights_of_root)("key", "due", "--html", "pages", "--notify", "touch told", check=12)
    assert "Permission denied" in result.err and not (tmp_path / "told").exists()


def test_a_command_that_hangs_is_ended_with_its_children(fleet, tmp_path):
    began = time.monotonic()
    result = fleet("key", "due", "--no-owner", "--notify", "echo $$ > pid; sleep 600 & sleep 600", "--notify-timeout", "1s", check=7)
    assert "took longer than 1 s and was killed" in result.err and time.monotonic() - began < 300
    group = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        for _ in range(1000):
            os.killpg(group, 0)
            time.sleep(0.05)


def test_a_command_gets_more_than_a_pipe_holds(acme, database, tmp_path):
    database.execute("INSERT INTO relay.agents (agent_id, org_id, name, created_by, owner) SELECT 'a-' || n, 'acme', 'A', 't', 'ana' FROM generate_series(1, 1200) AS n")  # fmt: skip
    database.execute(
        "INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, created_by, due_at)"
        " SELECT lpad(n::text, 12, '0'), 'a-' || n, 'acme', sha256(n::text::bytea), 't', now() - n * interval '1 hour'"
        " FROM generate_series(1, 1200) AS n"
    )
    acme("key", "due", "--owner", "ana", "--notify", "sleep 0.2; cat > told", "--notify-timeout", "30s", check=10)
    told = json.loads((tmp_path / "told").read_text())
    assert len(told["items"]) == 1000 and told["items"][0]["agent_id"] == "a-1200"
    assert told["warnings"] == ["200 more keys of this owner are due"] and (tmp_path / "told").stat().st_size > 1 << 16


def test_a_command_that_reads_nothing_is_fine(fleet):
    fleet("key", "due", "--notify", "true", check=10)


def test_flags_that_have_no_effect_are_refused(fleet):
    for words in (("--notify-timeout", "5s"), ("--notify", "true", "--notify-timeout", "0"), ("--owner", "x", "--no-owner"),
                  ("--fields", "nothing", "--notify", "touch told"), ("--sort", "nothing")):  # fmt: skip
        fleet("key", "due", *words, check=2)
    assert not os.path.exists(os.path.join(fleet.cwd, "told"))

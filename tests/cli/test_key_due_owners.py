"""key due --by owner, --html and --notify: pages and commands for the people to write to."""

import json
import os
import re
import stat
import time

import pytest
from support.due_keys import HOSTILE, acme, create, fleet, make_older  # noqa: F401


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

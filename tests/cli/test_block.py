"""block and unblock: at 3 a.m., and in scripts; test_block_locks.py is about concurrent sessions."""

import json
import re
import signal

import pytest

from support import database as database_support
from support import processes
from support.agents import decide, first_agent, read_key
from support.cluster import Cluster
from support.prepared import prepared
from support.proxy import Fault, Proxy, answer_to_commit, commit
from support.relay import finish_terminal

PROGRAM = "dev"  # a short test of the whole way
QUICK = True

ITEM = {
    "subject_kind", "subject_id", "org_id", "agent_id", "known", "changed", "result", "status", "since", "until", "actor", "db_role",
    "ticket", "reason", "extended_only", "gateways", "durable", "error", "agent", "keys", "last_address", "events",
}  # fmt: skip


@prepared
def key(relay, tmp_path):
    """The key of the agent `bot`, in organization acme."""
    return first_agent(relay, tmp_path / "bot.key")


@prepared
def fleet(relay, key):
    for name in ("crm", "erp"):
        relay("agent", "create", name, "--org", "acme", "--name", name, "--secret-file", f"{name}.key", check=0)


def standing(database):
    return {row["subject_id"]: row for row in database.rows("SELECT * FROM relay.standing_revocations")}


# --- blocking


def test_a_block_stops_the_agent_and_says_who_it_is(relay, database, key):
    result = relay("block", "bot", "--reason", "key seen in a public log", "--ticket", "INC-42", "--actor", "ana", check=0)
    assert decide(database, key) == "blocked"
    for text in ("bot", "Bot", "acme", "BLOCKED since 20", "by ana (role postgres), INC-42: key seen in a public log",
                 "1 active; refused while blocked", "never seen", "Last events:", "agent_blocked", "key_issued"):  # fmt: skip
        assert text in result.out, f"{text!r} is not in\n{result}"
    assert "undo:  relay-admin unblock bot --ticket INC-42" in result.err and "rotate-key bot --grace 0" in result.err
    row = standing(database)["bot"]
    assert (row["kind"], row["ticket"], row["actor"], row["until"]) == ("block", "INC-42", "ana", None)
    assert database.value("SELECT count(*) FROM relay.auth_events WHERE action = 'agent_blocked' AND ticket = 'INC-42'") == 1


def test_json_is_a_list_with_the_context(relay, key):
    document = relay.json("block", "bot", "--ticket", "INC-42")
    (item,) = document["items"]
    assert document["kind"] == "Block" and document["changed"] is True and document["next"] is None
    assert set(item) == ITEM
    assert (item["subject_kind"], item["subject_id"], item["org_id"], item["status"], item["result"]) == ("agent", "bot", "acme", "blocked", "done")
    assert [each["status"] for each in item["keys"]] == ["active"] and item["agent"]["name"] == "Bot"
    assert item["events"][0]["action"] == "agent_blocked" and item["error"] is None
    assert document["meta"]["at"] and document["meta"]["db_role"] == "postgres"
    assert key not in json.dumps(document)


def test_a_second_responder_changes_nothing_and_reads_who_was_first(relay, database, key):
    relay("block", "bot", "--actor", "ana", check=0)
    result = relay("block", "bot", "--actor", "ben", "-o", "json", check=0)
    assert result.json()["changed"] is False and result.json()["items"][0]["actor"] == "ana"
    assert re.search(r"nothing changed: agent bot was already blocked by ana (just now|\d+ seconds? ago)\n", result.err)
    assert database.value("SELECT count(*) FROM relay.revocations") == 1
    assert database.value("SELECT count(*) FROM relay.auth_events WHERE action = 'agent_blocked'") == 1


def test_a_hold_ends_by_itself_and_is_only_made_longer(relay, database, key):
    relay("block", "bot", "--until", "2h", check=0)
    ends = standing(database)["bot"]["until"]
    assert 7100 < database.value("SELECT extract(epoch FROM %s - now())::int", ends) <= 7200
    assert relay.json("block", "bot", "--until", "1h")["changed"] is False
    longer = relay.json("block", "bot", "--until", "2099-01-01T00:00:00Z")
    assert longer["changed"] is True and longer["items"][0]["extended_only"] is True
    assert longer["items"][0]["until"] == "2099-01-01T00:00:00.000Z"
    for_good = relay.json("block", "bot")
    assert for_good["changed"] is True and for_good["items"][0]["until"] is None
    assert relay.json("block", "bot", "--until", "2h")["changed"] is False and decide(database, key) == "blocked"


@pytest.mark.parametrize("text", ["0", "2", "-2h", "tomorrow", "2026-13-01T00:00:00Z", "2026-01-01", "", "2h-"])
def test_an_end_is_a_time_or_a_duration(relay, database, key, text):
    assert "--until" in relay.error("block", "bot", f"--until={text}", check=2)["message"]
    assert standing(database) == {}


def test_a_dry_run_blocks_nobody(relay, database, key):
    document = relay.json("block", "bot", "--dry-run")
    assert document["dry_run"] is True and decide(database, key) == "ok" and standing(database) == {}
    assert document["items"][0]["status"] == "blocked"


# --- unknown ids


def test_one_unknown_id_is_not_found(relay, database, key):
    error = relay.error("block", "bott", check=3)
    assert "bott" in error["message"] and error["changed"] == "no"
    assert standing(database) == {}


def test_the_close_id_is_suggested_and_never_taken(relay, database, key):
    result = relay("block", "bott", check=3)
    assert "did you mean: bot" in result.err and standing(database) == {}


def test_an_unknown_id_can_be_kept_out(relay, database, key, tmp_path):
    result = relay("block", "ghost", "--force", check=0)
    assert "ghost" in result.out and standing(database)["ghost"]["kind"] == "block"
    words = ("agent", "create", "ghost", "--org", "acme", "--name", "Ghost", "--secret-file", "g.key")
    assert relay.error(*words, check=5)["next"] == "relay-admin unblock ghost"
    relay("unblock", "ghost", "--yes", check=0)
    relay(*words, check=0)
    assert decide(database, read_key(tmp_path / "g.key")) == "ok"


def test_some_unknown_among_several_is_partial_and_the_others_are_out(relay, database, fleet):
    result = relay("block", "bot", "nobody", "crm", "-o", "json", check=7)
    items = {item["subject_id"]: item for item in result.json()["items"]}
    assert list(items) == ["bot", "nobody", "crm"]
    assert items["nobody"]["error"]["code"] == "not_found" and items["nobody"]["result"] == "not_found"
    assert items["bot"]["changed"] and items["crm"]["changed"] and set(standing(database)) == {"bot", "crm"}
    table = relay("block", "bot", "nobody", check=7)
    assert "not_found" in table.out and "warning: nobody: no agent nobody" in table.err


def test_none_known_is_not_found(relay, database, key):
    error = relay.error("block", "x1", "x2", check=3)
    assert "x1, x2" in error["message"] and standing(database) == {}


# --- many ids


@pytest.mark.parametrize("way", ["file", "stdin"])
def test_ids_from_a_file(relay, database, fleet, tmp_path, way):
    text = "# suspects\nbot\r\n\n  crm  \nbot\nerp"
    (tmp_path / "ids").write_text(text)
    given = {"stdin": text} if way == "stdin" else {}
    document = relay.json("block", "-f", "-" if way == "stdin" else "ids", **given)
    assert [item["subject_id"] for item in document["items"]] == ["bot", "crm", "erp"]
    assert set(standing(database)) == {"bot", "crm", "erp"}


def test_a_file_with_a_bad_line_blocks_nobody(relay, database, fleet, tmp_path):
    (tmp_path / "ids").write_text("bot\ncrm\nnot an id\n")
    error = relay.error("block", "-f", "ids", check=2)
    assert "ids, line 3: " in error["message"] and standing(database) == {}
    (tmp_path / "ids").write_text("# nobody\n\n")
    assert "contains no agent id" in relay.error("block", "-f", "ids", check=2)["message"]
    assert "--file gone" in relay.error("block", "-f", "gone", check=2)["message"]


def test_a_key_pasted_as_an_id_is_not_repeated(relay, key):
    result = relay("block", key, check=2)
    assert key[22:] not in result.err and key[22:] not in result.out


def test_a_thousand_agents_in_one_go(relay, database, key):
    database.execute(
        "INSERT INTO relay.agents (agent_id, org_id, name, created_by) SELECT 'a' || n, 'acme', 'A', 'test' FROM generate_series(1, 1000) n"
    )
    ids = "".join(f"a{n}\n" for n in range(1, 1001))
    with processes.at_once(30):  # separately, each with its transactions, it would take minutes
        lines = relay("block", "-f", "-", "-o", "jsonl", stdin=ids, check=0).jsonl()
    assert len(standing(database)) == 1000
    assert len(lines) == 1001 and lines[-1]["kind"] == "Summary" and lines[-1]["count"] == 1000


# --- an organization


def test_an_organization_needs_its_id_again(relay, database, fleet, key):
    assert "--confirm acme" in relay.error("block", "--org", "acme", check=2)["next"]
    assert "--yes is not enough" in relay("block", "--org", "acme", "--yes", check=2).err
    assert relay("block", "--org", "acme", "--confirm", "acmee", check=13).code == 13
    assert standing(database) == {}
    document = relay.json("block", "--org", "acme", "--confirm", "acme")
    assert document["items"][0]["subject_kind"] == "org" and decide(database, key) == "blocked"
    assert relay.json("block", "--org-id", "acme", "--confirm", "acme")["changed"] is False


@pytest.mark.parametrize("answer, code", [("acme", 0), ("yes", 13), ("acm", 13), ("", 13)])
def test_at_a_terminal_the_id_is_typed(relay, database, fleet, key, answer, code):
    session = relay.terminal("block", "--org", "acme", "--yes")
    session.expect_exact("This blocks organization acme (Acme): 3 agents.")
    session.expect_exact("Type acme to continue: ")
    session.sendline(answer)
    assert finish_terminal(session)[0] == code and decide(database, key) == ("blocked" if code == 0 else "ok")


def test_an_organization_that_is_not_there(relay, key):
    error = relay.error("block", "--org", "acm", "--confirm", "acm", check=3)
    assert error["suggestions"] == ["acme"]


@pytest.mark.parametrize(
    "words",
    [(), ("bot", "--org", "acme"), ("bot", "-f", "x"), ("--confirm", "acme", "bot"), ("--org", "acme", "--force"), ("BO T",)],
)
def test_lines_that_say_too_much_or_too_little(relay, database, key, words):
    relay.error("block", *words, check=2)
    assert standing(database) == {}


def test_agents_are_never_asked_about(relay, database, key):
    code, text = finish_terminal(relay.terminal("block", "bot"))
    assert code == 0 and "[y/N]" not in text and decide(database, key) == "blocked"


# --- the database is gone


def test_a_server_that_is_not_there(relay, key):
    gone = relay.with_(dsn="host=127.0.0.1 port=1 dbname=x")
    error = gone.error("block", "bot", check=8)
    assert "nothing was changed" in error["message"] and error["changed"] == "no"


def test_a_lost_commit_that_cannot_be_settled_is_not_confirmed(relay, database, key, cluster):
    """Runs in text and in JSON at the same time, because each run tries for 30 s."""
    with Proxy(cluster.socket_path) as one, Proxy(cluster.socket_path) as two:
        runs = []
        for proxy, more in ((one, ("bot",)), (two, ("bot", "ghost", "--force", "-o", "json", "-q"))):

            def refuse(message, proxy=proxy):
                proxy.mode = "refuse"
                proxy.pairs[0].end("rst")

            proxy.faults.append(Fault(refuse, match=commit))
            runs.append(relay.with_(dsn=proxy.dsn(database)).start("block", *more))
        (_, plain), (out, in_json) = [run.communicate(timeout=60) for run in runs]
    assert [run.returncode for run in runs] == [9, 9]
    assert plain.decode().splitlines()[-1] == "NOT CONFIRMED: agent bot may still be live"
    assert "run the same command again" in plain.decode()
    lines = in_json.decode().splitlines()
    assert lines[-3:-1] == ["NOT CONFIRMED: agent bot may still be live", "NOT CONFIRMED: agent ghost may still be live"]
    error = json.loads(lines[-1])["error"]
    assert error["exit"] == 9 and error["changed"] == "unknown" and out == b""
    relay("block", "bot", check=0)
    assert decide(database, key) == "blocked"


def test_a_lost_answer_is_settled_and_confirmed(relay, database, key, cluster):
    with Proxy(cluster.socket_path, Fault("rst", match=answer_to_commit)) as proxy:
        relay.with_(dsn=proxy.dsn(database))("block", "bot", check=0)
        assert proxy.fired == 1
    assert database.value("SELECT count(*) FROM relay.revocations") == 1 and decide(database, key) == "blocked"


def test_a_dead_synchronous_standby_holds_up_no_block(relay, tmp_path):
    with Cluster(name="lonely") as lonely:
        made = database_support.Database(lonely, template=database_support.make_template(lonely))
        runner = relay.with_(dsn=made.dsn())
        key = first_agent(runner, tmp_path / "lonely.key")
        lonely.query("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        lonely.reload()
        with processes.at_once():
            runner("block", "bot", check=0)
        assert decide(made, key) == "blocked"


# --- unblocking


def test_unblock_lets_in_again(relay, database, key):
    relay("block", "bot", "--ticket", "INC-1", check=0)
    document = relay.json("unblock", "bot", "--yes", "--reason", "false alarm")
    assert document["kind"] == "Unblock" and document["changed"] is True and document["items"][0]["status"] == "active"
    assert decide(database, key) == "ok" and standing(database) == {}
    again = relay("unblock", "bot", "--yes", check=0)
    assert "nothing changed" in again.err
    assert database.value("SELECT count(*) FROM relay.auth_events WHERE action = 'agent_unblocked'") == 1


def test_unattended_it_needs_yes(relay, database, key):
    relay("block", "bot", check=0)
    for words in (("bot",), ("--org", "acme"), ("--ticket", "X"), ("bot", "--no-input")):
        assert "--yes" in relay.error("unblock", *words, check=2)["next"]
    assert decide(database, key) == "blocked"


@pytest.mark.parametrize("answer, code", [("y", 0), ("yes", 0), ("n", 13), ("", 13)])
def test_a_person_reads_why_it_was_blocked_and_answers(relay, database, key, answer, code):
    relay("block", "bot", "--actor", "ana", "--ticket", "INC-7", check=0)
    session = relay.terminal("unblock", "bot", columns=250)
    session.expect("bot is BLOCKED since .* by ana .*INC-7.* Unblock agent bot\\? \\[y/N\\] ")
    session.sendline(answer)
    assert finish_terminal(session)[0] == code and decide(database, key) == ("ok" if code == 0 else "blocked")


def test_leaving_the_question(relay, database, key):
    relay("block", "bot", check=0)
    for leave, code in (("sendeof", 13), ("sendintr", -signal.SIGINT)):
        session = relay.terminal("unblock", "bot")
        session.expect_exact("[y/N] ")
        getattr(session, leave)()
        assert finish_terminal(session)[0] == code
    assert decide(database, key) == "blocked"


def test_a_whole_ticket_is_lifted(relay, database, fleet, key):
    relay("block", "bot", "crm", "--ticket", "INC-42", check=0)
    relay("block", "erp", "--ticket", "INC-43", check=0)
    document = relay.json("unblock", "--ticket", "INC-42", "--yes")
    assert sorted(item["subject_id"] for item in document["items"]) == ["bot", "crm"]
    assert set(standing(database)) == {"erp"}
    again = relay.json("unblock", "--ticket", "INC-42", "--yes")
    assert again["changed"] is False and again["items"] == []
    relay.error("unblock", "--ticket", "INC-99", "--yes", check=3)


@pytest.mark.parametrize("odd", ["INC-\x1b[31m7", "\u202eINC", "two\nlines"])
def test_a_ticket_that_sql_wrote_is_lifted_as_it_is_shown(relay, database, fleet, odd):
    """As the list of incidents shows it. One that is written with a backslash is another ticket, and comes first."""
    block = "INSERT INTO relay.revocations (subject_kind, subject_id, kind, ticket, actor) VALUES ('agent', %s, 'block', %s, 'ana')"
    database.execute(block, "bot", odd)
    (shown,) = relay("incident", "list", "-o", "id", check=0).out.splitlines()
    assert shown.isprintable() and shown != odd
    assert relay.json("incident", "show", shown)["incident"]["ticket"] == odd
    database.execute(block, "crm", shown)
    assert [item["subject_id"] for item in relay.json("unblock", "--ticket", shown, "--yes")["items"]] == ["crm"]
    database.execute("SET session_replication_role = replica")
    database.execute("UPDATE relay.revocations SET ticket = 'x' WHERE ticket = %s", shown)
    database.execute("RESET session_replication_role")
    assert [item["subject_id"] for item in relay.json("unblock", "--ticket", shown, "--yes")["items"]] == ["bot"]
    assert standing(database) == {}


def test_an_agent_of_a_blocked_organization_stays_out_and_is_told_so(relay, database, key):
    relay("block", "bot", check=0)
    relay("block", "--org", "acme", "--confirm", "acme", check=0)
    result = relay("unblock", "bot", "--yes", check=0)
    assert "warning: agent bot is still refused: org acme is blocked" in result.err
    assert decide(database, key) == "blocked"
    relay("unblock", "--org", "acme", "--yes", check=0)
    assert decide(database, key) == "ok"


def test_unblocking_a_revoked_agent_does_not_revive_it(relay, database, key):
    relay("revoke", "bot", check=0)
    result = relay("unblock", "bot", "--yes", check=0)
    assert "is revoked" in result.err and decide(database, key) == "revoked"


def test_unblock_of_unknown_ids(relay, fleet):
    relay.error("unblock", "nobody", "--yes", check=3)
    relay("block", "bot", check=0)
    result = relay.json("unblock", "bot", "nobody", "--yes", check=7)
    assert [item["result"] for item in result["items"]] == ["done", "not_found"]
    relay.error("unblock", "--yes", check=2)
    relay.error("unblock", "bot", "--org", "acme", "--yes", check=2)


def test_hostile_text_is_escaped_on_a_terminal(relay, database, key):
    database.execute("ALTER TABLE relay.agents DROP CONSTRAINT agents_name_form")
    database.execute("UPDATE relay.agents SET name = E'\\x1b]0;owned\\x07\\u202e' WHERE agent_id = 'bot'")
    code, text = finish_terminal(relay.terminal("block", "bot", "--color", "never"))
    assert code == 0 and "\x1b" not in text and "\u202e" not in text and "owned" in text

"""Each `next:` line that is a command can be pasted, and acts on the database of the run that printed it.

Every act that the library can advise is provoked, with the database named by each of the four flags. The environment
names no server, so a line that lost its flag cannot reach one. The four flags name the same sandbox."""

import json
import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.advised import world  # noqa: F401
from support.audit_months import forget_month, make_old_month
from support.legacy_past import grow_old, rewrite
from support.pasting import is_command, next_lines, paste, words_of

HEADER = Path(os.environ["RELAY_SOURCE_DIR"]) / "lib/relay/model/advice.hpp"
TO_FILE = ("--secret-file", "some.key")
OFF = ("--confirm", "legacy-off")


@dataclass(frozen=True)
class Case:
    """A run that fails with `code`, or a doctor that complains, and what it advises: {act: line without program and place}.

    A line that begins with ":" is a sentence. `ends`: the exit codes that the pasted commands may have; 13 is an
    unanswered question. `setup` runs before each run if the pasted command `changes` its result, otherwise once."""

    words: tuple
    code: int
    says: dict
    setup: object = None
    template: str = "baseline"
    changes: bool = False
    ends: tuple = (0, 13)
    id: str = field(default="")


def sql(*statements):
    return lambda world: rewrite(world.database, *statements)


def commands(*lines):
    """The acts that are commands of the program, by their words."""

    def run(world):
        for line in lines:
            world.relay(*line.split())

    return run


def old_fleet(world, *more):
    (world.folder / "old.csv").write_text("agent_id,org_id\nOld.One,acme\n")
    world.relay("migrate-legacy", "import", "old.csv")
    for line in more:
        world.relay(*line.split())


def fleet(*more):
    return lambda world: old_fleet(world, *more)


def started(*more):
    return fleet("migrate-legacy start --deadline 14d", *more)


def used(world):
    old_fleet(world, "migrate-legacy start --deadline 14d")
    world.database.execute("SELECT relay_api.authenticate_legacy('Old.One', 'acme', '192.0.2.1')")
    grow_old(world.database)


def expired(world):
    old_fleet(world, "migrate-legacy start --deadline 14d")
    world.database.execute("UPDATE relay.legacy_migrations SET deadline = now() - interval '1 hour'")


def unknown_agents(world):
    old_fleet(world)
    (world.folder / "wave.txt").write_text("Nobody.Here\n")


def rotated(world):
    shutil.copy(world.folder / "bot.key", world.folder / "first.key")
    world.relay("rotate-key", "bot", "--grace", "2h", "--secret-file", "second.key", "--replace")


def five_staged(world):
    for _ in range(5):
        world.relay("rotate-key", "bot", "--deliver", "false", check=12)


def old_key(world):
    return (world.folder / "bot.key").read_text()[9:21]


def silent_gateway(world):
    world.database.execute("SELECT relay_api.acknowledge('gw-1', next_cursor) FROM relay_api.changes_since(NULL)")
    rewrite(world.database, "UPDATE relay.gateway_acks SET at = now() - interval '1 hour'")


def other_table(world):
    world.database.execute("CREATE TABLE public.bots (id text, org_id text)")


def old_month(world):
    make_old_month(world.database, 3, 2)


def slow(world):
    world.database.execute("ALTER TABLE relay.schema_migrations RENAME TO versions")
    world.database.execute("CREATE VIEW relay.schema_migrations AS SELECT v.* FROM relay.versions AS v, pg_sleep(5)")


CASES = [
    Case(("doctor", "schema"), 10, {"initialize": "init"}, template="bare"),
    Case(("org", "list"), 11, {"apply_schema": "schema apply"}, template="bare", changes=True),
    Case(("recover", "op_" + "0" * 24), 11, {"show_connection": "whoami"}, template="bare"),
    Case(("schema", "apply"), 11, {"verify_schema": "schema verify"}, ends=(0, 10, 11),
         setup=sql("UPDATE relay.schema_migrations SET checksum = repeat('0', 64) WHERE version = 2")),
    Case(("doctor", "schema.drift"), 10, {"verify_schema": "schema verify", "repair_schema": "schema apply --repair"},
         setup=sql("REVOKE SELECT ON relay.agents FROM relay_auditor"), changes=True, ends=(0, 10)),
    Case(("schema", "apply"), 11, {"show_schema_status": "schema status"}, ends=(11,),
         setup=sql("DELETE FROM relay.schema_migrations WHERE version = 2")),
    Case(("init", "--org-id", "x", "--org-name", "X", "--agent-name", "X", *TO_FILE), 5,
         {"create_orgs_and_agents": ":to add more, use org create and agent create"}),
    Case(("org", "show", "nope"), 3, {"list_orgs": "org list"}),
    Case(("org", "create", "acme", "--name", "Other"), 5,
         {"show_org": "org show acme", "update_org": ":to change it, use org update acme"}),
    Case(("agent", "create", "--org", "small", "--name", "Two", *TO_FILE), 6, {"raise_plan": "org update small --plan paid"}, changes=True),
    Case(("agent", "create", "--org", "tiny", "--name", "Two", *TO_FILE), 6,
         {"raise_agent_limit": "org update tiny --max-agents 2"}, changes=True),
    Case(("org", "create", "new", "--name", "New", "--plan", "nope"), 2, {"list_plans": "plan list"}),
    Case(("plan", "create", "free", "--name", "Other"), 5,
         {"show_plan": "plan show free", "update_plan": ":to change it, use plan update free"}),
    Case(("org", "update", "acme", "--max-agents", "0", "--expect", "99"), 5, {"list_seats": "org seats acme"}),
    Case(("agent", "create", "--org", "acme", "--name", "Late", *TO_FILE), 6,
         {"renew_subscription": "subscription set acme --state active"}, changes=True,
         setup=commands("subscription set acme --state past_due --ends 14d")),
    Case(("device", "show", "0" * 12), 3, {"list_devices": "device list"}),
    Case(("usage", "release", "acme", "vms", "nope"), 3, {"list_holds": "usage holds acme"}),
    Case(("policy", "undo", "999999", "--yes"), 3, {"list_policy_changes": "policy history"}),
    Case(("agent", "show", "nope"), 3, {"list_agents": "agent list"}),
    Case(("agent", "create", "bot", "--org", "acme", "--name", "Other", *TO_FILE), 5,
         {"show_agent": "agent show bot", "update_agent": ":to change it, use agent update bot"}),
    Case(("doctor", "keys.due"), 0, {"list_agents_past_due": "agent list --key-due 0"},
         setup=sql("UPDATE relay.agent_keys SET created_at = now() - interval '2 years', due_at = now() - interval '1 day'")),
    Case(("key", "retire", old_key, "--yes"), 5,
         {"rotate_key_without_grace": "rotate-key bot --grace 0", "retire_by_force": ":add --force to end the key anyway"}, changes=True),
    Case(("rotate-key", "bot", *TO_FILE), 5,
         {"retire_key": re.compile("key retire [0-9a-z]{12}"), "rotate_by_force": ":add --force to rotate the key anyway"}, setup=rotated),
    Case(("rotate-key", "bot", "--deliver", "true"), 5,
         {"list_staged_keys": "key list --agent bot --state staged", "retire_staged_key": re.compile("key retire [0-9a-z]{12} --force")},
         setup=five_staged, changes=True),
    Case(("key", "show", "0" * 12), 3, {"list_keys": "key list"}),
    Case(("role", "show", "nope", "--org", "acme"), 3, {"list_roles": "role list --org acme"}),
    Case(("role", "create", "ops", "--org", "acme", "--name", "Other"), 5,
         {"show_role": "role show ops --org acme", "update_role": ":to change it, use role grant and role revoke-permission"}),
    Case(("role", "delete", "ops", "--org", "acme", "--yes"), 5,
         {"list_agents_of_role": "agent list --org acme --role ops", "delete_role_of_agents": "role delete ops --org acme --force"}),
    Case(("unblock", "--ticket", "INC 1", "--yes"), 3, {"list_blocked_agents": "agent list --state blocked"}),
    Case(("agent", "create", "ghost", "--org", "acme", "--name", "Ghost", *TO_FILE), 5, {"unblock_agent": "unblock ghost"},
         setup=commands("block ghost --force")),
    Case(("agent", "create", "new", "--org", "acme", "--name", "New", *TO_FILE), 5, {"unblock_org": "unblock --org acme"},
         setup=commands("block --org acme --confirm acme")),
    Case(("rotate-key", "bot", *TO_FILE), 5, {"restore_agent": "restore bot"}, setup=commands("revoke bot --yes")),
    Case(("restore", "bot", "--yes", *TO_FILE), 5, {"restore_org": "restore --org acme"},
         setup=commands("revoke bot --yes", "revoke --org acme --confirm acme")),
    Case(("block", "nope"), 3, {"list_agents": "agent list", "shut_out_unknown_agent": ":add --force to refuse this id anyway"}),
    Case(("audit", "show", "999999"), 3, {"list_events": "audit list"}),
    Case(("incident", "show", "INC-9"), 3, {"list_incidents": "incident list"}),
    Case(("audit", "verify"), 10, {"seal_audit": "audit seal"}, changes=True),
    Case(("doctor", "gateways"), 0, {"list_gateways": "gateway list"}, setup=silent_gateway),
    Case(("watch", "--since", "nonsense"), 2, {"begin_feed_anew": ":omit --since to see only changes from now on"}),
    Case(("doctor", "audit.months"), 0, {"maintain_audit": "audit maintain"}, changes=True,
         setup=lambda world: forget_month(world.database, -1)),
    Case(("audit", "maintain", "--keep-months", "1", "--expect", "7", "--yes"), 5,
         {"list_months_to_drop": "audit maintain --keep-months 1 --dry-run"}, setup=old_month),
    Case(("migrate-legacy", "issue", "--all", "--expect", "9", "--secrets-dir", "out"), 5,
         {"show_legacy_status": "migrate-legacy status", "try_without_change": ":preview the change with --dry-run"}, setup=started()),
    Case(("migrate-legacy", "start", "--deadline", "14d", "--agents", "wave.txt"), 3,
         {"import_legacy_agents": ":import these agents first: migrate-legacy import FILE"}, setup=unknown_agents),
    Case(("migrate-legacy", "import", "--from-table", "public.bots"), 2,
         {"name_agent_id_column": ":say which column has the id: --map agent_id=COLUMN"}, setup=other_table),
    Case(("migrate-legacy", "extend", "--deadline", "7d", "--reason", "x"), 5,
         {"open_legacy_window": "migrate-legacy start --deadline 14d"}, setup=fleet(), changes=True),
    Case(("migrate-legacy", "start"), 2, {"give_legacy_deadline": ":add a deadline, e.g. --deadline 14d"}, setup=fleet()),
    Case(("migrate-legacy", "start", "--deadline", "1d"), 5,
         {"extend_legacy_window": "migrate-legacy extend --deadline 7d --reason 'more time to move'",
          "finish_legacy_window": "migrate-legacy finish"}, setup=expired, changes=True),
    Case(("migrate-legacy", "finish", *OFF), 5,
         {"finish_legacy_accepting": "migrate-legacy finish --allow-active 1 --allow-never-seen 0"}, setup=used),
    Case(("migrate-legacy", "finish", "--quiet-for", "24h", *OFF), 5,
         {"finish_legacy_after": "migrate-legacy finish --quiet-for 1d --allow-active 1 --allow-never-seen 0"}, setup=used),
    Case(("doctor", "legacy.window"), 0,
         {"open_legacy_window": "migrate-legacy start --deadline 14d", "deny_legacy": "migrate-legacy abort --deny-all"},
         setup=started("migrate-legacy abort"), changes=True),
    Case(("doctor", "legacy.fallback"), 0, {"name_relay_settings": ":name the file with the settings of the relay: doctor --env-file FILE"}),
    Case(("org", "list", "--timeout", "300ms"), 8, {"allow_more_time": ":use a longer --timeout, e.g. --timeout 60s"}, setup=slow),
]  # fmt: skip

# The tests below provoke these, because they need another database or none; a lost commit is in test_exit_codes.py, what shows more
# of a finding in test_audit_anomalies.py.
ELSEWHERE = {"list_events_of_agent", "list_events_of_key", "list_failures_from", "recover", "discard_schema", "show_settings", "keep_password_in_file", "check_login"}


def acts():
    body = re.search(r"enum class Act \{(.*?)\n\};", HEADER.read_text(), re.DOTALL).group(1)
    return set(re.findall(r"^    (\w+),", body, re.MULTILINE))


def test_every_act_is_provoked():
    provoked = {act for case in CASES for act in case.says} | ELSEWHERE
    assert acts() == provoked


def provoke(world, case, place):
    words = [word(world) if callable(word) else word for word in case.words]
    result = world.run(*words, *place, check=case.code)
    return result, next_lines(result.out + result.err)


def expect_sentence(lines, text):
    assert text in lines
    assert not is_command(text)


def expect_command(world, case, place, lines, wanted):
    """Finds the advised command, as words, and pastes its line."""
    for line in filter(is_command, lines):
        words = words_of(line)
        said = " ".join(words[1 + len(place) :])
        if not (wanted.fullmatch(said) if isinstance(wanted, re.Pattern) else said == " ".join(words_of(wanted))):
            continue
        assert words[1 : 1 + len(place)] == list(place), line
        code, shown = paste(line, world.run.environment(), world.folder)
        assert code in case.ends and "unknown flag" not in shown, f"{line}\nexit {code}\n{shown}"
        return
    pytest.fail(f"none of {lines} is {wanted}")


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(case.says))
def test_a_next_line_can_be_pasted_and_acts_on_the_same_database(world, case):
    for at, place in enumerate(world.places):
        if at == 0 or case.changes:
            world.database.remake(case.template)
            if case.setup:
                case.setup(world)
        _, lines = provoke(world, case, place)
        for wanted in case.says.values():
            if isinstance(wanted, str) and wanted.startswith(":"):
                expect_sentence(lines, wanted[1:])
            else:
                expect_command(world, case, place, lines, wanted)


def test_what_is_pasted_has_its_effect_in_the_same_database(world):
    world.database.remake("baseline")
    for place, org in zip(world.places, ("small", "small", "tiny", "tiny")):
        rewrite(world.database, "UPDATE relay.organizations SET plan = 'free' WHERE org_id = 'small'", "DELETE FROM relay.limits WHERE owner_id = 'small'",
                "UPDATE relay.limits SET amount = 1 WHERE owner_id = 'tiny'")  # fmt: skip
        create = ("agent", "create", "--org", org, "--name", "Two")
        line = next_lines(world.run(*create, *TO_FILE, *place, check=6).err)[0]
        assert paste(line, world.run.environment(), world.folder)[0] == 0
        world.relay(*create, *TO_FILE, "--replace", "--dry-run")


def test_in_json_next_is_the_first_command_without_its_comment(world):
    world.database.remake("baseline")
    for place in world.places:
        text = next_lines(world.run("role", "delete", "ops", "--org", "acme", "--yes", *place, check=5).err)
        assert [line.partition("  # ")[2] for line in text] == ["", "takes it from all of them"]
        error = world.run.error("role", "delete", "ops", "--org", "acme", "--yes", *place, check=5)
        assert error["next"] == text[0] and words_of(error["next"])[1 : 1 + len(place)] == list(place)
        check = json.loads(world.run("doctor", "db.role", "legacy.fallback", *place, "-o", "json").out)["items"][0]
        assert "\n" not in (check["next"] or "")


def test_what_moves_a_migration_on_can_be_pasted(world):
    for place in world.places:
        world.database.remake("baseline")
        used(world)
        status = world.run("migrate-legacy", "status", *place, check=0)
        lines = [line for line in next_lines(status.err) if is_command(line)]
        steps = [step["command"] for step in world.run.json("migrate-legacy", "status", *place)["data"]["next_steps"]]
        assert lines and [words_of(line) for line in lines] == [words_of(step) for step in steps if step]
        for line in lines:
            assert words_of(line)[1 : 1 + len(place)] == list(place)
            code, shown = paste(line, world.run.environment(), world.folder)
            assert code in (0, 13), shown
        shutil.rmtree(world.folder / "issued-keys")


def test_a_ticket_is_quoted_in_the_line_that_undoes(world):
    world.database.remake("baseline")
    for place in world.places:
        blocked = world.run("block", "bot", "--ticket", "it's INC; 1", *place, check=0)
        line = re.search(r"^undo:  (.*)$", blocked.err, re.MULTILINE).group(1)
        assert words_of(line)[1 : 1 + len(place)] == list(place)
        code, shown = paste(f"{line} --yes", world.run.environment(), world.folder)
        assert code == 0 and "unblocked" in shown
        assert world.relay("agent", "show", "bot", "-o", "json").data()["status"] == "active"


def test_a_server_that_does_not_answer_is_looked_for_in_the_settings(world):
    place = ("--dsn", "host='/nowhere else' dbname=x")
    line = next_lines(world.run("doctor", "db", *place, check=10).out)[0]
    assert words_of(line) == ["relay-admin", *place, "config", "show"]
    code, shown = paste(line, world.run.environment(), world.folder)
    assert code == 0 and "/nowhere else" in shown


def test_a_schema_that_cannot_be_used_is_discarded_where_it_is(world):
    """Only a sandbox can be destroyed: with another database, it would be the wrong sandbox."""
    world.database.remake("baseline")
    rewrite(world.database, "UPDATE relay.schema_migrations SET name = 'old_' || name, checksum = repeat('0', 64)")
    for place in world.places:
        discard, apply = next_lines(world.run("schema", "apply", *place, check=11).err)
        assert words_of(apply) == ["relay-admin", *place, "schema", "apply"]
        if place != ("--sandbox",):
            assert discard == "if you do not need its data, run DROP SCHEMA relay, relay_api CASCADE in psql"
            continue
        assert discard == "relay-admin sandbox destroy"
        assert paste(discard, world.run.environment(), world.folder)[0] == 13


def test_a_login_or_a_password_that_is_refused_is_told_in_words(world):
    dsn = world.places[1][1]
    refused = next_lines(world.run("org", "list", "--dsn", re.sub(r"user='?\w+'?", "user=nobody_here", dsn), check=4).err)
    assert refused == ["check the user name and the password (in ~/.pgpass, the service file, or the file of --dsn-file)"]
    held = world.run("org", "list", "--dsn", "host=h password=geheim", check=2)
    assert next_lines(held.err) == ["put the password in ~/.pgpass, or the whole connection string in a file and use --dsn-file"]
    missing = world.run("init", "--dsn", "host=h password=geheim", check=2)
    assert "geheim" not in held.err + missing.err
    assert words_of(next_lines(missing.err)[0])[1:4] == ["--dsn", "CONNINFO", "init"]

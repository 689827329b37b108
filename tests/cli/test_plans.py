"""plan create, list, show and update; the plan and the limits of org update; which agents keep a seat, and the question before."""

import re

import pytest
from support.agents import decide, read_key
from support.prepared import prepared
from support.processes import wait_until
from support.relay import finish_terminal


def play(scene):
    """For the golden documents: see every_command.py."""
    scene.write("plan", "create", "team", "--name", "Team", "--limit", "agents=25", "--limit", "messages=1000")
    scene.fail(5, "plan", "create", "team", "--name", "Group")
    scene.write("plan", "update", "team", "--limit", "vms=3")
    scene.read("plan", "list")
    scene.read("plan", "show", "team")
    scene.fail(3, "plan", "show", "teem")
    scene.write("org", "create", "seated", "--name", "Seated", "--plan", "paid", again=False)
    for agent in ("seat-1", "seat-2"):
        scene.shoot("agent", "create", agent, "--org", "seated", "--name", agent, "--secret-file", f"{agent}.key")
    scene.write("org", "update", "seated", "--plan", "team", "--limit", "agents=1", "--limit", "messages=none", "--expect", "1", again=False)
    scene.read("org", "seats", "seated")
    scene.write("agent", "keep", "seat-2")
    scene.read("agent", "list", "--state", "surplus")
    scene.write("subscription", "set", "seated", "--state", "past_due", "--ends", "2100-01-01T00:00:00Z", "--plan", "paid", "--ref", "sub_1")
    scene.write("subscription", "set", "seated", "--state", "active", "--said-at", "2020-01-01T00:00:00Z")
    scene.read("subscription", "show", "seated")
    scene.read("subscription", "show", "acme")
    scene.read("subscription", "list")


@prepared
def fleet(relay, tmp_path):
    """The paid organization acme with the agents bot-1 to bot-4, in this order; returns their keys."""
    relay("org", "create", "acme", "--name", "Acme", "--plan", "paid", check=0)
    keys = {}
    for agent in ("bot-1", "bot-2", "bot-3", "bot-4"):
        relay("agent", "create", agent, "--org", "acme", "--name", agent, "--secret-file", f"{agent}.key", check=0)
        keys[agent] = read_key(tmp_path / f"{agent}.key")
    return keys


def answers(database, fleet):
    """What gateways are answered about each agent of the fleet."""
    return [decide(database, key) for key in fleet.values()]


def feed(database, change="seat_lost"):
    return database.rows("SELECT org_id, agent_id, key_id, kicks FROM relay.change_feed WHERE change = %s ORDER BY seq", change)


# --- plans


def test_two_plans_are_there_and_free_has_the_one_limit(relay):
    plans = relay.json("plan", "list", check=0)["items"]
    assert [(plan["plan_id"], plan["limits"]) for plan in plans] == [("free", {"agents": 1}), ("paid", {})]


def test_a_plan_is_made_once_and_then_compared(relay, database):
    words = ("plan", "create", "team", "--name", "Team", "--limit", "agents=25", "--limit", "api_calls=none")
    assert relay.json(*words)["changed"] is True
    assert relay.json(*words)["changed"] is False
    error = relay.error("plan", "create", "team", "--name", "Team", "--limit", "agents=26", check=5)
    assert "limit_agents" in error["message"] and "plan show team" in error["next"]
    assert relay.json("plan", "show", "team")["data"]["limits"] == {"agents": 25}
    assert database.value("SELECT detail ->> 'plan' FROM relay.auth_events WHERE action = 'plan_created'") == "team"
    assert relay.error("plan", "show", "tean", check=3)["suggestions"] == ["team"]


def test_an_organization_goes_on_a_plan_that_exists(relay):
    relay("plan", "create", "team", "--name", "Team", "--limit", "agents=2", check=0)
    assert relay.json("org", "create", "acme", "--name", "Acme", "--plan", "team")["data"]["agent_limit"] == 2
    error = relay.error("org", "update", "acme", "--plan", "teem", check=2)
    assert error["suggestions"] == ["team"] and "plan list" in error["next"]
    relay("org", "create", "other", "--name", "Other", "--plan", "teem", check=2)
    relay("org", "show", "other", check=3)


@pytest.mark.parametrize(
    "limit, words",
    [("mesages=5", "no meter"), ("agents=-1", "0 to 1000000000000000"), ("agents=1.5", "whole number"), ("agents=1e3", "whole number"),
     ("agents=10000000000000000", "0 to 1000000000000000"), ("agents=", "whole number"), ("agents", "whole number"),
     ("agents=99999999999999999999999", "whole number"), ("agents= 5", "whole number"), ("=5", "no meter"), ("agents=0x10", "whole number")],
)  # fmt: skip
@pytest.mark.parametrize("command", [("org", "update", "acme"), ("plan", "update", "free"), ("plan", "create", "new", "--name", "New")])
def test_a_limit_that_is_none_is_refused(relay, command, limit, words):
    error = relay.error(*command, "--limit", limit, check=2)
    assert words in error["message"], error
    assert error["suggestions"] == (["messages"] if limit.startswith("mesages") else [])


def test_a_meter_is_limited_once(relay):
    relay("org", "create", "acme", "--name", "Acme", check=0)
    assert "twice" in relay.error("org", "update", "acme", "--limit", "vms=1", "--limit", "vms=2", check=2)["message"]
    relay("org", "update", "acme", "--limit", "agents=1", "--max-agents", "2", check=2)
    assert "plan" not in relay.error("plan", "update", "free", "--limit", "agents=plan", check=2)["message"].partition("but must be")[2]


def test_limits_of_an_organization_beat_its_plan_also_without_end(relay, database):
    relay("org", "create", "acme", "--name", "Acme", check=0)

    def limit():
        return database.value("SELECT relay.limit_of('acme', 'agents')")

    assert relay.json("org", "update", "acme", "--max-agents", "7")["data"]["changed_fields"] == ["max_agents"]
    assert limit() == 7
    assert relay.json("org", "update", "acme", "--limit", "agents=none")["data"]["agent_limit"] is None
    assert limit() is None
    assert relay.json("org", "update", "acme", "--limit", "agents=plan")["data"]["agent_limit"] == 1
    assert limit() == 1
    done = relay.json("org", "update", "acme", "--limit", "messages=5", "--limit", "ai_tokens=0")
    assert done["data"]["changed_fields"] == ["limit_messages", "limit_ai_tokens"]
    assert relay.json("org", "update", "acme", "--limit", "messages=5")["changed"] is False
    assert "messages 5" in relay("org", "show", "acme").out


def test_providers_are_names_or_any(relay, database):
    relay("org", "create", "acme", "--name", "Acme", check=0)
    stored = "SELECT allowed_providers FROM relay.organizations"
    assert relay.json("org", "update", "acme", "--providers", "hetzner,aws")["data"]["changed_fields"] == ["providers"]
    assert database.value(stored) == ["hetzner", "aws"]
    assert relay.json("org", "update", "acme", "--providers", "hetzner,aws")["changed"] is False
    for wrong in ("a b", "any,aws", "x" * 65, ",".join(f"p{n}" for n in range(65)), "a,,b"):
        relay("org", "update", "acme", "--providers", wrong, check=2)
    relay("org", "update", "acme", "--providers", "x" * 64, check=0)
    database.execute("SELECT relay_api.hold('acme', 'vms', 'vm-1', 1, %s)", "x" * 64)
    assert database.value("SELECT provider FROM relay.holds") == "x" * 64
    relay("org", "update", "acme", "--providers", "any", check=0)
    assert database.value(stored) is None


def test_at_its_own_limit_the_advice_is_to_raise_that_and_not_the_plan(relay, database):
    relay("org", "create", "acme", "--name", "Acme", "--max-agents", "1", check=0)
    create = ("agent", "create", "--org", "acme", "--name", "Bot", "--secret-file")
    relay(*create, "one.key", check=0)
    error = relay.error(*create, "two.key", check=6)
    assert "its own limit" in error["why"] and "org update acme --max-agents 2" in error["next"] and "--plan" not in error["next"]
    relay("org", "update", "acme", "--limit", "agents=plan", check=0)
    error = relay.error(*create, "two.key", check=6)
    assert not error["why"] and "org update acme --plan paid" in error["next"]


# --- seats


@pytest.mark.parametrize("change", ["org update acme --limit agents=0", "plan update paid --limit agents=0"])
@pytest.mark.parametrize("imported", [False, True])
def test_an_agent_that_is_made_while_a_limit_is_set_counts(relay, database, tmp_path, change, imported):
    """The limit commits while the agent waits for it: refused, instead of a key that no gateway would accept."""
    relay("org", "create", "acme", "--name", "Acme", "--plan", "paid", check=0)
    (tmp_path / "agents.csv").write_text("agent_id,org_id,name\nbot,acme,Bot\n")
    create = ("agent", "import", "agents.csv", "--secrets-dir", "keys") if imported else ("agent", "create", "bot", "--org", "acme", "--name", "Bot", "--secret-file", "bot.key")
    owner = ("org", "acme", "acme") if change.startswith("org") else ("plan", "paid", None)
    with database.connect(autocommit=False) as holder, holder.cursor() as cursor:
        row = "relay.organizations WHERE org_id = 'acme'" if owner[2] else "relay.plans WHERE plan_id = 'paid'"
        cursor.execute(f"SELECT FROM {row} FOR NO KEY UPDATE")  # as the command does
        cursor.execute("INSERT INTO relay.limits (owner_kind, owner_id, meter, org_id, amount) VALUES (%s, %s, 'agents', %s, 0)", owner)
        running = relay.start(*create)
        wait_until(lambda: database.value("SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()"), what="the agent that waits")
        holder.commit()
    assert running.wait(60) == (7 if imported else 6) and database.value("SELECT count(*) FROM relay.agents") == 0


def test_a_plan_and_a_subscription_that_change_at_the_same_time_announce_who_lost_a_seat(relay, database, fleet):
    """The organization comes on the plan while its limit is lowered: the later one announces the loss."""
    relay("plan", "create", "team", "--name", "Team", "--limit", "agents=10", check=0)
    with database.connect(autocommit=False) as holder, holder.cursor() as cursor:
        cursor.execute("SELECT FROM relay.plans WHERE plan_id = 'team' FOR NO KEY UPDATE")  # as plan update does
        cursor.execute("UPDATE relay.limits SET amount = 1 WHERE owner_id = 'team'")
        running = relay.start("subscription", "set", "acme", "--state", "active", "--plan", "team", "--yes")
        wait_until(lambda: database.value("SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()"), what="the subscription that waits")
        holder.commit()
    assert running.wait(60) == 0 and [row["agent_id"] for row in feed(database)] == ["bot-2", "bot-3", "bot-4"]


def test_only_organizations_with_more_agents_than_a_plan_allows_are_asked_about_seats(relay, database):
    """10,000 organizations on the plan with one agent each, and one with three."""
    database.execute("INSERT INTO relay.plans (plan_id, name, created_by) VALUES ('team', 'Team', 't')")
    database.execute("INSERT INTO relay.organizations (org_id, name, plan, created_by) SELECT 'o-' || n, 'O', 'team', 't' FROM generate_series(1, 10000) AS n")
    database.execute("INSERT INTO relay.agents (agent_id, org_id, name, created_by) SELECT 'a-' || n, 'o-' || n, 'A', 't' FROM generate_series(1, 10000) AS n")
    database.execute("INSERT INTO relay.agents (agent_id, org_id, name, created_by) VALUES ('b', 'o-1', 'B', 't'), ('c', 'o-1', 'C', 't')")
    calls = "SELECT COALESCE(sum(calls), 0)::int FROM pg_stat_xact_user_functions WHERE funcname = 'limit_of'"
    with database.connect(autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute("SET LOCAL track_functions = 'all'; INSERT INTO relay.limits (owner_kind, owner_id, meter, amount) VALUES ('plan', 'team', 'agents', 2)")
        cursor.execute("SELECT agents, orgs FROM relay.note_seats_lost_by_plan('team', NULL)")
        assert cursor.fetchone() == (1, 1)
        cursor.execute(calls)
        assert cursor.fetchone()[0] <= 2


def test_a_smaller_plan_names_who_stays_and_a_script_must_say_how_many_it_takes(relay, database, fleet):
    error = relay.error("org", "update", "acme", "--plan", "free", check=2)
    assert "3 agents would lose their seat" in error["message"] and "--expect 3" in error["next"] and error["changed"] == "no"
    assert answers(database, fleet) == ["ok"] * 4
    error = relay.error("org", "update", "acme", "--plan", "free", "--expect", "2", check=5)
    assert "3 agents would lose their seat, not 2" in error["message"]
    assert answers(database, fleet) == ["ok"] * 4 and feed(database) == []
    done = relay.json("org", "update", "acme", "--plan", "free", "--expect", "3")
    assert done["changed"] is True and "3 agents lost their seat" in done["warnings"][0] and "org seats acme" in done["warnings"][0]
    assert answers(database, fleet) == ["ok"] + ["over_limit"] * 3
    assert feed(database) == [{"org_id": "acme", "agent_id": f"bot-{n}", "key_id": None, "kicks": True} for n in (2, 3, 4)]
    assert relay.json("org", "update", "acme", "--plan", "free", "--expect", "3")["changed"] is False, "a repeated line is done already"


def test_a_terminal_shows_who_stays_and_asks(relay, database, fleet):
    session = relay.terminal("org", "update", "acme", "--plan", "free", columns=300)
    session.expect("Continue")
    text = " ".join(session.before.split())
    assert "acme has 4 agents; plan free allows 1. bot-1 (the oldest) stays. 3 are refused from the next minute on; nothing is deleted." in text
    session.sendline("n")
    assert "agent keep AGENT" in text and finish_terminal(session)[0] == 13 and answers(database, fleet) == ["ok"] * 4
    session = relay.terminal("org", "update", "acme", "--plan", "free")
    session.expect("Continue")
    session.sendline("y")
    assert finish_terminal(session)[0] == 0 and answers(database, fleet).count("over_limit") == 3


def test_yes_answers_and_a_dry_run_changes_nothing(relay, database, fleet):
    dry = relay.json("org", "update", "acme", "--max-agents", "2", "--dry-run")
    assert dry["dry_run"] is True and "2 agents lost their seat" in dry["warnings"][0] and answers(database, fleet) == ["ok"] * 4
    relay("org", "update", "acme", "--max-agents", "2", "--yes", check=0)
    assert answers(database, fleet) == ["ok", "ok", "over_limit", "over_limit"]


def test_a_larger_plan_asks_nothing_and_brings_the_same_agents_back(relay, database, fleet):
    rows = "SELECT md5(string_agg(t::text, E'\\n' ORDER BY t::text)) FROM (SELECT to_jsonb(a) FROM relay.agents AS a UNION ALL SELECT to_jsonb(k) FROM relay.agent_keys AS k) AS t"
    before = database.value(rows)
    relay("org", "update", "acme", "--limit", "agents=1", "--expect", "3", check=0)
    relay("org", "update", "acme", "--limit", "agents=plan", check=0)
    assert answers(database, fleet) == ["ok"] * 4 and database.value(rows) == before
    assert len(feed(database)) == 3, "a gained seat has no row"


def test_a_plan_takes_seats_of_all_organizations_without_a_limit(relay, database, fleet):
    relay("plan", "create", "team", "--name", "Team", check=0)
    relay("org", "update", "acme", "--plan", "team", check=0)
    relay("org", "create", "own", "--name", "Own", "--plan", "team", "--max-agents", "1", check=0)
    error = relay.error("plan", "update", "team", "--limit", "agents=0", check=2)
    assert "4 agents in 1 organization" in error["message"] and "--expect 4" in error["next"]
    relay("plan", "update", "team", "--limit", "agents=0", "--expect", "3", check=5)
    assert answers(database, fleet) == ["ok"] * 4
    done = relay.json("plan", "update", "team", "--limit", "agents=0", "--expect", "4")
    assert done["data"]["lost_seats"] == 4 and answers(database, fleet) == ["over_limit"] * 4
    assert relay.json("plan", "update", "team", "--limit", "agents=0", "--expect", "4")["changed"] is False, "a repeated line is done already"
    assert [row["agent_id"] for row in feed(database)] == [f"bot-{n}" for n in (1, 2, 3, 4)]


def test_an_agent_that_is_kept_stays_and_another_goes(relay, database, fleet):
    relay("org", "update", "acme", "--max-agents", "2", "--expect", "2", check=0)
    done = relay.json("agent", "keep", "bot-4", "bot-1")
    assert done["data"] == {"org_id": "acme", "first_agents": ["bot-4", "bot-1"], "agents": 4, "agent_limit": 2, "lost_seats": 1}
    assert answers(database, fleet) == ["ok", "over_limit", "over_limit", "ok"]
    assert feed(database)[-1]["agent_id"] == "bot-2"
    assert relay.json("agent", "keep", "bot-4", "bot-1")["changed"] is False
    seats = relay.json("org", "seats", "acme")["items"]
    assert [(seat["place"], seat["agent_id"], seat["has_seat"]) for seat in seats] == [
        (1, "bot-4", True), (2, "bot-1", True), (3, "bot-2", False), (4, "bot-3", False)]  # fmt: skip
    assert relay("agent", "list", "--state", "surplus", "-o", "id").out.split() == ["bot-2", "bot-3"]
    assert relay("agent", "list", "--state", "surplus", "--org", "acme", "-o", "id").out.split() == ["bot-2", "bot-3"]


def test_keep_refuses_a_revoked_agent_and_two_organizations(relay, database, fleet):
    relay("org", "create", "other", "--name", "Other", check=0)
    relay("agent", "create", "alien", "--org", "other", "--name", "Alien", "--secret-file", "alien.key", check=0)
    assert "other" in relay.error("agent", "keep", "bot-1", "alien", check=2)["message"]
    relay("revoke", "bot-2", check=0)
    assert "restore bot-2" in relay.error("agent", "keep", "bot-2", check=5)["next"]
    relay("agent", "keep", "nobody", check=3)
    relay("agent", "keep", check=2)
    relay("block", "bot-3", check=0)
    assert relay.json("agent", "keep", "bot-3")["changed"] is True


def test_who_has_no_seat_is_told_so_everywhere(relay, database, fleet):
    relay("org", "update", "acme", "--max-agents", "1", "--expect", "3", check=0)
    words = "REFUSED now: over_limit, its organization may have 1 agent, and it is not among them"
    assert words in relay("agent", "show", "bot-2").out
    assert "accepted now" in relay("agent", "show", "bot-1").out
    relay("block", "bot-2", check=0)
    assert "REFUSED now: it is blocked" in relay("agent", "show", "bot-2").out
    assert words in relay("unblock", "bot-2", "--yes", check=0).out
    assert "no seat (over_limit)" in relay("whois", "bot-2").out and "no seat" not in relay("whois", "bot-1").out
    verified = relay.json("key", "verify", stdin=fleet["bot-3"], check=10)["data"]
    assert (verified["ok"], verified["reason"]) == (False, "over_limit")
    assert "org seats ORG" in relay("explain", "over_limit").out


def test_a_seat_of_a_revoked_agent_is_free_again(relay, database, fleet):
    relay("org", "update", "acme", "--max-agents", "2", "--expect", "2", check=0)
    relay("revoke", "bot-1", check=0)
    assert answers(database, fleet) == ["revoked", "ok", "ok", "over_limit"]


def test_an_organization_over_its_limit_adds_nothing(relay, database, fleet, tmp_path):
    relay("org", "update", "acme", "--max-agents", "2", "--yes", check=0)
    error = relay.error("agent", "create", "bot-5", "--org", "acme", "--name", "Five", "--secret-file", "five.key", check=6)
    assert "4 of 2 agents" in error["message"] and not (tmp_path / "five.key").exists()
    relay("revoke", "bot-4", check=0)
    relay("restore", "bot-4", "--secret-file", "fresh.key", "--yes", check=6)


def test_more_than_a_thousand_losses_are_one_row_of_the_feed(relay, database):
    relay("org", "create", "acme", "--name", "Acme", "--plan", "paid", check=0)
    database.execute("INSERT INTO relay.agents (agent_id, org_id, name, created_by) SELECT 'a-' || n, 'acme', 'A', 't' FROM generate_series(1, 1002) AS n")
    relay("org", "update", "acme", "--max-agents", "1", "--expect", "1001", check=0)
    assert feed(database) == [{"org_id": "acme", "agent_id": None, "key_id": None, "kicks": True}]


def test_the_help_names_the_meters_that_the_database_has(relay, database):
    meters = {row["meter"] for row in database.rows("SELECT meter FROM relay.meters")}
    named = relay.error("plan", "update", "free", "--limit", "nothing=1", check=2)["next"]
    assert set(re.sub(".* are ", "", named).split(", ")) == meters


def test_the_end_of_another_subscription_changes_nothing_and_says_so(relay, database):
    relay("org", "create", "acme", "--name", "Acme", check=0)
    change = ("subscription", "set", "acme", "--state")
    relay(*change, "active", "--plan", "paid", "--ref", "sub_2", check=0)
    done = relay.json(*change, "cancelled", "--ends", "2020-01-01T00:00:00Z", "--ref", "sub_1")
    assert (done["changed"], done["data"]["reason"], done["data"]["state"]) == (False, "other_subscription", "active")
    assert "the change of sub_1 is noted, but sub_2 counts, which is active" in done["warnings"][0]
    done = relay.json(*change, "cancelled", "--ends", "2100-01-01T00:00:00Z", "--ref", "sub_2")
    assert (done["changed"], done["data"]["reason"], done["data"]["reference"]) == (True, "ok", "sub_2")
    assert relay.json(*change, "past_due", "--ends", "14d")["data"]["reference"] == "sub_2", "without --ref it is the one before"


def test_a_subscription_that_is_still_active_keeps_the_plan(relay, database):
    relay("org", "create", "acme", "--name", "Acme", check=0)
    change = ("subscription", "set", "acme", "--plan", "paid", "--state")
    for reference in ("sub_1", "sub_2"):
        relay(*change, "active", "--ref", reference, check=0)
    done = relay.json(*change, "cancelled", "--ends", "2020-01-01T00:00:00Z", "--ref", "sub_2")
    assert (done["data"]["state"], done["data"]["reference"]) == ("active", "sub_1") and "sub_2 is noted, but sub_1 counts" in done["warnings"][0]
    done = relay.json(*change, "cancelled", "--ends", "2020-01-01T00:00:00Z")
    assert (done["data"]["state"], done["data"]["plan_in_force"]) == ("cancelled", "free"), "without --ref it concerns all of them"


@pytest.mark.parametrize("change", [("cancelled", "--ends", "2020-01-01T00:00:00Z"), ("active", "--plan", "free")])
def test_a_subscription_that_takes_seats_now_asks_or_must_be_told_how_many(relay, database, fleet, change):
    command = ("subscription", "set", "acme", "--state", *change)
    error = relay.error(*command, check=2)
    assert "3 agents of organization acme would lose their seat" in error["message"] and "--expect 3" in error["next"]
    assert "3 agents would lose their seat, not 2" in relay.error(*command, "--expect", "2", check=5)["message"]
    assert answers(database, fleet) == ["ok"] * 4 and feed(database) == []
    session = relay.terminal(*command, columns=300)
    session.expect("Continue")
    assert "3 agents of organization acme would lose their seat: plan free is in force then" in " ".join(session.before.split())
    session.sendline("n")
    assert finish_terminal(session)[0] == 13 and answers(database, fleet) == ["ok"] * 4
    assert relay.json(*command, "--dry-run")["data"]["surplus"] == 3 and answers(database, fleet) == ["ok"] * 4
    assert relay.json(*command, "--expect", "3")["changed"] is True and len(feed(database)) == 3
    assert relay.json(*command, "--expect", "3")["changed"] is False, "a repeated line is done already"
    assert answers(database, fleet) == ["ok"] + ["over_limit"] * 3


def test_a_subscription_that_ends_later_takes_no_seat_and_asks_nothing(relay, database, fleet):
    relay("subscription", "set", "acme", "--state", "cancelled", "--ends", "14d", check=0)
    assert answers(database, fleet) == ["ok"] * 4


def test_the_same_duration_again_moves_no_end(relay, database):
    relay("org", "create", "acme", "--name", "Acme", check=0)
    grace = ("subscription", "set", "acme", "--state", "past_due", "--plan", "paid", "--ref", "sub_1", "--ends")
    first = relay.json(*grace, "14d")
    for _ in range(2):
        again = relay.json(*grace, "14d")
        assert again["changed"] is False and again["data"]["ends_at"] == first["data"]["ends_at"] and again["warnings"] == []
    longer = relay.json(*grace, "15d")
    assert longer["changed"] is True and f"the end moved from {first['data']['ends_at'][:19]}Z to " in longer["warnings"][0]
    said = relay.error(*grace, "15d", "--said-at", "2100-01-01T00:00:00Z", check=2)
    assert "--said-at is 2100-01-01T00:00:00Z" in said["message"] and "5 minutes" in said["next"]
    database.execute("DELETE FROM relay.said_subscriptions; DELETE FROM relay.subscriptions")
    done = relay.json(*grace, "14d", "--said-at", "2026-01-01T00:00:00Z")
    assert done["data"]["ends_at"][:10] == "2026-01-15", "it counts from when the payment failed"

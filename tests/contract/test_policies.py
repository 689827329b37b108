"""Policies: which setting is in force, for which agents and until when; which roles may make it; what gateways hear of it."""

import tempfile
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import psycopg2
import pytest

from support.clock import MovedClock
from support.cluster import Cluster
from support.database import Database, make_template
from support.pooler import PgBouncer
from support.sampling import dice

ORGS = {"acme": ["bot", "crm"], "zeta": ["zed"]}
SCOPES = ["platform", *ORGS, *(agent for agents in ORGS.values() for agent in agents)]
OWNER = {agent: org for org, agents in ORGS.items() for agent in agents}
PRESET = {"window": "60s", "require_nonce": "no", "signing": "bearer", "session_ttl": "600s", "messages": "required"}
WORDS = {"require_nonce": ("no", "yes"), "signing": ("bearer", "either", "required"), "messages": ("optional", "required")}
VALUES = {"window": ("1s", "30s", "60s", "90s", "300s"), "session_ttl": ("60s", "600s", "900s", "86400s"), **WORDS}


def strictness(setting, value):
    return WORDS[setting].index(value) if setting in WORDS else -int(value[:-1])


def scope_of(name):
    """(kind, id, organization) as the columns of policy_changes have them."""
    if name == "platform":
        return "platform", None, None
    return ("org", name, name) if name in ORGS else ("agent", name, OWNER[name])


def above(agent):
    """The scopes that concern an agent, the nearest first."""
    return [agent, OWNER[agent], "platform"]


class Rows:
    """Makes and lifts rows, as the program does."""

    def __init__(self, database):
        self.database = database

    def make(self, scope, setting, value, *, until=None, ticket=None):
        kind, scope_id, org = scope_of(scope)
        return self.database.value(
            "INSERT INTO relay.policy_changes (scope_kind, scope_id, org_id, setting, value, until, ticket, actor)"
            " VALUES (%s, %s, %s, %s, %s, clock_timestamp() + make_interval(secs => %s), %s, 'test') RETURNING change_id",
            kind, scope_id, org, setting, value, until, ticket,
        )  # fmt: skip

    def lift(self, change_id):
        self.database.execute("UPDATE relay.policy_changes SET lifted_at = now(), lifted_by = 'test' WHERE change_id = %s", change_id)

    def policy(self, agent="bot"):
        return self.database.one("SELECT * FROM relay_api.policy(%s, %s)", OWNER[agent], agent)

    def in_force(self, agent="bot"):
        found = self.policy(agent)
        return {"window": f"{found['window'].total_seconds():.0f}s", "require_nonce": "yes" if found["require_nonce"] else "no",
                "session_ttl": f"{found['session_ttl'].total_seconds():.0f}s", "signing": found["signing"], "messages": found["messages"]}  # fmt: skip


def settle(database):
    for org, agents in ORGS.items():
        database.execute("INSERT INTO relay.organizations (org_id, name, created_by) VALUES (%s, %s, 'test')", org, org)
        for agent in agents:
            database.execute("INSERT INTO relay.agents (agent_id, org_id, name, created_by) VALUES (%s, %s, %s, 'test')", agent, org, agent)
    return Rows(database)


@pytest.fixture
def rows(database):
    return settle(database)


# ---- which row counts


def test_without_rows_the_presets_are_in_force(rows):
    assert rows.policy() == {"qps": None, "window": timedelta(seconds=60), "require_nonce": False, "changes_at": None, "addresses": None,
                             "signing": "bearer", "session_ttl": timedelta(minutes=10), "messages": "required"}  # fmt: skip


def test_the_nearest_scope_wins_and_within_it_the_newest_row(rows):
    rows.make("platform", "window", "30s")
    assert rows.in_force("zed")["window"] == "30s"
    rows.make("acme", "window", "90s")
    assert (rows.in_force("bot")["window"], rows.in_force("zed")["window"]) == ("90s", "30s")
    rows.make("bot", "window", "300s"), rows.make("bot", "window", "120s")
    assert (rows.in_force("bot")["window"], rows.in_force("crm")["window"]) == ("120s", "90s")


def test_a_row_with_an_end_tightens_everything_in_its_scope_and_weakens_nothing(rows):
    rows.make("bot", "window", "10s"), rows.make("crm", "window", "120s"), rows.make("crm", "require_nonce", "no")
    incident = rows.make("platform", "window", "30s", until=3600), rows.make("acme", "require_nonce", "yes", until=7200)
    assert rows.in_force("bot") == {**PRESET, "window": "10s", "require_nonce": "yes"}
    assert rows.in_force("crm") == {**PRESET, "window": "30s", "require_nonce": "yes"}
    assert rows.in_force("zed") == {**PRESET, "window": "30s", "require_nonce": "no"}
    for change in incident:
        rows.lift(change)
    assert rows.in_force("crm") == {**PRESET, "window": "120s", "require_nonce": "no"}


class Model:
    """What is in force, said as simply as possible: a list of rows, and a clock."""

    def __init__(self):
        self.rows, self.now = [], 0

    def standing(self, scope, setting):
        return [row for row in self.rows if row["scope"] == scope and row["setting"] == setting and not row["lifted"]]

    def in_force(self, agent):
        return {setting: self.value(agent, setting) for setting in PRESET}

    def value(self, agent, setting):
        habit = PRESET[setting]
        if setting == "require_nonce" and self.value(agent, "signing") == "required":
            habit = "yes"  # unless someone says otherwise
        for scope in above(agent):
            unending = [row for row in self.standing(scope, setting) if row["until"] is None]
            if unending:
                habit = unending[-1]["value"]
                break
        incidents = [row["value"] for scope in above(agent) for row in self.standing(scope, setting)
                     if row["until"] is not None and row["until"] > self.now]  # fmt: skip
        return max([habit, *incidents], key=lambda value: strictness(setting, value))

    def changes_in(self, agent):
        """Seconds until a row ends that concerns the agent."""
        ends = [row["until"] - self.now for scope in above(agent) for setting in PRESET for row in self.standing(scope, setting)
                if row["until"] is not None and row["until"] > self.now]  # fmt: skip
        return min(ends, default=None)


@pytest.fixture
def moved():
    """A server whose clock the test moves, so that rows end without a command."""
    with tempfile.TemporaryDirectory(prefix="rly-clock-", dir="/tmp") as folder:
        clock = MovedClock(Path(folder))
        cluster = Cluster(name="moved")
        cluster.environment.update(clock.environment)
        with cluster as running:
            made = settle(Database(running, template=make_template(running)))
            made.clock = clock
            yield made


def test_random_settings_are_in_force_as_a_simple_model_says(moved):
    """Sets, with an end and without, undoes and lets time pass; undoing brings back exactly what was in force before."""
    throw, model = dice("policies against a model"), Model()
    for _ in range(400):
        act = throw.random()
        standing = [row for row in model.rows if not row["lifted"]]
        if act < 0.55:
            setting = throw.choice(list(VALUES))
            row = {"scope": throw.choice(SCOPES), "setting": setting, "value": throw.choice(VALUES[setting]), "lifted": False}
            length = throw.choice((None, None, 300, 900, 3900))
            before = [model.in_force(agent) for agent in OWNER]
            row["until"] = None if length is None else model.now + length
            row["id"] = moved.make(row["scope"], setting, row["value"], until=length)
            model.rows.append(row)
            if throw.random() < 0.2:  # a set that is undone immediately leaves no trace in what is in force
                moved.lift(row["id"])
                row["lifted"] = True
                assert [moved.in_force(agent) for agent in OWNER] == before
        elif act < 0.8 and standing:
            row = throw.choice(standing)
            moved.lift(row["id"])
            row["lifted"] = True
        else:
            model.now += throw.choice((600, 1200, 3600))
            moved.clock.move(model.now)
        for agent in OWNER:
            # The clock of the model does not run while statements do. No row ends within 300 s of it.
            assert moved.in_force(agent) == model.in_force(agent), (agent, model.now, [row for row in model.rows if not row["lifted"]])
            said, known = moved.policy(agent)["changes_at"], model.changes_in(agent)
            assert (said is None) == (known is None)
            if known is not None:
                left = (said - moved.database.value("SELECT clock_timestamp()")).total_seconds()
                assert known - 300 < left <= known


def test_a_limit_of_calls_is_part_of_the_policy_and_the_end_of_a_plan_is_when_it_changes(database, rows):
    database.execute("UPDATE relay.organizations SET plan = 'paid' WHERE org_id = 'acme'")
    database.execute("INSERT INTO relay.limits (owner_kind, owner_id, meter, amount) VALUES ('plan', 'paid', 'agent_qps', 50), ('plan', 'free', 'agent_qps', 5)")
    database.execute("INSERT INTO relay.subscriptions (org_id, state, ends_at, said_at) VALUES ('acme', 'cancelled', now() + interval '1 hour', now())")
    found = rows.policy()
    assert found["qps"] == 50 and found["changes_at"] == database.value("SELECT ends_at FROM relay.subscriptions")
    rows.make("bot", "window", "10s", until=60)
    assert rows.policy()["changes_at"] < found["changes_at"]
    database.execute("UPDATE relay.subscriptions SET ends_at = now()")
    assert rows.policy()["qps"] == 5


# ---- rows


@pytest.mark.parametrize(
    "setting, value",
    [("window", "0s"), ("window", "301s"), ("window", "30"), ("window", "5m"), ("window", "-5s"), ("window", "01s"), ("window", ""),
     ("window", "yes"), ("window", "99999999999s"), ("require_nonce", "maybe"), ("require_nonce", "YES"), ("require_nonce", "30s"),
     ("signing", "yes"), ("signing", "Required"), ("session_ttl", "59s"), ("session_ttl", "86401s"), ("session_ttl", "10m"), ("messages", "no")],
)  # fmt: skip
def test_a_value_that_a_setting_does_not_have_is_refused(rows, setting, value):
    with pytest.raises(psycopg2.errors.CheckViolation):
        rows.make("acme", setting, value)


@pytest.mark.parametrize("ends", ["now() - interval '1 s'", "'infinity'", "'-infinity'"])
def test_an_end_is_a_time_to_come(database, rows, ends):
    with pytest.raises(psycopg2.errors.CheckViolation):
        database.execute("INSERT INTO relay.policy_changes (scope_kind, setting, value, until, actor)"
                         f" VALUES ('platform', 'window', '30s', {ends}, 'test')")  # fmt: skip


@pytest.mark.parametrize(
    "scope", [("platform", "acme", "acme"), ("org", "acme", "zeta"), ("org", None, "acme"), ("agent", "bot", "zeta"), ("agent", "bot", None),
              ("agent", "ghost", "acme"), ("org", "ghost", "ghost"), ("key", "k", "acme")],
)  # fmt: skip
def test_a_row_belongs_to_one_scope(database, rows, scope):
    with pytest.raises(psycopg2.errors.IntegrityError):
        database.execute("INSERT INTO relay.policy_changes (scope_kind, scope_id, org_id, setting, value, actor)"
                         " VALUES (%s, %s, %s, 'window', '30s', 'test')", *scope)  # fmt: skip


@pytest.mark.parametrize(
    "sql",
    ["UPDATE relay.policy_changes SET value = '90s'", "UPDATE relay.policy_changes SET until = now() + interval '1 day'",
     "UPDATE relay.policy_changes SET lifted_at = now(), lifted_by = 'me', value = '90s'", "UPDATE relay.policy_changes SET reason = 'x'",
     "DELETE FROM relay.policy_changes", "TRUNCATE relay.policy_changes"],
)  # fmt: skip
def test_nothing_of_a_row_changes_but_that_it_is_lifted_once(database, rows, sql):
    rows.make("acme", "window", "30s", until=60)
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        database.execute(sql)
    rows.lift(1)
    lifted = database.value("SELECT lifted_at FROM relay.policy_changes")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        database.execute("UPDATE relay.policy_changes SET lifted_at = NULL, lifted_by = NULL")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        rows.lift(1)
    assert database.value("SELECT lifted_at FROM relay.policy_changes") == lifted


# ---- who may


def as_role(database, role):
    return database.connect(user=database.cluster.login(f"{role}_of_policies", member_of=f"relay_{role}"))


INSERT = "INSERT INTO relay.policy_changes (scope_kind, scope_id, org_id, setting, value, until, actor) VALUES ('org', 'acme', 'acme', 'window', '30s', {}, 'x')"
LIFT = "UPDATE relay.policy_changes SET lifted_at = now(), lifted_by = 'x' WHERE change_id = 1"


def test_a_responder_tightens_for_a_while_and_takes_it_back_and_nothing_else(database, rows):
    rows.make("acme", "window", "10s")
    with closing(as_role(database, "responder")) as connection, connection.cursor() as cursor:
        cursor.execute(INSERT.format("now() + interval '1 hour'"))
        cursor.execute("UPDATE relay.policy_changes SET lifted_at = now(), lifted_by = 'x' WHERE change_id = 2")
        assert cursor.rowcount == 1
        for sql in (INSERT.format("NULL"), LIFT, "INSERT INTO relay.call_policies (org_id, addresses) VALUES ('acme', '{192.0.2.1}')"):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(sql)


def test_a_provisioner_makes_and_lifts_every_row(database, rows):
    with closing(as_role(database, "provisioner")) as connection, connection.cursor() as cursor:
        cursor.execute(INSERT.format("NULL"))
        cursor.execute(LIFT)
        assert cursor.rowcount == 1
        cursor.execute("INSERT INTO relay.call_policies (org_id, addresses) VALUES ('acme', '{192.0.2.1}')")
        for column in ("at", "db_role", "change_id"):
            with pytest.raises(psycopg2.Error):
                cursor.execute(f"INSERT INTO relay.policy_changes (scope_kind, setting, value, actor, {column}) VALUES ('platform', 'window', '30s', 'x', NULL)")


def test_an_auditor_and_a_tenant_only_read(database, rows):
    for role in ("auditor", "tenant"):
        with closing(as_role(database, role)) as connection, connection.cursor() as cursor:
            for sql in (INSERT.format("now() + interval '1 hour'"), LIFT, "DELETE FROM relay.call_policies"):
                with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                    cursor.execute(sql)


# ---- gateways


@pytest.mark.parametrize("org, agent", [("zeta", "bot"), ("acme", "zed"), ("acme", "ghost"), ("ghost", "bot"), (None, None), ("acme", None)])
def test_a_policy_is_that_of_an_agent_in_its_organization(database, rows, org, agent):
    with closing(database.connect(user=database.gateway_login())) as connection, connection.cursor() as cursor:
        with pytest.raises(psycopg2.errors.InvalidParameterValue, match="has no agent"):
            cursor.execute("SELECT * FROM relay_api.policy(%s, %s)", (org, agent))


def test_a_gateway_asks_through_a_pooler_and_reads_no_table(database, rows):
    rows.make("acme", "window", "45s")
    login = database.gateway_login()
    with PgBouncer(database, users=["postgres", login], pool_size=1) as pool:
        for _ in range(3):
            with closing(psycopg2.connect(host=pool.host, port=pool.port, dbname=database.name, user=login, sslmode="disable")) as connection:
                connection.autocommit = True
                with connection.cursor() as cursor:
                    cursor.execute('SELECT "window", require_nonce FROM relay_api.policy(%s, %s)', ("acme", "bot"))
                    assert cursor.fetchone() == (timedelta(seconds=45), False)
                    for table in ("policy_changes", "call_policies", "policy_settings", "rate_leases", "nonces_kept"):
                        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                            cursor.execute(f"SELECT * FROM relay.{table}")


def test_the_feed_says_whose_policy_has_changed_and_ends_no_connection(database, rows):
    def told(*statements):
        last = database.value("SELECT COALESCE(max(seq), 0) FROM relay.change_feed")
        for sql in statements:
            database.execute(sql)
        return [tuple(row.values()) for row in database.rows(
            "SELECT DISTINCT org_id, agent_id, key_id, change, kicks FROM relay.change_feed WHERE seq > %s ORDER BY 1, 2", last)]  # fmt: skip

    limit = "INSERT INTO relay.limits (owner_kind, owner_id, meter, org_id, amount) VALUES"
    everyone, acme, bot = ((*subject, None, "policy_changed", False) for subject in ((None, None), ("acme", None), ("acme", "bot")))
    insert = "INSERT INTO relay.policy_changes (scope_kind, scope_id, org_id, setting, value, actor) VALUES"
    assert told(f"{insert} ('platform', NULL, NULL, 'window', '30s', 'x')") == [everyone]
    assert told(f"{insert} ('org', 'acme', 'acme', 'window', '30s', 'x')") == [acme]
    assert told(f"{insert} ('agent', 'bot', 'acme', 'window', '30s', 'x')") == [bot]
    assert told("UPDATE relay.policy_changes SET lifted_at = now(), lifted_by = 'x' WHERE scope_kind = 'agent'") == [bot]
    assert told("INSERT INTO relay.call_policies VALUES ('acme', NULL, '{192.0.2.1}'), ('acme', 'bot', '{192.0.2.1}')") == [bot, acme]
    assert told("UPDATE relay.call_policies SET addresses = '{192.0.2.2}' WHERE agent_id IS NULL") == [acme]
    assert told("DELETE FROM relay.call_policies WHERE agent_id = 'bot'") == [bot]
    assert told(f"{limit} ('agent', 'bot', 'agent_qps', 'acme', 5)", "DELETE FROM relay.limits WHERE owner_kind = 'agent'") == [bot]
    assert told(f"{limit} ('org', 'acme', 'agent_qps', 'acme', 5)", "UPDATE relay.limits SET amount = 6 WHERE owner_kind = 'org'") == [acme]
    assert told(f"{limit} ('org', 'acme', 'messages', 'acme', 5)") == []
    assert told("UPDATE relay.organizations SET plan = 'paid' WHERE org_id = 'acme'") == []  # no plan has a limit of calls
    assert told(f"{limit} ('plan', 'free', 'agent_qps', NULL, 5)") == [everyone]
    assert told("UPDATE relay.organizations SET plan = 'free' WHERE org_id = 'acme'")[-1] == acme
    assert told("TRUNCATE relay.call_policies") == [(None, None, None, "reset", True)]


def test_connections_end_where_calls_must_be_signed_now(database, rows):
    def kicks(change, *arguments, **more):
        last = database.value("SELECT COALESCE(max(seq), 0) FROM relay.change_feed")
        made = change(*arguments, **more)
        row = database.one("SELECT org_id, agent_id, change, kicks FROM relay.change_feed WHERE seq > %s", last)
        assert row["change"] == "policy_changed"
        return (row["org_id"], row["agent_id"], row["kicks"]), made

    (subject, _), (left_out, own) = kicks(rows.make, "acme", "signing", "either"), kicks(rows.make, "bot", "signing", "bearer")
    assert (subject, left_out) == (("acme", None, False), ("acme", "bot", False))
    subject, required = kicks(rows.make, "acme", "signing", "required")
    assert subject == ("acme", None, True)
    assert kicks(rows.lift, own)[0] == ("acme", "bot", True), "the agent must sign now, too"
    assert kicks(rows.lift, required)[0] == ("acme", None, False)
    assert kicks(rows.make, "platform", "signing", "required", until=60)[0] == (None, None, True)
    assert kicks(rows.make, "bot", "signing", "either")[0] == ("acme", "bot", True), "it changes nothing: all must still sign"


def test_a_change_by_sql_leaves_its_event(database, rows):
    rows.make("bot", "window", "30s", until=60)
    rows.lift(1)
    database.execute("INSERT INTO relay.call_policies (org_id, addresses) VALUES ('zeta', '{192.0.2.1/32}')")
    database.execute("DELETE FROM relay.call_policies")
    events = database.rows("SELECT action, org_id, agent_id, reason, actor, detail FROM relay.auth_events WHERE action LIKE 'policy%' ORDER BY event_id")
    assert [(event["action"], event["org_id"], event["agent_id"]) for event in events] == [
        ("policy_changed", "acme", "bot"), ("policy_undone", "acme", "bot"), ("policy_changed", "zeta", None), ("policy_changed", "zeta", None)]  # fmt: skip
    assert {event["reason"] for event in events} == {"by SQL"} and events[0]["actor"] == events[1]["actor"] == "test"
    assert events[0]["detail"]["window"] == "30s" and events[0]["detail"]["change_id"] == 1
    assert [event["detail"]["allow"] for event in events[2:]] == [["192.0.2.1/32"], "any"]

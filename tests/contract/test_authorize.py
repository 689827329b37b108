"""relay_api.authorize: what an agent may do, under which conditions; and the order of the checks before it."""

import psycopg2
import pytest
from support.agents import digest, first_agent, key_id
from support.cluster import Cluster
from support.database import Database, make_template

AUTHORIZE = "SELECT * FROM relay_api.authorize(%s, %s, %s, %s)"
AUTHENTICATE = "SELECT * FROM relay_api.authenticate(%s, %s, %s, %s)"

LIMIT = '{"max_amount": 10000}'
OTHER = '{"max_amount": 500, "currency": ["eur"]}'


class Session:
    """A gateway's connection: its login is a member of relay_gateway only."""

    def __init__(self, database, server=None):
        server = server or database.cluster
        self.connection = server.connect(database.name, user=database.gateway_login())

    def _ask(self, sql, *values):
        with self.connection.cursor() as cursor:
            cursor.execute(sql, values)
            return dict(zip([column.name for column in cursor.description], cursor.fetchone()))

    def authorize(self, agent, permission, address=None, trace=None):
        decision = self._ask(AUTHORIZE, agent, permission, address, trace)
        assert set(decision) == {"ok", "reason", "conditions"} and decision["ok"] is (decision["reason"] == "ok")
        return decision

    def reason(self, agent, permission):
        return self.authorize(agent, permission)["reason"]

    def conditions(self, agent, permission):
        decision = self.authorize(agent, permission)
        assert decision["ok"], decision
        return decision["conditions"]

    def authenticate(self, key, agent=None, org=None):
        return self._ask(AUTHENTICATE, key_id(key), digest(key), agent, org)


@pytest.fixture
def session(database):
    opened = Session(database)
    yield opened
    opened.connection.close()


def events(database):
    return database.rows(
        "SELECT org_id, agent_id, outcome, reason, host(ip_address) AS ip, trace_id, detail FROM relay.auth_events"
        " WHERE action = 'authorization_failed' ORDER BY event_id"
    )


# --- matching


@pytest.mark.whole
@pytest.mark.parametrize(
    "granted, asked, met",
    [
        ("stripe:pay", "stripe:pay", True),
        ("stripe:pay", "stripe:payout", False),
        ("stripe:pay", "Stripe:pay", False),
        ("stripe:pay", "crm:pay", False),
        ("stripe:*", "stripe:pay", True),
        ("stripe:*", "stripe2:pay", False),
        ("*:pay", "stripe:pay", True),
        ("*:pay", "stripe:refund", False),
        ("*:*", "stripe:pay", True),
        ("stripe:*", "stripe:*", True),
        ("stripe:pay", "stripe:*", False),
        ("*:*", "stripe:*", True),
        ("a.b-c_d:e.f-g_h", "a.b-c_d:e.f-g_h", True),
        ("a.b:c", "axb:c", False),
    ],
)
@pytest.mark.parametrize("by", ["itself", "role"])
def test_a_permission_is_met_by_itself_and_by_wildcards(relay, session, key, by, granted, asked, met):
    if by == "itself":
        relay("agent", "grant", "bot", granted, check=0)
    else:
        relay("role", "create", "ops", "--org", "acme", "--name", "Ops", "--permissions", granted, check=0)
        relay("agent", "assign-role", "bot", "ops", check=0)
    assert session.reason("bot", asked) == ("ok" if met else "permission_missing")


NO_PERMISSIONS = ["", "stripe", "stripe:", ":pay", "a:b:c", "stripe:pay ", "stripe:pay\n", "a b:c", "%:%", "'; --",
                  "x" * 100_000 + ":y", "é:pay", None]  # fmt: skip


@pytest.mark.parametrize("text", NO_PERMISSIONS, ids=[ascii(text)[:20] for text in NO_PERMISSIONS])
def test_what_is_no_permission_is_missing_whatever_the_agent_has(relay, database, session, key, text):
    relay("agent", "grant", "bot", "*:*", check=0)
    assert session.reason("bot", text) == "permission_missing"
    (event,) = events(database)
    assert event["detail"] == {"permission": None if text is None else text[:129]}


# --- conditions


def test_conditions_come_back_and_wildcards_have_theirs(relay, session, key):
    relay("agent", "grant", "bot", "stripe:pay", "crm:*", "--conditions", LIMIT, check=0)
    assert session.conditions("bot", "stripe:pay") == [{"max_amount": 10000}]
    assert session.conditions("bot", "crm:read") == [{"max_amount": 10000}]


def test_of_several_ways_any_is_enough(relay, session, key):
    relay("agent", "grant", "bot", "stripe:pay", "--conditions", LIMIT, check=0)
    for role, terms in (("same", LIMIT), ("other", OTHER)):
        relay("role", "create", role, "--org", "acme", "--name", role, check=0)
        relay("role", "grant", role, "stripe:*", "--org", "acme", "--conditions", terms, check=0)
        relay("agent", "assign-role", "bot", role, check=0)
    both = [{"max_amount": 10000}, {"currency": ["eur"], "max_amount": 500}]
    found = session.conditions("bot", "stripe:pay")
    assert sorted(found, key=str) == sorted(both, key=str)
    relay("role", "create", "free", "--org", "acme", "--name", "Free", "--permissions", "*:pay", check=0)
    relay("agent", "assign-role", "bot", "free", check=0)
    assert session.conditions("bot", "stripe:pay") is None
    assert len(session.conditions("bot", "stripe:refund")) == 2
    relay("agent", "unassign-role", "bot", "free", check=0)
    assert len(session.conditions("bot", "stripe:pay")) == 2


def test_authenticate_gives_all_permissions_and_their_conditions(relay, session, key):
    assert session.authenticate(key)["permissions"] == [] and session.authenticate(key)["conditions"] is None
    relay("agent", "grant", "bot", "stripe:pay", "a:b", "--conditions", LIMIT, check=0)
    relay("role", "create", "ops", "--org", "acme", "--name", "Ops", "--permissions", "crm:*,a:b", check=0)
    relay("role", "grant", "ops", "stripe:pay", "--org", "acme", "--conditions", OTHER, check=0)
    relay("agent", "assign-role", "bot", "ops", check=0)
    decision = session.authenticate(key)
    assert decision["permissions"] == ["a:b", "crm:*", "stripe:pay"]
    assert list(decision["conditions"]) == ["stripe:pay"], "a:b is free of conditions by the role"
    assert len(decision["conditions"]["stripe:pay"]) == 2
    assert list(decision)[6:] == ["conditions", "report_now"], "later columns come last"
    assert session.authenticate(key, "another")["conditions"] is None


def test_a_role_is_of_one_organization(relay, session, database, key, tmp_path):
    relay("org", "create", "globex", "--name", "Globex", check=0)
    relay("agent", "create", "foreign", "--org", "globex", "--name", "F", "--secret-file", tmp_path / "f", check=0)
    for org, permission in (("acme", "stripe:pay"), ("globex", "crm:read")):
        relay("role", "create", "ops", "--org", org, "--name", "Ops", "--permissions", permission, check=0)
    relay("agent", "assign-role", "foreign", "ops", check=0)
    assert session.reason("foreign", "crm:read") == "ok"
    assert session.reason("foreign", "stripe:pay") == "permission_missing"
    with pytest.raises(psycopg2.errors.ForeignKeyViolation):
        database.execute("INSERT INTO relay.agent_roles VALUES ('bot', 'globex', 'ops', now(), 'me')")


@pytest.mark.parametrize("bad", ["stripe", "a:b:c", "stripe: pay"])
def test_the_database_itself_refuses_malformed_permissions_and_conditions(relay, database, key, bad):
    relay("role", "create", "ops", "--org", "acme", "--name", "Ops", check=0)
    for sql in ("INSERT INTO relay.role_permissions VALUES ('acme', 'ops', %s, NULL)",
                "INSERT INTO relay.agent_conditions VALUES ('bot', 'acme', %s, '{\"a\": 1}')"):  # fmt: skip
        with pytest.raises(psycopg2.errors.CheckViolation):
            database.execute(sql, bad)
    for conditions in ("{}", "[1]", "null", '"x"', '{"a": "' + "x" * 5000 + '"}'):
        with pytest.raises(psycopg2.errors.CheckViolation):
            database.execute("INSERT INTO relay.role_permissions VALUES ('acme', 'ops', 'a:b', %s)", conditions)


# --- refusals


def test_a_missing_permission_leaves_its_row(relay, database, session, key):
    assert session.authorize("bot", "stripe:pay", "192.0.2.7", "t" * 99) == {
        "ok": False, "reason": "permission_missing", "conditions": None,
    }  # fmt: skip
    assert events(database) == [{
        "org_id": "acme", "agent_id": "bot", "outcome": "failed", "reason": "permission_missing", "ip": "192.0.2.7",
        "trace_id": "t" * 64, "detail": {"permission": "stripe:pay"},
    }]  # fmt: skip


def test_a_grant_that_is_met_leaves_no_row(relay, database, session, key):
    relay("agent", "grant", "bot", "stripe:pay", check=0)
    assert session.reason("bot", "stripe:pay") == "ok"
    assert events(database) == []


@pytest.mark.parametrize("agent", ["nobody", "", "x" * 5000, None])
def test_an_unknown_agent(database, session, key, agent):
    assert session.reason(agent, "stripe:pay") == "unknown_agent"
    (event,) = events(database)
    assert (event["org_id"], event["agent_id"], event["reason"]) == (None, None, "unknown_agent")
    assert event["detail"] == {"permission": "stripe:pay", "claimed_agent_id": None if agent is None else agent[:127]}


@pytest.mark.parametrize("target", [["bot"], ["--org", "acme", "--confirm", "acme"]], ids=["agent", "org"])
@pytest.mark.parametrize("verb, reason", [("block", "blocked"), ("revoke", "revoked")])
def test_who_is_shut_out_may_do_nothing(relay, database, session, key, verb, reason, target):
    relay("agent", "grant", "bot", "*:*", check=0)
    relay(verb, *target, check=0)
    assert session.reason("bot", "stripe:pay") == reason
    assert [event["reason"] for event in events(database)] == [reason]


def test_a_revocation_goes_before_a_block_and_a_lifted_one_is_over(relay, session, key):
    relay("agent", "grant", "bot", "*:*", check=0)
    relay("block", "--org", "acme", "--confirm", "acme", check=0)
    relay("revoke", "bot", check=0)
    assert session.reason("bot", "a:b") == "revoked"
    relay("restore", "bot", "--yes", "--secret-file", "new.key", check=0)
    assert session.reason("bot", "a:b") == "blocked"
    relay("unblock", "--org", "acme", "--yes", check=0)
    assert session.reason("bot", "a:b") == "ok"


def test_the_order_of_a_gateways_checks(relay, database, session, key, tmp_path, foreign_key):
    """Invalid key: 401. Key of another agent, of another organization, permission missing: 403. Each leaves its row."""
    relay("agent", "create", "other", "--org", "acme", "--name", "Other", "--secret-file", tmp_path / "o", check=0)
    assert session.authenticate(foreign_key, "bot", "acme")["reason"] == "unknown_key"
    assert session.authenticate(key, "other", "elsewhere")["reason"] == "agent_mismatch"
    assert session.authenticate(key, "bot", "elsewhere")["reason"] == "org_mismatch"
    decision = session.authenticate(key, "bot", "acme")
    assert decision["reason"] == "ok"
    assert session.reason(decision["agent_id"], "stripe:pay") == "permission_missing"
    rows = database.rows(
        "SELECT action, reason, agent_id, detail FROM relay.auth_events WHERE outcome = 'failed' ORDER BY event_id"
    )
    assert [(row["action"], row["reason"], row["agent_id"]) for row in rows] == [
        ("auth_failed", "unknown_key", None),
        ("auth_failed", "agent_mismatch", "bot"),
        ("auth_failed", "org_mismatch", "bot"),
        ("authorization_failed", "permission_missing", "bot"),
    ]
    assert rows[1]["detail"]["claimed_agent_id"] == "other" and rows[2]["detail"]["claimed_org_id"] == "elsewhere"


def test_nobody_but_a_gateway_may_ask(database, key):
    for role in ("relay_provisioner", "relay_responder", "relay_auditor", "relay_tenant"):
        connection = database.connect(user=database.cluster.login(f"login_{role}", member_of=role))
        with connection.cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute(AUTHORIZE, ("bot", "stripe:pay", None, None))
        connection.close()


def test_on_a_standby_it_answers_and_writes_nothing(relay_without_database, tmp_path):
    with Cluster() as primary:
        database = Database(primary, template=make_template(primary))
        relay = relay_without_database.with_(dsn=database.dsn())
        first_agent(relay, tmp_path / "bot.key")
        relay("agent", "grant", "bot", "stripe:pay", "--conditions", LIMIT, check=0)
        database.gateway_login()
        session = Session(database, server=primary.make_standby().wait_caught_up())
        assert session.conditions("bot", "stripe:pay") == [{"max_amount": 10000}]
        assert session.reason("bot", "crm:read") == "permission_missing"
        session.connection.close()
        assert events(database) == []

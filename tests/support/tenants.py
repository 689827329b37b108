"""Ten organizations with ten agents each, and the queries of a reader for one tenant. Every text of an organization
contains its id."""

import json
import re

import psycopg2.extras

from .agents import key_hash, key_id
from .cards import card, skill
from .own_key import make_key

ORGS = [f"org{number:02}" for number in range(10)]
AGENTS_EACH = 10
# Two that are written below, and those of the database itself: for each agent and its key, for the organization, for the key that is
# revoked and the block that comes and is lifted, for two agents that are imported and listed, for a device that is paired and blocked, for a
# card and its agent that registers, for conditions and roles, for two limits and the subscription, and for the policies of the organization
# and of an agent.
EVENTS_EACH = 2 + 2 * AGENTS_EACH + 1 + 3 + 4 + 2 + 2 + 4 + 3 + 4
UNLISTED = ORGS[9]  # none of its agents is on the list of the shared secret
MARK = re.compile(r"org\d\d")

# The four ways in which a server can name the organization that it reads for; each a (setting, value) with the
# organization as %s.
WAYS = (
    ("relay.org_id", "%s"),
    ("request.jwt.claims", '{"sub": "u1", "org_id": "%s"}'),
    ("request.jwt.claims", '{"tenant_id": "%s", "role": "relay_tenant"}'),
    ("request.jwt.claims", '{"org_id": "%s", "tenant_id": "%s"}'),
)


def agents_of(org):
    """The ids of an organization's agents."""
    return [f"{org}-bot{number}" for number in range(AGENTS_EACH)]


def _insert(cursor, statement, rows):
    psycopg2.extras.execute_values(cursor, statement, rows)


def settle(database):
    """Fills `database`; returns {agent: key}."""
    keys = {agent: make_key() for org in ORGS for agent in agents_of(org)}
    orgs = {agent: agent.partition("-")[0] for agent in keys}
    connection = database.connect(autocommit=False)
    with connection, connection.cursor() as cursor:
        _insert(cursor, "INSERT INTO relay.organizations (org_id, name, plan, created_by) VALUES %s",
                [(org, f"Name of {org}", "paid", "staff") for org in ORGS])  # fmt: skip
        _insert(cursor, "INSERT INTO relay.agents (agent_id, org_id, name, permissions, created_by) VALUES %s",
                [(agent, orgs[agent], f"Name of {agent}", json.dumps([f"{orgs[agent]}:pay"]), "staff") for agent in keys])  # fmt: skip
        _insert(cursor, "INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, due_at, created_by) VALUES %s",
                [(key_id(key), agent, orgs[agent], key_hash(key), "2100-01-01", "staff") for agent, key in keys.items()])  # fmt: skip
        _insert(cursor, "INSERT INTO relay.agent_conditions (agent_id, org_id, permission, conditions) VALUES %s",
                [(f"{org}-bot0", org, f"{org}:pay", json.dumps({"of": org})) for org in ORGS])  # fmt: skip
        _insert(cursor, "INSERT INTO relay.roles (org_id, role_id, name, created_by) VALUES %s",
                [(org, f"{org}-desk", f"Desk of {org}", "staff") for org in ORGS])  # fmt: skip
        _insert(cursor, "INSERT INTO relay.role_permissions (org_id, role_id, permission) VALUES %s",
                [(org, f"{org}-desk", f"{org}:read") for org in ORGS])  # fmt: skip
        _insert(cursor, "INSERT INTO relay.agent_roles (agent_id, org_id, role_id, assigned_by) VALUES %s",
                [(f"{org}-bot1", org, f"{org}-desk", "staff") for org in ORGS])  # fmt: skip
        _insert(cursor, "INSERT INTO relay.auth_events (org_id, agent_id, action, outcome, reason, actor, ticket) VALUES %s",
                [(org, f"{org}-bot2", "agent_blocked", "ok", "the staff suspects fraud", "staff", "INC-1") for org in ORGS]
                + [(org, f"{org}-bot4", "auth_failed", "failed", "expired", None, None) for org in ORGS])  # fmt: skip
        _insert(cursor, "INSERT INTO relay.revocations (subject_kind, subject_id, kind, reason, ticket, actor) VALUES %s",
                [("agent", f"{org}-bot2", "block", "seen in a log", "INC-1", "staff") for org in ORGS]
                + [("key", key_id(keys[f"{org}-bot3"]), "revoke", "leaked", "INC-2", "staff") for org in ORGS]
                + [("org", org, "block", "unpaid", "INC-3", "staff") for org in ORGS])  # fmt: skip
        cursor.execute("UPDATE relay.revocations SET lifted_at = now(), lifted_by = 'staff' WHERE subject_kind = 'org'")
        _insert(cursor, "INSERT INTO relay.key_sightings (key_id, ip_address, last_used_at) VALUES %s",
                [(key_id(key), "192.0.2.1", "2026-01-01") for key in keys.values()])  # fmt: skip
        cursor.execute("INSERT INTO relay.proven_agents (agent_id, org_id, key_id) SELECT agent_id, org_id, key_id FROM relay.agent_keys")
        cursor.execute("INSERT INTO relay.legacy_migrations (deadline, opened_by) VALUES (now() + interval '9 days', 'staff')")
        _insert(cursor, "INSERT INTO relay.legacy_agents (agent_id, org_id, owner, imported_by) VALUES %s",
                [(f"{org}-bot{number}", org, f"team of {org}", "staff") for org in ORGS for number in range(2)])  # fmt: skip
        cursor.execute("UPDATE relay.legacy_agents SET migration_id = 1, wave = 1 WHERE org_id <> %s", (UNLISTED,))
        _insert(cursor, "INSERT INTO relay.legacy_sightings (agent_id, ip_address, logged_at) VALUES %s",
                [(f"{org}-bot0", "192.0.2.1", "2026-01-01") for org in ORGS])  # fmt: skip
        _insert(cursor, "INSERT INTO relay.limits (owner_kind, owner_id, meter, org_id, amount) VALUES %s",
                [("org", org, "agents", org, 1000) for org in ORGS]
                + [("agent", f"{org}-bot0", "agent_qps", org, 5) for org in ORGS])  # fmt: skip
        _insert(cursor, "INSERT INTO relay.subscriptions (org_id, state, reference, said_at) VALUES %s",
                [(org, "active", f"sub of {org}", "2026-01-01") for org in ORGS])  # fmt: skip
        _insert(cursor, "INSERT INTO relay.said_subscriptions (org_id, state, reference, said_at) VALUES %s",
                [(org, "active", f"sub of {org} {number}", "2026-01-01") for org in ORGS for number in range(2)])  # fmt: skip
        _insert(cursor, "INSERT INTO relay.usage (org_id, meter, day, used) VALUES %s", [(org, "messages", "2026-01-01", 7) for org in ORGS])
        _insert(cursor, "INSERT INTO relay.holds (org_id, meter, hold_id, amount, provider) VALUES %s",
                [(org, "vms", f"{org}-vm", 1, f"cloud-{org}") for org in ORGS])  # fmt: skip
        _insert(cursor, "INSERT INTO relay.call_policies (org_id, agent_id, addresses) VALUES %s",
                [(org, agent, "{192.0.2.0/24}") for org in ORGS for agent in (None, f"{org}-bot5")])  # fmt: skip
        _insert(cursor, "INSERT INTO relay.policy_changes (scope_kind, scope_id, org_id, setting, value, ticket, reason, actor) VALUES %s",
                [("org", org, org, "window", "30s", "INC-4", "the staff suspects fraud", "staff") for org in ORGS]
                + [("agent", f"{org}-bot5", org, "require_nonce", "yes", "INC-4", "the staff suspects fraud", "staff") for org in ORGS]
                + [("platform", None, None, "window", "90s", None, None, "staff")])  # fmt: skip
        cursor.execute("INSERT INTO relay.devices (device_id, org_id, agent_id, name, token_hash, token_ttl, expires_at)"
                       " SELECT 'devce000000' || right(org_id, 1), org_id, org_id || '-bot5', 'Browser of ' || org_id, sha256('x'), '1 day', now()"
                       " FROM relay.organizations")  # fmt: skip
        cursor.execute("INSERT INTO relay.pairings (pairing_id, secret_hash, org_id, agent_id, expires_at)"
                       " SELECT 'c00' || right(org_id, 1), sha256('x'), org_id, org_id || '-bot5', now() FROM relay.organizations")
        cursor.execute("INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor)"
                       " SELECT 'device', device_id, 'block', 'staff' FROM relay.devices")
        cursor.execute("SELECT relay_api.register(org_id || '-bot6', replace(%s, 'ORG', org_id)::json, lease => '10 minutes')"
                       " FROM relay.organizations", (json.dumps(card(name="Bot of ORG", skills=[skill("ORG/skill/search")])),))  # fmt: skip
        cursor.execute("ANALYZE")
    connection.close()
    return keys


def readable_columns(database):
    """{table: columns} of all that relay_tenant may read, from the catalog."""
    rows = database.rows(
        "SELECT c.oid::regclass::text AS name, array_agg(a.attname::text ORDER BY a.attnum) AS columns"
        " FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        " WHERE c.relnamespace = 'relay'::regnamespace AND c.relkind IN ('r', 'p', 'v')"
        " AND has_column_privilege('relay_tenant', c.oid, a.attnum, 'SELECT') GROUP BY c.oid"
    )
    return {row["name"]: row["columns"] for row in rows}


def read_for(cursor, org, way=WAYS[0], *, local=True):
    """Names the organization to read for, in the current transaction (or session)."""
    name, value = way
    cursor.execute("SELECT set_config(%s, %s, %s)", (name, value.replace("%s", org), local))


class Stranger(AssertionError):
    """A reader has seen a row of another organization."""


def check_rows(org, rows, owner_of_key=None):
    """Raises Stranger if any row names another organization, or has a key that is known to be another's."""
    for row in rows:
        text = repr(row)
        others = {mark for mark in MARK.findall(text) if mark != org}
        if others:
            raise Stranger(f"{org} has seen {others}: {text}")
        for value in row if owner_of_key else ():
            if isinstance(value, str) and owner_of_key.get(value, org) != org:
                raise Stranger(f"{org} has seen a key of {owner_of_key[value]}: {text}")

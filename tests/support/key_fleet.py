"""A fleet whose agents have keys, and what a rotation of it must leave behind."""

from .agents import decide, key_id
from .legacy_issue import KEY, on_disk
from .store import TIMES

# The keys of such a fleet are known to no one: their hashes are those of nothing.
FLEET = """
INSERT INTO relay.organizations (org_id, name, plan, created_by) VALUES ('{org}', 'Org', 'paid', 'test') ON CONFLICT DO NOTHING;
INSERT INTO relay.agents (agent_id, org_id, name, owner, created_by)
SELECT agent_id, '{org}', 'Agent', 'team-' || n % 3, 'test'
FROM (SELECT n, '{prefix}' || to_char(n, 'FM0000') AS agent_id FROM generate_series(0, {count} - 1) AS n) AS made;
INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, due_at, created_by)
SELECT left(translate(md5(agent_id), 'il', 'xy'), 12), agent_id, org_id, sha256(agent_id::bytea), now() + interval '90 days', 'test'
FROM relay.agents WHERE org_id = '{org}' AND agent_id LIKE '{prefix}' || '%';
"""

LINES = ("--secret-file", "keys.jsonl", "--secret-format", "json")
FOLDER = ("--secrets-dir", "out")


def make_fleet(database, count, *, org="o", prefix="agent-", age_days=0):
    """Makes `count` agents of an organization, `prefix`0000 and so on, of three owners, each with a key of that age."""
    database.execute(FLEET.format(org=org, prefix=prefix, count=count))
    if age_days:
        make_older(database, age_days, like=f"{prefix}%")


def make_older(database, days, like="%"):
    """All keys of these agents were made, and are due and end, that many days earlier; and all rotations began so."""
    moves = ", ".join(f"{column} = {column} - interval '{days} days'" for column in TIMES)
    database.execute(f"SET session_replication_role = replica; UPDATE relay.agent_keys SET {moves} WHERE agent_id LIKE '{like}';"
                     f" UPDATE relay.fleet_rotations SET last_at = last_at - interval '{days} days';"
                     " SET session_replication_role = origin")  # fmt: skip


def rotate_fleet(relay, *words, check=0):
    """Runs `rotate-key` and returns its document."""
    return relay.json("rotate-key", *words, check=check)


def counts(document):
    """What became of how many: {"rotated": 3}, without zeros."""
    return {name: document[name] for name in ("rotated", "confirmed", "unchanged", "failed") if document[name]}


def keys_by_agent(database):
    """{agent: {key id: status}} of all keys."""
    found = {}
    for row in database.rows("SELECT agent_id, key_id, status FROM relay.key_status ORDER BY made_order"):
        found.setdefault(row["agent_id"], {})[row["key_id"]] = row["status"]
    return found


def assert_rotated_once(database, folder, agents, *, old="retiring"):
    """Each of `agents` has its first key in state `old`, and one new key, which works; the files hold those and no other."""
    keys = keys_by_agent(database)
    new = set()
    for agent in agents:
        states = list(keys[agent].values())
        assert states == [old, "active"], (agent, keys[agent])
        new.add(list(keys[agent])[1])
    held = on_disk(folder)
    assert {key_id(key) for key in held} == new and len(held) == len(new)
    assert all(KEY.fullmatch(key.encode()) for key in held)
    for key in list(held)[:5]:
        assert decide(database, key) == "ok"


def assert_all_held(database, folder):
    """No live key exists that no one holds, except the first keys of the fleet."""
    first = {row["key_id"] for row in database.rows("SELECT min(made_order), min(key_id) FILTER (WHERE created_by = 'test') AS key_id FROM relay.agent_keys GROUP BY agent_id")}
    live = {row["key_id"] for row in database.rows("SELECT key_id FROM relay.key_status WHERE status IN ('active', 'retiring')")}
    lost = live - first - {key_id(key) for key in on_disk(folder)}
    assert not lost, f"live keys that nobody holds: {lost}"

"""A fleet whose agents have keys, and the writes of a rotation, and of an import, in plain SQL."""

from support.database import Database, make_template

# Foreign keys and triggers cost 50 us per row: the rows are correct without them.
FLEET = """
SET session_replication_role = replica;
SET synchronous_commit = off;
INSERT INTO relay.organizations (org_id, name, plan, created_by)
SELECT 'org-' || n, 'Organization', 'paid', 'bench' FROM generate_series(0, {agents} / 1000) AS n;
INSERT INTO relay.agents (agent_id, org_id, name, permissions, created_by)
SELECT 'agent-' || to_char(n, 'FM0000000'), 'org-' || n / 1000, 'Agent', '["stripe:create_payment", "crm:*"]', 'bench'
FROM generate_series(1, {agents}) AS n;
INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, due_at, created_by)
SELECT left(translate(md5(agent_id), 'il', 'xy'), 12), agent_id, org_id, sha256(agent_id::bytea), now() + interval '90 days', 'bench'
FROM relay.agents;
SET session_replication_role = origin;
CREATE TABLE public.staging AS
SELECT (row_number() OVER (ORDER BY agent_id) - 1) / {batch} AS batch, agent_id, org_id, key_id AS old_id,
       left(translate(md5(agent_id || '2'), 'il', 'xy'), 12) AS key_id, sha256((agent_id || '2')::bytea) AS hash
FROM relay.agent_keys;
CREATE INDEX ON public.staging (batch);
"""

ROTATE = """
BEGIN;
INSERT INTO relay.auth_events (action, org_id, agent_id, key_id, detail, actor)
SELECT 'key_rotated', org_id, agent_id, key_id, jsonb_build_object('grace_seconds', 86400, 'previous_key_id', old_id), 'bench'
FROM public.staging WHERE batch = {n};
UPDATE relay.agent_keys AS key SET state = 'retiring', expires_at = least(expires_at, now() + interval '1 day'), replaced_by = staging.key_id
FROM public.staging WHERE staging.batch = {n} AND key.key_id = staging.old_id;
INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, due_at, created_by)
SELECT staging.key_id, staging.agent_id, staging.org_id, staging.hash, now() + COALESCE(agent.key_max_age, org.key_max_age), 'bench'
FROM public.staging JOIN relay.agents AS agent USING (agent_id) JOIN relay.organizations AS org ON org.org_id = agent.org_id
WHERE batch = {n};
INSERT INTO relay.operations (op_id, state) VALUES ('op_' || lpad('{n}', 24, '0'), 'done');
COMMIT;
"""


def with_keys(cluster, agents, batch):
    """Makes a database with that many agents, each with a key, and a staging table of new keys."""
    made = Database(cluster, template=make_template(cluster))
    made.execute(FLEET.format(agents=agents, batch=batch))
    settle(made)
    return made


def settle(database):
    connection = database.connect()
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")
    connection.close()


def rotation_script(path, batches):
    """Writes the psql script that rotates the keys of that many batches of the staging table."""
    path.write_text("\\set ON_ERROR_STOP on\n" + "".join(ROTATE.format(n=n) for n in range(batches)))
    return path


COPIES = {
    "agents": ("relay.agents (agent_id, org_id, name, permissions, owner, created_by)",
               "'made-' || n, 'org-0', 'Bot ' || n, '[\"stripe:create_payment\"]'::jsonb, 'team', 'bench'"),
    "events": ("relay.auth_events (action, org_id, agent_id, key_id, detail, actor)",
               "e.action, 'org-0', 'made-' || n, CASE e.action WHEN 'key_issued' THEN left(translate(md5('made-' || n), 'il', 'xy'), 12) END,"
               " CASE e.action WHEN 'agent_created' THEN jsonb_build_object('name', 'Bot ' || n) END, 'bench'"),
    "keys": ("relay.agent_keys (key_id, agent_id, org_id, key_hash, due_at, created_by)",
             "left(translate(md5('made-' || n), 'il', 'xy'), 12), 'made-' || n, 'org-0', sha256(('made-' || n)::bytea),"
             " now() + interval '90 days', 'bench'"),
}  # fmt: skip


def copy_script(database, folder, rows):
    """Writes the rows of an import as three files, and the psql script that loads them by three raw COPYs in one transaction."""
    lines = ["\\set ON_ERROR_STOP on\nBEGIN;\n"]
    connection = database.connect()
    for name, (table, columns) in COPIES.items():
        events = " CROSS JOIN (VALUES ('agent_created'), ('key_issued')) AS e (action)" if name == "events" else ""
        with open(folder / name, "wb") as file, connection.cursor() as cursor:
            cursor.copy_expert(f"COPY (SELECT {columns} FROM generate_series(1, {rows}) AS n{events}) TO STDOUT", file)
        lines.append(f"\\copy {table} FROM '{folder / name}'\n")
    connection.close()
    path = folder / "copy.sql"
    path.write_text("".join(lines) + "COMMIT;\n")
    return path

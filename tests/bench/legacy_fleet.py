"""A fleet on the list of an open window, and the writes that `migrate-legacy issue` makes of it in plain SQL."""

import os
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from support.database import Database, make_template

# Set up like a production server, with room for the tables. No autovacuum: it could run during one run and not during
# the other.
SETTINGS = {"fsync": "on", "full_page_writes": "on", "shared_buffers": "128MB", "max_wal_size": "4GB", "autovacuum": "off"}

# Foreign keys and triggers cost 50 us per row: the rows are correct without them.
FLEET = """
SET session_replication_role = replica;
SET synchronous_commit = off;
INSERT INTO relay.organizations (org_id, name, plan, created_by)
SELECT 'org-' || n, 'Organization', 'paid', 'bench' FROM generate_series(0, {agents} / 1000) AS n;
INSERT INTO relay.agents (agent_id, org_id, name, permissions, created_by)
SELECT 'agent-' || n, 'org-' || n / 1000, 'Agent', '["stripe:create_payment", "crm:*"]', 'bench' FROM generate_series(1, {agents}) AS n;
INSERT INTO relay.legacy_migrations (deadline, opened_by) VALUES (now() + interval '14 days', 'bench');
INSERT INTO relay.legacy_agents (agent_id, org_id, owner, imported_by, migration_id, wave, listed_at)
SELECT agent_id, org_id, 'team', 'bench', 1, 1, now() FROM relay.agents;
SET session_replication_role = origin;
"""

STAGING = """
CREATE TABLE public.staging AS
SELECT (row_number() OVER (ORDER BY agent_id) - 1) / {batch} AS batch, agent_id, org_id,
       left(translate(md5(agent_id), 'il', 'xy'), 12) AS key_id, sha256(agent_id::bytea) AS hash
FROM relay.legacy_agents;
CREATE INDEX ON public.staging (batch);
"""

# The peer finds each row by its key, too: without this index it would read the whole list for every batch.
BATCH = """
BEGIN;
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, due_at, created_by)
SELECT staging.key_id, staging.agent_id, staging.org_id, staging.hash, now() + COALESCE(agent.key_max_age, org.key_max_age), 'bench'
FROM public.staging JOIN relay.agents AS agent USING (agent_id) JOIN relay.organizations AS org ON org.org_id = agent.org_id
WHERE batch = {n};
UPDATE relay.legacy_agents AS listed SET issued_key = staging.key_id
FROM public.staging WHERE staging.batch = {n} AND listed.agent_id = staging.agent_id;
INSERT INTO relay.auth_events (action, org_id, agent_id, key_id, actor)
SELECT 'key_issued', org_id, agent_id, key_id, 'bench' FROM public.staging WHERE batch = {n};
INSERT INTO relay.operations (op_id, state) VALUES ('op_' || lpad('{n}', 24, '0'), 'done');
COMMIT;
"""


def listed(cluster, agents, *, batch=None):
    """Makes a database with that many agents on the list; with `batch`, also the rows of a staging table for
    `same_writes`."""
    made = Database(cluster, template=make_template(cluster))
    made.execute(FLEET.format(agents=agents))
    if batch:
        made.execute(STAGING.format(batch=batch))
    connection = made.connect()
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")
    connection.close()
    return made


def same_writes(path, batches):
    """Writes the psql script that issues the keys of that many batches of the staging table."""
    path.write_text("\\set ON_ERROR_STOP on\n" + "".join(BATCH.format(n=n) for n in batches))
    return path


@dataclass
class Run:
    """One finished program: seconds of wall time, most KiB that it ever had in memory, exit code, stdout."""

    wall: float
    peak: int
    code: int
    out: bytes


def run(argv, env=None, cwd=None):
    """Runs a program and watches its memory the whole time, because the kernel's count for a child starts with the
    memory of its parent."""
    start = time.perf_counter()
    with tempfile.TemporaryFile() as out:  # a pipe would fill up
        process = subprocess.Popen(argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL)
        status, peak = Path(f"/proc/{process.pid}/status"), 0
        while process.poll() is None:
            if found := re.search(r"VmHWM:\s+(\d+)", status.read_text()):
                peak = max(peak, int(found[1]))
            time.sleep(0.01)
        wall = time.perf_counter() - start
        out.seek(0)
        return Run(wall, peak, process.returncode, out.read())


def write_files(folder, batches, batch):
    """Writes that many batches of files as large as a key's, with one file system flush per batch. Returns the seconds
    that it took."""
    start = time.perf_counter()
    for number in range(batches):
        for each in range(batch):
            file = os.open(folder / f"agent-{number}-{each}.key", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            os.write(file, b"k" * 71)
            os.close(file)
        subprocess.run(["sync", "-f", folder], check=True)
    return time.perf_counter() - start

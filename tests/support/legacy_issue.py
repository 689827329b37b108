"""A fleet that moves from the shared secret to its own keys."""

import re

KEY = re.compile(rb"relay_sk_[0-9a-hjkmnp-tv-z]{12}_[0-9A-Za-z]{49}")


def enlist(relay, folder, count, *, start=True, org="o"):
    """Imports `count` agents of three owners, and puts them on the list."""
    source = folder / "agents.csv"
    source.write_text("agent_id,org_id,owner\n" + "".join(f"Agent.{n:04},{org},team-{n % 3}\n" for n in range(count)))
    relay("migrate-legacy", "import", source, "--create-orgs", check=0)
    if start:
        relay("migrate-legacy", "start", "--deadline", "14d", check=0)


def issue(relay, *words, check=0):
    """Runs `migrate-legacy issue` and returns its document."""
    return relay.json("migrate-legacy", "issue", *words, check=check)["data"]


def live_keys(database):
    """{agent: key id} of all live keys that are not merely staged; fails if an agent has two."""
    rows = database.rows("SELECT agent_id, key_id FROM relay.key_status WHERE status IN ('active', 'retiring')")
    found = {row["agent_id"]: row["key_id"] for row in rows}
    assert len(found) == len(rows), "an agent has two keys"
    return found


def on_disk(folder):
    """Every key in any file below a folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {key.decode() for path in files for key in KEY.findall(path.read_bytes())}

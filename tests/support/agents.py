"""The start of most tests: an organization, an agent, its key; and their state afterwards."""

import hashlib
from pathlib import Path


def first_agent(relay, secret_file, *, org="acme", agent="bot"):
    """Runs `init`; returns the new key as text."""
    relay("init", "--org-id", org, "--org-name", org.title(), "--agent-id", agent, "--agent-name", agent.title(),
          "--plan", "paid", "--secret-file", secret_file, check=0)  # fmt: skip
    return read_key(secret_file)


def rotate(relay, secret_file, *flags, agent="bot"):
    """Runs `rotate-key`; returns the new key as text."""
    relay("rotate-key", agent, *flags, "--secret-file", secret_file, check=0)
    return read_key(secret_file)


def read_key(path):
    """The key in a raw secret file: 71 characters and nothing else."""
    text = Path(path).read_bytes().decode("ascii")
    assert len(text) == 71, f"{path} holds {len(text)} characters"
    return text


def key_id(key):
    """The public part of a key."""
    return key[9:21]


def digest(key):
    """Returns what a gateway sends for a key."""
    return hashlib.sha256(key.encode("ascii")).digest()


def key_hash(key):
    """Returns what the database stores for a key."""
    return hashlib.sha256(digest(key)).digest()


def decide(database, key):
    """Returns the answer that a gateway would get for a key; asks as the superuser, without an effect."""
    return database.value("SELECT (relay.verify_key(%s, %s)).reason", key_id(key), digest(key))


def live_key_ids(database):
    """The ids of all keys that a gateway would accept now."""
    rows = database.rows("SELECT key_id FROM relay.key_status WHERE status IN ('staged', 'active', 'retiring') AND NOT blocked")
    return {row["key_id"] for row in rows}

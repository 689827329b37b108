"""The agent `bot` with its first key, and all keys of a database."""

import pytest

from .agents import first_agent


@pytest.fixture
def old(relay, tmp_path):
    """The key of the agent `bot`."""
    return first_agent(relay, tmp_path / "old.key")


def keys(database):
    return {row["key_id"]: row for row in database.rows("SELECT * FROM relay.key_status")}

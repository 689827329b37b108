"""The agent `bot` with a store that holds its key, and deliveries to that store."""

import pytest

from .rotation import old  # noqa: F401
from .store import Store

NOT_CONFIRMED = "not confirmed; all keys that may have arrived work; run it again"


@pytest.fixture
def store(database, old, tmp_path):  # noqa: F811
    """A store that holds the key of the agent `bot`."""
    made = Store(tmp_path, database)
    made.put(old)
    return made


def deliver(relay, command, *flags, check=0):
    """Runs rotate-key --deliver; returns its data, or its error."""
    words = ("rotate-key", "bot", "--deliver", command, *flags)
    return relay.json(*words)["data"] if check == 0 else relay.error(*words, check=check)


def newest(database):
    """The id of the key that was made last."""
    return database.value("SELECT key_id FROM relay.agent_keys ORDER BY made_order DESC LIMIT 1")

"""What a command that refuses leaves alone: the database, the disk, and a server that it must not even ask."""

import pytest

from .proxy import Proxy


@pytest.fixture
def offline(relay, cluster):
    """The program, with a server that records every connection."""
    with Proxy(cluster.socket_path, unix=True) as listener:
        runner = relay.with_(dsn=f"host={listener.host} dbname=x user=x")
        runner.listener = listener
        yield runner


def rows(database):
    """Counts the rows that are stored."""
    tables = ("organizations", "agents", "agent_keys", "org_tokens", "revocations", "operations", "auth_events")
    return [database.value(f"SELECT count(*) FROM relay.{table}") for table in tables]


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))

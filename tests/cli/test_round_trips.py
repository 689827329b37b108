"""How often a command waits for the server until its change is durable: over a network, that is what it costs."""

import pytest

from support.agents import first_agent
from support.proxy import Proxy
from support.wire import BACKEND


@pytest.fixture
def proxy(database):
    with Proxy(database.cluster.socket_path, unix=True) as running:
        yield running


def waits_before_commit(proxy):
    """How many answers the client waited for until COMMIT was answered, on the connection that committed. Instead of the one to COMMIT, which follows
    its CommandComplete, counts the one to the login."""
    log = [message for message in proxy.sent(BACKEND) if message.name in ("ReadyForQuery", "CommandComplete")]
    committed = next(message for message in log if message.name == "CommandComplete" and message.payload.startswith(b"COMMIT"))
    of_connection = [message for message in log if message.connection == committed.connection]
    before = of_connection[: of_connection.index(committed) + 1]
    return sum(message.name == "ReadyForQuery" for message in before)


COMMANDS = {
    "agent create": (["agent", "create", "crm", "--org", "acme", "--name", "CRM", "--secret-file", "crm.key"], 2),
    "rotate-key": (["rotate-key", "bot", "--secret-file", "new.key"], 2),
    "rotate-key, without grace": (["rotate-key", "bot", "--grace", "0", "--secret-file", "new.key"], 2),
    "rotate-key, if it is old": (["rotate-key", "bot", "--if-older-than", "0", "--secret-file", "new.key"], 3),
    "block": (["block", "bot"], 1),
    "block, with an end": (["block", "bot", "--until", "2h"], 1),
    "revoke": (["revoke", "bot"], 1),
    "unblock": (["unblock", "blocked"], 1),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_change_waits_for_few_answers(database, relay, proxy, tmp_path, name):
    command, most = COMMANDS[name]
    first_agent(relay, tmp_path / "bot.key")
    relay("org", "update", "acme", "--plan", "paid", check=0)
    relay("agent", "create", "blocked", "--org", "acme", "--name", "Blocked", "--secret-file", str(tmp_path / "b.key"), check=0)
    relay("block", "blocked", check=0)
    ran = relay("--dsn", proxy.dsn(database), "--yes", *command, check=0)
    waits = waits_before_commit(proxy)
    print(f"{name}: {waits}")
    assert waits <= most, ran.err

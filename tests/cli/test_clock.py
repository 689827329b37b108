"""A machine whose clock is wrong: only the clock of the database counts, which all gateways share."""

import subprocess
from datetime import datetime, timezone

import pytest
from support.agents import decide, first_agent
from support.clock import MovedClock


@pytest.fixture(params=[1, -1], ids=["a year ahead", "a year behind"])
def astray(request, relay, tmp_path):
    """The program on a machine whose clock is wrong by a year."""
    clock = MovedClock(tmp_path)
    clock.move(request.param * 365 * 86400)
    seen = subprocess.run(["date", "+%Y"], env=clock.environment, stdout=subprocess.PIPE, check=True).stdout
    assert int(seen) != datetime.now(timezone.utc).year
    return relay.with_(env=clock.environment)


def test_only_the_clock_of_the_database_counts(astray, relay, database, tmp_path):
    key = first_agent(astray, tmp_path / "bot.key")
    assert decide(database, key) == "ok"
    assert astray.json("rotate-key", "bot", "--if-older-than", "1d", "--secret-file", "k1")["changed"] is False
    database.execute("UPDATE relay.agent_keys SET created_at = created_at - interval '2 days'")
    assert (
        astray.json("rotate-key", "bot", "--if-older-than", "1d", "--grace", "1h", "--secret-file", "k1")["changed"]
        is True
    )
    assert decide(database, key) == decide(database, (tmp_path / "k1").read_text()) == "ok"
    left = "SELECT extract(epoch FROM expires_at - now())::int FROM relay.agent_keys WHERE state = 'retiring'"
    assert 3500 < database.value(left) <= 3600
    astray("block", "bot", "--until", "2h", check=0)
    assert 7100 < database.value("SELECT extract(epoch FROM until - now())::int FROM relay.revocations") <= 7200
    soon = database.value("SELECT now() + interval '1 hour'").astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    create = ["agent", "create", "--org", "acme", "--name", "x", "--expires"]
    assert relay.json(*create, soon, "--secret-file", "x1")["data"]["expires_at"][:19] == soon[:19]
    assert astray.json(*create, soon, "--secret-file", "x2")["data"]["expires_at"][:19] == soon[:19]
    past = database.value("SELECT now() - interval '1 hour'").astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    for runner in (relay, astray):
        assert runner(*create, past, "--secret-file", "x3").code in (2, 5)
    assert not (tmp_path / "x3").exists()
    for words in (["agent", "show", "bot"], ["agent", "list"], ["key", "list"]):
        assert astray(*words, check=0).out == relay(*words, check=0).out

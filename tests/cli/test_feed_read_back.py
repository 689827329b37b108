"""A command that changes what gateways cache says so if the change feed took no row of it: the change is there, but they may not hear of it."""

import contextlib
import shlex

import pytest

from support.agents import first_agent
from support.devices import Contract
from support.prepared import prepared
from support.tampering import swallow


@prepared
def key(relay, tmp_path):
    """The key of the agent `bot`, in organization acme."""
    return first_agent(relay, tmp_path / "bot.key")


NO_ROW = ("the change feed (relay.key_changes) took no row: a gateway that caches answers does not hear of it, and may "
          "go by them for 60 seconds, by those about devices for 600")  # fmt: skip

STAFF = ("role create staff --org acme --name staff --permissions s:s", "agent assign-role bot staff", "agent grant bot x:y")
CRM = "agent create crm --org acme --name CRM --secret-file crm.key"
SMALL = "plan create small --name Small --limit agents=0"
WINDOW = ("migrate-legacy import fleet.csv --org acme", "migrate-legacy start --deadline 9d --yes")

# What is there before, and the change.
ANNOUNCED = {
    "block": ((), "block bot"),
    "revoke": ((), "revoke bot"),
    "revoke --key": ((), "revoke --key KEY"),
    "unblock": (("block bot",), "unblock bot --yes"),
    "unblock --ticket": (("block bot --ticket INC-1",), "unblock --ticket INC-1 --yes"),
    "restore": (("revoke bot",), "restore bot --yes --secret-file new.key"),
    "restore --org": (("revoke --org acme --confirm acme",), "restore --org acme --confirm acme --yes"),
    "rotate-key": ((), "rotate-key bot --secret-file new.key"),
    "rotate-key, without grace": ((), "rotate-key bot --grace 0 --secret-file new.key"),
    "rotate-key, if it is old": ((), "rotate-key bot --if-older-than 0 --secret-file new.key"),
    "rotate-key --deliver": ((), "rotate-key bot --deliver 'cat >store'"),
    "rotate-key --revert": (("rotate-key bot --secret-file new.key",), "rotate-key bot --revert"),
    "rotate-key --org": ((), "rotate-key --org acme --due-within 365d --secrets-dir out"),
    "key retire": ((), "key retire KEY --force --yes"),
    "org update": ((), "org update acme --auth-mode optional"),
    "agent update": ((), "agent update bot --add-permission a:b"),
    "agent grant": ((), "agent grant bot a:b"),
    "agent grant, conditions": ((), "agent grant bot a:b --conditions '{\"max\":5}'"),
    "agent revoke-permission": (STAFF, "agent revoke-permission bot x:y"),
    "agent assign-role": (STAFF[:1], "agent assign-role bot staff"),
    "agent unassign-role": (STAFF, "agent unassign-role bot staff"),
    "role create": ((), "role create new --org acme --name New --permissions a:b"),
    "role grant": (STAFF, "role grant staff a:b --org acme"),
    "role revoke-permission": (STAFF, "role revoke-permission staff s:s --org acme"),
    "role delete": (STAFF[:1], "role delete staff --org acme --yes"),
    "policy set": ((), "policy set bot --window 30s"),
    "policy set, platform": ((), "policy set --platform --require-nonce yes"),
    "policy set, addresses": ((), "policy set --org acme --allow 10.0.0.0/8"),
    "policy set, rate": ((), "policy set bot --qps 5"),
    "policy undo": (("policy set bot --window 30s",), "policy undo 1 --yes"),
    "policy set, inherit": (("policy set bot --window 30s",), "policy set bot --window inherit --yes"),
    "org update, limit": ((), "org update acme --limit agents=0 --yes"),
    "org update, rate": ((), "org update acme --limit agent_qps=5 --yes"),
    "plan update, rate": ((), "plan update paid --limit agent_qps=5 --yes"),
    "plan update, limit": ((), "plan update paid --limit agents=0 --yes"),
    "subscription set": ((SMALL,), "subscription set acme --state active --plan small --yes"),
    "agent keep": ((CRM, "org update acme --limit agents=1 --yes"), "agent keep crm"),
    "block --device": ((), "block --device DEVICE"),
    "unblock --device": (("block --device DEVICE",), "unblock --device DEVICE --yes"),
    "revoke --device": ((), "revoke --device DEVICE"),
    "migrate-legacy extend": (WINDOW, "migrate-legacy extend --deadline 20d --reason x"),
    "migrate-legacy abort": (WINDOW, "migrate-legacy abort --yes"),
    "migrate-legacy abort --deny-all": (WINDOW, "migrate-legacy abort --deny-all --confirm legacy-off"),
}  # fmt: skip


@pytest.fixture
def announced(relay, database, key, tmp_path):
    """Prepares a change of ANNOUNCED, and returns its words."""

    def make(name):
        (tmp_path / "fleet.csv").write_text("agent_id\nold-1\nold-2\n")
        (tmp_path / "out").mkdir(mode=0o700)
        before, change = ANNOUNCED[name]
        ids = {"KEY": key[9:21]}
        if "DEVICE" in change:
            with contextlib.closing(database.connect(user=database.gateway_login())) as connection:
                ids["DEVICE"], _ = Contract(connection).pair()
        for line in before:
            relay(*(ids.get(word, word) for word in line.split()), check=0)
        return [ids.get(word, word) for word in shlex.split(change)]

    return make


@pytest.mark.parametrize("name", ANNOUNCED)
def test_a_change_that_the_feed_does_not_take_says_so(relay, database, announced, name):
    words = announced(name)
    assert NO_ROW not in relay.json(*words, "--dry-run")["warnings"]
    database.execute(swallow("key_changes"))
    dry = relay.json(*words, "--dry-run")
    assert dry["changed"] is True and NO_ROW in dry["warnings"], dry
    done = relay(*words, "-o", "json", check=0)
    assert done.json()["warnings"].count(NO_ROW) == 1 and done.err.count(NO_ROW) == 1, done


@pytest.mark.parametrize("name, table", [("block", "revocations"), ("rotate-key", "agent_keys"), ("agent update", "agents")])
def test_so_does_one_whose_trigger_is_off(relay, database, announced, name, table):
    words = announced(name)
    database.execute(f"ALTER TABLE relay.{table} DISABLE TRIGGER announce_change")
    assert NO_ROW in relay.json(*words)["warnings"]


def test_what_concerns_no_gateway_needs_no_row_of_the_feed(relay, database, key):
    database.execute(swallow("key_changes"))
    for words in (
        ("agent", "update", "bot", "--name", "Other"),
        ("agent", "create", "crm", "--org", "acme", "--name", "CRM", "--secret-file", "crm.key"),
        ("org", "update", "acme", "--name", "Other"),
        ("role", "create", "new", "--org", "acme", "--name", "New"),
    ):
        assert relay.json(*words)["warnings"] == []

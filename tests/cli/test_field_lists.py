"""Lists of agents, connection strings and secrets, as editors and spreadsheets write them: every command reads a text the same way."""

import gzip
import json

import pytest

from support.agents import decide, first_agent
from support.own_key import make_key
from support.prepared import prepared

PROGRAM = "dev"  # hostile input

LISTS = {  # the agents that are blocked; None: the list is refused, and no agent is blocked
    "bom": ("\ufeffbot-1\r\nbot-2\r\n".encode(), ["bot-1", "bot-2"]),
    "carriage returns only": (b"bot-1\rbot-2\r", ["bot-1", "bot-2"]),
    "UTF-16": ("bot-1\r\nbot-2\r\n".encode("utf-16"), ["bot-1", "bot-2"]),
    "UTF-16 without a mark": ("bot-1\nbot-2\n".encode("utf-16-le"), ["bot-1", "bot-2"]),
    "comments and blanks": ("# who\n\n \u00a0bot-1\u200b \n\tbot-2\t\n#bot-3\n".encode(), ["bot-1", "bot-2"]),
    "quotes": (b'"bot-1"\n="bot-2"\n', ["bot-1", "bot-2"]),
    "separators at the end": (b"bot-1,\nbot-2;;\nbot-3\t\n", ["bot-1", "bot-2", "bot-3"]),
    "a table": (b"agent_id,org_id\nbot-1,acme\nbot-2,acme\n", ["bot-1", "bot-2"]),
    "a table, the id last": (b"# INC-1\nsep=;\nName;Agent ID\r\nX;bot-1\r\n;bot-2\r\n", ["bot-1", "bot-2"]),
    "a header in other words": (b"Agent ID\nbot-1\nbot-2\n", ["bot-1", "bot-2"]),
    "a JSON list": (b'["bot-1",\n "bot-2"]', ["bot-1", "bot-2"]),
    "JSON objects": (b'[{"agent_id":"bot-1"},{"agentId":"bot-2","x":[1]}]', ["bot-1", "bot-2"]),
    "JSON lines": (b'{"agent_id":"bot-1"}\n{"agent_id":"bot-2"}\n', ["bot-1", "bot-2"]),
    "two columns without a header": (b"bot-1,acme\nbot-2,acme\n", None),
    "a JSON list that is cut off": (b'["bot-1",\n "bot-', None),
    "a JSON list of numbers and more": (b'["bot-1", {}]', None),
    "a row without an id": (b"agent_id,org_id\nbot-1,acme\n,acme\n", None),
    "gzip": (gzip.compress(b"bot-1\n"), None),
    "a spreadsheet": (b"PK\x03\x04" + bytes(60), None),
    "Windows-1252": (b"bot-1\nb\xf6t-2\n", None),
    "zero bytes": (b"bot-1\nbot\0-2\n", None),
    "nothing": (b"\n# nothing\n", None),
    "an empty JSON list": (b"[]", None),
}


@prepared
def fleet(relay, database, tmp_path):
    (tmp_path / "fleet.csv").write_text("agent_id,org_id\n" + "".join(f"bot-{n},acme\n" for n in (1, 2, 3)))
    relay("migrate-legacy", "import", "fleet.csv", "--create-orgs", check=0)
    return relay


def blocked(relay):
    return relay("agent", "list", "--state", "blocked", "-o", "id", check=0).out.split()


def test_a_list_is_blocked_in_every_form(fleet, tmp_path):
    for name, (content, agents) in LISTS.items():
        (tmp_path / "list").write_bytes(content)
        result = fleet("block", "-f", "list", check=2 if agents is None else 0)
        assert sorted(blocked(fleet)) == (agents or []), f"{name}: {result}"
        assert agents is not None or "list" in result.err, name
        fleet("unblock", "bot-1", "bot-2", "bot-3", "--yes", check=0)


def test_a_header_that_could_be_an_id_is_reported(fleet, tmp_path):
    (tmp_path / "list").write_bytes(b"agent_id\nbot-1\n")
    result = fleet("block", "-f", "list", check=7)
    assert blocked(fleet) == ["bot-1"] and "agent_id" in result.out


def test_a_bad_line_is_named_with_its_number(fleet, tmp_path):
    for content, line in ((b"#\n\nbot 1\n", 3), (b"#\nagent_id,x\nbot-1,y\nbot 2,y\n", 4), (b'["bot-1",\n"b 2"]', 2)):
        (tmp_path / "list").write_bytes(content)
        assert f"list, line {line}: " in fleet.error("block", "-f", "list", check=2)["message"]


def test_the_next_step_for_another_kind_of_file(fleet, tmp_path):
    (tmp_path / "list.gz").write_bytes(gzip.compress(b"bot-1\n"))
    assert "zcat list.gz" in json.dumps(fleet.error("block", "-f", "list.gz", check=2)["next"])


def test_a_wave_and_the_agents_to_issue_are_read_the_same_way(fleet, tmp_path, database):
    (tmp_path / "wave").write_bytes("Agent ID;Org\r\nbot-1;acme\r\nbot-2;acme\r\n".encode("utf-16"))
    fleet("migrate-legacy", "start", "--deadline", "14d", "--agents", "wave", "--expect", "2", check=0)
    done = fleet.json("migrate-legacy", "issue", "-f", "wave", "--secrets-dir", "keys")["data"]
    assert done["issued"] == 2


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_a_connection_string_and_a_key_are_read_the_same_way(relay, database, tmp_path, encoding):
    key = first_agent(relay, tmp_path / "bot.key")
    (tmp_path / "dsn").write_bytes((database.dsn() + "\r\n").encode(encoding))
    (tmp_path / "dsn").chmod(0o600)
    assert "bot" in relay.with_(dsn=None)("agent", "show", "bot", "--dsn-file", "dsn", check=0).out
    made = make_key()
    (tmp_path / "key").write_bytes((made + "\r\n").encode(encoding))
    relay("rotate-key", "bot", "--key-from", "key", "--grace", "0", check=0)
    assert decide(database, made) == "ok" != decide(database, key)

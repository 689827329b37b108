"""No input chooses how deep a recursion goes: 100,000 brackets are refused, or are a row that is."""

import base64
import json

import pytest
from support.agents import first_agent
from support.prepared import prepared

PROGRAM = "dev"  # a stack that runs over is what the sanitizer is for
DEEP = 100_000
USAGE, PARTIAL = 2, 7

CREATE = ("agent", "create", "x", "--org", "acme", "--name", "X", "--secret-file", "x.sealed", "--secret-format", "sealed")
NESTED = {
    "lists": "[" * DEEP + "]" * DEEP,
    "open lists": "[" * DEEP,
    "objects": '{"a":' * (DEEP // 4) + "1" + "}" * (DEEP // 4),
    "open objects": '[{"a":' * (DEEP // 4),
}
PUBLIC = base64.b64encode(bytes(31) + b"\x09").decode()


@prepared
def agent(relay, tmp_path):
    first_agent(relay, tmp_path / "bot.key")
    return relay


@pytest.mark.parametrize("nested", NESTED)
def test_no_input_chooses_the_depth_of_a_recursion(agent, database, tmp_path, nested):
    deep = NESTED[nested]
    (tmp_path / "deep.jsonl").write_text('{"agent_id":"one"}\n{"agent_id":"x","permissions":' + deep + '}\n{"agent_id":"two"}\n')
    result = agent("migrate-legacy", "import", "deep.jsonl", "--org", "acme", "-o", "json", check=PARTIAL).json()
    assert "it is nested deeper than 64 levels" in json.dumps(result)
    assert [fault["line"] for fault in result["data"]["faults"]] == [2] and result["data"]["imported"] == 2
    key = {"key_id": "1", "key": PUBLIC}
    (tmp_path / "pk.json").write_text(json.dumps(key)[:-1] + ',"more":' + deep + "}")
    agent(*CREATE, "--seal-key", "pk.json", check=USAGE)
    (tmp_path / "pks.jsonl").write_text(json.dumps({"owner": "*", **key})[:-1] + ',"more":' + deep + "}\n")
    agent("migrate-legacy", "issue", "--all", "--secrets-dir", "out", "--secret-format", "sealed", "--seal-keys", "pks.jsonl", check=USAGE)
    error = agent.error("agent", "grant", "bot", "a:b", "--conditions", '{"a":' + deep[: 120_000] + "}", check=USAGE)
    assert "too long" in error["message"]
    short = '{"a":' + deep[:2000] + deep[-2000:] + "}"
    assert "levels" in agent.error("agent", "grant", "bot", "a:b", "--conditions", short, check=USAGE)["message"]

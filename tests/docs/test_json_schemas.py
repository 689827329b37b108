"""The JSON Schemas themselves: sound, self-contained, described; and known by the command that prints them."""

import json
import os
import re
from pathlib import Path

import jsonschema
import pytest
from support.relay import Runner

SOURCE = Path(os.environ.get("RELAY_SOURCE_DIR", Path(__file__).resolve().parents[2]))
BUNDLED = Path(os.environ["RELAY_BUILD_DIR"]) / "generated/json"
KINDS = sorted(path.name.removesuffix(".schema.json") for path in (SOURCE / "schema/json").glob("*.schema.json"))
OF_OUTPUT = [kind for kind in KINDS if kind[0].isupper()]  # the others are what agents write, such as agent-card and message-envelope
EACH_KIND = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(scope="module")
def relay():
    return Runner()


def nodes(node):
    """Every object inside a JSON Schema."""
    if isinstance(node, dict):
        yield node
        for inner in node.values():
            yield from nodes(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from nodes(inner)


@EACH_KIND
def test_a_schema_is_printed_whole_and_sound(relay, kind):
    text = relay("schema", "json", kind, check=0).out
    assert text == (BUNDLED / f"{kind}.schema.json").read_text(), "what is installed is what is printed"
    found = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(found)
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert found["$id"] == f"urn:relay-admin:v1:{kind}" and found["title"] == kind
    references = {node["$ref"] for node in nodes(found) if "$ref" in node}
    assert {name.removeprefix("#/$defs/") for name in references} == set(found.get("$defs", {}))


@pytest.mark.parametrize("kind", OF_OUTPUT)
def test_every_key_is_described_and_promised(relay, kind):
    found = json.loads(relay("schema", "json", kind, check=0).out)
    for node in nodes(found):
        for key, inner in node.get("properties", {}).items() if node.get("type") == "object" else ():
            texts = [inner.get("description"), inner.get("const")]
            if "$ref" in inner:
                texts.append(found["$defs"][inner["$ref"].rpartition("/")[2]].get("description"))
            assert any(texts), f"{key} is not described"
            later = inner.get("$comment", "").startswith("since ")
            assert (key in node["required"]) != later, f"{key} is in the first release of its kind, or has a $comment"
            assert not key.endswith("_seconds") or "integer" in inner["type"], key
            assert key == "$schema" or re.fullmatch(r"[a-z][a-z_]*", key), key
        assert set(node.get("required", ())) <= set(node.get("properties", node.get("required", ())))


def test_every_definition_is_used():
    text = "".join(path.read_text() for path in (SOURCE / "schema/json").rglob("*.json"))
    for path in (SOURCE / "schema/json/defs").iterdir():
        assert f'"#/$defs/{path.stem}"' in text, f"{path.name} is of no use"


def test_every_kind_that_the_code_names_has_a_schema():
    code = "".join(path.read_text() for path in (SOURCE / "cli").rglob("*.cpp"))
    named = set(re.findall(r'kind = "([A-Z]\w+)"', code))
    assert len(named) > 20 and named <= set(KINDS)


def test_the_kinds_are_listed(relay):
    document = relay.json("schema", "json")
    assert document["kind"] == "SchemaKindList" and [item["name"] for item in document["items"]] == KINDS
    assert relay("schema", "json", "-o", "id", check=0).out.split() == KINDS
    assert relay("schema", "json", "Error", "-o", "id", check=0).out.startswith("{"), "a schema is always plain JSON"


@pytest.mark.parametrize("typo, meant", [("AgentDetials", "AgentDetails"), ("agentlist", "AgentList"), ("error", "Error")])
def test_a_typo_gets_the_right_kind(relay, typo, meant):
    error = relay.error("schema", "json", typo, check=2)
    assert meant in error["suggestions"] and typo in error["message"]
    assert f"did you mean: {meant}" in relay("schema", "json", typo, check=2).err

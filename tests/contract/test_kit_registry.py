"""The client of the registry in each language: it reads requests as the vectors say, and answers them from the database."""

import json
from pathlib import Path

import pytest
from support.gateways import Gateway

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/registry.json").read_text())


@pytest.fixture
def client(language):
    with Gateway(language, part="registry") as running:
        yield running


def differences(client, op, vectors, good):
    """Those vectors that it reads otherwise, with what it says."""
    found = []
    for vector in vectors:
        given = {name: vector[name] for name in ("method", "target", "content_type", "body") if name in vector}
        said = client.call(op, **given)
        if good in vector:
            expected = {good: vector[good]} if op == "route" else vector[good]
        else:
            expected = {"ok": False, "allow": None, **{name: value for name, value in vector.items() if name not in given}}
        if said != expected:
            found.append((given, said))
    return found


def test_it_reads_each_request_as_the_vectors_say(client):
    assert differences(client, "route", VECTORS["routes"], "request") == [] and len(VECTORS["routes"]) > 50


def test_it_reads_each_body_as_the_vectors_say(client):
    assert differences(client, "read", VECTORS["bodies"], "read") == [] and len(VECTORS["bodies"]) > 20
    for deep in ("[" * 30_000 + "]" * 30_000, '{"card": ' * 5_000 + "1" + "}" * 5_000):
        assert client.call("read", content_type="application/json", body=deep).get("status") in (400, None), "it survives"

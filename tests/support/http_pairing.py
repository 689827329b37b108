"""Pairing over HTTP: the gateway of the kit, and a client that posts to it."""

import http.client
import json
from contextlib import closing

import pytest

from .gateways import HttpGateway


@pytest.fixture
def gateway(database, key):
    with HttpGateway(database) as running:
        yield running


@pytest.fixture
def post(gateway):
    """post(path, body, secret) → (status, the body as JSON if it has one)."""

    def ask(path, body=None, secret=None, *, raw=None):
        with closing(http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)) as connection:
            headers = {"Authorization": f"Bearer {secret}"} if secret else {}
            connection.request("POST", path, raw if raw is not None else json.dumps(body or {}), headers)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text.startswith(b"{") else None

    return ask


def start(post, key):
    status, said = post("/api/pair/start", secret=key)
    assert status == 200
    return said


def pair(post, key, name="laptop"):
    """(device id, the token after the first refresh)."""
    status, said = post("/api/pair/redeem", {"code": start(post, key)["code"], "name": name})
    assert status == 200
    status, more = post("/api/device/refresh", secret=said["refresh_token"])
    assert status == 200
    return said["device_id"], more["refresh_token"]

"""The web service in place of GitHub, GitLab, Kubernetes and Vault answers as they document it, at its worst too."""

import base64
import http.client
import json
import urllib.error
import urllib.request

import nacl.public
import pytest

from support.web_store import ARRIVING, HALF, LATE, REFUSE, TAKE_AND_FAIL, TWICE, WebStore


@pytest.fixture
def web():
    with WebStore() as running:
        yield running


def ask(web, method, path, body=None, **headers):
    """Returns (the code, the document)."""
    request = urllib.request.Request(web.url + path, data=body, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read() or "null")
    except urllib.error.HTTPError as refused:
        return refused.code, json.loads(refused.read())


SECRET = "/repos/acme/infra/actions/secrets/KEY"


def test_github_takes_a_sealed_box_and_never_shows_it(web):
    _, public = ask(web, "GET", "/repos/acme/infra/actions/secrets/public-key")
    sealed = nacl.public.SealedBox(nacl.public.PublicKey(base64.b64decode(public["key"]))).encrypt(b"value")
    value = {"encrypted_value": base64.b64encode(sealed).decode()}
    assert ask(web, "PUT", SECRET, json.dumps(value).encode())[0] == 422
    value["key_id"] = public["key_id"]
    assert [ask(web, "PUT", SECRET, json.dumps(value).encode()) for _ in range(2)] == [(201, {}), (204, None)]
    assert nacl.public.SealedBox(web.box).decrypt(base64.b64decode(web.held["KEY"])) == b"value"
    assert ask(web, "GET", SECRET)[0] == 404


PART = b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
FORM = PART % (b"value", b"secret") + b"--x--\r\n"


def test_gitlab_answers_with_the_value(web):
    path, kind = "/api/v4/projects/7/variables/KEY", {"Content-Type": "multipart/form-data; boundary=x"}
    assert ask(web, "PUT", path, FORM, **kind)[0] == 404, "it does not exist yet"
    web.held["KEY"] = "old"
    code, document = ask(web, "PUT", path, FORM, **kind)
    assert code == 200 and document["value"] == "secret" == ask(web, "GET", path)[1]["value"]


def test_gitlab_creates_a_variable_once(web):
    path, kind = "/api/v4/projects/7/variables", {"Content-Type": "multipart/form-data; boundary=x"}
    form = PART % (b"key", b"KEY") + FORM
    assert [ask(web, "POST", path, form, **kind)[0] for _ in range(2)] == [201, 400] and web.held == {"KEY": "secret"}


def manifest(value, **metadata):
    data = {"RELAY_API_KEY": base64.b64encode(value.encode()).decode()}
    return json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key", **metadata}, "data": data}).encode()


def test_kubernetes_refuses_an_old_version(web):
    path = "/api/v1/namespaces/default/secrets/key"
    assert ask(web, "PATCH", path, manifest("one"))[0] == 201
    version = ask(web, "GET", path)[1]["metadata"]["resourceVersion"]
    assert ask(web, "PATCH", path, manifest("two", resourceVersion=version))[0] == 200
    code, status = ask(web, "PATCH", path, manifest("three", resourceVersion=version))
    assert (code, status["reason"], web.held["key"]) == (409, "Conflict", "two")


def put(web, value):
    return ask(web, "POST", "/v1/secret/data/key", json.dumps({"data": {"key": value}}).encode())[0]


@pytest.mark.parametrize("fault", [REFUSE, TAKE_AND_FAIL, LATE, TWICE])
def test_a_fault_happens_once(web, fault):
    web.held["key"] = "old"
    web.faults["key"] = fault
    assert put(web, "new") == (200 if fault == TWICE else 502)
    assert web.held["key"] == ("old" if fault in (REFUSE, LATE) else "new")
    assert put(web, "newer") == 200 and web.held["key"] == "newer"
    assert web.arrive("key") == (fault in ARRIVING)
    assert web.held["key"] == ("new" if fault in ARRIVING else "newer")
    assert web.arrive("key") is False


def test_half_an_answer_is_cut(web):
    web.faults["key"] = HALF
    with pytest.raises(http.client.IncompleteRead):
        put(web, "new")
    assert web.held["key"] == "new"

"""Signed requests: the vectors pass in Node, in Python and in C++, and an implementation of RFC 9421 that we did not write agrees with
them."""

import base64
import json
import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support import vectors
from support.binaries import tool
from support.gateways import Gateway

DOCUMENT = vectors.load("signing")
KEYS, NAMES = DOCUMENT["keys"], DOCUMENT["names"]
NOT_SIGNED = {"unsigned": True}
LONGEST = 8192  # characters of a header


@pytest.fixture(scope="module")
def running():
    kits = {}
    yield kits
    for kit in kits.values():
        kit.close()


@pytest.fixture
def kit(language, running):
    """The signing kit of a language, which needs no database."""
    if language not in running:
        running[language] = Gateway(language, part="signing")
    return running[language]


def read(kit, request, **more):
    return kit.call("read", request=request, names=NAMES, **more)


def is_good(kit, signer, said):
    """Whether a signature that was read is that of the key of the vectors."""
    signature = base64.b64encode(bytes.fromhex(said["signature"])).decode()
    if signer == "proof":
        return kit.call("proves", verifier=KEYS["proof"]["key_hash"], message=said["message"], signature=signature)["good"]
    return kit.call("verifies", public_key=KEYS["ed25519"]["public_key"], base=said["base"], signature=signature)["good"]


def sign(kit, vector):
    return kit.call("sign", signer=KEYS[vector["signer"]], **{name: vector[name] for name in ("method", "url", "body", "created", "nonce")})


def test_what_an_agent_signs_is_the_same_to_the_byte(kit):
    for vector in DOCUMENT["signed"]:
        assert sign(kit, vector)["headers"] == vector["headers"], vector["about"]
    assert len(DOCUMENT["signed"]) >= 12


def test_what_cannot_be_signed_as_it_is_is_an_error_of_the_agent(kit):
    urls = ["relay.example.com/p", "https:///p", "https://x@relay.example.com/p", "https://relay.example.com/ü", "ftp://relay.example.com/",
            "https://relay.example.com/a b", "https://relay.example.com/p#f", "https://relay.example.com\\p", ""]  # fmt: skip
    usual = {"signer": KEYS["proof"], "method": "GET", "url": "https://relay.example.com/p", "body": ""}
    for wrong in [*({"url": url} for url in urls), {"method": "CONNECT"}, {"method": "GE T"}, {"method": ""}]:
        with pytest.raises(RuntimeError, match="this cannot be signed"):
            kit.call("sign", **(usual | wrong))
    for key in ("", "relay_sk_", KEYS["proof"]["key"] + "A", "relay_at_" + KEYS["proof"]["key"][9:]):
        with pytest.raises(RuntimeError, match="this is not an API key"):
            kit.call("sign", **(usual | {"signer": {"key": key}}))


def test_a_private_key_is_read_from_pem(kit):
    vector = next(vector for vector in DOCUMENT["signed"] if vector["signer"] == "ed25519")
    pem = subprocess.run(
        [tool("openssl"), "pkey", "-inform", "DER"], input=bytes.fromhex("302e020100300506032b657004220420" + KEYS["ed25519"]["seed"]),
        capture_output=True, check=True).stdout.decode()  # fmt: skip
    signer = {"key_id": KEYS["ed25519"]["key_id"], "pem": pem}
    said = kit.call("sign", signer=signer, **{name: vector[name] for name in ("method", "url", "body", "created", "nonce")})
    assert said["headers"] == vector["headers"]
    for wrong in ("", pem.replace("PRIVATE", "PUBLIC"), pem.replace("MC4C", "MC4B"), pem[:60]):
        with pytest.raises(RuntimeError):
            kit.call("sign", signer={**signer, "pem": wrong}, method="GET", url="https://relay.example.com/p", body="")


def test_each_request_has_its_own_nonce_and_the_present_time(kit, cluster):
    usual = {"signer": KEYS["proof"], "method": "GET", "url": "https://relay.example.com/p", "body": ""}
    before = int(cluster.query("SELECT extract(epoch FROM clock_timestamp())::bigint")[0][0])
    made = [kit.call("sign", **usual)["headers"] for _ in range(3)]
    found = [read(kit, {"method": "GET", "target": "/p", "body": "", "headers": [["Host", NAMES[0]], *headers.items()]}) for headers in made]
    assert len({one["nonce"] for one in found}) == 3 and min(len(one["nonce"]) for one in found) >= 22
    assert all(before - 1 <= one["created"] <= before + 60 for one in found)
    assert all(is_good(kit, "proof", one) and one["has_body"] for one in found)


def test_what_is_accepted_has_one_meaning(kit):
    for vector in DOCUMENT["accepted"]:
        said = read(kit, vector["request"])
        assert {name: said.get(name) for name in ("key_id", "created", "nonce", "base")} == {
            name: vector[name] for name in ("key_id", "created", "nonce", "base")
        }, (vector["about"], said)
        assert said["has_body"] and is_good(kit, vector["signer"], said), vector["about"]
    assert len(DOCUMENT["accepted"]) >= 20


def test_whatever_is_changed_afterwards_the_signature_does_not_fit(kit):
    for vector in DOCUMENT["refused"]:
        said = read(kit, vector["request"])
        assert said.get("has_body") and not is_good(kit, vector["signer"], said), (vector["about"], said)
    for vector in DOCUMENT["other_body"]:
        said = read(kit, vector["request"])
        assert said["has_body"] is False and is_good(kit, vector["signer"], said), vector["about"]
    assert len(DOCUMENT["refused"]) >= 40


def test_a_signature_fits_neither_the_other_kind_of_key(kit):
    for vector, other in ((DOCUMENT["accepted"][0], "ed25519"), (DOCUMENT["accepted"][1], "proof")):
        assert not is_good(kit, other, read(kit, vector["request"]))


def test_malformed_requests_are_refused(kit):
    accepted = [vector["about"] for vector in DOCUMENT["malformed"] if "malformed" not in read(kit, vector["request"])]
    assert accepted == [] and len(DOCUMENT["malformed"]) >= 150


def test_a_request_without_a_signature_of_ours_is_not_signed(kit):
    assert [read(kit, vector["request"]) for vector in DOCUMENT["unsigned"]] == [NOT_SIGNED] * len(DOCUMENT["unsigned"])


def test_a_header_has_a_bound(kit):
    request = DOCUMENT["accepted"][0]["request"]

    def with_members(text):
        headers = [[name, f"{text}, {value}" if name == "Signature-Input" else value] for name, value in request["headers"]]
        return read(kit, {**request, "headers": headers})

    ours = next(len(value) for name, value in request["headers"] if name == "Signature-Input")
    fill = LONGEST - ours - len("a=, ")
    assert with_members("a=" + "x" * fill).get("has_body")
    assert "malformed" in with_members("a=" + "x" * (fill + 1))
    assert "malformed" in with_members("a=" + "(" * 30_000) and "malformed" in with_members("a=(" + " " * 7000)
    assert "malformed" in with_members('a="' + "\\" * 7001) and "malformed" in with_members("a=1" + ";a" * 3000 + ";")


def test_only_a_named_proxy_says_which_host_was_asked_for(kit):
    proxy = DOCUMENT["proxy"]
    for vector in proxy["accepted"]:
        said = read(kit, {**vector["request"], "peer": proxy["address"]}, proxies=[proxy["address"]])
        assert said.get("has_body") and is_good(kit, "proof", said), vector["about"]
    for vector in proxy["malformed"]:
        assert "malformed" in read(kit, {**vector["request"], "peer": proxy["address"]}, proxies=[proxy["address"]]), vector["about"]
    assert "malformed" in read(kit, {**proxy["accepted"][0]["request"], "peer": "192.0.2.11"}, proxies=[proxy["address"]])


def test_the_example_of_the_rfc_verifies(kit):
    example = DOCUMENT["rfc_9421"]
    assert kit.call("verifies", **example)["good"]
    assert not kit.call("verifies", **{**example, "base": example["base"].replace("18\n", "19\n")})["good"]


def test_no_signature_fits_a_key_of_small_order(kit):
    """Under such a key, this signature fits many texts."""
    identity = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="
    fits = [(key, text) for key in DOCUMENT["small_order"] for text in "abcdefgh"
            if kit.call("verifies", public_key=key, base=text, signature=identity)["good"]]  # fmt: skip
    assert fits == [] and len(DOCUMENT["small_order"]) == 14


def test_the_database_judges_proofs_as_the_kits_do(database, kit):
    """A proof that was accepted fits in SQL, and one of a request that was changed does not; nor does an Ed25519 signature."""
    judged = {"accepted": set(), "refused": set()}
    for group, seen in judged.items():
        for vector in DOCUMENT[group]:
            said = read(kit, vector["request"])
            shown = (KEYS["proof"]["key_hash"], said["message"], said["signature"])
            fits = database.value("SELECT relay.proves(decode(%s, 'hex'), decode(%s, 'hex'), decode(%s, 'hex'))", *shown)
            seen.add((vector["signer"], fits))
    assert judged == {"accepted": {("proof", True), ("ed25519", False)}, "refused": {("proof", False), ("ed25519", False)}}


# ---- an implementation that we did not write


def independent(requests):
    modules = os.environ["RELAY_NODE_MODULES"]
    script = Path(__file__).with_name("http_message_signatures.mjs")
    done = subprocess.run([tool("node"), script, modules], input=json.dumps(requests), text=True, check=True, capture_output=True, timeout=120)
    return json.loads(done.stdout)


def is_plain(vector):
    """Whether the other implementation can sign it: it resolves the path, and writes methods in capitals."""
    path = urlsplit(vector["url"]).path
    return vector["method"].isupper() and ".." not in path and "/./" not in path


PLAIN = [vector for vector in DOCUMENT["signed"] if is_plain(vector)]


def test_another_implementation_verifies_what_an_agent_signs(kit):
    made = [{**vector, "headers": sign(kit, vector)["headers"], "verify": KEYS[vector["signer"]]} for vector in PLAIN]
    assert independent(made) == [True] * len(PLAIN) and len(PLAIN) >= 10
    changed = [{**one, "method": "PATCH"} for one in made] + [{**one, "url": one["url"].replace("?", "/x?") + "?x"} for one in made]
    assert True not in independent(changed)


def test_what_another_implementation_signs_is_read_and_verified(kit):
    asked = [{**vector, "headers": {"content-digest": vector["headers"]["Content-Digest"]}, "sign": KEYS[vector["signer"]]} for vector in PLAIN]
    for vector, headers in zip(PLAIN, independent(asked)):
        url = urlsplit(vector["url"])
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        request = {"method": vector["method"], "target": target, "body": vector["body"], "headers": [["Host", url.netloc], *headers.items()]}
        names = [vector["base"].split('"@authority": ')[1].split("\n")[0]]
        said = kit.call("read", request=request, names=names, scheme=url.scheme.lower())
        assert said.get("base") == vector["base"] and is_good(kit, vector["signer"], said), (vector["about"], said)

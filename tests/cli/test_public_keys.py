"""Agents that sign: registering public keys, agent keygen, key verify --request, and who still calls without a signature."""

import base64
import hashlib
import json
import subprocess
import time

import pytest
from support.agents import digest, first_agent, key_id, read_key
from support.prepared import prepared
from support.signing import proof

RSA = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC7 root@host\n"
SMALL = base64.b64encode(bytes([1] + [0] * 31)).decode()


def play(scene):
    """For every_command: each command of this file in each of its forms."""
    folder = scene.folder
    first = scene.shoot("agent", "keygen", str(folder / "played.pem"))["data"]["public_key"]
    scene.shoot("agent", "keygen", str(folder / "again.pem"), form="jsonl")
    (folder / "played.pub").write_text(first)
    scene.write("rotate-key", "bot", "--public-key", str(folder / "played.pub"))
    (folder / "request.txt").write_text("GET / HTTP/1.1\r\nHost: relay.example\r\n\r\n")
    scene.read("key", "verify", "--request", str(folder / "request.txt"), code=10)


@prepared
def acme(relay, tmp_path):
    first_agent(relay, tmp_path / "bot.key")
    return relay


def make_pair(relay, folder, name="signer"):
    """The paths of a private key and of its public key in base64."""
    pem, public = folder / f"{name}.pem", folder / f"{name}.pub"
    public.write_text(relay.json("agent", "keygen", pem)["data"]["public_key"] + "\n")
    return pem, public


def keys(database, agent="bot"):
    return [(row["hash_algorithm"], row["state"]) for row in database.rows(
        "SELECT hash_algorithm, state FROM relay.agent_keys WHERE agent_id = %s ORDER BY made_order", agent)]  # fmt: skip


def accept(database, public_id):
    """What a gateway does after it has verified a signature."""
    return database.one("SELECT ok, reason FROM relay_api.accept_signed(%s, NULL, now(), '192.0.2.1')", public_id)


# ---- agent keygen


def test_keygen_writes_a_key_that_openssl_reads_and_prints_its_public_key(acme, tmp_path):
    document = acme.json("agent", "keygen", tmp_path / "signer.pem")
    assert document["data"]["delivered_to"] == f"file:{tmp_path / 'signer.pem'}" and document["data"]["secret"] is None
    assert (tmp_path / "signer.pem").stat().st_mode & 0o777 == 0o600
    der = subprocess.run(["openssl", "pkey", "-in", tmp_path / "signer.pem", "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout
    assert base64.b64encode(der[-32:]).decode() == document["data"]["public_key"]
    assert acme("agent", "keygen", tmp_path / "signer.pem").code == 12  # never overwritten
    assert "PRIVATE" not in acme("agent", "keygen", tmp_path / "other.pem", check=0).out


def test_keygen_into_a_pipe_is_only_the_private_key(acme):
    result = acme("agent", "keygen", "stdout", check=0)
    assert result.out.startswith("-----BEGIN PRIVATE KEY-----\n") and result.out.endswith("-----END PRIVATE KEY-----\n")
    assert "Public key" in result.err
    assert acme("agent", "keygen", "terminal").code == 2
    assert acme("agent", "keygen").code == 2


# ---- registering


def test_a_public_key_is_staged_and_its_first_request_confirms_it(acme, database, tmp_path):
    _, public = make_pair(acme, tmp_path)
    result = acme("rotate-key", "bot", "--public-key", public, "--grace", "1h", check=0)
    assert "is staged: the first request" in result.err and keys(database) == [("sha256d", "active"), ("ed25519", "staged")]
    again = acme.json("rotate-key", "bot", "--public-key", public)
    assert again["changed"] is False and "has this public key" in again["data"]["unchanged_because"]
    public_id = again["data"]["key_id"]
    assert acme.json("key", "show", public_id)["data"]["algorithm"] == "ed25519"
    assert acme.json("key", "due")["items"] == [] and acme("key", "due", "--within", "3650d", check=10).out.count(public_id) == 0
    assert accept(database, public_id) == {"ok": True, "reason": "ok"}
    assert keys(database) == [("sha256d", "retiring"), ("ed25519", "active")]
    assert acme.json("agent", "show", "bot")["data"]["keys"][0]["algorithm"] == "ed25519"


def test_an_agent_can_begin_with_a_public_key(acme, database, tmp_path):
    _, public = make_pair(acme, tmp_path)
    words = ("agent", "create", "signer", "--org", "acme", "--name", "Signer", "--owner-user", "user-7", "--public-key", public)
    document = acme.json(*words)
    assert document["changed"] is True and document["data"]["delivered_to"] is None and document["data"]["owner_user_id"] == "user-7"
    assert keys(database, "signer") == [("ed25519", "staged")]
    assert acme.json(*words)["changed"] is False
    accept(database, document["data"]["key_id"])
    assert keys(database, "signer") == [("ed25519", "active")]
    _, other = make_pair(acme, tmp_path, "other")
    error = acme.error(*words[:-1], other, check=5)
    assert "public key" in error["message"]


@pytest.mark.parametrize("end", ["revoke", "rotate", "live"])
def test_a_public_key_is_registered_once(acme, database, tmp_path, end):
    _, public = make_pair(acme, tmp_path)
    public_id = acme.json("rotate-key", "bot", "--public-key", public)["data"]["key_id"]
    acme("agent", "create", "crm", "--org", "acme", "--name", "C", "--secret-file", tmp_path / "crm.key", check=0)
    if end == "revoke":
        acme("revoke", "--key", public_id, check=0)
    elif end == "rotate":
        acme("rotate-key", "bot", "--grace", "0", "--secret-file", tmp_path / "new.key", check=0)
    for words in (("rotate-key", "crm"), ("agent", "create", "next", "--org", "acme", "--name", "N"), *([] if end == "live" else [("rotate-key", "bot")])):
        error = acme.error(*words, "--public-key", public, check=5)
        assert public_id in error["message"] and "agent bot" in error["message"] and "registered once" in error["why"]
    assert keys(database, "crm") == [("sha256d", "active")]


def test_a_rotation_into_a_file_ends_a_public_key_that_never_signed(acme, database, tmp_path):
    _, public = make_pair(acme, tmp_path)
    acme("rotate-key", "bot", "--public-key", public, check=0)
    assert acme.json("rotate-key", "bot", "--if-older-than", "80d", "--secret-file", tmp_path / "new.key")["changed"] is False
    acme("rotate-key", "bot", "--grace", "0", "--secret-file", tmp_path / "new.key", check=0)
    assert [state for _, state in keys(database)] == ["retired", "retired", "active"]


def test_a_fleet_that_is_rotated_every_day_leaves_agents_alone_that_sign(acme, database, tmp_path):
    _, public = make_pair(acme, tmp_path)
    acme("agent", "create", "signer", "--org", "acme", "--name", "S", "--public-key", public, check=0)
    ways = (("--due-within", "3650d"), ("--if-older-than", "0"), ("--missing",), ())
    for state in ("staged", "active"):
        assert keys(database, "signer") == [("ed25519", state)]
        for way in ways:
            acme("rotate-key", "--all", "--grace", "0", *way, "--secrets-dir", tmp_path, "--replace", "--yes", check=0)
            if way:
                one = acme.json("rotate-key", "signer", *way, "--secret-file", tmp_path / "one.key")
                assert one["changed"] is False and "only its agent can replace" in one["data"]["unchanged_because"]
        assert keys(database, "signer") == [("ed25519", state)] and not (tmp_path / "one.key").exists()
        accept(database, database.value("SELECT key_id FROM relay.agent_keys WHERE agent_id = 'signer'"))
    assert [one["status"] for one in acme.json("doctor", "keys", check=None)["items"]] == ["ok"] * 3
    acme("rotate-key", "signer", "--grace", "0", "--secret-file", tmp_path / "one.key", check=0)  # if a person says so
    assert keys(database, "signer") == [("ed25519", "retired"), ("sha256d", "active")]


@pytest.mark.parametrize(
    "text, words",
    [
        (base64.b64encode(b"a" * 31).decode(), "31 bytes"), (RSA, "'ssh-rsa'"), (SMALL, "small order"), ("", "0 bytes"),
        ("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n", "private key"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", [("rotate-key", "bot"), ("agent", "create", "new", "--org", "acme", "--name", "N")])
def test_what_is_not_a_public_key_is_refused(acme, database, command, text, words):
    error = acme.error(*command, "--public-key", "-", check=2, stdin=text)
    assert words in error["message"] and "32 bytes" in error["message"] and "nWGxne" not in json.dumps(error)
    assert database.value("SELECT count(*) FROM relay.agent_keys") == 1


@pytest.mark.parametrize(
    "words",
    [("--secret-stdout",), ("--revert",), ("--if-older-than", "1d"), ("--key-from", "-"), ("--retire-on-first-use",), ("--wait-used", "1s"),
     ("--request-id", "00000000-0000-4000-8000-000000000001"), ("--deliver", "true")],
)  # fmt: skip
def test_a_public_key_goes_with_no_flag_of_a_secret(acme, tmp_path, words):
    _, public = make_pair(acme, tmp_path)
    acme.error("rotate-key", "bot", "--public-key", public, *words, check=2)
    acme.error("rotate-key", "--org", "acme", "--public-key", public, check=2)


def test_the_rules_of_a_rotation_hold(acme, database, tmp_path):
    _, public = make_pair(acme, tmp_path)
    assert acme.json("rotate-key", "bot", "--public-key", public, "--dry-run")["changed"] is True
    assert keys(database) == [("sha256d", "active")]
    acme("rotate-key", "bot", "--secret-file", tmp_path / "new.key", check=0)
    assert "in grace" in acme.error("rotate-key", "bot", "--public-key", public, check=5)["message"]
    acme("rotate-key", "bot", "--public-key", public, "--grace", "0", check=0)
    acme("revoke", "bot", check=0)
    assert "is revoked" in acme.error("rotate-key", "bot", "--public-key", make_pair(acme, tmp_path, "next")[1], check=5)["message"]
    acme.error("rotate-key", "nobody", "--public-key", public, check=3)


# ---- owner users, and who calls without a signature


def test_the_person_for_whom_an_agent_acts(acme, database):
    assert acme.json("agent", "update", "bot", "--owner-user", "user-7")["data"]["changed_fields"] == ["owner_user_id"]
    assert acme.json("agent", "update", "bot", "--owner-user", "user-7")["changed"] is False
    assert acme.json("agent", "show", "bot")["data"]["owner_user_id"] == "user-7"
    assert acme.json("agent", "update", "bot", "--no-owner-user")["data"]["owner_user_id"] is None
    for bad in ("", "x" * 128, "a\u200bb"):
        acme.error("agent", "update", "bot", "--owner-user", bad, check=2)
    database.execute("UPDATE relay.agents SET owner_user_id = 'by hand'")
    assert database.value("SELECT reason FROM relay.auth_events WHERE action = 'agent_updated' ORDER BY event_id DESC LIMIT 1") == "by SQL"


def test_who_called_without_a_signature(acme, database, tmp_path):
    key = (tmp_path / "bot.key").read_text()
    acme("agent", "create", "crm", "--org", "acme", "--name", "C", "--secret-file", tmp_path / "crm.key", check=0)
    other = read_key(tmp_path / "crm.key")

    def bearer():
        return [item["agent_id"] for item in acme.json("agent", "list", "--bearer-since", "7d")["items"]]

    assert bearer() == []
    over = hashlib.sha256(b"x").digest()
    for _ in range(2):
        database.one("SELECT reason FROM relay_api.authenticate(%s, %s)", key_id(key), digest(key))
        database.one("SELECT reason FROM relay_api.authenticate_signed(%s, %s, %s, now())", key_id(other), over, proof(other, over))
    assert bearer() == ["bot"]
    database.one("SELECT reason FROM relay_api.authenticate_signed(%s, %s, %s, now())", key_id(key), over, proof(key, over))
    assert bearer() == ["bot"]  # it does both
    database.execute("UPDATE relay.key_sightings SET bearer_at = bearer_at - interval '8 days' WHERE key_id = %s", key_id(key))
    assert bearer() == []


# ---- key verify --request


def base_of(method, target, body, created, key, nonce="k2Jx0Vn8Q1m7"):
    path, _, query = target.partition("?")
    content = "sha-256=:" + base64.b64encode(hashlib.sha256(body).digest()).decode() + ":"
    params = (f'("@method" "@authority" "@path" "@query" "content-digest");created={created};nonce="{nonce}";keyid="{key}";tag="relay"')
    base = (f'"@method": {method}\n"@authority": relay.example\n"@path": {path}\n"@query": ?{query}\n"content-digest": {content}\n'
            f'"@signature-params": {params}')  # fmt: skip
    return base.encode(), content, params


def captured(key, sign, *, method="POST", target="/v1/run?dry=1", body=b"{}", created=None, sent=None):
    base, content, params = base_of(method, target, body, created or int(time.time()), key)
    signature = base64.b64encode(sign(base)).decode()
    sent = body if sent is None else sent
    return (f"{method} {target} HTTP/1.1\r\nHost: relay.example\r\nContent-Length: {len(sent)}\r\nContent-Digest: {content}\r\n"
            f"Signature-Input: relay={params}\r\nSignature: relay=:{signature}:\r\n\r\n").encode() + sent  # fmt: skip


def verdict(relay, folder, request, code=10):
    (folder / "request.txt").write_bytes(request)
    data = relay.json("key", "verify", "--request", folder / "request.txt", check=code)["data"]
    assert [one["check"] for one in data["checks"]] in (["form"], ["form", "window", "body", "state", "signature", "nonce"])
    return data["reason"], {one["check"]: one["result"] for one in data["checks"]}


def test_a_captured_proof_and_which_check_it_fails(acme, database, tmp_path):
    key = (tmp_path / "bot.key").read_text()

    def sign(base):
        return proof(key, hashlib.sha256(base).digest())

    good = captured(key_id(key), sign)
    before = database.value("SELECT count(*) FROM relay.auth_events")
    reason, results = verdict(acme, tmp_path, good, code=0)
    assert reason == "ok" and results == {**dict.fromkeys(("form", "window", "body", "state", "signature"), "passed"), "nonce": "unknown"}
    changes = {
        "too_old": captured(key_id(key), sign, created=int(time.time()) - 4000),
        "too_early": captured(key_id(key), sign, created=int(time.time()) + 4000),
        "digest_mismatch": captured(key_id(key), sign, sent=b"[]"),
        "unknown_key": captured("zzzzzzzzzzzz", sign),
        "malformed": good.replace(b'tag="relay"', b'tag="other"'),
    }
    for expected, request in changes.items():
        assert verdict(acme, tmp_path, request)[0] == expected
    for old, new in ((b"POST", b"PUT"), (b"relay.example", b"other.example"), (b"/v1/run", b"/v1/ran"), (b"dry=1", b"dry=0"), (b"k2Jx0Vn8Q1m7", b"k2Jx0Vn8Q1m8")):
        reason, results = verdict(acme, tmp_path, good.replace(old, new, 1))
        assert reason == "bad_signature" and results["signature"] == "failed" and results["body"] == "passed", old
    acme("block", "bot", check=0)
    reason, results = verdict(acme, tmp_path, good)
    assert (reason, results["state"], results["signature"]) == ("blocked", "failed", "passed")
    assert database.value("SELECT count(*) FROM relay.auth_events") == before + 1  # the block
    assert database.value("SELECT count(*) FROM relay.key_sightings") == 0


def test_a_captured_signature_of_a_public_key(acme, tmp_path):
    pem, public = make_pair(acme, tmp_path)
    public_id = acme.json("rotate-key", "bot", "--public-key", public)["data"]["key_id"]

    def sign(base):
        (tmp_path / "base").write_bytes(base)
        words = ["openssl", "pkeyutl", "-sign", "-inkey", pem, "-rawin", "-in", tmp_path / "base"]
        return subprocess.run(words, check=True, capture_output=True).stdout

    good = captured(public_id, sign)
    assert verdict(acme, tmp_path, good, code=0)[0] == "ok"
    assert verdict(acme, tmp_path, good.replace(b"dry=1", b"dry=2"))[0] == "bad_signature"
    # The length must fit the row: a proof is not a signature of a public key, and the other way round.
    key = (tmp_path / "bot.key").read_text()
    assert verdict(acme, tmp_path, captured(public_id, lambda base: proof(key, hashlib.sha256(base).digest())))[0] == "bad_signature"
    assert verdict(acme, tmp_path, captured(key_id(key), sign))[0] == "bad_signature"


def test_a_captured_request_that_went_through_a_proxy(acme, tmp_path):
    key = (tmp_path / "bot.key").read_text()
    good = captured(key_id(key), lambda base: proof(key, hashlib.sha256(base).digest()))
    inside = good.replace(b"Host: relay.example\r\n", b"Host: 10.0.0.5:8080\r\nX-Forwarded-Host: Relay.Example:443\r\n")

    def found(request, *words, code=10):
        (tmp_path / "request.txt").write_bytes(request)
        data = acme.json("key", "verify", "--request", tmp_path / "request.txt", *words, check=code)["data"]
        return data["reason"], next((one["detail"] for one in data["checks"] if one["result"] == "failed"), None)

    assert found(inside, "--from-proxy", "--host-name", "other.example,RELAY.example", code=0) == ("ok", None)
    assert found(inside, "--from-proxy", code=0) == ("ok", None)
    assert found(good, "--from-proxy", "--host-name", "relay.example:443", code=0) == ("ok", None)
    assert found(inside) == ("malformed", "X-Forwarded-Host is set, and no proxy is known that sets it")
    assert found(good, "--host-name", "other.example") == ("malformed", "the host relay.example is not a name of this gateway")
    twice = inside.replace(b"X-Forwarded-Host", b"X-Forwarded-Host: relay.example\r\nX-Forwarded-Host")
    assert found(twice, "--from-proxy") == ("malformed", "X-Forwarded-Host occurs more than once")
    changed = inside.replace(b"/v1/run", b"/run", 1)
    assert found(changed, "--from-proxy") == ("bad_signature", "it is not one of this key for this method, path, query and digest at relay.example")
    # Without --scheme, 443 is the port that is left out.
    assert found(inside, "--from-proxy", "--scheme", "http")[0] == "bad_signature"
    plain = inside.replace(b":443", b":80")
    assert found(plain, "--from-proxy", "--scheme", "http", code=0)[0] == "ok" and found(plain, "--from-proxy")[0] == "bad_signature"


def test_bad_input_of_verify_request(acme, tmp_path):
    for words in (("--host-name", "a"), ("--scheme", "http"), ("--from-proxy",)):
        acme.error("key", "verify", *words, check=2, stdin="")
    for words in (("--scheme", "ftp"), ("--host-name", "https://relay.example")):
        acme.error("key", "verify", "--request", "-", *words, check=2, stdin="")
    acme.error("key", "verify", "--request", tmp_path / "missing", check=2)
    acme.error("key", "verify", "--request", "-", "--agent", "bot", check=2, stdin="")
    acme.error("key", "verify", "--request", "-", "--address", "192.0.2.1", check=2, stdin="")
    assert acme.json("key", "verify", "--request", "-", check=10, stdin="hello")["data"]["reason"] == "malformed"

"""Signed requests over HTTP: what the gateways in Python and Node accept, and with which reason they refuse the rest."""

import gzip
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.agents import key_id, read_key
from support.binaries import tool
from support.gateways import Gateway, HttpGateway
from support.processes import wait_until
from support.signed_requests import HOST, OTHER_HOST, Call, ed25519, keep_nonces, proof, send, set_policy, signing, violations

FIVE_MINUTES = 300
SERVERS = ("python", "node")


@pytest.fixture
def signers(relay, database, key, tmp_path):
    """By name: the proof of `bot`, the Ed25519 key of `sam`, and the proof of `payer`, who may all call everything."""
    for agent in ("payer", "sam"):
        relay("agent", "create", agent, "--org", "acme", "--name", agent, "--secret-file", tmp_path / agent, check=0)
    for agent in ("bot", "payer", "sam"):
        relay("agent", "update", agent, "--add-permission", "*:*", check=0)
    payer = read_key(tmp_path / "payer")
    keep_nonces(database)
    return {"bot": proof(key), "sam": ed25519(database, "sam"), "payer": proof(payer)}


def start(stack, kind, database):
    """The ports of a gateway: {http1, http2}."""
    if kind == "python":
        gateway = HttpGateway(database, env={"GATEWAY_NAMES": f"{HOST},{OTHER_HOST}"})
        stack.append(gateway.__exit__)
        return {"http1": gateway.port}
    gateway = Gateway("node", database, part="signing", gateway_id=f"node-{len(stack)}")
    stack.append(lambda *_: gateway.close())
    gateway.call("follow")
    return gateway.call("serve")


@pytest.fixture
def starting(database, signers):
    """start(kind): a gateway of a language; they end with the test."""
    ends = []
    yield lambda kind: start(ends, kind, database)
    for end in reversed(ends):
        end(None, None, None)


@pytest.fixture(params=SERVERS)
def kind(request):
    return request.param


@pytest.fixture
def ports(starting, kind):
    return starting(kind)


@pytest.fixture
def port(ports):
    return ports["http1"]


@pytest.fixture(params=["bot", "sam"])
def signer(signers, request):
    """With a proof, and with an Ed25519 key."""
    return signers[request.param]


def refusals(database, port, calls):
    """[(what, status, reasons that were recorded)] of calls that must be refused."""
    found = []
    for what, call in calls.items():
        before = violations(database)
        status = send(port, call)
        found.append((what, status, {name for name, times in violations(database).items() if times != before.get(name)}))
    return found


def test_a_signed_call_is_accepted_whatever_clock_drift_the_window_allows(port, database, signer):
    now = int(time.time())
    for drift in (0, -30, 30, 0):
        assert send(port, Call(signer, created=now + drift)) == 200, drift
    assert violations(database) == {}
    assert send(port, Call(signer, target="/stripe/refund?dry=1&x=%2F")) == 200
    assert send(port, Call(signer, host=OTHER_HOST)) == send(port, Call(signer, host=f"{HOST}:443")) == 200
    assert send(port, Call(signer).with_header("Host", HOST.upper())) == 200


def test_whatever_is_changed_the_reason_is_recorded_and_nothing_is_said(port, database, signer, signers):
    assert send(port, Call(signer)) == send(port, Call(signer)) == 200
    now, flipped = int(time.time()), "A" if Call(signer).header("Signature")[8] != "A" else "B"

    def call(**more):
        return Call(signer, **more)

    signature = call().header("Signature")
    borrowed = Call(signers["payer"])  # signed with the key of payer, and shown as that of the signer
    borrowed.with_header("Signature-Input", borrowed.header("Signature-Input").replace(signers["payer"].key_id, signer.key_id))
    wrong = {
        "method": call(method="PUT").changed(method="POST"),
        "path": call(target="/stripe/charge").changed(target="/stripe/refund"),
        "a slash at the end": call(target="/stripe/refund/").changed(target="/stripe/refund"),
        "an encoded slash": call().changed(target="/stripe%2Frefund"),
        "two slashes": call().changed(target="//stripe/refund"),
        "two slashes, signed as one": call(target="//stripe/refund").changed(target="/stripe/refund"),
        "query": call(target="/stripe/refund?dry=1").changed(target="/stripe/refund?dry=0"),
        "no query": call(target="/stripe/refund?dry=1").changed(target="/stripe/refund"),
        "authority": call().with_header("Host", OTHER_HOST),
        "nonce": call(nonce="12345678").with_header("Signature-Input", call(nonce="12345678").header("Signature-Input").replace("345", "543")),
        "time": call(created=now - 1).with_header("Signature-Input", call(created=now, nonce="12345678").header("Signature-Input")),
        "a bit of the signature": call().with_header("Signature", f"relay=:{flipped}{signature[8:]}"),
    }  # fmt: skip
    for what, status, reasons in refusals(database, port, wrong):
        assert (status, reasons) == (401, {"bad_signature"}), what
    others = {
        "key of another agent": (borrowed, {"unknown_key"} if isinstance(signer, signing.Ed25519) else {"bad_signature"}),
        "body": (call().changed(body=b'{"amount": 2}'), {"digest_mismatch"}),
        "an added body": (call(body=b"").changed(body=b"{}"), {"digest_mismatch"}),
        "no body any more": (call().changed(body=b""), {"digest_mismatch"}),
        "an old one": (call(created=now - FIVE_MINUTES), {"too_old"}),
        "an early one": (call(created=now + FIVE_MINUTES), {"too_early"}),
    }
    for (what, status, reasons), expected in zip(refusals(database, port, {what: call for what, (call, _) in others.items()}), others.values()):
        assert (status, reasons) == (401, expected[1]), what
    assert send(port, Call(signer)) == 200


def test_before_anything_is_kept_the_database_refuses_the_same(port, database, signer):
    now = int(time.time())
    wrong = {
        "too_old": Call(signer, created=now - FIVE_MINUTES), "too_early": Call(signer, created=now + FIVE_MINUTES),
        "digest_mismatch": Call(signer).changed(body=b""), "bad_signature": Call(signer).changed(target="/stripe/charge"),
    }  # fmt: skip
    assert refusals(database, port, wrong) == [(reason, 401, {reason}) for reason in wrong]
    assert database.value("SELECT count(*) FROM relay.key_sightings") == 0, "no use is recorded"


def test_what_is_malformed_is_refused_before_the_key_is_looked_at(port, kind, database, signer, key):
    def call(**more):
        return Call(signer, **more)

    good = call()
    inputs = good.header("Signature-Input")
    wrong = {f"no {name}": call().without(name) for name in ("Signature", "Signature-Input", "Content-Digest")}
    wrong |= {f"{name} twice": call().and_header(name, good.header(name)) for name in ("Signature", "Signature-Input", "Content-Digest")}
    wrong |= {
        "two credentials": call().and_header("Authorization", f"Bearer {key}"),
        "the signature and an empty credential": call().and_header("Authorization", ""),
        "a second Host": call().and_header("Host", OTHER_HOST),
        "a Host of another gateway": call(host="evil.example.com"),
        "X-Forwarded-Host": call().and_header("X-Forwarded-Host", HOST),
        "alg": call().with_header("Signature-Input", f'{inputs};alg="ed25519"'),
        "created twice": call().with_header("Signature-Input", f"{inputs};created=1"),
        "another tag": call().with_header("Signature-Input", inputs.replace('tag="relay"', 'tag="other"')),
        "flag req": call().with_header("Signature-Input", inputs.replace('"@path"', '"@path";req')),
        "sha-512": call().with_header("Content-Digest", "sha-512=:AAAA:"),
        "an absolute target of another host": call().changed(target=f"https://{OTHER_HOST}/stripe/refund"),
    }
    for what, status, reasons in refusals(database, port, wrong):
        refused_by_server = kind == "node" and what == "a second Host" and status == 400
        assert refused_by_server or (status, reasons) == (401, {"malformed"}), (what, status, reasons)
    assert send(port, good) == 200


def test_a_header_line_that_hides_the_next_ones_ends_the_connection(port, signer):
    assert send(port, Call(signer).and_header("X-Odd ", "a name that ends with a blank")) == 400


def test_a_compressed_body_is_digested_as_it_came(port, database, signer):
    packed = gzip.compress(b'{"amount": 1}')
    assert send(port, Call(signer, body=packed).and_header("Content-Encoding", "gzip")) == 200
    assert send(port, Call(signer).changed(body=packed).and_header("Content-Encoding", "gzip")) == 401
    assert violations(database) == {"digest_mismatch": 1}


def test_chunks_are_not_part_of_the_body(port, kind, database, signer):
    """The gateway in Python takes no chunks."""
    if kind == "python":
        assert send(port, Call(signer), chunked=True) == 411
    else:
        assert send(port, Call(signer), chunked=True) == 200
        assert send(port, Call(signer).changed(body=b"{}"), chunked=True) == 401
        assert violations(database) == {"digest_mismatch": 1}


def test_a_body_over_the_limit_is_refused_before_it_is_hashed(starting, database, signer):
    assert send(starting("python")["http1"], Call(signer, body=b"x" * (2**20 + 1)).without("Content-Digest")) == 413
    assert violations(database) == {}


def curl(port, call):
    """The status of a request by HTTP/2."""
    words = [word for name, value in call.headers for word in ("-H", f"{name}: {value}")]
    command = [tool("curl"), "-sS", "-o", "/dev/null", "-w", "%{http_version} %{http_code}", "--http2-prior-knowledge", "--path-as-is",
               "-X", call.method, *words, "--data-binary", "@-", f"http://127.0.0.1:{port}{call.target}"]  # fmt: skip
    said = subprocess.run(command, input=call.body, capture_output=True, check=True, timeout=30).stdout.decode()
    version, status = said.split()
    assert version == "2"
    return int(status)


def test_http_2_signs_the_same_components(starting, database, signer):
    port = starting("node")["http2"]
    for target in ("/stripe/refund", "/stripe%2Frefund//a/../b?x=%2F", "/"):
        assert curl(port, Call(signer, target=target)) == 200, target
    wrong = {
        "bad_signature": Call(signer, target="/p").changed(target="/p/"),
        "digest_mismatch": Call(signer).changed(body=b"{}"),
        "malformed": Call(signer, host="evil.example.com"),
    }
    assert [curl(port, call) for call in wrong.values()] == [401] * 3
    assert violations(database) == dict.fromkeys(wrong, 1)
    assert curl(port, Call(signer).with_header("Host", OTHER_HOST)) == 401


# ---- once


@pytest.mark.parametrize("signer", ["bot", "sam"])
def test_of_the_same_request_at_two_gateways_at_once_one_is_accepted(starting, database, signers, signer):
    set_policy(database, "require_nonce", "yes")
    ports = [starting(kind)["http1"] for kind in SERVERS]
    assert [send(port, Call(signers[signer])) for port in ports] == [200, 200]
    with ThreadPoolExecutor(8) as callers:
        for _ in range(3):
            call = Call(signers[signer])
            statuses = list(callers.map(lambda number, call=call: send(ports[number % 2], call), range(8)))
            assert sorted(statuses) == [200] + 7 * [401]
    assert violations(database) == {"replayed": 21}


def test_without_a_nonce_the_same_request_may_come_again(port, signer):
    call = Call(signer)
    assert [send(port, call) for _ in range(2)] == [200, 200]


# ---- by policy


def bearer(key):
    """A call with a bearer key, and one with nothing."""
    made = Call(proof(key))
    for name in ("Signature", "Signature-Input", "Content-Digest"):
        made.without(name)
    return made.and_header("Authorization", f"Bearer {key}")


def test_where_signing_is_required_nothing_else_is_accepted(starting, kind, database, signer, key):
    port = starting(kind)["http1"]
    assert send(port, bearer(key)) == 200 and send(port, bearer(key)) == 200, "and is kept"
    set_policy(database, "signing", "required")
    wait_until(lambda: send(port, bearer(key)) == 401, what="the kept decision to be dropped")
    assert set(violations(database)) == {"signature_required"}
    call = Call(signer)
    assert send(port, call) == 200 and send(port, call) == 401, "and needs a nonce"
    if kind == "python":  # the one that knows calls with nothing
        nothing = bearer(key).without("Authorization").and_header("X-Agent-Id", "bot").and_header("X-Org-Id", "acme")
        assert send(port, nothing) == 401
    set_policy(database, "signing", "either", scope="agent", name="bot")
    wait_until(lambda: send(port, bearer(key)) == 200, what="the agent to be left out")


def test_the_shared_secret_is_refused_where_signing_is_required(database, relay, key, tmp_path):
    secret = "s3cret-of-all"
    (tmp_path / "old.csv").write_text("agent_id,org_id,name\nold,acme,Old\n")
    relay("migrate-legacy", "import", tmp_path / "old.csv", check=0)
    relay("migrate-legacy", "start", "--deadline", "5d", check=0)
    relay("agent", "update", "old", "--add-permission", "*:*", check=0)
    with HttpGateway(database, env={"AGENT_SECRET": secret, "ALLOW_LEGACY_GLOBAL_AGENT_SECRET": "true", "GATEWAY_NAMES": HOST}) as gateway:
        call = bearer(key).with_header("Authorization", f"Bearer {secret}").and_header("X-Agent-Id", "old")
        assert send(gateway.port, call) == 200
        signed = Call(proof(key)).and_header("Authorization", f"Bearer {secret}")
        assert send(gateway.port, signed) == 401 and violations(database) == {"malformed": 1}
        set_policy(database, "signing", "required")
        assert send(gateway.port, call) == 401
        assert violations(database) == {"malformed": 1, "signature_required": 1}


def test_the_claims_of_a_signed_call_can_only_make_it_fail(starting, database, signers):
    port = starting("python")["http1"]
    assert send(port, Call(signers["bot"]).and_header("X-Agent-Id", "bot").and_header("X-Org-Id", "acme")) == 200
    assert send(port, Call(signers["bot"]).and_header("X-Agent-Id", "payer")) == 403
    assert send(port, Call(signers["sam"]).and_header("X-Org-Id", "evil")) == 403
    assert violations(database) == {"agent_mismatch": 1, "org_mismatch": 1}


# ---- keys that end, and keys that begin


def test_a_block_and_a_revocation_end_what_is_kept(port, relay, database, signer, signers):
    agent = "bot" if signer is signers["bot"] else "sam"
    assert send(port, Call(signer)) == send(port, Call(signer)) == 200
    relay("block", agent, "--yes", check=0)
    wait_until(lambda: send(port, Call(signer)) == 401, what="the block to be read")
    relay("unblock", agent, "--yes", check=0)
    wait_until(lambda: send(port, Call(signer)) == 200, what="the end of the block to be read")
    relay("revoke", "--key", signer.key_id, "--yes", check=0)
    wait_until(lambda: send(port, Call(signer)) == 401, what="the revocation to be read")
    assert {"blocked", "revoked"} >= set(violations(database)) > set()


def test_a_staged_public_key_that_never_signs_leaves_the_old_key(port, database, signers, key):
    """Even if someone who knows its public id tries it."""
    staged = ed25519(database, "bot")
    stranger = signing.Ed25519(staged.key_id, bytes(32))
    assert send(port, Call(stranger)) == 401 and violations(database) == {"bad_signature": 1}
    assert send(port, Call(signers["bot"])) == send(port, bearer(key)) == 200
    assert database.value("SELECT state FROM relay.agent_keys WHERE key_id = %s", staged.key_id) == "staged"
    assert send(port, Call(staged)) == 200
    states = {row["key_id"]: row["state"] for row in database.rows("SELECT key_id, state FROM relay.agent_keys WHERE agent_id = 'bot'")}
    assert states == {staged.key_id: "active", key_id(key): "retired"}
    wait_until(lambda: send(port, bearer(key)) == 401 == send(port, Call(signers["bot"])), what="the end of the old key to be read")


def test_pairing_starts_with_a_signed_call_too(starting, database, signers):
    port = starting("python")["http1"]
    set_policy(database, "signing", "required")
    database.execute("UPDATE relay.organizations SET plan = 'paid'")
    assert send(port, Call(signers["bot"], target="/api/pair/start", body=b"{}")) == 200
    assert send(port, Call(signers["bot"], target="/api/pair/start", body=b"{}").changed(body=b"")) == 401

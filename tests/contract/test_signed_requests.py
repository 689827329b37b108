"""Signed requests over HTTP: what the gateways in Python and Node accept, and with which reason they refuse the rest."""

import gzip
import itertools
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.binaries import tool
from support.database import Database, make_template
from support.gateways import Gateway, HttpGateway
from support.processes import wait_until
from support.signed_requests import HOST, OTHER_HOST, Call, ed25519, keep_nonces, make_agent, proof, send, set_policy, signing, violations

FIVE_MINUTES = 300
SERVERS = ("python", "node")


class World:
    """A database with agents that sign, and the gateways that ask it."""

    def __init__(self, database):
        self.database, self.ends, self.numbers = database, [], itertools.count()
        self.key = make_agent(database, "bot")
        make_agent(database, "sam")
        self.bot, self.sam = proof(self.key), ed25519(database, "sam")
        keep_nonces(database)

    def newcomers(self):
        """The signers of two agents that no gateway has seen."""
        number = next(self.numbers)
        key = make_agent(self.database, f"bot{number}")
        make_agent(self.database, f"sam{number}")
        return proof(key), ed25519(self.database, f"sam{number}")

    def start(self, kind):
        """The ports of a gateway: {http1, http2}."""
        if kind == "python":
            gateway = HttpGateway(self.database, env={"GATEWAY_NAMES": f"{HOST}, {OTHER_HOST}"})
            self.ends.append(lambda: gateway.__exit__())
            return {"http1": gateway.port}
        gateway = Gateway("node", self.database, part="signing", gateway_id=f"node-{len(self.ends)}")
        self.ends.append(gateway.close)
        gateway.call("follow")
        return gateway.call("serve")

    def close(self):
        for end in self.ends:
            end()


@pytest.fixture
def world(database):
    """For a test that changes what is in force."""
    made = World(database)
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared(cluster):
    """For all others: gateways of both languages run in it."""
    database = Database(cluster, template=make_template(cluster))
    made = World(database)
    made.ports = {kind: made.start(kind) for kind in SERVERS}
    yield made
    made.close()
    database.drop()


@pytest.fixture(params=SERVERS)
def kind(request):
    return request.param


@pytest.fixture
def port(shared, kind):
    return shared.ports[kind]["http1"]


@pytest.fixture(params=["proof", "ed25519"])
def signer(shared, request):
    return shared.bot if request.param == "proof" else shared.sam


def since(database, before):
    """{reason: how many calls were refused for it} since then."""
    return {reason: times - before.get(reason, 0) for reason, times in violations(database).items() if times != before.get(reason)}


def refusals(database, port, calls):
    """[(what, status, reasons that were recorded)] of calls that must be refused."""
    found = []
    for what, call in calls.items():
        before = violations(database)
        found.append((what, send(port, call), set(since(database, before))))
    return found


def test_a_signed_call_is_accepted_whatever_clock_drift_the_window_allows(port, shared, signer):
    now, before = int(time.time()), violations(shared.database)
    for drift in (0, -30, 30, 0):
        assert send(port, Call(signer, created=now + drift)) == 200, drift
    assert since(shared.database, before) == {}
    assert send(port, Call(signer, target="/stripe/refund?dry=1&x=%2F")) == 200
    assert send(port, Call(signer, host=OTHER_HOST)) == send(port, Call(signer, host=f"{HOST}:443")) == 200
    assert send(port, Call(signer).with_header("Host", HOST.upper())) == 200


def test_whatever_is_changed_the_reason_is_recorded_and_nothing_is_said(port, shared, signer):
    assert send(port, Call(signer)) == send(port, Call(signer)) == 200
    now, flipped = int(time.time()), "A" if Call(signer).header("Signature")[8] != "A" else "B"

    def call(**more):
        return Call(signer, **more)

    signature = call().header("Signature")
    other = shared.newcomers()[0]
    borrowed = Call(other)  # signed with the key of another agent, and shown as that of the signer
    borrowed.with_header("Signature-Input", borrowed.header("Signature-Input").replace(other.key_id, signer.key_id))
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
    for what, status, reasons in refusals(shared.database, port, wrong):
        assert (status, reasons) == (401, {"bad_signature"}), what
    others = {
        "key of another agent": (borrowed, {"unknown_key"} if isinstance(signer, signing.Ed25519) else {"bad_signature"}),
        "body": (call().changed(body=b'{"amount": 2}'), {"digest_mismatch"}),
        "an added body": (call(body=b"").changed(body=b"{}"), {"digest_mismatch"}),
        "no body any more": (call().changed(body=b""), {"digest_mismatch"}),
        "an old one": (call(created=now - FIVE_MINUTES), {"too_old"}),
        "an early one": (call(created=now + FIVE_MINUTES), {"too_early"}),
    }
    for (what, status, reasons), expected in zip(refusals(shared.database, port, {what: call for what, (call, _) in others.items()}), others.values()):
        assert (status, reasons) == (401, expected[1]), what
    assert send(port, Call(signer)) == 200


def test_before_anything_is_kept_the_database_refuses_the_same(port, shared):
    now = int(time.time())
    for signer in shared.newcomers():
        wrong = {
            "too_old": Call(signer, created=now - FIVE_MINUTES), "too_early": Call(signer, created=now + FIVE_MINUTES),
            "digest_mismatch": Call(signer).changed(body=b""), "bad_signature": Call(signer).changed(target="/stripe/charge"),
        }  # fmt: skip
        assert refusals(shared.database, port, wrong) == [(reason, 401, {reason}) for reason in wrong]
        assert shared.database.rows("SELECT FROM relay.key_sightings WHERE key_id = %s", signer.key_id) == [], "no use is recorded"


def test_what_is_malformed_is_refused_before_the_key_is_looked_at(port, kind, shared, signer):
    def call(**more):
        return Call(signer, **more)

    good = call()
    inputs = good.header("Signature-Input")
    wrong = {f"no {name}": call().without(name) for name in ("Signature", "Signature-Input", "Content-Digest")}
    wrong |= {f"{name} twice": call().and_header(name, good.header(name)) for name in ("Signature", "Signature-Input", "Content-Digest")}
    wrong |= {
        "two credentials": call().and_header("Authorization", f"Bearer {shared.key}"),
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
    for what, status, reasons in refusals(shared.database, port, wrong):
        refused_by_server = kind == "node" and what == "a second Host" and status == 400
        assert refused_by_server or (status, reasons) == (401, {"malformed"}), (what, status, reasons)
    assert send(port, good) == 200


def test_a_header_line_that_hides_the_next_ones_ends_the_connection(port, signer):
    assert send(port, Call(signer).and_header("X-Odd ", "a name that ends with a blank")) == 400


def test_a_compressed_body_is_digested_as_it_came(port, shared, signer):
    packed, before = gzip.compress(b'{"amount": 1}'), violations(shared.database)
    assert send(port, Call(signer, body=packed).and_header("Content-Encoding", "gzip")) == 200
    assert send(port, Call(signer).changed(body=packed).and_header("Content-Encoding", "gzip")) == 401
    assert since(shared.database, before) == {"digest_mismatch": 1}


def test_chunks_are_not_part_of_the_body(port, shared, signer):
    before = violations(shared.database)
    assert send(port, Call(signer), chunked=True) == 200
    assert send(port, Call(signer).changed(body=b"{}"), chunked=True) == 401
    assert since(shared.database, before) == {"digest_mismatch": 1}


def test_a_body_over_the_limit_is_refused_before_it_is_hashed(shared):
    before = violations(shared.database)
    assert send(shared.ports["python"]["http1"], Call(shared.bot, body=b"x" * (2**20 + 1)).without("Content-Digest")) == 413
    assert since(shared.database, before) == {}


def curl(port, call):
    """The status of a request by HTTP/2."""
    words = [word for name, value in call.headers for word in ("-H", f"{name}: {value}")]
    command = [tool("curl"), "-sS", "-o", "/dev/null", "-w", "%{http_version} %{http_code}", "--http2-prior-knowledge", "--path-as-is",
               "-X", call.method, *words, "--data-binary", "@-", f"http://127.0.0.1:{port}{call.target}"]  # fmt: skip
    said = subprocess.run(command, input=call.body, capture_output=True, check=True, timeout=30).stdout.decode()
    version, status = said.split()
    assert version == "2"
    return int(status)


def test_http_2_signs_the_same_components(shared, signer):
    port, before = shared.ports["node"]["http2"], violations(shared.database)
    for target in ("/stripe/refund", "/stripe%2Frefund//a/../b?x=%2F", "/"):
        assert curl(port, Call(signer, target=target)) == 200, target
    wrong = {
        "bad_signature": Call(signer, target="/p").changed(target="/p/"),
        "digest_mismatch": Call(signer).changed(body=b"{}"),
        "malformed": Call(signer, host="evil.example.com"),
    }
    assert [curl(port, call) for call in wrong.values()] == [401] * 3
    assert since(shared.database, before) == dict.fromkeys(wrong, 1)
    assert curl(port, Call(signer).with_header("Host", OTHER_HOST)) == 401


def test_without_a_nonce_the_same_request_may_come_again(port, signer):
    call = Call(signer)
    assert [send(port, call) for _ in range(2)] == [200, 200]


def test_the_claims_of_a_signed_call_can_only_make_it_fail(shared, signer):
    port, before = shared.ports["python"]["http1"], violations(shared.database)
    own, other = ("bot", "sam") if signer is shared.bot else ("sam", "bot")
    assert send(port, Call(signer).and_header("X-Agent-Id", own).and_header("X-Org-Id", "acme")) == 200
    assert send(port, Call(signer).and_header("X-Agent-Id", other)) == 403
    assert send(port, Call(signer).and_header("X-Org-Id", "evil")) == 403
    assert since(shared.database, before) == {"agent_mismatch": 1, "org_mismatch": 1}


# ---- keys that end, and keys that begin


def block(database, agent, kind="block", subject="agent"):
    database.execute(
        "INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor) VALUES (%s, %s, %s, 'test')", subject, agent, kind
    )


def test_a_block_and_a_revocation_end_what_is_kept(shared):
    ports = [ports["http1"] for ports in shared.ports.values()]
    for signer in shared.newcomers():
        agent = shared.database.value("SELECT agent_id FROM relay.agent_keys WHERE key_id = %s", signer.key_id)

        def statuses(signer=signer):
            return {send(port, Call(signer)) for port in ports}

        assert statuses() == statuses() == {200}
        block(shared.database, agent)
        wait_until(lambda: statuses() == {401}, what="the block to be read")
        shared.database.execute("UPDATE relay.revocations SET lifted_at = now(), lifted_by = 'test' WHERE subject_id = %s", agent)
        wait_until(lambda: statuses() == {200}, what="the end of the block to be read")
        block(shared.database, signer.key_id, "revoke", "key")
        wait_until(lambda: statuses() == {401}, what="the revocation to be read")


def test_a_staged_public_key_that_never_signs_leaves_the_old_key(port, shared):
    """Even if someone who knows its public id tries it."""
    old, _ = shared.newcomers()
    agent = shared.database.value("SELECT agent_id FROM relay.agent_keys WHERE key_id = %s", old.key_id)
    staged, before = ed25519(shared.database, agent), violations(shared.database)

    def states():
        rows = shared.database.rows("SELECT key_id, state FROM relay.agent_keys WHERE agent_id = %s", agent)
        return {row["key_id"]: row["state"] for row in rows}

    assert send(port, Call(signing.Ed25519(staged.key_id, bytes(32)))) == 401 and since(shared.database, before) == {"bad_signature": 1}
    assert send(port, Call(old)) == 200 and states() == {staged.key_id: "staged", old.key_id: "active"}
    assert send(port, Call(staged)) == 200 and states() == {staged.key_id: "active", old.key_id: "retired"}
    wait_until(lambda: send(port, Call(old)) == 401, what="the end of the old key to be read")


# ---- once, and by policy


def test_of_the_same_request_at_two_gateways_at_once_one_is_accepted(world):
    set_policy(world.database, "require_nonce", "yes")
    ports = [world.start(kind)["http1"] for kind in SERVERS]
    for signer in (world.bot, world.sam):
        assert [send(port, Call(signer)) for port in ports] == [200, 200]
        with ThreadPoolExecutor(8) as callers:
            for _ in range(3):
                call = Call(signer)
                statuses = list(callers.map(lambda number, call=call: send(ports[number % 2], call), range(8)))
                assert sorted(statuses) == [200] + 7 * [401]
    assert violations(world.database) == {"replayed": 42}


def bearer(key):
    """A call with a bearer key."""
    made = Call(proof(key))
    for name in ("Signature", "Signature-Input", "Content-Digest"):
        made.without(name)
    return made.and_header("Authorization", f"Bearer {key}")


def test_where_signing_is_required_nothing_else_is_accepted(world, kind):
    port, database, key = world.start(kind)["http1"], world.database, world.key
    assert send(port, bearer(key)) == 200 and send(port, bearer(key)) == 200, "and is kept"
    set_policy(database, "signing", "required")
    wait_until(lambda: send(port, bearer(key)) == 401, what="the kept decision to be dropped")
    assert set(violations(database)) == {"signature_required"}
    for signer in (world.bot, world.sam):
        call = Call(signer)
        assert send(port, call) == 200 and send(port, call) == 401, "and needs a nonce"
    if kind == "python":  # it also knows calls that show nothing, and devices
        nothing = bearer(key).without("Authorization").and_header("X-Agent-Id", "bot").and_header("X-Org-Id", "acme")
        assert send(port, nothing) == 401
        pairing = Call(world.bot, target="/api/pair/start", body=b"{}")
        assert send(port, pairing) == 200 and send(port, Call(world.bot, target="/api/pair/start").changed(body=b"{}")) == 401
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

"""The kit verifies signed requests with the decisions that it keeps: when it asks the database, by which clock it goes, and what ends a
decision."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from support.clock import MovedClock
from support.gateways import Gateway
from support.processes import wait_until
from support.signed_requests import Call, ed25519, keep_nonces, make_agent, proof, set_policy, violations

KINDS = ("proof", "ed25519")


@pytest.fixture
def signers(database):
    """By kind of key: the signers of `bot` and `sam`."""
    key = make_agent(database, "bot")
    make_agent(database, "sam")
    keep_nonces(database)
    return {"proof": proof(key), "ed25519": ed25519(database, "sam"), "key": key}


@pytest.fixture(params=KINDS)
def signer(signers, request):
    return signers[request.param]


@pytest.fixture
def start(database, language):
    """start(settings): a gateway that follows the feed."""
    running = []

    def begin(**env):
        gateway = Gateway(language, database, part="signing", gateway_id="here", env=env)
        gateway.call("follow")
        running.append(gateway)
        return gateway

    yield begin
    for gateway in running:
        gateway.close()


@pytest.fixture
def gateway(start):
    return start()


def check(gateway, call, **claims):
    return gateway.call("check", request=call.request(), **claims)["reason"]


def queries(gateway, call, **claims):
    """(reason, questions to the database) of a call."""
    gateway.call("report")
    return check(gateway, call, **claims), gateway.call("report")["queries"]


def keep(gateway, signer):
    """Calls until the decision is kept."""
    wait_until(lambda: queries(gateway, Call(signer)) == ("ok", 0), what="a decision that is kept")


def hear(database):
    """Waits until the gateway has read all changes, which ends what it kept of before."""
    wait_until(lambda: database.value("SELECT every(changes_behind = 0) FROM relay.gateway_status"), what="it to hear of a change")


def test_a_kept_decision_checks_the_next_signatures_without_a_question(gateway, database, signer):
    keep(gateway, signer)
    for number in range(5):
        assert queries(gateway, Call(signer, target=f"/p?{number}", method="PUT")) == ("ok", 0)
    assert violations(database) == {}


def test_what_does_not_fit_is_asked_about_and_recorded_and_ends_nothing(gateway, database, signer):
    keep(gateway, signer)
    call = Call(signer)
    assert queries(gateway, call.changed(target="/q")) == ("bad_signature", 1) and violations(database) == {"bad_signature": 1}
    assert queries(gateway, Call(signer)) == ("ok", 0)


def test_the_first_calls_with_a_key_ask_once(gateway, database, signer):
    """Calls that come while one asks use its answer; but what is wrong with one of them is found, and a refusal is not shared."""
    keep(gateway, signer)
    set_policy(database, "window", "60s")
    hear(database)
    other, old = Call(signer).changed(target="/q"), Call(signer, created=int(time.time()) - 300)
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'relay.agent_keys'::regclass"
    gateway.call("report")
    with ThreadPoolExecutor(1) as pool, closing(database.connect(autocommit=False)) as holder:
        holder.cursor().execute("LOCK TABLE relay.agent_keys IN ACCESS EXCLUSIVE MODE")
        first = pool.submit(gateway.call, "crowd", requests=[Call(signer).request() for _ in range(8)])
        wait_until(lambda: database.value(waiting) > 0, what="the first call to ask")
        holder.rollback()
        assert first.result()["reasons"] == ["ok"] * 8
    assert gateway.call("report")["queries"] == (1 if signer.__class__.__name__ == "Proof" else 2)
    crowd = [one.request() for one in (other, Call(signer), old)]
    assert gateway.call("crowd", requests=crowd)["reasons"] == ["bad_signature", "ok", "too_old"]


def test_the_checks_come_in_their_order(gateway, signer):
    """What is wrong in several ways is refused for the first of them."""
    keep(gateway, signer)
    old = int(time.time()) - 300
    assert check(gateway, Call(signer, created=old).changed(body=b"", target="/q").without("Signature")) == "malformed"
    assert check(gateway, Call(signer, created=old).changed(body=b"", target="/q")) == "too_old"
    assert check(gateway, Call(signer, created=old + 600).changed(body=b"", target="/q")) == "too_early"
    assert check(gateway, Call(signer).changed(body=b"", target="/q")) == "digest_mismatch"
    assert check(gateway, Call(signer).changed(target="/q")) == "bad_signature"


def test_the_nonce_comes_last_and_costs_one_question(gateway, database, signer):
    set_policy(database, "require_nonce", "yes")
    hear(database)
    wait_until(lambda: queries(gateway, Call(signer)) == ("ok", 1), what="a decision that is kept")
    call = Call(signer, nonce="used-once")
    wrong = Call(signer, nonce="used-once", created=int(time.time())).changed(target="/q")
    assert check(gateway, wrong) == "bad_signature", "a stranger uses up no nonce"
    assert queries(gateway, call) == ("ok", 1)
    assert check(gateway, call) == check(gateway, call) == "replayed"
    assert check(gateway, call.changed(target="/q")) == "bad_signature"
    assert violations(database) == {"bad_signature": 2, "replayed": 2}


def test_a_decision_is_kept_for_the_calls_that_it_is_about(gateway, signers):
    keep(gateway, signers["proof"])
    call = Call(signers["proof"])
    assert queries(gateway, call, agent_id="bot", org_id="acme") == ("ok", 0)
    assert check(gateway, call, agent_id="sam") == "agent_mismatch" and check(gateway, call, org_id="evil") == "org_mismatch"
    assert check(gateway, Call(signers["ed25519"]), agent_id="bot") == "agent_mismatch"


def test_a_stranger_does_not_learn_whose_key_an_id_is(gateway, signers):
    for signer in (signers["proof"], signers["ed25519"]):
        for claims in ({}, {"agent_id": "sam"}, {"org_id": "evil"}):
            assert check(gateway, Call(signer).changed(target="/q"), **claims) == "bad_signature", claims


def test_a_stranger_who_knows_a_key_id_keeps_no_use_from_being_recorded(gateway, database, signers):
    """Before the first good call, and as often as he likes."""
    forged = Call(signers["ed25519"]).changed(target="/q")
    assert [check(gateway, forged) for _ in range(3)] == ["bad_signature"] * 3
    sightings = "SELECT count(*) FROM relay.key_sightings WHERE key_id = %s"
    assert database.value(sightings, signers["ed25519"].key_id) == 0
    assert check(gateway, Call(signers["ed25519"])) == "ok" and database.value(sightings, signers["ed25519"].key_id) == 1


@pytest.mark.parametrize("ahead", [-600, 600])
def test_only_the_clock_of_the_database_counts(start, database, signers, open_folder, ahead):
    """Also for what is kept, and while the clock of the gateway moves."""
    clock = MovedClock(open_folder)
    gateway = start(**clock.environment)
    for kind in KINDS:
        keep(gateway, signers[kind])
        clock.move(ahead)
        assert queries(gateway, Call(signers[kind])) == ("ok", 0)
        assert queries(gateway, Call(signers[kind], created=int(time.time()) + ahead))[0] == ("too_early" if ahead > 0 else "too_old")
        clock.move(0)


def test_a_policy_that_changes_counts_for_what_is_kept(gateway, database, signer):
    keep(gateway, signer)
    late = int(time.time()) - 30
    assert check(gateway, Call(signer, created=late)) == "ok"
    set_policy(database, "window", "5s")
    wait_until(lambda: check(gateway, Call(signer, created=late)) == "too_old", what="the change to be read")
    assert check(gateway, Call(signer)) == "ok"


def test_a_key_of_one_kind_is_no_key_of_the_other(gateway, database, signers):
    """A proof with the id of a public key, and the other way round; and a public key does not verify proofs."""
    keep(gateway, signers["proof"])
    keep(gateway, signers["ed25519"])
    other, public = Call(signers["proof"]), signers["ed25519"]
    shown = other.header("Signature-Input").replace(signers["proof"].key_id, public.key_id)
    assert check(gateway, other.with_header("Signature-Input", shown)) == "unknown_key"
    other = Call(public)
    shown = other.header("Signature-Input").replace(public.key_id, signers["proof"].key_id)
    assert check(gateway, other.with_header("Signature-Input", shown)) == "unknown_key"


def test_where_signing_is_required_a_kept_bearer_decision_ends(gateway, database, signers):
    def bearer():
        return gateway.call("bearer", key=signers["key"])["reason"]

    assert bearer() == bearer() == "ok"
    set_policy(database, "signing", "required")
    wait_until(lambda: bearer() == "signature_required", what="the change to be read")
    assert check(gateway, Call(signers["proof"])) == "ok"


def test_an_answer_says_nothing_that_verifies_signatures(gateway, signer):
    """Neither the first one nor one that is kept."""
    keep(gateway, signer)
    for call in (Call(signer), Call(signer).changed(target="/q")):
        said = gateway.call("check", request=call.request())
        assert {"ok", "reason"} <= set(said["names"]) or gateway.language == "cpp"
        assert not {"verifier", "public_key", "verifies_with", "verifiesWith"} & set(said["names"])

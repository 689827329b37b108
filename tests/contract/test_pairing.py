"""Codes by which a device is paired: what each function answers, that a code is guessed at five times at most, and that no answer
shows whether a code exists."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg2
import pytest

from support.devices import ALPHABET, Contract, digest, new_id, new_token
from support.pooler import PgBouncer
from support.processes import wait_until

MOST_ATTEMPTS = 5


@pytest.fixture
def api(database, key):
    """The contract, as a gateway calls it, beside the agent `bot` of `acme`."""
    with closing(database.connect(user=database.gateway_login())) as connection:
        yield Contract(connection)


def attempts_left(database, code):
    return database.value("SELECT attempts_left FROM relay.pairings WHERE pairing_id = %s", code[:4])


def wrong(code):
    """The same public part, another secret."""
    return code[:-1] + ALPHABET[(ALPHABET.index(code[-1]) + 1) % len(ALPHABET)]


def limit_devices(database, most):
    database.execute("INSERT INTO relay.limits (owner_kind, owner_id, meter, org_id, amount) VALUES ('org', 'acme', 'devices', 'acme', %s)"
                     " ON CONFLICT ON CONSTRAINT limits_pkey DO UPDATE SET amount = excluded.amount", most)  # fmt: skip


def events(database, *actions):
    return database.rows("SELECT action, outcome, reason, org_id, agent_id, key_id, detail FROM relay.recorded_events"
                         " WHERE action = ANY (%s) ORDER BY event_id", list(actions))  # fmt: skip


# ---- the usual way


def test_a_code_becomes_a_device_once(database, api):
    reason, code = api.start()
    assert (reason, api.status(code)) == ("ok", "pending")
    reason, device_id, _ = api.redeem(code)
    assert (reason, api.status(code)) == ("ok", "redeemed")
    device = database.one("SELECT * FROM relay.device_status")
    assert {name: device[name] for name in ("device_id", "org_id", "agent_id", "name", "status")} == {
        "device_id": device_id, "org_id": "acme", "agent_id": "bot", "name": "Ada's browser", "status": "active"}  # fmt: skip
    assert api.redeem(code)[0] == "wrong_code", "it is used"
    assert [(e["action"], e["outcome"], e["agent_id"], e["key_id"]) for e in events(database, "pairing_started", "device_paired")] == [
        ("pairing_started", "ok", "bot", None), ("device_paired", "ok", "bot", device_id)]  # fmt: skip


def test_a_lost_answer_is_asked_for_again_and_makes_no_second_device(database, api):
    _, code = api.start()
    reason, device_id, token = api.redeem(code)
    assert [reason, api.redeem(code, device_id, token)[0]] == ["ok", "ok"]
    assert api.redeem(code, device_id, new_token(device_id))[0] == "wrong_code", "another token is another holder"
    assert api.redeem(wrong(code), device_id, token)[0] == "wrong_code"
    assert database.value("SELECT count(*) FROM relay.devices") == 1


def test_an_agent_has_one_open_code_and_an_expired_id_is_free_again(database, relay, api, tmp_path):
    relay("org", "update", "acme", "--plan", "paid", check=0)
    relay("agent", "create", "other", "--org", "acme", "--name", "Other", "--secret-file", tmp_path / "other.key", check=0)
    _, first = api.start()
    _, second = api.start()
    assert (api.status(first), api.redeem(first)[0], api.status(second)) == ("gone", "wrong_code", "pending")
    assert api.start("other", second)[0] == "id_taken"
    assert api.status(second, "other") == "gone", "the code of another agent"
    assert api.redeem(second)[0] == "ok"
    assert api.start("bot", second)[0] == "id_taken", "a used code is kept until it expires"
    database.execute("UPDATE relay.pairings SET expires_at = now() - interval '1 second'")
    assert api.start("other", second)[0] == "ok"


def test_two_starts_of_one_agent_at_once_leave_one_open_code(database, api):
    def start(_):
        with closing(database.connect(user=database.gateway_login())) as connection:
            return Contract(connection).start()

    with ThreadPoolExecutor(8) as starting:
        answers = list(starting.map(start, range(24)))
    assert {reason for reason, _ in answers} == {"ok"}
    assert database.value("SELECT count(*) FROM relay.pairings") == 1


@pytest.mark.parametrize("subject", [("bot",), ("--org", "acme", "--confirm", "acme")], ids=["agent", "org"])
@pytest.mark.parametrize("verb, reason", [("block", "blocked"), ("revoke", "revoked")])
def test_who_is_blocked_or_revoked_shows_no_code_and_pairs_no_device(relay, database, api, verb, reason, subject):
    _, code = api.start()
    relay(verb, *subject, "--yes", check=0)
    assert api.start()[0] == reason
    assert api.redeem(code)[0] == reason
    assert database.value("SELECT count(*) FROM relay.devices") == 0


def test_a_code_that_was_made_before_a_revocation_is_dead_after_it_was_lifted(relay, api, tmp_path):
    _, code = api.start()
    relay("revoke", "bot", "--yes", check=0)
    relay("restore", "bot", "--yes", "--secret-file", tmp_path / "fresh.key", check=0)
    assert api.redeem(code)[0] == "revoked", "a stolen key may have asked for it"
    assert api.pair()


def test_a_device_whose_agent_is_revoked_and_restored_while_it_waits_for_a_place_is_revoked(database, relay, api, tmp_path):
    limit_devices(database, 5)
    _, code = api.start()
    with closing(database.connect()) as other, ThreadPoolExecutor(1) as running:
        with other.cursor() as cursor:
            cursor.execute("BEGIN; SELECT FROM relay.organizations WHERE org_id = 'acme' FOR NO KEY UPDATE")
            waiting = running.submit(api.redeem, code)
            blocked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"
            wait_until(lambda: database.value(blocked) == 1, what="the call to wait for the lock")
            cursor.execute("INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor) VALUES ('agent', 'bot', 'revoke', 'test');"
                           " UPDATE relay.revocations SET lifted_at = clock_timestamp(), lifted_by = 'test'; COMMIT")  # fmt: skip
        reason, device_id, token = waiting.result()
    assert reason == "ok" and api.refresh(device_id, token)[0] == "revoked"


def test_what_does_not_exist_or_is_over_is_said(database, api):
    assert api.start("stranger")[0] == "unknown_agent"
    _, code = api.start(ttl="1 second")
    database.execute("UPDATE relay.pairings SET expires_at = now() - interval '1 millisecond'")
    assert (api.status(code), api.redeem(code)[0]) == ("gone", "wrong_code")


@pytest.mark.parametrize("change", [
    {"pairing_id": "abc"}, {"pairing_id": "abci"}, {"pairing_id": "ABCD"}, {"pairing_id": None}, {"secret_digest": b"x"},
    {"secret_digest": None}, {"ttl": "0"}, {"ttl": "61 minutes"}, {"ttl": None}, {"ttl": "-1 day"},
])  # fmt: skip
def test_bad_arguments_of_pair_start_are_errors_that_store_nothing(database, api, change):
    given = {"agent_id": "bot", "pairing_id": "abcd", "secret_digest": digest("x"), "ttl": "10 minutes", **change}
    with pytest.raises(psycopg2.errors.InvalidParameterValue):
        api.row("SELECT relay_api.pair_start(%s, %s, %s, %s)", *given.values())
    assert database.value("SELECT count(*) FROM relay.pairings") == 0


@pytest.mark.parametrize("change", [
    {"name": ""}, {"name": "x" * 201}, {"name": "a\nb"}, {"name": "evil\u202egnp"}, {"name": "x "}, {"name": " "}, {"name": "\u2800x"}, {"name": None}, {"ttl": "59 seconds"}, {"ttl": "401 days"},
    {"ttl": None}, {"device_id": "short"}, {"device_id": "u" * 12},
])  # fmt: skip
def test_bad_arguments_of_pair_redeem_are_errors_that_cost_no_attempt(database, api, change):
    _, code = api.start()
    with pytest.raises(psycopg2.errors.InvalidParameterValue):
        api.redeem(code, **change)
    assert attempts_left(database, code) == MOST_ATTEMPTS
    assert api.redeem(code)[0] == "ok"


# ---- guesses


def in_parallel(database, port, count, work):
    """Runs work(contract, number) `count` times together, each with its own connection; the answers in order."""

    def one(number):
        place = {"host": "127.0.0.1", "port": port} if port else {}
        with closing(database.connect(user=database.gateway_login(), **place)) as connection:
            return work(Contract(connection), number)

    with ThreadPoolExecutor(count) as running:
        return list(running.map(one, range(count)))


@pytest.fixture(params=["direct", "pooled"])
def port(request, database):
    """None, or the port of a PgBouncer with three connections to the server."""
    if request.param == "direct":
        yield None
        return
    with PgBouncer(database, users=["postgres", database.gateway_login()], pool_size=3) as pool:
        yield pool.port


def test_of_many_wrong_codes_at_once_five_are_compared(database, api, port):
    _, code = api.start()
    answers = in_parallel(database, port, 25, lambda contract, _: [contract.redeem(wrong(code))[0] for _ in range(4)])
    assert {reason for each in answers for reason in each} == {"wrong_code"}
    assert attempts_left(database, code) == 0
    assert database.value("SELECT sum(misses) FROM relay.pairing_misses") == 100 - MOST_ATTEMPTS, "those that found it dead"
    assert (api.status(code), api.redeem(code)[0]) == ("gone", "wrong_code"), "the right one comes too late"


@pytest.mark.parametrize("wrong_ones", range(MOST_ATTEMPTS + 2))
def test_the_right_code_counts_until_the_fifth_attempt(api, wrong_ones):
    _, code = api.start()
    for _ in range(wrong_ones):
        assert api.redeem(wrong(code))[0] == "wrong_code"
    assert api.redeem(code)[0] == ("ok" if wrong_ones < MOST_ATTEMPTS else "wrong_code")


def test_of_24_redeemers_at_once_one_gets_a_device(database, api, port):
    _, code = api.start()
    answers = in_parallel(database, port, 24, lambda contract, _: contract.redeem(code))
    assert sorted(reason for reason, *_ in answers) == ["ok"] + ["wrong_code"] * 23
    (device_id,) = [device for reason, device, _ in answers if reason == "ok"]
    assert [row["device_id"] for row in database.rows("SELECT device_id FROM relay.devices")] == [device_id]
    assert api.status(code) == "redeemed"


STEPS = """
SELECT sum(seq_scan) AS reads, sum(idx_scan) AS looks, sum(n_tup_upd) AS updates, sum(n_tup_ins) AS inserts
FROM pg_stat_xact_user_tables WHERE schemaname = 'relay'"""


def steps(database, code):
    """What one wrong guess costs the server, and how it commits; rolled back."""
    with closing(database.connect(user="postgres", autocommit=False)) as connection:
        contract = Contract(connection)
        assert contract.redeem(code)[0] == "wrong_code"
        cost = contract.row(STEPS)
        lazily = contract.row("SELECT current_setting('synchronous_commit')")
        said = contract.row("SELECT count(*), min(reason), min(agent_id), min(org_id), min(key_id) FROM relay.auth_events"
                            " WHERE action = 'pairing_failed'")  # fmt: skip
        connection.rollback()
    return cost, lazily, said


def test_neither_the_answer_nor_the_work_shows_whether_a_code_exists(database, api):
    _, dead = api.start()
    for _ in range(MOST_ATTEMPTS):
        api.redeem(wrong(dead))
    database.execute("UPDATE relay.pairings SET agent_id = agent_id, device_id = 'abcdefghjkmn'")  # out of the way of the next one
    _, used = api.start()
    api.redeem(used)
    _, there = api.start()
    absent = next(code for code in iter(lambda: new_id(12), None) if code[:4] not in (dead[:4], used[:4], there[:4]))
    database.execute("DELETE FROM relay.event_floods")
    before = database.value("SELECT count(*) FROM relay.auth_events WHERE action = 'pairing_failed'")
    seen = {name: steps(database, code) for name, code in
            {"absent": absent, "wrong": wrong(there), "dead": dead, "used and wrong": wrong(used)}.items()}  # fmt: skip
    assert all(said == (before + 1, "wrong_code", None, None, None) for _, _, said in seen.values()), seen
    assert len({(cost, lazily) for cost, lazily, _ in seen.values()}) == 1, seen
    assert seen["absent"][1] == ("off",), "no answer waits for the disk"


# ---- limits


def test_the_meter_counts_what_is_neither_revoked_nor_expired(database, relay, api):
    limit_devices(database, 2)
    first, _ = api.pair()
    second, _ = api.pair()
    _, code = api.start()
    assert api.redeem(code)[0] == "over_limit"
    limit_devices(database, 3)
    assert api.redeem(code)[0] == "ok", "the same code, while it has attempts"
    for end in (f"INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor) VALUES ('device', '{first}', 'revoke', 'test')",
                f"UPDATE relay.devices SET expires_at = now() WHERE device_id = '{second}'"):  # fmt: skip
        assert api.redeem(api.start()[1])[0] == "over_limit"
        database.execute(end)
        assert api.redeem(api.start()[1])[0] == "ok"
    (blocked,) = database.rows("SELECT device_id FROM relay.device_status WHERE status = 'active' LIMIT 1")
    database.execute("INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor) VALUES ('device', %s, 'block', 'test')",
                     blocked["device_id"])  # fmt: skip
    assert api.redeem(api.start()[1])[0] == "over_limit", "what is blocked counts"


def test_the_last_place_is_taken_once(database, relay, api, tmp_path):
    relay("org", "update", "acme", "--plan", "paid", check=0)
    agents = [f"a{number}" for number in range(8)]
    for agent in agents:
        relay("agent", "create", agent, "--org", "acme", "--name", agent, "--secret-file", tmp_path / agent, check=0)
    codes = [api.start(agent)[1] for agent in agents]
    limit_devices(database, 1)
    answers = in_parallel(database, None, 8, lambda contract, number: contract.redeem(codes[number])[0])
    assert sorted(answers) == ["ok"] + ["over_limit"] * 7


def test_old_codes_are_removed_a_few_at_each_start(database, api):
    database.execute("INSERT INTO relay.pairings (pairing_id, secret_hash, org_id, agent_id, expires_at, device_id)"
                     " SELECT lpad(n::text, 4, '0'), sha256('x'), 'acme', 'bot', now() - interval '2 hours', 'abcdefghjkmn'"
                     " FROM generate_series(1, 9) AS n")  # fmt: skip
    api.start()
    assert database.value("SELECT count(*) FROM relay.pairings WHERE expires_at < now()") == 5
    api.start(), api.start()
    assert database.value("SELECT count(*) FROM relay.pairings WHERE expires_at < now()") == 0

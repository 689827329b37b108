"""The verifiers of the kit under load, each in its own process, with one database in which everything changes.

Prints how late they hear of a block, whatever pytest captures.
"""

import statistics
import time
from contextlib import closing

import pytest
from support.agents import first_agent, key_id, read_key, rotate
from support.database import cluster_with_template
from support.gateways import LANGUAGES, Gateway
from support.own_key import make_key
from support.prepared import prepared
from support.processes import wait_until
from support.proxy import Fault, Proxy
from support.pulse import Pulse

AGENTS = ("bot", "payer", "scribe")
BOUND = 0.2  # seconds from a COMMIT to the last call that is accepted
ROUNDS = 10
STANDSTILL = 0.05  # seconds
BLOCK = "INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor) VALUES ('agent', 'bot', 'block', 't')"
COMMITTED = "SELECT extract(epoch FROM max(pg_xact_commit_timestamp(xmin)))::float8 FROM relay.key_changes"
ALL_HAVE_READ = "SELECT every(changes_behind = 0) FROM relay.gateway_status"


@pytest.fixture(scope="session")
def cluster():
    """A server that remembers when each transaction was committed."""
    with cluster_with_template(tcp=True, name="primary", settings={"track_commit_timestamp": "on"}) as running:
        yield running


@prepared
def keys(relay, tmp_path):
    """The keys of all agents, by agent."""
    made = {"bot": first_agent(relay, tmp_path / "bot.key")}
    for agent in AGENTS[1:]:
        relay("agent", "create", agent, "--org", "acme", "--name", agent, "--secret-file", tmp_path / agent, check=0)
        made[agent] = read_key(tmp_path / agent)
    return made


@pytest.fixture
def fleet(database):
    """A gateway in each language that follows the feed, by language."""
    running = {name: Gateway(name, database, gateway_id=f"gateway-{name}") for name in LANGUAGES}
    for gateway in running.values():
        gateway.call("follow")
    wait_until(
        lambda: database.value("SELECT count(*) FROM relay.gateway_acks") == len(LANGUAGES), what="all to listen"
    )
    yield running
    for gateway in running.values():
        gateway.close()


def use(fleet, agent, key, *, after_a_rest=False):
    """Makes all gateways get calls with this key from now on. `after_a_rest`: first stops the calls with the old key
    everywhere."""
    if after_a_rest:
        for gateway in fleet.values():
            gateway.call("use", agent=agent, key=None)
    for gateway in fleet.values():
        gateway.call("use", agent=agent, key=key)


def report(fleet):
    """Returns what each gateway has seen since the last report."""
    return {name: gateway.call("report") for name, gateway in fleet.items()}


def wait_accepted(fleet, agent):
    """Waits until each gateway accepts the agent."""
    since = time.monotonic_ns()
    for gateway in fleet.values():
        wait_until(
            lambda: (gateway.call("report")["agents"][agent]["last"] or 0) > since, what=f"{gateway.language} to accept"
        )


def lateness(fleet, agent, committed):
    """Returns {language: seconds from `committed` to the last call that was accepted}."""
    return {name: said["agents"][agent]["last"] / 1e9 - committed for name, said in report(fleet).items()}


def is_quiet(measured):
    """Returns whether the machine did not pause in a round."""
    return measured[1] <= 4 * STANDSTILL


def judge(rounds):
    """([lateness by language], how many do not count) of [(lateness, allowance)].

    A round in which the machine paused does not count. If too few other rounds are left, all count, each minus the
    pause."""
    quiet = [late for late, _ in filter(is_quiet, rounds)]
    if len(quiet) >= min(ROUNDS, len(rounds)):
        return quiet, len(rounds) - len(quiet)
    return [{name: seconds - allowance for name, seconds in late.items()} for late, allowance in rounds], 0


def show(capsys, title, rounds):
    """Prints a table, and fails when the bound is not kept."""
    late, disturbed = judge(rounds)
    lines = [
        f"\n{title}: last call let in after the COMMIT, in ms ({len(late)} times, and {disturbed} on a busy machine)"
    ]
    for name in LANGUAGES:
        figures = [1000 * max(0, one[name]) for one in late]
        lines.append(f"  {name:8} median {statistics.median(figures):6.1f}   max {max(figures):6.1f}")
    with capsys.disabled():
        print("\n".join(lines))
    assert max(one[name] for one in late for name in LANGUAGES) <= BOUND, late


def rotate_all(fleet, relay, folder, keys):
    """Rotates while all gateways get calls: no call with a good key may be refused."""
    report(fleet)
    for number, flags in enumerate([("--grace", "24h"), ("--grace", "24h", "--retire-on-first-use")] * 2):
        for agent in ("bot", "payer"):
            file = folder / f"{agent}{number}"
            keys[agent] = rotate(relay, file, *flags, "--force", agent=agent)  # forced: another key is already in grace
            use(fleet, agent, keys[agent], after_a_rest="--retire-on-first-use" in flags)
            wait_accepted(fleet, agent)
    for name, said in report(fleet).items():
        refused = {agent: seen["refused"] for agent, seen in said["agents"].items()}
        assert refused == {agent: [] for agent in AGENTS}, name


def measure_blocks(fleet, database):
    """[(lateness by language, what to allow for the machine)]: blocks, each lifted again."""
    rounds = []
    with closing(database.connect()) as connection, connection.cursor() as cursor, Pulse(database) as pulse:
        while len(rounds) < 3 * ROUNDS and sum(map(is_quiet, rounds)) < ROUNDS:
            wait_accepted(fleet, "bot")
            pulse.standstill()
            cursor.execute(BLOCK)
            committed = time.monotonic()
            time.sleep(2 * BOUND)
            late = lateness(fleet, "bot", committed)
            rounds.append((late, pulse.allowance()))
            cursor.execute("UPDATE relay.revocations SET lifted_at = now(), lifted_by = 't' WHERE lifted_at IS NULL")
    return rounds


def measure_program(fleet, relay, database, ends):
    """The same with relay-admin, by the server's record of when it committed: the program itself may end much later."""
    rounds = []
    with Pulse(database) as pulse:
        for agent, words in ends.items():
            wait_accepted(fleet, agent)
            pulse.standstill()
            relay(*words, check=0)
            time.sleep(2 * BOUND)
            committed = database.value(COMMITTED) - time.time() + time.monotonic()
            late = lateness(fleet, agent, committed)
            rounds.append((late, pulse.allowance()))
    return rounds


def test_under_load_rotations_refuse_nobody_and_a_block_is_felt_at_once(relay, database, tmp_path, keys, fleet, capsys):
    for agent, key in keys.items():
        use(fleet, agent, key)
    for agent in AGENTS:
        wait_accepted(fleet, agent)

    rotate_all(fleet, relay, tmp_path, keys)
    wait_until(lambda: database.value(ALL_HAVE_READ), what="all to have read it")
    wait_until(lambda: all(said["queries"] <= 1 for said in report(fleet).values()), step=0.3, what="full caches")
    with Pulse(database) as pulse:
        began = time.monotonic()
        time.sleep(1)  # nothing changes: all calls are answered by the caches, but for one each minute
        said_by_all, seconds, busy = report(fleet), time.monotonic() - began, pulse.standstill() > STANDSTILL
    for name, said in said_by_all.items():
        accepted = sum(seen["accepted"] for seen in said["agents"].values())
        assert accepted > (20 if busy else 200) and said["queries"] <= 6 * seconds, (name, said)

    show(capsys, "block", measure_blocks(fleet, database))
    for name, said in report(fleet).items():
        assert set(said["agents"]["bot"]["refused"]) <= {"blocked"} and said["agents"]["payer"]["refused"] == [], name

    ends = {
        "bot": ["block", "bot"],
        "payer": ["revoke", "payer"],
        "scribe": ["revoke", "--key", key_id(keys["scribe"])],
    }
    show(capsys, "relay-admin block, revoke, revoke --key", measure_program(fleet, relay, database, ends))

    def nobody_is_let_in():
        accepted = [seen["accepted"] for said in report(fleet).values() for seen in said["agents"].values()]
        return accepted == [0] * len(AGENTS) * len(fleet)

    wait_until(nobody_is_let_in, step=0.2, what="what was under way to be over")


def test_a_rotation_ends_no_open_connection_and_a_block_or_a_revocation_does(relay, database, tmp_path, keys, fleet):
    for agent in AGENTS:
        for gateway in fleet.values():
            assert gateway.call("hold", key=keys[agent], name=agent)["ok"]
    rotate(relay, tmp_path / "next", "--grace", "24h")
    relay("rotate-key", "payer", "--grace", "0", "--secret-file", tmp_path / "payer2", check=0)
    relay("agent", "update", "scribe", "--add-permission", "stripe:refund", check=0)
    wait_until(lambda: database.value(ALL_HAVE_READ), what="all to have read it")
    assert [said["ended"] for said in report(fleet).values()] == [{}] * len(fleet)

    relay("block", "bot", "--wait-ack", "10s", check=0)  # acknowledged is: acted upon
    assert [set(said["ended"]) for said in report(fleet).values()] == [{"bot"}] * len(fleet)
    relay("revoke", "--key", key_id(keys["scribe"]), "--wait-ack", "10s", check=0)
    assert [set(said["ended"]) for said in report(fleet).values()] == [{"bot", "scribe"}] * len(fleet)
    for gateway in fleet.values():
        assert gateway.call("hold", key=keys["bot"], name="again")["reason"] == "blocked"

    # A reset names no subject: every open connection is checked again, and only those that are refused must end.
    with closing(database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("TRUNCATE relay.agent_roles")
    wait_until(lambda: database.value(ALL_HAVE_READ), what="all to have read the reset")
    # The old key of payer is retired. Its connection stayed open until now; when all are checked again, it is refused.
    assert [set(said["ended"]) for said in report(fleet).values()] == [set(AGENTS)] * len(fleet)


def test_grants_are_matched_as_the_database_does(relay, database, keys, fleet):
    gateways = [*fleet.values()]
    relay("agent", "grant", "bot", "stripe:refund", "--conditions", '{"max_amount": 100}', check=0)
    relay("role", "create", "clerk", "--org", "acme", "--name", "Clerk", check=0)
    relay("role", "grant", "clerk", "stripe:*", "--org", "acme", "--conditions", '{"max_amount": 5}', check=0)
    relay("role", "grant", "clerk", "*:read", "--org", "acme", check=0)
    relay("agent", "assign-role", "bot", "clerk", check=0)
    asked = {
        "stripe:refund": [{"max_amount": 100}, {"max_amount": 5}], "stripe:charge": [{"max_amount": 5}],
        "stripe:read": [], "bank:read": [], "bank:write": None, "stripe:*": [{"max_amount": 5}], "*:*": None,
        "stripe": None, "stripe:refund:x": None, "": None, "stripe:read\n": None, ":": None,
    }  # fmt: skip
    for permission, wanted in asked.items():
        told = database.one("SELECT ok, conditions FROM relay_api.authorize('bot', %s)", permission)
        assert told["ok"] is (wanted is not None), permission
        for gateway in gateways:
            granted = gateway.call("permit", key=keys["bot"], permission=permission)["granted"]
            assert (granted is None) == (wanted is None), (gateway.language, permission)
            for alternatives in (granted, told["conditions"]):
                assert all(one in wanted for one in alternatives or []), (gateway.language, permission)
            assert len(granted or []) == len(wanted or []), (gateway.language, permission, granted)
    # Each gateway records each refusal.
    refusals = database.value("SELECT sum(times) FROM relay.recorded_events WHERE action = 'authorization_failed'")
    assert refusals == (1 + len(gateways)) * list(asked.values()).count(None)


def test_the_cache_knows_the_whole_key_and_not_its_public_id(keys, fleet):
    other_secret = make_key(identity=key_id(keys["bot"]))
    for gateway in fleet.values():
        assert gateway.call("check", key=keys["bot"])["ok"]
        assert gateway.call("check", key=other_secret)["reason"] == "unknown_key"
        assert gateway.call("check", key=keys["bot"])["ok"]


def test_a_claim_is_not_answered_by_the_cache_of_another(keys, fleet):
    for gateway in fleet.values():
        assert gateway.call("check", key=keys["bot"])["ok"]
        assert gateway.call("check", key=keys["bot"], agent_id="bot", org_id="acme")["ok"]
        assert gateway.call("check", key=keys["bot"], agent_id="payer")["reason"] == "agent_mismatch"
        assert gateway.call("check", key=keys["bot"], org_id="other")["reason"] == "org_mismatch"


def test_what_is_kept_does_not_outlive_the_key(relay, tmp_path, keys, fleet):
    rotate(relay, tmp_path / "next", "--grace", "5s")
    ends = time.monotonic() + 5
    for gateway in fleet.values():
        assert gateway.call("check", key=keys["bot"])["ok"]
    time.sleep(max(0, ends - time.monotonic()))
    for gateway in fleet.values():
        assert gateway.call("check", key=keys["bot"])["reason"] == "expired"


@pytest.mark.parametrize("fault", ["silent", "cut"])
def test_without_a_feed_the_cache_is_not_used(database, cluster, keys, fault):
    """Cut off: as soon as the gateway notices. Silent: when it has heard nothing for 5 seconds."""
    with Proxy((cluster.tcp_host, cluster.port)) as proxy:
        fleet = {
            name: Gateway(name, database, feed=(proxy.host, proxy.port), gateway_id=f"far-{name}") for name in LANGUAGES
        }
        for gateway in fleet.values():
            gateway.call("follow")
        use(fleet, "bot", keys["bot"])
        wait_until(lambda: all(said["queries"] == 0 for said in report(fleet).values()), step=0.3, what="full caches")
        proxy.mode = "silent" if fault == "silent" else "refuse"
        proxy.faults.append(Fault("deaf" if fault == "silent" else "rst", connection=None))
        with Pulse(database) as pulse:
            database.execute(BLOCK)
            committed = time.monotonic()
            time.sleep(7 if fault == "silent" else 1)
            late, bound = lateness(fleet, "bot", committed), pulse.allowance() + (5.5 if fault == "silent" else 0.5)
        assert all(one <= bound for one in late.values()), (late, bound)
        for gateway in fleet.values():
            gateway.close()

"""What signing costs: authenticate_signed against authenticate, and authenticate against itself as it was before calls could be
signed.

The figures are ratios of the CPU time of one backend, which answers prepared statements in turns, so other work on the machine does
not count."""

import statistics

import pytest

from support.agents import digest, first_agent, key_id
from support.signing import message, proof
from pairing import cpu
from test_seats import of_release

CALLS, ROUNDS = 1000, 30
SIGNED_MUST = 1.4
BEARER_MUST = 1.03
SEATS = "relay.limit_of(decision.org_id, 'agents') IS NULL"
PROBE = """AND (NOT EXISTS (SELECT FROM relay.call_policies AS p WHERE p.org_id = k.org_id)
           OR relay.address_is_allowed(k.org_id, k.agent_id, authenticate.ip_address))
      """


def before_there_was_signing():
    """authenticate of release 0.1.0, with what seats and addresses added to it before calls could be signed, as relay_api.without_seats."""
    text, last, found = of_release(), "AND (without_seats.reports_uses", "    IF FOUND THEN\n        RETURN decision;"
    assert text.count(last) == text.count(found) == 1
    return (text.replace(last, PROBE.replace("authenticate.", "without_seats.") + last)
            .replace(found, f"    IF FOUND AND (without_seats.reports_uses IS NOT TRUE OR {SEATS}) THEN\n        RETURN decision;"))  # fmt: skip


@pytest.fixture
def race(database, relay, tmp_path):
    """Runs calls in turns; returns the CPU time of each against that of the first, as the median of the rounds."""
    key = first_agent(relay, tmp_path / "bot.key")
    over = message()
    bearer = f"('{key_id(key)}', '\\x{digest(key).hex()}', ip_address => '192.0.2.1')"
    database.execute("BEGIN; SET LOCAL ROLE relay_owner; " + before_there_was_signing() + " COMMIT")
    calls = {
        "bearer": f"relay_api.authenticate{bearer}",
        "bearer before there was signing": f"relay_api.without_seats{bearer}",
        "signed": f"relay_api.authenticate_signed('{key_id(key)}', '\\x{over.hex()}', '\\x{proof(key, over).hex()}', clock_timestamp(),"
                  " ip_address => '192.0.2.1')",
    }  # fmt: skip
    with database.connect() as session, session.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
        spent = {name: [] for name in calls}
        for number, call in enumerate(calls.values()):
            cursor.execute(f"PREPARE call_{number} AS SELECT * FROM {call}")
        for round_number in range(ROUNDS + 1):
            numbered = list(enumerate(calls))
            first = round_number % len(numbered)
            for number, name in numbered[first:] + numbered[:first]:  # each is as often the first one as the others
                before = cpu(pid)
                for _ in range(CALLS):
                    cursor.execute(f"EXECUTE call_{number}")
                if round_number:
                    spent[name].append(cpu(pid) - before)
    return {name: statistics.median(times) for name, times in spent.items()}


def test_what_signing_costs(race, capsys):
    signed = race["signed"] / race["bearer"]
    probe = race["bearer"] / race["bearer before there was signing"]
    with capsys.disabled():
        print(f"\nCPU of a backend, {CALLS} calls, median of {ROUNDS} rounds ({race['bearer'] / CALLS * 1e6:.0f} us for a bearer call):")
        print(f"    authenticate_signed against authenticate: {signed:.2f} (must be <= {SIGNED_MUST})")
        print(f"    authenticate against itself before there was signing: {probe:.3f} (must be <= {BEARER_MUST})")
    assert signed <= SIGNED_MUST and probe <= BEARER_MUST

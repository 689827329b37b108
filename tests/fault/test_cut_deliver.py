"""The connection is cut at the messages of a delivery, or a message is held up while another run passes, with each kind of store: the
exit code is true, and what the store holds works."""

import pytest
from delivering import CODES, Struck, combinations
from support import processes, sampling
from support.proxy import AFTER, BEFORE, Fault, Proxy
from support.rotation import old  # noqa: F401
from support.wire import FRONTEND

SECONDS = 150
CUTS = ((BEFORE, "rst"), (AFTER, "fin"))


@pytest.fixture
def struck(relay, database, old, tmp_path):  # noqa: F811
    return Struck(relay, database, tmp_path, old)


def through_proxy(relay, cluster, database, words, *faults):
    """Runs a command by way of a proxy; waits until the server has dealt with all that it was sent."""
    with Proxy(cluster.socket_path, *faults) as proxy:
        result = relay.with_(dsn=proxy.dsn(database))(*words)
        for pair in proxy.pairs:
            processes.wait_until(lambda pair=pair: not (pair.pid and processes.is_alive(pair.pid)), what="its end")
    return result, proxy


def messages_of(relay, cluster, database, struck, name):
    """Every (store, way, message, how many COMMITs were sent before it) of plain runs."""
    grid = []
    for store, way in combinations(name):
        proxies = []

        def record(words, proxies=proxies):
            result, proxy = through_proxy(relay, cluster, database, words)
            proxies.append(proxy)
            return result

        struck.strike(store, way, record)
        commits = 0
        for message in proxies[0].sent(connection=1):
            if message.name != "EncryptionRequest":
                grid.append((store, way, message, commits))
            commits += message.direction == FRONTEND and message.is_commit
    return grid


def test_a_cut_at_any_message_locks_no_one_out(relay, cluster, database, struck, tally):
    grid = [(*place, *cut) for place in messages_of(relay, cluster, database, struck, "cut") for cut in CUTS]
    cuts = sampling.sample(
        "connection cut: deliver",
        grid,
        lambda cut: [cut[0], cut[1], (cut[2].direction, cut[2].name, cut[3]), (cut[2].direction, *cut[4:])],
    )
    codes = set()
    for store, way, message, _, when, how in cuts:
        fault = Fault(how, direction=message.direction, number=message.number, when=when)
        result = struck.strike(store, way, lambda words, fault=fault: through_proxy(relay, cluster, database, words, fault)[0])
        codes.add(result.code)
        assert result.code in CODES, f"{fault}\n{result}"
    assert 8 in codes and codes & {0, 12}, codes
    tally("connection cut: deliver", len(cuts))


def test_another_run_that_passes_locks_no_one_out(relay, cluster, database, struck, tally):
    """A run is held up before a message, and another one runs to its end meanwhile: before the first stages, while both keys are staged,
    or before the first confirms. Where the first holds the agent's row, the other one gives up."""
    grid = [place for place in messages_of(relay, cluster, database, struck, "held up") if place[2].direction == FRONTEND]
    holds = sampling.sample("held up: deliver", grid, lambda held: [held[0], held[1], (held[2].name, held[3])])
    passed = set()
    for store, way, message, _ in holds:
        other = []

        def pass_by(_, way=way, other=other):
            other.append(relay(*struck.words("takes it", "plain" if way == "revert" else way)))

        fault = Fault(pass_by, direction=FRONTEND, number=message.number, when=BEFORE)
        result = struck.strike(store, way, lambda words, fault=fault: through_proxy(relay, cluster, database, words, fault)[0])
        assert result.code in CODES and all(each.code in CODES for each in other), f"{result}\n{other}"
        passed |= {each.code for each in other}
    assert 0 in passed, passed
    tally("held up: deliver", len(holds))

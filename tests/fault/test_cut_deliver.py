"""The connection is cut at the messages of `rotate-key --deliver`: the exit code is true, and what the store holds works."""

from support import processes, sampling
from support.proxy import AFTER, BEFORE, Fault, Proxy
from support.rotation import old  # noqa: F401
from support.store import PUT, Store, pass_time, states

SECONDS = 100
WORDS = ("rotate-key", "bot", "--deliver", PUT, "--force")
WAYS = ((BEFORE, "rst"), (AFTER, "fin"))


def through_proxy(relay, cluster, database, *faults):
    """Runs the command by way of a proxy; waits until the server has dealt with all that it was sent."""
    with Proxy(cluster.socket_path, *faults) as proxy:
        result = relay.with_(dsn=proxy.dsn(database))(*WORDS)
        for pair in proxy.pairs:
            processes.wait_until(lambda pair=pair: not (pair.pid and processes.is_alive(pair.pid)), what="its end")
    return result, proxy


def test_a_cut_at_any_message_locks_no_one_out(relay, cluster, database, old, tmp_path, tally):  # noqa: F811
    store = Store(tmp_path, database)
    store.put(old)
    result, proxy = through_proxy(relay, cluster, database)
    assert result.code == 0, result
    messages = [message for message in proxy.sent(connection=1) if message.name != "EncryptionRequest"]
    cuts = sampling.sample(
        "connection cut: deliver",
        [(message, when, how) for message in messages for when, how in WAYS],
        lambda cut: [(cut[0].direction, cut[0].name, *cut[1:])],
        times=2,
    )
    codes = set()
    for message, when, how in cuts:
        pass_time(database, minutes=12)  # what was staged has settled
        fault = Fault(how, direction=message.direction, number=message.number, when=when)
        with store.watched():
            before = states(database)
            result, _ = through_proxy(relay, cluster, database, fault)
            told = f"{fault}\n{result}"
            codes.add(result.code)
            assert result.code in (0, 8, 12), told
            assert result.code != 8 or states(database) == before, told
            assert result.code != 0 or states(database)[-1] == "active", told
            assert store.use() == "ok", told
            assert relay(*WORDS).code == 0 and store.use() == "ok", told
    assert 8 in codes and codes & {0, 12}, codes
    tally("connection cut: deliver", len(cuts))

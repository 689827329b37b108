"""The broker of the tests keeps what was not acknowledged, takes each name of a queue, and leaves nothing behind."""

from support import processes
from support.broker import Broker

QUEUES = ("acme-agents", "acme.bot", "acme.bot.v2/8", "a" * 63 + "." + "b" * 128 + "/" + "f" * 32)


def test_what_was_not_acknowledged_comes_again_after_a_cut_and_after_a_restart():
    with Broker() as broker:
        broker.declare(*QUEUES)
        for queue in QUEUES:
            broker.publish(queue, queue.encode())
            with broker.channel() as channel:
                _, _, body = channel.basic_get(queue)
                assert body == queue.encode() and broker.ready(queue) == 0, "it is with the client, which leaves now"
        broker.restart()
        for queue in QUEUES:
            with broker.channel() as channel:
                method, _, body = channel.basic_get(queue)
                assert body == queue.encode()
                channel.basic_ack(method.delivery_tag)
            assert broker.ready(queue) == 0
        pids = [broker.server.pid, broker.names.pid, *processes.children_of(broker.server.pid)]
    assert not any(processes.is_alive(pid) for pid in pids) and not broker.folder.exists()

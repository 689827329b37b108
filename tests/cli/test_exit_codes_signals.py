"""Exit codes 130 and 143: a signal ends the command, and its transaction is rolled back."""

import signal

import pytest

from support import processes
from support.agents import decide, key_id, live_key_ids
from support.exit_codes import snapshot
from support.relay import Runner


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("form", ["table", "json"])
def test_a_signal_in_a_transaction_rolls_it_back_and_kills(relay, database, key, tmp_path, number, form):
    blocker = database.connect(autocommit=False)
    blocker.cursor().execute("SELECT 1 FROM relay.agents WHERE agent_id = 'bot' FOR UPDATE")
    before = snapshot(database)
    process = relay.start("rotate-key", "bot", "--secret-file", "k", "-o", form)
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    processes.wait_until(lambda: database.rows(waiting), what="the command to wait for the lock")
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == -number and out == b""  # a shell says 128 + number
    blocker.close()
    processes.wait_until(lambda: len(database.cluster.backends(database.name)) == 1, what="its session to be gone")
    assert snapshot(database) == before and not list(tmp_path.glob("k*"))
    assert live_key_ids(database) == {key_id(key)} and decide(database, key) == "ok"


def test_a_shell_sees_130_and_143(relay, database, key):
    blocker = database.connect(autocommit=False)
    blocker.cursor().execute("SELECT 1 FROM relay.agents WHERE agent_id = 'bot' FOR UPDATE")
    shell = Runner(program="/bin/sh", env={"RELAY_ADMIN_DSN": database.dsn()}, home=relay.home)
    program = relay.argv([])[0]
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    for name, code in (("INT", 130), ("TERM", 143)):
        process = shell.start("-c", '"$0" agent update bot --name Other; echo code $?', program)
        processes.wait_until(lambda: database.rows(waiting), what="the command to wait for the lock")
        (child,) = processes.children_of(process.pid)
        processes.kill(child, getattr(signal, f"SIG{name}"))
        out, _ = process.communicate(timeout=60)
        # dash dies of SIGINT itself when its child did: then the shell's own end shows the signal.
        assert f"code {code}" in out.decode() or process.returncode == -signal.SIGINT
        blocker.rollback()
        processes.wait_until(lambda: len(database.cluster.backends(database.name)) == 2, what="its session to be gone")
        blocker.cursor().execute("SELECT 1 FROM relay.agents WHERE agent_id = 'bot' FOR UPDATE")
    blocker.close()
    assert database.value("SELECT name FROM relay.agents WHERE agent_id = 'bot'") == "Bot"

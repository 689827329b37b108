"""Exit codes 8 and 9: the server, and the way to it."""

import json
import re
import socket
import time
from contextlib import contextmanager

from support import contract, processes
from support.agents import first_agent, live_key_ids
from support.database import Database, cluster_with_template, make_template
from support.exit_codes import both, snapshot
from support.pasting import folder_on_path, next_lines, paste
from support.proxy import Fault, Proxy, answer_to_commit
from support.relay import Runner


def test_8_nobody_there(relay, tmp_path):
    for dsn in ("host=127.0.0.1 port=1 dbname=x", f"host={tmp_path} dbname=x"):
        nobody = relay.with_(dsn=dsn)
        error = both(nobody, "org", "list", code=8, says=["cannot reach the database"])
        assert error["retryable"] is True and error["changed"] == "no"
        assert "nothing was changed" not in error["message"]  # a command that reads changes nothing anyway
        both(nobody, "block", "bot", code=8, says=["cannot reach the database", "nothing was changed"])


def test_2_no_such_database(relay, cluster):
    error = both(relay.with_(dsn=cluster.dsn("no_such")), "org", "list", code=2, says=["no_such"], next="createdb")
    assert error["sqlstate"] == "3D000" and error["retryable"] is False


def test_8_a_stopped_server(tmp_path, home):
    with cluster_with_template(name="stopping") as own:
        database = Database(own, template=make_template(own))
        runner = Runner(dsn=database.dsn(), home=home, cwd=tmp_path)
        first_agent(runner, tmp_path / "bot.key")
        own.stop()
        for words in (
            ["org", "list"],
            ["rotate-key", "bot", "--secret-file", "k"],
            ["block", "bot"],
            ["org", "create", "x", "--name", "x"],
        ):
            error = both(runner, *words, code=8, says=["nothing was changed"] if words[1] != "list" else [])
            assert error["changed"] == "no" and not (tmp_path / "k").exists()


@contextmanager
def black_hole():
    """A port that accepts connections and never sends anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"host=127.0.0.1 port={server.getsockname()[1]} dbname=x user=x"


def test_8_a_silent_port_ends_at_the_time_out(relay):
    with black_hole() as dsn, processes.at_once():  # twice, and 10 s would be the default
        error = both(
            relay.with_(dsn=dsn), "org", "list", "--timeout", "400ms", code=8, says=["no answer within 400 ms"]
        )
    assert error["changed"] == "no"


def test_8_a_lock_that_nobody_gives_back(relay, database, key, tmp_path):
    blocker = database.connect(autocommit=False)
    blocker.cursor().execute("SELECT 1 FROM relay.agents WHERE agent_id = 'bot' FOR UPDATE")
    before = snapshot(database)
    error = both(
        relay, "rotate-key", "bot", "--secret-file", "k", "--timeout", "700ms", code=8, says=["nothing was changed"]
    )
    blocker.close()
    assert error["retryable"] is True and snapshot(database) == before and not list(tmp_path.glob("k*"))


def test_9_a_commit_that_got_lost_and_cannot_be_asked_for(relay, database, key, cluster, tmp_path):
    """Runs in text and in JSON at the same time, because each run tries for half a minute. (More about code 9:
    tests/fault.)

    The advice is pasted when the server is back: the file still names the database."""
    file = tmp_path / "the dsn"
    nowhere = relay.with_(dsn="host=/nowhere-at-all", env={"PATH": folder_on_path(tmp_path / "bin")})
    runs = []
    for words in (
        ["rotate-key", "bot", "--secret-file", "new.key"],
        ["org", "update", "acme", "--name", "New", "-o", "json"],
    ):
        proxy = Proxy(cluster.socket_path)

        def lose(_, proxy=proxy):
            proxy.mode = "refuse"
            proxy.pairs[0].end("rst")

        proxy.faults.append(Fault(lose, match=answer_to_commit))
        proxy.__enter__()
        file.write_text(proxy.dsn(database))
        file.chmod(0o600)
        runs.append((proxy, nowhere.start(*words, "--dsn-file", file)))
        processes.wait_until(lambda proxy=proxy: proxy.pairs, timeout=20, what="the file to be read")
    begin = time.monotonic()
    (text_out, text), (json_out, in_json) = [process.communicate(timeout=60) for _, process in runs]
    assert time.monotonic() - begin < 45
    for proxy, _ in runs:
        proxy.__exit__()
    assert [process.returncode for _, process in runs] == [9, 9] and text_out == json_out == b""
    contract.check_run(words, 9, "", in_json.decode())
    error = json.loads(in_json.splitlines()[-1])["error"]
    assert (error["exit"], error["code"], error["changed"], error["retryable"]) == (9, "unknown", "unknown", False)
    file.write_text(database.dsn())
    for line in (*next_lines(text.decode()), error["next"]):
        assert re.fullmatch(r"relay-admin --dsn-file '.*/the dsn' recover op_[0-9a-z]{24}", line)
        code, shown = paste(line, nowhere.environment(), tmp_path)
        assert code == 0 and "done" in shown
    assert database.value("SELECT name FROM relay.organizations") == "New" and len(live_key_ids(database)) == 2

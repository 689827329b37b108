"""recover settles what a lost commit or a killed run left, and gives the same answer however often it runs."""

import itertools
import json
import os
import re
import signal
import time

import pytest

from support import processes, sampling
from support.agents import decide, first_agent, key_id, live_key_ids, read_key
from support.database import Database, make_template
from support.own_key import make_key
from support.prepared import prepared
from support.proxy import Fault, Proxy, answer_to_commit, commit

PROGRAM = "dev"  # files of a killed run are read
SECONDS = 80

UNKNOWN_OPERATION = "op_0123456789abcdefghjkmnpq"


@prepared
def key(relay, tmp_path):
    return first_agent(relay, tmp_path / "bot.key")


def item(document):
    (only,) = document["items"]
    return only


def test_an_operation_that_nobody_began_is_barred_for_good(relay, database):
    for _ in range(2):
        found = item(relay.json("recover", UNKNOWN_OPERATION))
        assert found["verdict"] == "aborted" and found["operation_id"] == UNKNOWN_OPERATION
    assert database.value("SELECT state FROM relay.operations WHERE op_id = %s", UNKNOWN_OPERATION) == "aborted"


def test_an_operation_that_was_done_is_told_as_done(relay, database, key):
    operation = database.value("SELECT op_id FROM relay.operations")
    result = relay("recover", operation, check=0)
    assert "done" in result.out and "committed" in result.out


def test_a_database_without_a_schema_proves_nothing(relay, empty_database):
    """Most likely this is the wrong database, and the operator would believe "aborted"."""
    bare = relay.with_(dsn=empty_database.dsn())
    error = bare.error("recover", UNKNOWN_OPERATION, check=11)
    assert "no relay schema" in error["message"] and UNKNOWN_OPERATION in error["message"]
    assert "another database" in error["why"] and "relay-admin whoami" in error["next"] and error["changed"] == "no"
    assert "no relay schema" in bare("recover", UNKNOWN_OPERATION, check=11).err
    assert empty_database.value("SELECT to_regnamespace('relay') IS NULL") is True


@pytest.mark.parametrize("words", [(), ("op_1",), ("x",), (UNKNOWN_OPERATION, "--dir", "."), (UNKNOWN_OPERATION, "--dry-run")])
def test_bad_lines(relay, words):
    relay.error("recover", *words, check=2)


def test_an_operation_in_flight_is_waited_for(relay, database):
    """Another transaction holds the row: the verdict comes when it ends."""
    holder = database.connect(autocommit=False)
    with holder.cursor() as cursor:
        cursor.execute("INSERT INTO relay.operations (op_id, state) VALUES (%s, 'done')", (UNKNOWN_OPERATION,))
    process = relay.start("recover", UNKNOWN_OPERATION, "-o", "json")
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    processes.wait_until(lambda: database.rows(waiting), what="the command to wait")
    assert process.poll() is None
    holder.commit()
    holder.close()
    out, _ = process.communicate(timeout=60)
    assert item(json.loads(out))["verdict"] == "done" and process.returncode == 0


# --- folders


def test_an_empty_folder_has_nothing_to_settle(relay, tmp_path):
    (tmp_path / "d").mkdir()
    assert relay.json("recover", "--dir", "d")["items"] == []
    assert relay("recover", "--dir", "d", check=0).err == "no settlements\n"
    relay.error("recover", "--dir", "gone", check=12)


def unfinished(folder, name, content):
    path = folder / f"{name}.new"
    path.write_text(content)
    path.chmod(0o600)
    return path


def test_live_keys_are_finished_dead_ones_removed_and_others_left(relay, database, key, tmp_path):
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    unfinished(folder, "live", key)
    unfinished(folder, "dead", make_key())
    foreign = folder / "foreign.new"
    foreign.write_text("not a secret of ours")
    foreign.chmod(0o644)
    document = relay.json("recover", "--dir", "keys", check=7)
    found = {entry["file"].rpartition("/")[2]: entry for entry in document["items"]}
    assert found["live.new"]["verdict"] == "done" and found["dead.new"]["verdict"] == "aborted"
    assert found["foreign.new"]["verdict"] is None and found["foreign.new"]["error"]["code"] == "sink"
    assert sorted(path.name for path in folder.iterdir()) == ["foreign.new", "live"]
    assert read_key(folder / "live") == key and document["changed"] is True
    assert relay.json("recover", "--dir", "keys", check=7)["changed"] is False


def test_without_an_answer_everything_is_kept(relay, key, tmp_path):
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    unfinished(folder, "a", key)
    unfinished(folder, "b", key)
    gone = relay.with_(dsn="host=127.0.0.1 port=1 dbname=x")
    before = time.monotonic()
    document = gone.json("recover", "--dir", "keys", check=9)
    assert time.monotonic() - before < 55  # half a minute, once for both
    assert [entry["verdict"] for entry in document["items"]] == [None, None]
    assert sorted(path.name for path in folder.iterdir()) == ["a.new", "b.new"]


# --- after real losses


# Each takes half a minute: so long the command tries to ask what became of its COMMIT.
LOSSES = list(itertools.product([commit, answer_to_commit], [(), ("--replace",)]))
if not sampling.FULL:
    LOSSES = sampling.dice("lost commits").choice([LOSSES[0::3], LOSSES[1:3]])  # each place once, and with and without a file


@pytest.mark.parametrize("place, replace", LOSSES)
def test_a_lost_commit_ends_in_9_and_recover_settles_it(relay, database, key, cluster, tmp_path, place, replace):
    folder = tmp_path / "out"
    folder.mkdir(mode=0o700)
    file = folder / "new.key"
    if replace:
        file.write_text("old content")
        file.chmod(0o600)
    with Proxy(cluster.socket_path) as proxy:

        def lose(_):
            proxy.mode = "refuse"
            proxy.pairs[0].end("rst")

        proxy.faults.append(Fault(lose, match=place))
        error = relay.with_(dsn=proxy.dsn(database)).error("rotate-key", "bot", "--secret-file", file, *replace, check=9)
    assert error["changed"] == "unknown" and (folder / "new.key.new").exists()
    operation = re.search(r"op_[0-9a-z]{24}", error["next"]).group(0)
    happened = place is answer_to_commit
    first = item(relay.json("recover", operation))
    assert first["verdict"] == ("done" if happened else "aborted")
    entry = item(relay.json("recover", "--dir", folder))
    assert entry["verdict"] == first["verdict"] and item(relay.json("recover", operation))["verdict"] == first["verdict"]
    assert not (folder / "new.key.new").exists()
    if happened:
        assert decide(database, read_key(file)) == "ok" and live_key_ids(database) == {key_id(key), key_id(read_key(file))}
    else:
        assert live_key_ids(database) == {key_id(key)}
        assert file.read_text() == "old content" if replace else not file.exists()


def rotate_and_die(relay, database, cluster, *flags):
    """A rotation that is killed when its COMMIT is done and the answer is on its way."""
    process = None

    def die(_):
        process.kill()
        process.wait(20)

    with Proxy(cluster.socket_path, Fault(die, match=answer_to_commit)) as proxy:
        process = relay.with_(dsn=proxy.dsn(database)).start("rotate-key", "bot", *flags)
        process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("kind", ["with our schema", "empty"])
@pytest.mark.parametrize("form", ["raw", "json"])
def test_another_database_is_no_judge_of_a_file(relay, database, key, cluster, tmp_path, kind, form):
    """It knows neither the key nor the operation, and would take a live key for dead."""
    folder = tmp_path / "out"
    folder.mkdir(mode=0o700)
    file = folder / "new.key"
    rotate_and_die(relay, database, cluster, "--secret-file", file, "--secret-format", form)
    live = live_key_ids(database)
    template = make_template(cluster) if kind == "with our schema" else "template0"
    other = Database(cluster, template=template)
    elsewhere = relay.with_(dsn=other.dsn())
    try:
        for _ in range(2):
            entry = item(elsewhere.json("recover", "--dir", folder, check=7))
            assert entry["verdict"] is None and entry["error"]["code"] == "sink"
            assert "new.key.new of an earlier run belongs to another database" in entry["error"]["message"]
        init = ("init", "--org-id", "o", "--org-name", "O", "--agent-id", "bot", "--agent-name", "B")
        error = elsewhere.error(*init, "--secret-file", file, check=12)
        assert "belongs to another database" in error["message"] and "only that database knows" in error["why"]
    finally:
        other.drop()
    assert item(relay.json("recover", "--dir", folder))["verdict"] == "done"
    assert live_key_ids(database) == live and len(live) == 2
    assert os.listxattr(file) == []

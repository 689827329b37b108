"""Every exit code, reached by what really causes it, the same in text and in JSON, with what the message promises."""

import json
import re
import signal
import socket
import time
from contextlib import contextmanager

import pytest
from support import contract, processes
from support.agents import decide, first_agent, key_id, live_key_ids, rotate
from support.cluster import Cluster
from support.database import Database, make_template
from support.own_key import make_key
from support.pasting import folder_on_path, next_lines, paste
from support.proxy import Fault, Proxy, answer_to_commit
from support.relay import Runner, finish_terminal

NAMES = {
    1: "internal", 2: "usage", 3: "not_found", 4: "denied", 5: "conflict", 6: "limit", 7: "partial", 8: "unavailable",
    9: "unknown",
    10: "check_no", 11: "schema", 12: "sink", 13: "declined",
}  # fmt: skip


@pytest.fixture
def key(relay, tmp_path):
    return first_agent(relay, tmp_path / "bot.key")


def snapshot(database):
    """All that is stored; two of them are equal when nothing was changed."""
    tables = ("organizations", "agents", "agent_keys", "revocations", "operations", "auth_events", "org_tokens")
    return {table: database.rows(f"SELECT t::text AS row FROM relay.{table} t ORDER BY 1") for table in tables}


def both(relay, *words, code, says=(), next=None, **options):
    """Runs a command that fails, in text and in JSON; returns the error object.

    `says`: parts of the message, in both; `next`: a part of the `next:` line.
    """
    text = relay(*words, check=code, **options)
    assert text.out == "" and "relay-admin: error: " in text.err
    error = relay(*words, "-o", "json", check=code, **options).error()
    assert error["exit"] == code and error["code"] == NAMES[code]
    assert set(error) == {"code", "exit", "message", "why", "next", "suggestions", "changed", "retryable", "sqlstate"}
    assert not error["message"].endswith(".") and "\n" not in error["message"]
    for part in says:
        assert part in error["message"] and part in text.err, f"{part!r} is not in {error} and\n{text.err}"
    if next:
        assert next in error["next"] and "next: " in text.err
    return error


# --- 0 to 7


def test_0_done_already_so_or_empty(relay):
    for form in ("table", "json", "jsonl", "csv", "id", "env"):
        relay("org", "list", "-o", form, check=0)
    for _ in range(2):
        relay("org", "create", "acme", "--name", "Acme", check=0)


@pytest.mark.parametrize("how", ["closed", "/dev/full"])
def test_1_a_result_that_cannot_be_told(relay, database, how):
    """Not 0, because no one read the output, and not 12, because it was not a secret. The message says that it is
    committed."""
    options = {"closed": [1]} if how == "closed" else {"stdout": how}
    error = both(relay, "org", "list", code=1, says=["cannot write the result to stdout"], **options)
    assert error["changed"] == "no"
    for number, form in enumerate((["-o", "json"], [])):
        result = relay("org", "create", f"acme-{number}", "--name", "Acme", *form, check=1, **options)
        assert "the change itself is committed" in result.err
        assert not form or result.error()["changed"] == "yes"
    assert database.value("SELECT count(*) FROM relay.organizations") == 2


@pytest.mark.parametrize(
    "words, says",
    [(["org", "create", "acme"], "missing: --name"), (["org", "list", "--limit", "few"], "--limit"),
     (["org", "show", "Acme"], "'Acme'"), (["block", "--org", "acme"], "acme"), (["agent", "create", "--org", "a",
     "--name", "b"], "secret"),
     (["recover"], ""), (["org", "list", "--all", "--limit", "2"], "--limit"), (["org", "list", "--timeout", "1ms"],
     "100ms")],
)  # fmt: skip
def test_2_usage(relay, database, words, says):
    before = snapshot(database)
    error = both(relay, *words, code=2, says=[says])
    assert error["changed"] == "no" and error["retryable"] is False and snapshot(database) == before


@pytest.mark.parametrize(
    "words", [["org", "show", "nobody"], ["agent", "show", "nobody"], ["key", "show", "0" * 12], ["block", "nobody"],
              ["revoke", "nobody"], ["revoke", "--key", "0" * 12], ["unblock", "nobody", "--yes"], ["org", "update",
              "nobody", "--name", "x"],
              ["agent", "update", "nobody", "--name", "x"], ["key", "retire", "0" * 12, "--yes"], ["schema", "print",
              "--only", "99"],
              ["rotate-key", "nobody", "--secret-file", "k"], ["restore", "nobody", "--yes", "--secret-file", "k"],
              ["agent", "create", "bot", "--org", "nobody", "--name", "Bot", "--secret-file", "k"]]
)  # fmt: skip
def test_3_not_found(relay, database, tmp_path, words):
    before = snapshot(database)
    error = both(relay, *words, code=3)
    assert error["changed"] == "no" and error["retryable"] is False
    assert snapshot(database) == before and not (tmp_path / "k").exists()


def test_3_names_what_is_near(relay, database, key):
    assert both(relay, "agent", "show", "bto", code=3, says=["bto"])["suggestions"] == ["bot"]
    assert both(relay, "org", "show", "acmee", code=3)["suggestions"] == ["acme"]
    assert both(relay, "org", "show", "acm", code=3)["suggestions"] == ["acme"]
    shown = {
        ("org", "show", "amce"): 'did you mean: acme ("Acme")\n',
        ("agent", "show", "bto"): 'did you mean: bot ("Bot", org acme)\n',
        ("block", "bto"): 'did you mean: bot ("Bot", org acme)\n',
        ("revoke", "--key", key_id(key)[:-1] + "0"): f"did you mean: {key_id(key)} (agent bot, org acme)\n",
    }
    before = live_key_ids(database)
    for words, line in shown.items():
        assert line in relay(*words, check=3).err, words
    assert live_key_ids(database) == before, "a suggestion is never taken by itself"


def test_3_an_id_is_found_by_its_beginning_and_among_many(relay, database, key):
    """The index finds an id with a typing error in its second half, however old the id is; with an error in the first
    half, only among the last 5000."""
    database.execute("INSERT INTO relay.agents (agent_id, org_id, name, permissions, created_by, created_at)"
                     " SELECT 'filler-' || n, 'acme', 'F', '[]', 't', now() + n * interval '1 s' FROM generate_series(1, 6000) AS n")  # fmt: skip
    database.execute("INSERT INTO relay.agents (agent_id, org_id, name, permissions, created_by, created_at)"
                     " SELECT id, 'acme', 'Pay', '[]', 't', '2020-01-01' FROM unnest(array['payment-processor', 'payments']) AS id")  # fmt: skip
    for wrong, right in (
        ("payment-processro", ["payment-processor"]),
        ("payment-procesor", ["payment-processor"]),
        ("paymnets", ["payments"]),
        ("pay", ["payments", "payment-processor"]),
        ("fliler-6000", "filler-6000"),
    ):
        found = relay.error("agent", "show", wrong, check=3)["suggestions"]
        assert found[: len(right)] == right if isinstance(right, list) else right in found, (wrong, found)


@pytest.fixture(scope="module")
def guarded():
    """A server that asks the login `guarded` for its password."""
    with Cluster(
        tcp=True, name="guarded", hba=("local all guarded scram-sha-256", "host all guarded 127.0.0.1/32 scram-sha-256")
    ) as own:
        make_template(own)
        own.login("guarded", member_of="relay_provisioner", password="right-horse")
        yield Database(own, template=make_template(own))


@pytest.mark.parametrize("tcp", [False, True])
def test_4_a_wrong_or_missing_password(guarded, relay, home, tmp_path, tcp):
    as_guarded = relay.with_(dsn=guarded.dsn(user="guarded", tcp=tcp))
    wrong = as_guarded.with_(env={"PGPASSWORD": "wrong-horse"})
    error = both(wrong, "org", "list", code=4, says=["refused the login"], next="password")
    assert error["sqlstate"] == "28P01" and error["changed"] == "no"
    missing = both(as_guarded, "org", "list", code=4, says=["refused the login", "no password"])
    assert missing["retryable"] is False
    assert "wrong-horse" not in wrong("org", "list", "-v").err
    as_guarded.with_(env={"PGPASSWORD": "right-horse"})("org", "list", check=0)
    (home / ".pgpass").write_text("*:*:*:guarded:right-horse\n")
    (home / ".pgpass").chmod(0o600)
    as_guarded("org", "list", check=0)
    nobody = relay.with_(dsn=guarded.dsn(user="nobody_at_all", tcp=tcp))
    assert both(nobody, "org", "list", code=4)["sqlstate"] == "28000"


WRITES = [
    ["org", "create", "other", "--name", "Other"], ["org", "update", "acme", "--name", "Other"], ["rotate-key", "bot",
    "--secret-file", "k"],
    ["agent", "create", "--org", "acme", "--name", "x", "--secret-file", "k"], ["agent", "update", "bot", "--name",
    "Other"],
    ["block", "bot"], ["revoke", "bot"], ["key", "retire", "KEY", "--yes", "--force"], ["unblock", "bot", "--yes"],
    ["restore", "bot", "--yes", "--secret-file", "k"],
]  # fmt: skip


@pytest.mark.parametrize("group", [None, "relay_gateway", "relay_auditor", "relay_responder"])
def test_4_a_role_without_rights(relay, database, key, tmp_path, group):
    login = database.cluster.login(f"only_{group or 'nothing'}", member_of=[group] if group else ())
    limited = relay.with_(dsn=database.dsn(user=login))
    may = {"block", "revoke", "unblock"} if group == "relay_responder" else set()
    before = snapshot(database)
    for words in WRITES:
        if words[0] in may:
            continue
        words = [key_id(key) if word == "KEY" else word for word in words]
        error = both(limited, *words, code=4, says=[login])
        assert error["sqlstate"] == "42501" and error["changed"] == "no", words
    if (
        group != "relay_responder"
    ):  # a role that may not look does not learn the outcome of an operation: the code of a lost commit
        error = both(limited, "recover", "op_" + "0" * 24, code=9)
        assert login in error["why"] and error["changed"] == "unknown"
    for words in (["org", "list"], ["agent", "list"], ["key", "list"], ["agent", "show", "bot"]):
        if group in (None, "relay_gateway"):
            both(limited, *words, code=4, says=[login])
        else:
            limited(*words, check=0)
    assert snapshot(database) == before and not (tmp_path / "k").exists()


def test_5_conflict(relay, database, key, tmp_path):
    rotate(relay, tmp_path / "second")
    before = snapshot(database)
    for words, says in (
        (["org", "create", "acme", "--name", "Other", "--plan", "paid"], "name"),
        (["agent", "create", "bot", "--org", "acme", "--name", "Other", "--secret-file", "k"], "name"),
        (["rotate-key", "bot", "--secret-file", "k"], "grace"),
    ):
        error = both(relay, *words, code=5, says=[says])
        assert error["changed"] == "no" and error["next"] and error["retryable"] is False
    assert snapshot(database) == before and not (tmp_path / "k").exists()


def test_6_limit(relay, database, tmp_path):
    relay("org", "create", "small", "--name", "Small", check=0)
    create = ("agent", "create", "--org", "small", "--name", "Bot", "--secret-file")
    relay(*create, "first", check=0)
    before = snapshot(database)
    error = both(
        relay,
        *create,
        "second",
        code=6,
        says=["small", "1 of 1", "free"],
        next="relay-admin org update small --plan paid",
    )
    assert error["changed"] == "no" and snapshot(database) == before and not (tmp_path / "second").exists()


def test_7_partial_and_stdout_says_which(relay, database, key):
    relay("agent", "create", "cat", "--org", "acme", "--name", "Cat", "--secret-file", "cat.key", check=0)
    text = relay("block", "bot", "ghost", check=7)
    assert "bot" in text.out and "ghost" in text.out + text.err
    document = relay("block", "cat", "ghost", "-o", "json", check=7).json()
    assert document["changed"] is True and {"cat", "ghost"} <= set(re.findall(r"\w+", json.dumps(document)))
    lines = relay("block", "cat", "ghost", "-o", "jsonl", check=7).jsonl()
    assert lines[-1]["kind"] == "Summary"
    assert {row["subject_id"] for row in database.rows("SELECT subject_id FROM relay.revocations")} == {"bot", "cat"}


# --- 8 and 9: the server and the way to it


def test_8_nobody_there(relay, tmp_path):
    for dsn in ("host=127.0.0.1 port=1 dbname=x", f"host={tmp_path} dbname=x"):
        error = both(
            relay.with_(dsn=dsn), "org", "list", code=8, says=["cannot reach the database", "nothing was changed"]
        )
        assert error["retryable"] is True and error["changed"] == "no"


def test_8_no_such_database(relay, cluster):
    error = both(relay.with_(dsn=cluster.dsn("no_such")), "org", "list", code=8, says=["no_such"], next="createdb")
    assert error["sqlstate"] == "3D000"


def test_8_a_stopped_server(tmp_path, home):
    with Cluster(name="stopping") as own:
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
            error = both(runner, *words, code=8, says=["nothing was changed"])
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


# --- 10 to 13


def test_10_a_check_says_no(relay, database, key):
    unknown = make_key()
    for form in ([], ["-o", "json"]):
        assert relay("key", "verify", *form, stdin=unknown, check=10).out
    assert relay("key", "verify", "-o", "json", stdin=unknown).data()["reason"] == "unknown_key"
    database.execute("DROP FUNCTION relay_api.authenticate CASCADE")
    for form in ([], ["-o", "json"]):
        assert "authenticate" in relay("schema", "verify", *form, check=10).out


def test_11_the_schema_is_older_newer_or_not_there(relay, database, empty_database):
    bare = relay.with_(dsn=empty_database.dsn())
    for words in (
        ["org", "list"],
        ["block", "bot"],
        ["rotate-key", "bot", "--secret-file", "k"],
        ["unblock", "bot", "--yes"],
    ):
        error = both(bare, *words, code=11, next="relay-admin ")
        assert error["changed"] == "no" and error["retryable"] is False
    database.execute(
        "UPDATE relay.schema_migrations SET version = version + 1"
        " WHERE version = (SELECT max(version) FROM relay.schema_migrations)"
    )
    both(relay, "org", "list", code=11, says=["version"], next="newer")


def test_12_the_secret_could_not_be_delivered(relay, database, key, tmp_path):
    (tmp_path / "taken").write_text("mine")
    before = snapshot(database)
    error = both(relay, "rotate-key", "bot", "--secret-file", "taken", code=12, says=["taken", "nothing was changed"])
    assert error["changed"] == "no" and (tmp_path / "taken").read_text() == "mine"
    both(relay, "rotate-key", "bot", "--secret-file", "no/such/folder/k", code=12, says=["no/such/folder"])
    both(relay, "rotate-key", "bot", "--secret-fd", "77", code=12, says=["77"])
    assert snapshot(database) == before


def test_13_declined(relay, database, key):
    before = snapshot(database)
    for answer, form in (("n", []), ("\x04", ["-o", "json"])):
        session = relay.terminal("block", "--org", "acme", *form)
        session.expect("acme")
        session.send(answer if answer == "\x04" else f"{answer}\r")
        code, rest = finish_terminal(session)
        assert code == 13
        if form:
            error = json.loads(rest[rest.index('{"') :])
            contract.check(error)
            assert error["error"]["exit"] == 13
    assert snapshot(database) == before


# --- 130 and 143


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

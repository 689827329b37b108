"""The key's text is in no log, view, table, message, argument or packet, with everything logged that can be logged."""

import hashlib
import re
import resource
import signal
import threading
from pathlib import Path

import pytest
from scenes import KEY, Stage
from support import agents, processes
from support import relay as relay_support
from support.database import Database, cluster_with_template, make_template
from support.proxy import Fault, Proxy, commit

TALKATIVE = {
    "log_statement": "all",
    "log_min_messages": "debug1",
    "log_min_duration_statement": "0",
    "log_parameter_max_length": "-1",
    "log_parameter_max_length_on_error": "-1",
    "log_connections": "on",
    "track_activity_query_size": "65536",
    "debug_print_parse": "on",
}


@pytest.fixture(scope="module")
def talkative():
    with cluster_with_template(tcp=True, settings=TALKATIVE) as running:
        make_template(running)
        yield running


@pytest.fixture
def heard(talkative, tmp_path, home):
    """A stage on a server that logs everything it can."""
    database = Database(talkative, template="relay_template")
    yield Stage(talkative, database, relay_support.Runner(dsn=database.dsn(), home=home, cwd=tmp_path), tmp_path)
    database.drop()


def traces(key, *, verified):
    """The texts that give a key away: its secret part, and the inner digest that a gateway sends to the database;
    except gateways, only `key verify` sends it."""
    secret = key[22:65]
    inner = hashlib.sha256(key.encode()).digest()
    texts = [key, secret, secret[:20], secret[-20:], key.encode().hex()]
    return [text.encode() for text in texts] + ([] if verified else [inner, inner.hex().encode()])


def assert_clean(keys, place, text, *, verified=""):
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    lowered = data.lower()
    for key in keys:
        for trace in traces(key, verified=key == verified):
            assert trace not in data and trace.lower() not in lowered, f"a key shows in {place}"


class Watcher:
    """Reads the command line and the environment of every process, and pg_stat_activity, as long as it runs."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.seen = set()
        self.processes = 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._watch_processes), threading.Thread(target=self._watch_activity)]

    def _watch_processes(self):
        while not self._stop.wait(0.002):
            for folder in Path("/proc").glob("[0-9]*"):
                try:
                    command = (folder / "cmdline").read_bytes()
                    if b"relay-admin" not in command:
                        continue
                    self.processes += 1
                    self.seen |= {command, (folder / "comm").read_bytes()}
                    self.seen.add((folder / "environ").read_bytes())
                except OSError:
                    continue

    def _watch_activity(self):
        connection = self.cluster.connect()
        with connection.cursor() as cursor:
            while not self._stop.wait(0.002):
                cursor.execute("SELECT query FROM pg_stat_activity WHERE application_name = 'relay-admin'")
                self.seen |= {query.encode() for (query,) in cursor.fetchall()}
        connection.close()

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()


def dump_of(database):
    """Every row of every table of the two schemas, as text."""
    tables = database.rows(
        "SELECT format('%I.%I', n.nspname, c.relname) AS name "
        "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname IN ('relay', 'relay_api', 'public') AND c.relkind IN ('r', 'p', 'v', 'm')"
    )
    assert len(tables) >= 8
    return "\n".join(
        str(row) for table in tables for row in database.rows(f"SELECT t::text AS row FROM {table['name']} AS t")
    )


def test_a_key_shows_nowhere(heard, tally, tmp_path):
    outputs, keys, wire = [], set(), []
    scene = heard.scene("rotate")
    given = heard.scene("rotate")
    scan = tmp_path / "pasted.log"
    with Watcher(heard.cluster) as watcher, Proxy(heard.cluster.socket_path) as proxy:
        relay = heard.relay.with_(dsn=proxy.dsn(heard.database))

        def run(*words, check=0, **options):
            result = relay(*words, "-v", **options)
            assert result.code == check, f"{result}"
            keys.update(
                key.decode() for path in tmp_path.rglob("*") if path.is_file() for key in KEY.findall(path.read_bytes())
            )
            outputs.append(result)
            return result

        for output in ("table", "json", "jsonl", "csv", "id", "env"):
            fresh = heard.scene("create")
            run(*fresh.words, "-o", output)
        run(*scene.words)
        run(*scene.words)
        run("rotate-key", scene.agent, "--secret-file", tmp_path / "refused", check=5)
        run("rotate-key", scene.agent, "--force", "--secret-format", "env", "--secret-file", tmp_path / "env")
        run("rotate-key", scene.agent, "--force", "--dry-run", "--secret-file", tmp_path / "dry")
        run("rotate-key", scene.agent, "--force", "--secret-file", tmp_path, check=12)
        known = agents.read_key(scene.file)
        run("key", "verify", stdin=known)
        run("key", "verify", known, check=2)
        run("revoke", "--key", known, check=2)
        run("rotate-key", given.agent, "--key-from", "-", stdin=agents.read_key(given.folder / "old"))
        scan.write_text(f"2026-01-01 GET /pay Authorization: Bearer {known}\n" * 3)
        run("revoke", "--scan", scan)
        run("revoke", scene.agent)
        run("restore", scene.agent, "--yes", "--secret-file", tmp_path / "restored")
        wire.append(proxy.bytes_sent())
    assert len(keys) >= 11 and watcher.processes > 0
    for result in outputs:
        assert_clean(keys, f"stdout of {result.argv}", result.stdout)
        assert_clean(keys, f"stderr of {result.argv}", result.stderr)
    for text in watcher.seen:
        # Two commands got a key as an argument, which they refuse: there, the test itself put the key.
        assert_clean(keys - {known}, "a command line, an environment or pg_stat_activity", text)
    for data in wire:
        assert_clean(keys, "what went over the wire", data, verified=known)
    log = heard.cluster.log()
    assert "INSERT INTO relay.agent_keys" in log and re.search(r"parameters: \$1 = ", log), "the server did not log"
    assert_clean(keys, "the server's log", log, verified=known)
    assert_clean(keys, "a table", dump_of(heard.database))
    assert not list(tmp_path.rglob("core*")) and not list(heard.cluster.data.glob("core*"))
    tally("places searched for a key", len(outputs) * 2 + len(watcher.seen) + len(wire) + 2)


def test_a_key_that_meets_an_error_of_the_server_shows_nowhere(heard, tally):
    """The failing statement, its parameters and its context are logged."""
    heard.database.execute(
        "CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'no: %', NEW; END $$;"
        "CREATE TRIGGER fail AFTER INSERT ON relay.operations FOR EACH ROW EXECUTE FUNCTION public.fail();"
        "CREATE TRIGGER fail AFTER INSERT ON relay.agent_keys FOR EACH ROW EXECUTE FUNCTION public.fail();"
    )
    scene = heard.scene("create")
    with Proxy(heard.cluster.socket_path) as proxy:
        result = scene.run(dsn=proxy.dsn(scene.database), flags=("-v",))
        assert result.code not in (0, 9) and scene.times_done() == 0, f"{result}"
        assert not scene.files()
        data = proxy.bytes_sent()
    assert "relay_sk_" not in result.out + result.err and b"relay_sk_" not in data
    assert "relay_sk_" not in heard.cluster.log()
    tally("places searched for a key", 4)


def test_a_crash_leaves_no_core_with_a_key(heard, tmp_path, tally):
    """SIGSEGV and SIGABRT while the key is in memory, with core files allowed by the caller."""
    for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGQUIT):
        scene = heard.scene("rotate")
        reached, crashed = threading.Event(), threading.Event()
        hold = Fault(lambda _, reached=reached, crashed=crashed: (reached.set(), crashed.wait(60)), match=commit)
        with Proxy(heard.cluster.socket_path, hold) as proxy:
            process = scene.relay.with_(dsn=proxy.dsn(scene.database)).start(
                *scene.words,
                cwd=scene.folder,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2),
            )
            assert reached.wait(60)
            processes.kill(process.pid, number)
            process.communicate(timeout=60)
            crashed.set()
        assert process.returncode == -number
        names = {path.name for path in scene.folder.iterdir()}
        assert names <= {"old", "key", "key.new"}, names
        scene.assert_safe(f"signal {number}")
        scene.assert_converges(f"signal {number}")
        tally("crash with a key in memory")

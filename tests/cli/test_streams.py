"""stdout has data, stderr has messages, and neither has a secret unless you ask for it: streams, sinks, formats."""

import base64
import json
import os
import select
import stat
import subprocess

import pytest
import yaml
from nacl.public import PrivateKey, SealedBox
from support.agents import decide, first_agent, key_hash, key_id
from support.database import Database, cluster_with_template, make_template
from support.prepared import prepared
from support.relay import Runner, clean_environment, finish_terminal

SECONDS = 170

FORMATS = ("raw", "env", "json", "k8s", "sealed")


@prepared
def key(relay, tmp_path):
    return first_agent(relay, tmp_path / "bot.key")


@pytest.fixture
def sealing(tmp_path):
    """Flags that seal for a new key pair, and the box that opens what they sealed."""
    private = PrivateKey.generate()
    public = base64.b64encode(bytes(private.public_key)).decode()
    (tmp_path / "pk.json").write_text(json.dumps({"key_id": "568250167242549743", "key": public}))
    return ["--seal-key", "pk.json"], SealedBox(private)


def rows(database):
    tables = ("organizations", "agents", "agent_keys", "revocations", "operations", "auth_events", "org_tokens")
    return {table: database.rows(f"SELECT t::text AS row FROM relay.{table} t ORDER BY 1") for table in tables}


# --- the streams


@pytest.mark.parametrize("form", ["table", "csv", "id", "env", "json", "jsonl"])
def test_stdout_is_the_same_with_less_and_more_talk(relay, database, key, form):
    relay("block", "bot", "--reason", "drill", check=0)
    for words in (["org", "list"], ["org", "show", "acme"], ["agent", "list"], ["agent", "show", "bot"], ["key",
    "list"],
                  ["key", "show", key_id(key)], ["schema", "status"], ["schema", "verify"], ["version"], ["org",
                  "list", "--match", "none*"]):  # fmt: skip

        def run(*more):
            out = relay(*words, "-o", form, *more, check=0).out
            if form == "json":
                document = json.loads(out)
                document["meta"] = sorted(document["meta"])  # each request has its own id and time
                return document
            return out if form != "jsonl" else [line for line in out.splitlines() if '"Summary"' not in line]

        assert run() == run("-q") == run("-v") == run("--color", "always"), words


def test_quiet_says_nothing_when_all_is_well(relay, database):
    for words in (["org", "create", "acme", "--name", "Acme", "--plan", "paid"], ["org", "create", "acme", "--name",
    "Acme", "--plan", "paid"],
                  ["agent", "create", "bot", "--org", "acme", "--name", "Bot", "--secret-file", "k"], ["rotate-key",
                  "bot", "--secret-file", "k2"],
                  ["block", "bot"], ["unblock", "bot", "--yes"], ["org", "list"], ["agent", "list", "--state",
                  "blocked"]):  # fmt: skip
        assert relay(*words, "-q", check=0).err == "", words
    assert relay("org", "show", "nobody", "-q", check=3).err != ""


def test_one_document_or_one_object_a_line_and_nothing_else(relay, key):
    for words in (
        ["org", "list"],
        ["agent", "show", "bot"],
        ["org", "update", "acme", "--name", "New"],
        ["block", "bot"],
    ):
        out = relay(*words, "-o", "json", "-v", check=0).out
        assert out.count("\n") == 1 and json.loads(out)["schema"] == "relay-admin/v1"
        lines = relay(*words, "-o", "jsonl", "-v", check=0).jsonl()
        assert all("kind" in line for line in lines) and lines[-1]["kind"] == "Summary"


def test_color_is_for_stderr_alone_and_only_when_wanted(relay):
    failing = ["org", "show", "nobody"]
    assert "\x1b" not in relay(*failing).err  # a pipe
    colored = relay(*failing, "--color", "always")
    assert "\x1b[" in colored.err and "\x1b" not in colored.out
    assert "\x1b" not in relay("org", "list", "--color", "always", check=0).out
    assert "\x1b" not in relay(*failing, "-o", "json", "--color", "always").err
    for env, wanted in (({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)):
        session = relay.terminal(*failing, env=env)
        code, shown = finish_terminal(session)
        assert code == 3 and ("\x1b[" in shown) == wanted, env
    assert "\x1b[" not in finish_terminal(relay.terminal(*failing, "--color", "never"))[1]


# --- the secret


MAKERS = {
    "agent create": ["agent", "create", "new", "--org", "acme", "--name", "New"],
    "rotate-key": ["rotate-key", "bot"],
    "restore": ["restore", "gone", "--yes"],
}
EACH_MAKER = pytest.mark.parametrize("words", MAKERS.values(), ids=MAKERS)


@prepared
def scene(relay, key):
    relay("agent", "create", "gone", "--org", "acme", "--name", "Gone", "--secret-file", "gone.key", check=0)
    relay("revoke", "gone", check=0)


def read_back(form, content, agent, box):
    """Returns the key in a sink's content, read with the tool that is meant for it."""
    if form == "raw":
        return content.decode()
    if form == "env":
        script = 'set -eu; eval "$(cat)"; printf "%s %s %s" "$RELAY_AGENT_ID" "$RELAY_ORG_ID" "$RELAY_API_KEY"'
        out = subprocess.run(
            ["/bin/sh", "-c", script], input=content, stdout=subprocess.PIPE, env={}, check=True
        ).stdout
        found, org, key = out.decode().split(" ")
        assert (found, org) == (agent, "acme") and "'" not in content.decode() and '"' not in content.decode()
        return key
    if form == "json":
        document = json.loads(content)
        (key,) = [value for value in document.values() if str(value).startswith("relay_sk_")]
        assert agent in document.values() and "acme" in document.values()
        return key
    if form == "k8s":
        (manifest,) = yaml.safe_load_all(content)
        assert (manifest["apiVersion"], manifest["kind"], manifest["type"]) == ("v1", "Secret", "Opaque") and manifest[
            "metadata"
        ]["name"]
        data = {name: base64.b64decode(value, validate=True).decode() for name, value in manifest["data"].items()}
        assert data["RELAY_AGENT_ID"] == agent and data["RELAY_ORG_ID"] == "acme"
        return data["RELAY_API_KEY"]
    document = json.loads(content)
    assert set(document) == {"encrypted_value", "key_id"} and document["key_id"] == "568250167242549743"
    return box.decrypt(base64.b64decode(document["encrypted_value"], validate=True)).decode()


def run_to_file(relay, words, flags, folder):
    result = relay(*words, *flags, "--secret-file", folder / "k", check=0)
    assert stat.S_IMODE((folder / "k").stat().st_mode) == 0o600
    return result, (folder / "k").read_bytes()


def run_to_folder(relay, words, flags, folder):
    (folder / "keys").mkdir(mode=0o700)
    result = relay(*words, *flags, "--secrets-dir", folder / "keys", check=0)
    (file,) = (folder / "keys").iterdir()
    assert file.name.split(".")[0] in ("new", "bot", "gone") and stat.S_IMODE(file.stat().st_mode) == 0o600
    return result, file.read_bytes()


def run_to_descriptor(relay, words, flags, folder):
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as reader:
        process = relay.start(*words, *flags, "--secret-fd", str(writing), pass_fds=(writing,))
        os.close(writing)
        content = reader.read()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return type("Result", (), {"out": out.decode(), "err": err.decode()}), content


def run_to_stdout(relay, words, flags, folder):
    result = relay(*words, *flags, "--secret-stdout", check=0)
    return type("Result", (), {"out": "", "err": result.err}), result.stdout


SINKS = {"file": run_to_file, "folder": run_to_folder, "descriptor": run_to_descriptor, "stdout": run_to_stdout}


# One command that makes a key, in every combination; the others, which share the code, in a few.
COMBINATIONS = [("rotate-key", sink, form) for sink in SINKS for form in FORMATS]
COMBINATIONS += [
    (maker, sink, form) for maker in ("agent create", "restore") for sink, form in (("file", "env"), ("stdout", "raw"))
]


@pytest.mark.parametrize("maker, sink, form", COMBINATIONS)
def test_each_sink_in_each_format_is_read_back_and_nothing_else_tells_it(
    scene, relay, database, sealing, tmp_path, maker, sink, form
):
    words, run = MAKERS[maker], SINKS[sink]
    agent = {"agent": "new", "rotate-key": "bot", "restore": "gone"}[words[0]]
    flags, box = sealing
    result, content = run(
        relay, [*words, "-v"], ["--secret-format", form, *(flags if form == "sealed" else [])], tmp_path
    )
    key = read_back(form, content, agent, box)
    assert decide(database, key) == "ok" and len(key) == 71
    told = result.out + result.err
    assert key not in told and key[22:] not in told and key_hash(key).hex() not in told
    assert key_id(key) in told and agent in told  # public parts are shown
    if form in ("raw", "sealed"):
        assert key.encode() in content if form == "raw" else key.encode() not in content


@pytest.mark.parametrize("form", ["table", "json", "jsonl", "csv", "env", "id"])
def test_the_summary_beside_a_secret_on_stdout_goes_to_stderr(relay, database, key, form):
    result = relay("rotate-key", "bot", "--secret-stdout", "-o", form, check=0)
    assert len(result.out) == 71 and decide(database, result.out) == "ok"
    assert ("bot" if form != "id" else key_id(result.out)) in result.err and result.out not in result.err
    if form == "json":
        assert json.loads(result.err.splitlines()[0])["data"]["delivered_to"] == "stdout"


def test_the_shell_takes_a_key_from_stdout(relay, database, key):
    shell = Runner(program="/bin/sh", env={"RELAY_ADMIN_DSN": database.dsn()}, home=relay.home)
    script = """set -e; key=$("$0" rotate-key bot --secret-stdout -q)
    printf %s "$key" | "$0" key verify -o id; echo "$key" | "$0" key verify -o id"""
    out = shell("-c", script, relay.argv([])[0], check=0).out
    assert len(set(out.split())) == 1 and len(out.split()) == 2


@EACH_MAKER
def test_no_newline_on_a_pipe_and_one_on_a_terminal(scene, relay, database, words):
    assert not relay(*words, "--secret-stdout", check=0).out.endswith("\n")
    code, shown = finish_terminal(
        relay.terminal("agent", "create", "term", "--org", "acme", "--name", "T", columns=200)
    )
    assert code == 0 and shown.count("relay_sk_") == 1


@pytest.mark.parametrize("mask", [0o000, 0o777, 0o077])
def test_a_secret_file_is_for_its_owner_whatever_the_umask(relay, database, key, tmp_path, mask):
    (tmp_path / "keys").mkdir(mode=0o755)
    (tmp_path / "old").write_text("old")
    for flags, name in (
        (["--secret-file", "k"], "k"),
        (["--secret-file", "old", "--replace"], "old"),
        (["--secrets-dir", "keys"], None),
    ):
        relay("rotate-key", "bot", "--grace", "0", "--yes", *flags, preexec_fn=lambda: os.umask(mask), check=0)
        file = tmp_path / name if name else next((tmp_path / "keys").iterdir())
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert decide(database, file.read_text()) == "ok"


# --- readers that die


@EACH_MAKER
def test_a_reader_that_is_gone_gets_no_key_and_none_is_made(scene, relay, database, words):
    before = rows(database)
    for flag in ("--secret-stdout", "--secret-fd"):
        reading, writing = os.pipe()
        os.close(reading)
        more = {"stdout": writing} if flag == "--secret-stdout" else {"pass_fds": (writing,)}
        flags = [flag] if flag == "--secret-stdout" else [flag, str(writing)]
        error = relay.error(*words, *flags, check=12, **more)
        os.close(writing)
        assert error["changed"] == "no" and rows(database) == before


def test_a_reader_that_dies_before_it_has_read_gets_no_key(relay, database, key):
    before = rows(database)
    reading, writing = os.pipe()
    process = relay.start("rotate-key", "bot", "--secret-stdout", stdout=writing)
    os.close(writing)
    poller = select.poll()
    poller.register(reading, select.POLLIN)
    assert poller.poll(60_000), "no secret ever came"
    os.close(reading)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 12 and b"nothing was changed" in err and rows(database) == before


def test_a_pipe_that_ends_early_is_told(relay, database, key):
    reading, writing = os.pipe()
    os.close(reading)
    assert relay("org", "list", stdout=writing).code == 0
    result = relay("org", "create", "late", "--name", "Late", stdout=writing)
    os.close(writing)
    assert result.code == 14 and "committed" in result.err
    assert database.value("SELECT count(*) FROM relay.organizations WHERE org_id = 'late'") == 1


# --- dry run


WRITES = [
    ["org", "create", "other", "--name", "Other"], ["org", "create", "other", "--name", "Other", "--admin-token", "t"],
    ["org", "update", "acme", "--name", "New"],
    ["agent", "update", "bot", "--name", "New"], ["block", "bot"], ["block", "--org", "acme", "--confirm", "acme"],
    ["revoke", "bot"], ["schema", "apply"],
    *[[*words, *sink] for words in MAKERS.values() for sink in (["--secret-file", "k"], ["--secret-stdout"],
    ["--secret-file", "old", "--replace"])],
]  # fmt: skip


@pytest.mark.parametrize("words", WRITES, ids=" ".join)
def test_a_dry_run_shows_no_secret_and_changes_nothing(scene, relay, database, tmp_path, words):
    (tmp_path / "old").write_text("old")
    before = rows(database), sorted(path.name for path in tmp_path.iterdir())
    for flags in (["-n"], ["--dry-run", "-o", "json"], ["-n", "-v"]):
        result = relay(*words, *flags, check=0)
        told = result.out + result.err
        assert "relay_sk_" not in told and "relay_at_" not in told
        assert "dry run: nothing was changed" in result.err
        assert "json" not in flags or '"dry_run":true' in told
    assert (rows(database), sorted(path.name for path in tmp_path.iterdir())) == before
    assert (tmp_path / "old").read_text() == "old"


def test_a_dry_run_on_a_terminal_shows_no_secret(scene, relay, database):
    before = rows(database)
    code, shown = finish_terminal(relay.terminal("rotate-key", "bot", "--dry-run"))
    assert code == 0 and "relay_sk_" not in shown and rows(database) == before


# --- where the secret must not be


def test_no_secret_in_the_servers_log_its_tables_or_a_command_line(tmp_path, home):
    with cluster_with_template(log_statements=True, name="logging") as own:
        database = Database(own, template=make_template(own))
        relay = Runner(dsn=database.dsn(), home=home, cwd=tmp_path)
        keys = [first_agent(relay, tmp_path / "1")]
        for number, words in enumerate((["rotate-key", "bot"], ["rotate-key", "bot", "--grace", "0", "--yes"])):
            relay(*words, "--secret-file", f"r{number}", check=0)
            keys.append((tmp_path / f"r{number}").read_text())
        relay("key", "verify", stdin=keys[-1], check=0)
        relay("org", "update", "acme", "--admin-token", "t", check=0)
        keys.append((tmp_path / "t").read_text())
        (tmp_path / "leak").write_text(f"x {keys[-2]} y")
        relay("revoke", "--scan", "leak", check=0)
        log = own.log()
        stored = subprocess.run(
            ["pg_dump", "--inserts", database.dsn()], stdout=subprocess.PIPE, env=clean_environment(home), check=True
        )
        for key in keys:
            for place in (log, stored.stdout.decode()):
                assert key not in place and key[22:65] not in place
            assert key_id(key) in stored.stdout.decode()

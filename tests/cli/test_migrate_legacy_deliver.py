"""migrate-legacy issue: thousands of keys to their owners. Commands, sealed keys, counts that are expected."""

import base64
import csv
import json
import os
import re
import signal
import time

import pytest
from nacl.public import PrivateKey, SealedBox

from support import sampling
from support.agents import digest, key_id
from support.legacy_issue import KEY, enlist, issue, live_keys, on_disk
from support.processes import at_once, is_alive, wait_until
from support.strace import Tracer

# A receiver that keeps the latest key of each agent, as a secret store does.
RECEIVER = 'cat > "got/$RELAY_AGENT_ID.tmp" && mv "got/$RELAY_AGENT_ID.tmp" "got/$RELAY_AGENT_ID"'


@pytest.fixture
def got(tmp_path):
    """Returns what the receiver has: {agent: its latest key}."""
    (tmp_path / "got").mkdir()

    def read():
        return {path.name: path.read_text() for path in (tmp_path / "got").iterdir() if path.suffix != ".tmp"}

    return read


def assert_each_holds_its_own(database, held):
    live = live_keys(database)
    assert {agent: key_id(key) for agent, key in held.items() if agent in live} == live
    for key in list(held.values())[:5]:
        if key_id(key) in live.values():
            assert database.value("SELECT (relay_api.authenticate(%s, %s)).reason", key_id(key), digest(key)) == "ok"


# --deliver ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jobs", ["1", "7"])
def test_a_command_is_handed_each_key_once(relay, database, tmp_path, got, jobs):
    enlist(relay, tmp_path, 30)
    count = 'echo "$RELAY_AGENT_ID" >> count; '
    done = issue(relay, "--all", "--deliver", count + RECEIVER, "--deliver-jobs", jobs)
    assert (done["issued"], done["waiting"], done["delivered_to"], done["faults"]) == (30, 0, "command", [])
    held = got()
    assert len(held) == 30 and all(KEY.fullmatch(key.encode()) for key in held.values())
    assert_each_holds_its_own(database, held)
    assert sorted((tmp_path / "count").read_text().split()) == sorted(held)
    assert issue(relay, "--all", "--deliver", "exit 1")["issued"] == 0


def test_what_the_command_is_told_and_where_the_key_is_not(relay, database, tmp_path):
    enlist(relay, tmp_path, 1)
    database.execute("UPDATE relay.legacy_agents SET owner = 'Zoë; \"$(touch pwned)\"'")
    command = "cat > key; env > env; tr '\\0' ' ' < /proc/self/cmdline > line; cat /proc/$PPID/environ > parent || true"
    issue(relay.with_(env={"RELAY_OWNER": "another"}), "--all", "--deliver", command)
    told = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines() if "=" in line)
    assert (told["RELAY_AGENT_ID"], told["RELAY_ORG_ID"]) == ("Agent.0000", "o")
    assert told["RELAY_OWNER"] == 'Zoë; "$(touch pwned)"' and told["RELAY_KEY_ID"] == live_keys(database)["Agent.0000"]
    assert [path.name for path in tmp_path.iterdir() if KEY.search(path.read_bytes() if path.is_file() else b"")] == ["key"]
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("shape", ["env", "json", "k8s"])
def test_every_shape_goes_to_a_command_too(relay, database, tmp_path, got, shape):
    enlist(relay, tmp_path, 2)
    issue(relay, "--all", "--deliver", RECEIVER, "--secret-format", shape)
    text = got()["Agent.0001"]
    key = {
        "env": lambda: dict(line.split("=", 1) for line in text.split())["RELAY_API_KEY"],
        "json": lambda: json.loads(text)["api_key"],
        "k8s": lambda: base64.b64decode(text.split('RELAY_API_KEY: "')[1].split('"')[0]).decode(),
    }[shape]()
    assert key_id(key) == live_keys(database)["Agent.0001"]


FAILURES = {
    "exit 3": "it ended with exit code 3",
    "cat >/dev/null; echo the store is full >&2; exit 3": "it ended with exit code 3: the store is full",
    "kill -9 $$": "it was ended by signal 9",
    "true": "it did not read the secret from stdin",
    "head -c 5 >/dev/null": "it did not read the secret from stdin",
    "cat >/dev/null; sleep 60 & sleep 60": "it took longer than 5 s and was ended",
    "trap '' TERM; cat >/dev/null; while :; do sleep 1; done": "it took longer than 5 s and was ended",
}


@pytest.mark.parametrize("fault", FAILURES)
def test_an_agent_whose_command_fails_gets_no_key_and_the_others_do(relay, database, tmp_path, got, fault):
    enlist(relay, tmp_path, 6)
    command = f'case $RELAY_AGENT_ID in Agent.0002) {fault};; *) {RECEIVER};; esac'
    words = ("--all", "--deliver-timeout", "5s", "--deliver-jobs", "3")
    done = issue(relay, *words, "--deliver", command, check=7)
    assert (done["issued"], done["waiting"]) == (5, 1)
    assert done["faults"] == [{"agent_id": "Agent.0002", "reason": "the command did not deliver: " + FAILURES[fault]}]
    assert "Agent.0002" not in live_keys(database)
    assert_each_holds_its_own(database, got())
    assert issue(relay, *words, "--deliver", RECEIVER)["issued"] == 1
    assert_each_holds_its_own(database, got())


@pytest.mark.parametrize("shape", ["raw", "env", "k8s"])
def test_a_secret_that_the_command_says_aloud_goes_nowhere(relay, database, tmp_path, shape):
    enlist(relay, tmp_path, 1)
    command = "secret=$(cat); set -x; echo \"$secret\"; echo \"$secret\" >&2; echo '\033[2J'harmless"
    result = relay("migrate-legacy", "issue", "--all", "--secret-format", shape, "--deliver", command, check=0)
    said = result.stdout + result.stderr
    assert b"(a line that contains a secret is not shown)" in said and b"Agent.0000: \\x1b[2Jharmless" in said
    assert not KEY.search(said) and live_keys(database)["Agent.0000"].encode() not in result.stderr
    for word in re.findall(rb"[A-Za-z0-9+/]{40,}=*", said):
        assert not KEY.search(base64.b64decode(word + b"=" * (-len(word) % 4)))


def test_it_stops_when_nothing_but_failures_come(relay, database, tmp_path):
    enlist(relay, tmp_path, 60)
    error = relay.error("migrate-legacy", "issue", "--all", "--deliver", "echo x >> tries; no-such-program", check=12)
    assert "failed for 20 agents in a row" in error["message"] and "no-such-program" in error["message"]
    assert error["changed"] == "no" and live_keys(database) == {}
    assert len((tmp_path / "tries").read_text().split()) == 20


def test_an_agent_that_the_database_refuses_is_not_delivered(relay, database, tmp_path, got):
    enlist(relay, tmp_path, 8)
    database.execute("ALTER TABLE relay.agent_keys ADD CONSTRAINT not_this CHECK (agent_id <> 'Agent.0003')")
    done = issue(relay, "--all", "--deliver", RECEIVER, "--deliver-jobs", "4", check=7)
    assert done["issued"] == 7 and [fault["agent_id"] for fault in done["faults"]] == ["Agent.0003"]
    assert got().keys() == live_keys(database).keys() and "Agent.0003" not in got()


def test_a_command_may_take_longer_than_a_transaction(relay, database, tmp_path, got):
    enlist(relay, tmp_path, 2)
    assert issue(relay, "--all", "--timeout", "3s", "--deliver", "sleep 4; " + RECEIVER)["issued"] == 2
    assert_each_holds_its_own(database, got())


def test_nobody_waits_for_the_command(relay, database, tmp_path, got):
    """While it works, gateways still accept its agent with the shared secret, and a block does not wait."""
    enlist(relay, tmp_path, 2)
    process = relay.start("migrate-legacy", "issue", "--all", "--deliver", "touch started; while ! [ -e go ]; do sleep 0.05; done; " + RECEIVER)
    wait_for(tmp_path / "started")
    with at_once():
        assert database.value("SELECT (relay_api.authenticate_legacy('Agent.0000', 'o', '10.0.0.1')).reason") == "ok"
        relay("block", "Agent.0000", check=0)
    (tmp_path / "go").touch()
    assert process.wait(60) == 0
    process.stdout.close(), process.stderr.close()
    relay("unblock", "Agent.0000", "--yes", check=0)
    assert_each_holds_its_own(database, got())


def wait_for(path):
    wait_until(path.exists, what=str(path))


def test_killed_in_the_middle_of_deliveries_each_holds_the_key_that_is_live(relay, database, tmp_path, got):
    enlist(relay, tmp_path, 60)
    words = ("migrate-legacy", "issue", "--all", "--deliver", "sleep 0.03; " + RECEIVER, "--deliver-jobs", "3")
    killed = 0
    for number in range(12):
        process = relay.start(*words)
        time.sleep(0.03 + 0.017 * number)
        process.kill()
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
        held = got()
        lost = {agent: key for agent, key in live_keys(database).items() if key_id(held.get(agent, "x" * 22)) != key}
        assert not lost, f"live keys that nobody holds: {lost}"
    assert killed > 6
    issue(relay, "--all", "--deliver", RECEIVER, "--deliver-jobs", "3")
    assert len(got()) == 60 == len(live_keys(database))
    assert_each_holds_its_own(database, got())


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_its_commands_end_with_it(relay, database, tmp_path, how):
    """Otherwise a dead key could arrive after the key of the next run."""
    enlist(relay, tmp_path, 2)
    command = "trap '' TERM INT; cat > /dev/null; (sleep 300 & echo $! > pid.tmp; mv pid.tmp pid; wait)"
    process = relay.start("migrate-legacy", "issue", "--all", "--deliver", command)
    wait_for(tmp_path / "pid")
    os.kill(process.pid, how)
    process.communicate(timeout=60)
    assert process.returncode == -how
    pid = int((tmp_path / "pid").read_text())
    wait_until(lambda: not is_alive(pid), what="the command to end, too")
    assert live_keys(database) == {}


def test_when_the_commit_fails_a_new_key_is_handed_over(relay, database, tmp_path, got):
    enlist(relay, tmp_path, 3)
    database.execute(
        "CREATE SEQUENCE public.tries; GRANT ALL ON public.tries TO PUBLIC;"
        "CREATE FUNCTION public.fail_at_first() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        "  IF nextval('public.tries') = 1 THEN RAISE EXCEPTION 'again' USING ERRCODE = 'serialization_failure'; END IF;"
        "  RETURN NULL; END $$;"
        "CREATE CONSTRAINT TRIGGER fail_at_first AFTER INSERT ON relay.agent_keys DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION public.fail_at_first()"
    )
    result = relay("migrate-legacy", "issue", "--all", "--deliver", RECEIVER, check=0)
    assert "got for Agent.0000 is not active and never will be: the next attempt delivers a new one" in result.err
    assert_each_holds_its_own(database, got())


# Sealed -------------------------------------------------------------------------------------------------------------------


def public(private):
    return base64.b64encode(bytes(private.public_key)).decode()


def open_sealed(private, value):
    return SealedBox(private).decrypt(base64.b64decode(value)).decode()


OWNERS = {f"team-{n}": PrivateKey.generate() for n in range(3)}


def write_seal_keys(path, owners, more=()):
    rows = [{"owner": owner, "key_id": f"id-{owner.replace(chr(42), str(0))}", "key": public(private)} for owner, private in owners.items()]
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, *more]))


@pytest.mark.parametrize("sink", [("--secrets-dir", "out"), ("--secret-file", "keys")], ids=["folder", "lines"])
def test_each_key_is_sealed_to_its_owner_and_nobody_else_opens_it(relay, database, tmp_path, sink):
    enlist(relay, tmp_path, 9)
    write_seal_keys(tmp_path / "pk", OWNERS)
    issue(relay, "--next", "5", *sink, "--secret-format", "sealed", "--seal-keys", "pk")
    issue(relay, "--all", *sink, "--secret-format", "sealed", "--seal-keys", "pk")
    assert not on_disk(tmp_path)
    if sink[0] == "--secret-file":
        lines = [json.loads(line) for line in (tmp_path / "keys").read_text().splitlines()]
        sealed = {line["agent_id"]: line for line in lines}
        assert all(line["owner"] == f"team-{int(line['agent_id'][-4:]) % 3}" and line["org_id"] == "o" for line in lines)
        assert {line["agent_id"]: line["api_key_id"] for line in lines} == live_keys(database)
        relay.error("migrate-legacy", "issue", "--all", *sink, "--secret-format", "json", check=12)
    else:
        sealed = {path.name.removesuffix(".sealed.json"): json.loads(path.read_text()) for path in (tmp_path / "out").iterdir()}
    live = live_keys(database)
    assert sealed.keys() == live.keys() and len(live) == 9
    for agent, box in sealed.items():
        owner = f"team-{int(agent[-4:]) % 3}"
        assert box["key_id"] == f"id-{owner}"
        assert key_id(open_sealed(OWNERS[owner], box["encrypted_value"])) == live[agent]
        for other in OWNERS.keys() - {owner}:
            with pytest.raises(Exception, match="decrypt"):
                open_sealed(OWNERS[other], box["encrypted_value"])


def test_an_owner_without_a_key_to_seal_to_fails_alone_and_a_star_is_for_the_rest(relay, database, tmp_path):
    enlist(relay, tmp_path, 6)
    rest = PrivateKey.generate()
    sealed = ("--secrets-dir", "out", "--secret-format", "sealed", "--seal-keys", "pk")
    write_seal_keys(tmp_path / "pk", {"team-1": OWNERS["team-1"]})
    for dry in (("--dry-run",), ()):
        done = issue(relay, "--all", *sealed, *dry, check=7)
        assert done["issued"] == 2 and [fault["agent_id"][-1] for fault in done["faults"]] == ["0", "2", "3", "5"]
        assert done["faults"][0]["reason"].startswith("no public key to seal with: --seal-keys has no entry for its owner 'team-0'")
    assert len(list((tmp_path / "out").iterdir())) == 2 == len(live_keys(database))
    write_seal_keys(tmp_path / "pk", {"team-2": OWNERS["team-2"], "*": rest}, [{"org_id": "p", "key_id": "1", "key": public(rest)}])
    assert issue(relay, "--all", *sealed)["issued"] == 4
    for agent, private in (("Agent.0000", rest), ("Agent.0002", OWNERS["team-2"])):
        box = json.loads((tmp_path / "out" / f"{agent}.sealed.json").read_text())
        assert key_id(open_sealed(private, box["encrypted_value"])) == live_keys(database)[agent]


GOOD = f'"key_id":"1","key":"{public(OWNERS["team-0"])}"'
BAD_SEAL_KEYS = {
    "": "has no first line",
    "owner,key_id\nteam-0,1\n": "has no column key",
    '{"owner":"a",%s}\n{"owner":"b","key_id":"1","key":"AAAA"}\n' % GOOD: "line 2: not a sealing key: 3 bytes where 32 are needed",
    '{"owner":"a","key_id":"1"}': "line 1: not a sealing key",
    '{"owner":"a","key_id":"no spaces","key":"AAAA"}': 'line 1: "key_id" must be',
    '{"owner":"a",%s}\n\n{"owner":"a",%s}\n' % (GOOD, GOOD): "line 3: a second key for 'a'",
    '{"owner":"a","org_id":"o",%s}' % GOOD: "line 1: give either an owner or an org_id",
    "{%s}" % GOOD: "line 1: give either an owner or an org_id",
    "{broken": "line 1: it is not a JSON object",
    "owner,key_id,key\na,1\n": "line 2: it has 2 fields",
}


@pytest.mark.parametrize("text", BAD_SEAL_KEYS)
def test_a_bad_file_of_keys_is_told_before_the_database_is_asked(relay_without_database, tmp_path, text):
    (tmp_path / "pk").write_text(text)
    error = relay_without_database.error("migrate-legacy", "issue", "--all", "--secrets-dir", "out", "--secret-format", "sealed",
                                         "--seal-keys", "pk", check=2)  # fmt: skip
    assert BAD_SEAL_KEYS[text] in error["message"], error


# Flags that fit together
# --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ("--deliver", "cat", "--secrets-dir", "out"),
        ("--deliver", "cat", "--secret-file", "k"),
        ("--deliver", "cat", "--secret-stdout"),
        ("--deliver", "cat", "--batch", "3"),
        ("--deliver", "cat", "--replace"),
        ("--deliver", "cat", "--deliver-timeout", "0"),
        ("--deliver", "cat", "--deliver-timeout", "11m"),
        ("--secrets-dir", "out", "--deliver-jobs", "2"),
        ("--secrets-dir", "out", "--deliver-timeout", "2s"),
        ("--secret-file", "k", "--secret-format", "json", "--group-by", "org"),
        ("--deliver", "cat", "--group-by", "owner"),
        ("--secret-file", "k", "--secret-format", "json", "--manifest", "k"),
        ("--secrets-dir", "out", "--manifest", ".."),
        ("--secrets-dir", "out", "--seal-keys", "pk"),
        ("--secrets-dir", "out", "--secret-format", "sealed"),
        ("--secrets-dir", "out", "--secret-format", "sealed", "--seal-keys", "pk", "--seal-key", "pk"),
        ("--secret-file", "k", "--secret-format", "env"),
        ("--secret-file", "k", "--secret-format", "raw"),
        ("--file", "-", "--secrets-dir", "out", "--secret-format", "sealed", "--seal-keys", "-"),
    ],
    ids=" ".join,
)
def test_what_makes_no_sense_is_told_before_the_database_is_asked(relay_without_database, tmp_path, words):
    write_seal_keys(tmp_path / "pk", OWNERS)
    who = () if "--file" in words else ("--all",)
    error = relay_without_database.error("migrate-legacy", "issue", *who, *words, check=2)
    assert error["why"] or error["next"] or "cannot be used together" in error["message"], error
    assert not (tmp_path / "out").exists()


def test_another_count_than_expected_does_nothing(relay, database, tmp_path):
    enlist(relay, tmp_path, 5)
    relay("revoke", "Agent.0004", check=0)
    words = ("migrate-legacy", "issue", "--all", "--secrets-dir", "out")
    error = relay.error(*words, "--expect", "5", check=5)
    assert "4 agents would get a key, not 5; nothing was done" in error["message"]
    relay.error("migrate-legacy", "issue", "Agent.0001", "Agent.0004", "--secrets-dir", "out", "--expect", "2", check=5)
    assert live_keys(database) == {} and not (tmp_path / "out").exists()
    assert "issuing keys to 2 agents" in relay("migrate-legacy", "issue", "--next", "2", "--expect", "2", "--secrets-dir", "out", check=0).err
    relay(*words, "--expect", "2", check=0)
    relay(*words, "--expect", "0", check=0)


def test_a_dry_run_runs_no_command(relay, database, tmp_path):
    enlist(relay, tmp_path, 3)
    done = relay.json("migrate-legacy", "issue", "--all", "--deliver", "touch ran", "--dry-run")
    assert done["data"]["issued"] == 3 and not (tmp_path / "ran").exists() and live_keys(database) == {}


# Folders ------------------------------------------------------------------------------------------------------------------

NAMES = {
    "Agent.0000": "Team A",
    "Agent.0001": "team a",
    "Agent.0002": "team-a",
    "Agent.0003": "../../../etc",
    "Agent.0004": "-rf",
    "Agent.0005": "=HYPERLINK(\"http://x\",\"y\")",
    "Agent.0006": "Zoë, \"ops\"",
    "Agent.0007": "ops@example.com",
    "Agent.0008": "ж" * 100,
    "Agent.0009": None,
}


def give_owners(database):
    for agent, owner in NAMES.items():
        database.execute("UPDATE relay.legacy_agents SET owner = %s WHERE agent_id = %s", owner, agent)


def held_in(folder):
    """{agent: key id} of the files in folders; fails if an agent has two."""
    found = {}
    for path in folder.rglob("*"):
        for key in KEY.findall(path.read_bytes()) if path.is_file() and path.suffix in (".key", ".env", ".json") else ():
            agent = path.name.rpartition(".")[0]
            assert agent not in found, f"two files of {agent}"
            found[agent] = key_id(key.decode())
    return found


def test_each_owner_has_a_folder_and_nobody_shares_one(relay, database, tmp_path):
    enlist(relay, tmp_path, 10)
    give_owners(database)
    issue(relay, "--all", "--secrets-dir", "out", "--group-by", "owner", "--secret-format", "env")
    folders = {path.name: sorted(file.name for file in path.iterdir()) for path in (tmp_path / "out").iterdir()}
    assert len(folders) == 10 and all(len(files) == 1 for files in folders.values())
    assert folders["team-a"] == ["Agent.0002.env"] and folders["ops@example.com"] == ["Agent.0007.env"]
    assert folders["_no-owner"] == ["Agent.0009.env"]
    assert len({name.lower() for name in folders}) == 10
    for path in (tmp_path / "out").rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600)
    assert held_in(tmp_path / "out") == live_keys(database)
    assert {path.name for path in tmp_path.iterdir()} == {"agents.csv", "home", "out"}


def test_each_organization_has_a_folder(relay, database, tmp_path):
    enlist(relay, tmp_path, 4)
    (tmp_path / "p.csv").write_text("agent_id,org_id\nother,p\n")
    relay("migrate-legacy", "import", "p.csv", "--create-orgs", check=0)
    relay("migrate-legacy", "start", check=0)
    done = issue(relay, "other", "--secrets-dir", "out", "--group-by", "org")
    assert done["delivered_to"] == "file:out/p/other.key"
    issue(relay, "--all", "--secrets-dir", "out", "--group-by", "org")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"o", "p"}
    assert held_in(tmp_path / "out") == live_keys(database)


@pytest.mark.parametrize("found", ["a symbolic link", "a file", "writable for others"])
def test_a_folder_that_is_not_ours_alone_is_refused(relay, database, tmp_path, found):
    enlist(relay, tmp_path, 6)
    (tmp_path / "out").mkdir(mode=0o700)
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    place = tmp_path / "out" / "team-1"
    if found == "a symbolic link":
        place.symlink_to(tmp_path / "elsewhere")
    elif found == "a file":
        place.write_text("")
    else:
        place.mkdir()
        place.chmod(0o770)
    relay.error("migrate-legacy", "issue", "--all", "--secrets-dir", "out", "--group-by", "owner", check=12)
    assert live_keys(database) == {} and not list((tmp_path / "elsewhere").iterdir())
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"team-1"}, "what was made is taken back"


def test_killed_in_folders_it_converges_and_recover_looks_into_them(relay, database, tmp_path):
    enlist(relay, tmp_path, 120)
    words = ("migrate-legacy", "issue", "--next", "4", "--batch", "4", "--secrets-dir", "out", "--group-by", "owner")
    words = (*words, "--manifest", "issued.csv")
    tracer = Tracer()
    _, calls = tracer.record(lambda prefix: relay.with_(prefix=prefix)(*words))
    points = tracer.points(calls, names=("write", "fsync", "linkat", "unlinkat", "sendto", "mkdirat", "renameat"))
    chosen = sampling.sample("kill -9: issue in groups", points, lambda point: [point.name], times=2, full=False)  # the list must last
    reached = 0
    for number, point in enumerate(chosen):
        _, happened = tracer.inject(lambda prefix: relay.with_(prefix=prefix)(*words), point.kill())
        reached += happened
        lost = set(live_keys(database).values()) - {key_id(key) for key in on_disk(tmp_path)}
        assert not lost, f"{point}: live keys that nobody holds: {lost}"
        if number % 2:
            relay("recover", "--dir", "out", check=0)
            assert not list((tmp_path / "out").rglob("*.new"))
    assert reached >= 0.75 * len(chosen)
    issue(relay, *words[2:-2], "--manifest", "issued.csv", check=0)
    issue(relay, "--all", *words[6:])
    assert held_in(tmp_path / "out") == live_keys(database) and len(live_keys(database)) == 120
    assert not [path for path in (tmp_path / "out").rglob("*") if path.suffix == ".new"]
    rows = read_manifest(tmp_path / "issued.csv")
    assert {row["agent_id"]: row["key_id"] for row in rows} == live_keys(database) and len(rows) == 120


# The manifest -------------------------------------------------------------------------------------------------------------


def read_manifest(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_manifest_lists_each_key_once_and_no_secret(relay, database, tmp_path):
    enlist(relay, tmp_path, 10)
    give_owners(database)
    relay("rotate-key", "Agent.0001", "--secret-file", "by-hand", check=0)
    sink = ("--secrets-dir", "out", "--group-by", "owner", "--manifest", "out/issued.csv")
    assert issue(relay, "--next", "4", *sink)["manifest"] == "out/issued.csv"
    assert len(read_manifest(tmp_path / "out/issued.csv")) == 5
    issue(relay, "--all", *sink)
    path = tmp_path / "out/issued.csv"
    assert path.stat().st_mode & 0o777 == 0o600 and not KEY.search(path.read_bytes())
    rows = {row["agent_id"]: row for row in read_manifest(path)}
    assert {agent: row["key_id"] for agent, row in rows.items()} == live_keys(database) and len(rows) == 10
    for agent, row in rows.items():
        defused = "'" if (NAMES[agent] or "").startswith(("=", "-")) else ""
        assert row["owner"] == defused + (NAMES[agent] or "") and (row["org_id"], row["wave"]) == ("o", "1")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", row["issued_at"])
        if agent == "Agent.0001":
            assert row["file"] == ""
        else:
            assert row["key_id"] in (tmp_path / "out" / row["file"]).read_text()
    before = path.read_bytes()
    path.unlink()
    again = relay.json("migrate-legacy", "issue", "--all", *sink)
    assert not again["changed"] and path.read_bytes() == before
    path.chmod(0o640)
    issue(relay, "--all", "--deliver", "false", "--manifest", "out/issued.csv")
    assert path.stat().st_mode & 0o777 == 0o640 and len(read_manifest(path)) == 10


def test_the_manifest_of_an_organization(relay, database, tmp_path):
    enlist(relay, tmp_path, 3)
    (tmp_path / "p.csv").write_text("agent_id,org_id\nother,p\n")
    relay("migrate-legacy", "import", "p.csv", "--create-orgs", check=0)
    relay("migrate-legacy", "start", check=0)
    issue(relay, "--all", "--secret-file", "keys", "--secret-format", "json")
    issue(relay, "--all", "--org", "p", "--deliver", "false", "--manifest", "p-issued.csv")
    assert [row["agent_id"] for row in read_manifest(tmp_path / "p-issued.csv")] == ["other"]


@pytest.mark.parametrize("found", ["somebody's file", "a folder", "a symbolic link"])
def test_what_is_no_manifest_is_left_alone(relay, database, tmp_path, found):
    enlist(relay, tmp_path, 2)
    path = tmp_path / "issued.csv"
    if found == "a folder":
        path.mkdir()
    elif found == "a symbolic link":
        (tmp_path / "target").write_text("agent_id,org_id,owner,wave,key_id,issued_at,file\n")
        path.symlink_to("target")
    else:
        path.write_text("agent_id,precious\n")
    relay.error("migrate-legacy", "issue", "--all", "--secrets-dir", "out", "--manifest", "issued.csv", check=12)
    assert live_keys(database) == {} and not (tmp_path / "out").exists()


def test_keys_whose_manifest_cannot_be_written_are_issued_all_the_same(relay, database, tmp_path):
    enlist(relay, tmp_path, 2)
    (tmp_path / "m").mkdir()
    words = ("--all", "--manifest", "m/issued.csv", "--deliver", "cat > got; rm -rf m; touch m")
    done = relay.json("migrate-legacy", "issue", *words, check=7)
    assert done["data"]["issued"] == 2 and done["data"]["manifest"] is None
    assert "the manifest was not written" in done["warnings"][0]


def test_a_run_that_fails_half_way_leaves_the_manifest_of_what_is_done(relay, database, tmp_path):
    enlist(relay, tmp_path, 9)
    (tmp_path / "out").mkdir(mode=0o700)
    (tmp_path / "out" / "Agent.0005.key").write_text("in the way")
    relay.error("migrate-legacy", "issue", "--all", "--batch", "3", "--secrets-dir", "out", "--manifest", "m.csv", check=12)
    rows = read_manifest(tmp_path / "m.csv")
    assert {row["agent_id"]: row["key_id"] for row in rows} == live_keys(database) and len(rows) == 3
    relay.json("migrate-legacy", "issue", "--all", "--secrets-dir", "other", "--manifest", "m.csv", "--dry-run")
    assert len(read_manifest(tmp_path / "m.csv")) == 3

"""migrate-legacy issue --deliver: a command takes each key. And the counts and flags of issue."""

import base64
import json
import os
import re
import signal
import time

import pytest

from support.agents import decide, digest, key_id
from support.legacy_issue import KEY, enlist, issue, live_keys
from support.legacy_seal import OWNERS, write_seal_keys
from support.processes import at_once, is_alive, wait_until
from support.store import PUT_AND_FAIL, pass_time, states, use

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
def test_an_agent_whose_command_fails_keeps_a_staged_key_and_the_others_are_issued(relay, database, tmp_path, got, fault):
    enlist(relay, tmp_path, 6)
    command = f'case $RELAY_AGENT_ID in Agent.0002) {fault};; *) {RECEIVER};; esac'
    words = ("--all", "--deliver-timeout", "5s", "--deliver-jobs", "3")
    done = issue(relay, *words, "--deliver", command, check=7)
    assert (done["issued"], done["waiting"]) == (5, 1)
    assert done["faults"] == [{"agent_id": "Agent.0002", "reason": "the command did not deliver: " + FAILURES[fault]}]
    assert states(database, "Agent.0002") == ["staged"] and "Agent.0002" not in live_keys(database)
    assert_each_holds_its_own(database, got())
    if "sleep" not in fault:
        assert issue(relay, *words, "--deliver", RECEIVER)["issued"] == 0  # another run may be delivering it
    pass_time(database, minutes=2)
    assert issue(relay, *words, "--deliver", RECEIVER)["issued"] == 1
    assert states(database, "Agent.0002") == ["staged", "active"]  # the first may still arrive
    assert_each_holds_its_own(database, got())


def test_while_a_key_is_being_delivered_its_agent_does_not_count_as_done(relay, database, tmp_path, got):
    enlist(relay, tmp_path, 2)
    issue(relay, "Agent.0000", "--deliver", "exit 3", check=7)
    done = issue(relay, "Agent.0000", "--deliver", RECEIVER, check=7)
    assert (done["issued"], done["unchanged"]) == (0, []) and got() == {}
    (fault,) = done["faults"]
    assert re.fullmatch(r"its key is being delivered until \S+Z; run it again then", fault["reason"])
    for issued in (1, 0):
        result = relay("migrate-legacy", "issue", "--all", "--deliver", RECEIVER, "-o", "json", check=0)
        document = json.loads(result.out)
        assert (document["data"]["issued"], document["data"]["waiting"]) == (issued, 1)
        assert "1 agent of the list cannot get a key before" in document["warnings"][0]
        assert "every requested agent already has its own key" not in result.err
    pass_time(database, minutes=2)
    assert issue(relay, "Agent.0000", "--deliver", RECEIVER)["issued"] == 1
    result = relay("migrate-legacy", "issue", "--all", "--deliver", RECEIVER, check=0)
    assert "every requested agent already has its own key" in result.err


def test_a_named_agent_that_another_run_takes_meanwhile_does_not_count_as_done(relay, database, tmp_path):
    enlist(relay, tmp_path, 2)
    waits = 'case $RELAY_AGENT_ID in Agent.0000) touch started; while ! [ -e go ]; do sleep 0.05; done;; esac; cat > /dev/null; exit 3'
    process = relay.start("migrate-legacy", "issue", "Agent.0000", "Agent.0001", "--deliver", waits, "-o", "json")
    wait_for(tmp_path / "started")
    issue(relay, "Agent.0001", "--deliver", "exit 3", check=7)
    (tmp_path / "go").touch()
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 7
    first, second = json.loads(out)["data"]["faults"]
    assert "did not deliver" in first["reason"] and "is being delivered until" in second["reason"]


def test_what_was_confirmed_counts_though_the_next_delivery_fails(relay, database, tmp_path, got):
    enlist(relay, tmp_path, 40)
    command = f"case $RELAY_AGENT_ID in Agent.000*|Agent.001*) {RECEIVER};; *) exit 3;; esac"
    error = relay.error("migrate-legacy", "issue", "--all", "--deliver", command, "--deliver-jobs", "20", check=12)
    assert "20 keys were issued before it" in error["message"] and error["changed"] == "partly"
    assert len(live_keys(database)) == 20
    assert_each_holds_its_own(database, got())


def test_a_confirmation_that_fails_is_reported_as_such(relay, database, tmp_path, got):
    enlist(relay, tmp_path, 1)
    database.execute("ALTER TABLE relay.agent_keys ADD CONSTRAINT none_active CHECK (state <> 'active')")
    error = relay.error("migrate-legacy", "issue", "--all", "--deliver", RECEIVER, check=12)
    assert "are not confirmed; all keys that may have arrived work; run it again" in error["message"]
    assert error["changed"] == "partly" and use(database, got()["Agent.0000"]) == "ok"


def test_no_command_starts_after_its_deadline(relay, database, tmp_path):
    enlist(relay, tmp_path, 1)
    database.execute(
        "CREATE FUNCTION public.be_slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(3); RETURN NULL; END $$;"
        "CREATE CONSTRAINT TRIGGER be_slow AFTER INSERT ON relay.agent_keys DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION public.be_slow()"
    )
    done = issue(relay, "--all", "--deliver", "touch started; cat > /dev/null", "--deliver-timeout", "1s", check=7)
    assert done["faults"][0]["reason"] == "the time for the delivery passed before the command was started"
    assert not (tmp_path / "started").exists() and states(database, "Agent.0000") == ["staged"]


def test_an_imported_agent_with_an_unconfirmed_key_gets_one(relay, database, tmp_path, got):
    relay("org", "create", "o", "--name", "O", check=0)
    relay("agent", "create", "bot", "--org", "o", "--name", "Bot", "--deliver", "exit 3", check=12)
    (tmp_path / "agents.csv").write_text("agent_id,org_id,name\nbot,o,Bot\n")
    relay("migrate-legacy", "import", "agents.csv", check=0)
    relay("migrate-legacy", "start", "--deadline", "14d", "--yes", check=0)
    pass_time(database, minutes=2)
    assert issue(relay, "--all", "--deliver", RECEIVER)["issued"] == 1
    assert key_id(got()["bot"]) == live_keys(database)["bot"]


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
    assert error["changed"] == "partly" and live_keys(database) == {}
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


def test_killed_in_the_middle_of_deliveries_what_each_holds_works(relay, database, tmp_path, got):
    enlist(relay, tmp_path, 60)
    words = ("migrate-legacy", "issue", "--all", "--deliver", "sleep 0.03; " + RECEIVER, "--deliver-jobs", "3")
    killed = 0
    for number in range(5):
        process = relay.start(*words)
        time.sleep(0.05 + 0.08 * number)
        process.kill()
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
        refused = [agent for agent, key in got().items() if decide(database, key) != "ok"]
        assert not refused, f"agents whose receiver holds a key that does not work: {refused}"
        pass_time(database, minutes=2)
    assert killed > 2
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
    assert process.returncode == (-how if how == signal.SIGKILL else 12)
    pid = int((tmp_path / "pid").read_text())
    wait_until(lambda: not is_alive(pid), what="the command to end, too")
    assert states(database, "Agent.0000") == ["staged"] and live_keys(database) == {}


def test_when_the_commit_fails_the_confirmation_is_tried_again(relay, database, tmp_path, got):
    enlist(relay, tmp_path, 3)
    database.execute(
        "CREATE SEQUENCE public.tries; GRANT ALL ON public.tries TO PUBLIC;"
        "CREATE FUNCTION public.fail_at_first() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        "  IF nextval('public.tries') = 1 THEN RAISE EXCEPTION 'again' USING ERRCODE = 'serialization_failure'; END IF;"
        "  RETURN NULL; END $$;"
        "CREATE CONSTRAINT TRIGGER fail_at_first AFTER UPDATE ON relay.agent_keys DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION public.fail_at_first()"
    )
    assert issue(relay, "--all", "--deliver", RECEIVER)["issued"] == 3
    assert_each_holds_its_own(database, got())


def test_no_transaction_is_open_while_the_command_runs(relay, database, tmp_path, got):
    enlist(relay, tmp_path, 1)
    process = relay.start("migrate-legacy", "issue", "--all", "--deliver", "touch started; while ! [ -e go ]; do sleep 0.05; done; " + RECEIVER)
    wait_for(tmp_path / "started")
    open_ones = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'relay-admin' AND state LIKE '%%transaction%%'"
    assert database.value(open_ones) == 0
    assert issue(relay, "--all", "--deliver", "exit 1")["issued"] == 0  # another run leaves this agent alone
    (tmp_path / "go").touch()
    assert process.wait(60) == 0
    process.communicate()
    assert_each_holds_its_own(database, got())


def test_an_agent_that_uses_its_staged_key_leaves_the_list(relay, database, tmp_path):
    enlist(relay, tmp_path, 1)
    issue(relay, "--all", "--deliver", PUT_AND_FAIL, check=7)
    pass_time(database, minutes=2)
    assert use(database, (tmp_path / "store").read_text()) == "ok"
    assert database.value("SELECT (relay_api.authenticate_legacy('Agent.0000', 'o', '10.0.0.1')).ok") is False
    assert issue(relay, "--all", "--deliver", "exit 1")["issued"] == 0
    relay("rotate-key", "Agent.0000", "--deliver", "exit 1", "--if-older-than", "80d", check=0)
    assert states(database, "Agent.0000") == ["active"]


# Flags that fit together --------------------------------------------------------------------------------------------------


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
        ("--deliver", "cat", "--settle", "25h"),
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


def test_the_store_is_asked_what_it_holds_and_a_command_runs_after(relay, database, tmp_path, got):
    enlist(relay, tmp_path, 3)
    read_back = 'cat "got/$RELAY_AGENT_ID" || true'
    done = issue(relay, "--all", "--deliver", "cat > /dev/null", "--read-back", read_back, check=7)
    assert done["issued"] == 0 and {fault["reason"] for fault in done["faults"]} == {"the store does not show its new key"}
    pass_time(database, minutes=2)
    after = 'echo "$RELAY_AGENT_ID" >> after; test "$RELAY_AGENT_ID" != Agent.0001'
    words = ("--deliver", RECEIVER + "; exit 3", "--read-back", read_back, "--after", after)
    result = relay.json("migrate-legacy", "issue", "--all", *words, check=7)
    assert result["data"]["issued"] == 3 and len(result["warnings"]) == 1 and "Agent.0001" in result["warnings"][0]
    assert (tmp_path / "after").read_text().split() == sorted(got())
    assert_each_holds_its_own(database, got())


def test_a_key_of_an_earlier_delivery_that_the_store_shows_is_issued(relay, database, tmp_path, got):
    enlist(relay, tmp_path, 2)
    read_back = 'cat "got/$RELAY_AGENT_ID" || true'
    (tmp_path / "late").mkdir()
    issue(relay, "--all", "--deliver", 'cat > "late/$RELAY_AGENT_ID"', "--read-back", read_back, check=7)
    for arrived in (tmp_path / "late").iterdir():
        arrived.rename(tmp_path / "got" / arrived.name)
    pass_time(database, minutes=2)
    done = issue(relay, "--all", "--deliver", "cat > /dev/null; exit 3", "--read-back", read_back)
    assert done["issued"] == 2
    assert issue(relay, "--all", "--deliver", "exit 3")["issued"] == 0, "none is left in the queue"
    assert_each_holds_its_own(database, got())

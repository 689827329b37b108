"""doctor and the shared secret: the window, the pace, and the relay's own settings, of which no value is ever shown."""

import shlex

import pytest
from support.agents import digest, key_id, read_key
from support.health import assert_found, examine, one
from support.legacy_past import grow_old, rewrite
from support.prepared import prepared

OFF = ("--confirm", "legacy-off")
SWITCH = "ALLOW_LEGACY_GLOBAL_AGENT_SECRET"
END_STATE = f"{SWITCH}=false"


@pytest.fixture
def settings(tmp_path):
    """Writes the relay's settings; returns the flag that names them."""

    def write(text, mode=0o600):
        path = tmp_path / "relay.env"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        return "--env-file", path

    return write


@prepared
def fleet(relay, tmp_path):
    """Three imported agents."""
    (tmp_path / "agents.csv").write_text("agent_id,org_id\n" + "".join(f"agent-{n},o\n" for n in range(3)))
    relay("migrate-legacy", "import", "agents.csv", "--create-orgs", check=0)


@prepared
def window(relay, fleet):
    relay("migrate-legacy", "start", "--deadline", "14d", check=0)


def use_secret(database, agent):
    return database.value("SELECT (relay_api.authenticate_legacy(%s, NULL, '192.0.2.7')).reason", agent)


def use_key(relay, database, tmp_path, agent):
    relay("rotate-key", agent, "--secret-file", tmp_path / agent, check=0)
    key = read_key(tmp_path / agent)
    assert database.value("SELECT (relay_api.authenticate(%s, %s)).reason", key_id(key), digest(key)) == "ok"


def finish(relay, database):
    """With whoever is left, who has been silent for long or was never seen."""
    grow_old(database)
    left = "SELECT count(*) FROM relay.legacy_agent_status WHERE state IN ('listed', 'issued') AND last_seen_at IS NULL"
    relay("migrate-legacy", "finish", "--quiet-for", "1s", "--allow-never-seen", str(database.value(left)), *OFF, check=0)


def expire(database):
    database.execute("UPDATE relay.legacy_migrations SET deadline = now() - interval '1 hour'")


# --- the window


def test_before_it_begins_nothing_is_wrong(relay, fleet):
    assert_found(one(relay, "legacy.window"), "ok", "no window was ever opened")
    assert one(relay, "legacy.pace")["status"] == one(relay, "legacy.refused")["status"] == "ok"


def test_an_open_window_tells_how_long_and_for_whom(relay, database, window):
    item = one(relay, "legacy.window")
    assert_found(item, "ok", "closes in 13 days", "3 agents")
    database.execute("UPDATE relay.legacy_migrations SET deadline = now() + interval '71 hours'")
    assert_found(one(relay, "legacy.window"), "warn", "closes in 2 days", "extend --deadline")


def test_a_window_past_its_date_is_an_error_until_somebody_acts(relay, database, window):
    expire(database)
    assert use_secret(database, "agent-1") == "legacy_closed"
    item = one(relay, "legacy.window")
    assert_found(item, "error", "but not finished", "3 agents still needed it", "extend")
    assert "next: relay-admin migrate-legacy finish\n" in relay("doctor", "legacy.window", check=10).out
    relay(*shlex.split(item["next"])[1:], check=0)
    assert one(relay, "legacy.window")["status"] == "ok"
    expire(database)
    finish(relay, database)
    assert_found(one(relay, "legacy.window"), "ok", "finished")


def test_a_window_that_was_called_off(relay, database, window):
    relay("migrate-legacy", "abort", check=0)
    assert_found(one(relay, "legacy.window"), "warn", "called off", "migrate-legacy start")
    assert "next: relay-admin migrate-legacy abort --deny-all\n" in relay("doctor", "legacy.window", check=0).out
    relay("migrate-legacy", "abort", "--deny-all", *OFF, check=0)
    assert_found(one(relay, "legacy.window"), "ok", "emergency stop")


def test_the_pace_is_held_against_the_deadline(relay, database, window, tmp_path):
    assert_found(one(relay, "legacy.pace"), "ok", "3 agents still to move, and the window was opened")
    rewrite(database, "UPDATE relay.legacy_migrations SET opened_at = now() - interval '73 hours'")
    assert_found(one(relay, "legacy.pace"), "warn", "3 agents still to move, but none has moved")
    rewrite(database, "UPDATE relay.legacy_migrations SET opened_at = now() - interval '1 hour'")
    use_key(relay, database, tmp_path, "agent-0")
    database.execute("UPDATE relay.legacy_migrations SET deadline = now() + interval '30 days'")
    assert_found(one(relay, "legacy.pace"), "ok", "last of 2 agents will have moved by")
    database.execute("UPDATE relay.legacy_migrations SET deadline = now() + interval '10 minutes'")
    assert_found(one(relay, "legacy.pace"), "warn", "after the window closes")
    for agent in ("agent-1", "agent-2"):
        use_key(relay, database, tmp_path, agent)
    assert one(relay, "legacy.pace")["status"] == "ok"
    assert_found(one(relay, "legacy.window"), "ok", "0 agents", "finish")


def test_who_was_refused_is_named(relay, database, window, tmp_path):
    use_key(relay, database, tmp_path, "agent-0")
    assert one(relay, "legacy.refused")["status"] == "ok"
    finish(relay, database)
    assert use_secret(database, "agent-2") == "legacy_closed"
    assert_found(
        one(relay, "legacy.refused"), "warn", "refused 1 agent with the shared secret", "agent-2", "agent show agent-2"
    )
    assert use_secret(database, "stranger") == "legacy_closed"
    # Worse, and reported first: a caller uses the secret as an agent that has left it behind.
    assert use_secret(database, "agent-0") == "legacy_closed"
    item = one(relay, "legacy.refused")
    assert_found(item, "warn", "1 agent with a key in use", "agent-0", "poses")
    relay(*item["next"].split()[1:], check=0)


# --- the relay's settings

STAGES = ("never", "open", "expired", "denied", "finished")
VERDICTS = {
    "true": {"never": "warn", "open": "ok", "expired": "warn", "denied": "error", "finished": "error"},
    "false": {"never": "ok", "open": "error", "expired": "ok", "denied": "ok", "finished": "ok"},
    "perhaps": dict.fromkeys(STAGES, "error"),
    None: dict.fromkeys(STAGES, "warn"),
}


@pytest.mark.parametrize("stage", STAGES)
def test_the_switch_has_to_fit_the_window(relay, database, fleet, settings, stage):
    if stage != "never":
        relay("migrate-legacy", "start", "--deadline", "14d", check=0)
    if stage == "expired":
        expire(database)
    elif stage == "denied":
        relay("migrate-legacy", "abort", "--deny-all", *OFF, check=0)
    elif stage == "finished":
        finish(relay, database)
    for value, verdicts in VERDICTS.items():
        flag = settings("" if value is None else f"{SWITCH}={value}\n")
        items = examine(relay, "legacy.fallback", "legacy.secret", *flag)
        item = items["legacy.fallback"]
        told = relay("doctor", "legacy.fallback", *flag).out
        assert_found(item, verdicts[stage])
        wanted = f"{SWITCH}=true" if stage == "open" else END_STATE
        assert value == "false" and stage != "open" or item["status"] == "ok" or wanted in told, item
        assert "perhaps" not in str(items)


def test_when_nobody_is_left_the_switch_may_go_before_the_window(relay, database, window, settings, tmp_path):
    for agent in ("agent-0", "agent-1", "agent-2"):
        use_key(relay, database, tmp_path, agent)
    assert_found(one(relay, "legacy.fallback", flags=settings(END_STATE)), "ok", "the end state")


def test_the_secret_itself_goes_last(relay, database, window, settings):
    flag = settings(f"{SWITCH}=true\nAGENT_SECRET=geheim\n")
    assert_found(one(relay, "legacy.secret", flags=flag), "ok", "is set")
    finish(relay, database)
    assert_found(one(relay, "legacy.secret", flags=flag), "warn", "remove AGENT_SECRET from")
    assert_found(one(relay, "legacy.secret", flags=settings(f"{END_STATE}\nAGENT_SECRET=\n")), "ok", "not in")


SPELLINGS = [
    "{0}=true", "{0}=TRUE", "{0}=1", "{0}=yes", "{0}=On", "export {0}=true", "export\t{0}='true'", '{0}="true"', "  {0}=true  ",
    "{0}=false\n{0}=true", "{0}=true # until december", "\ufeff{0}=true", "{0}=true\r\nB=c\r", "# {0}=false\n;{0}=false\n{0}=true",
    "PEM='-----BEGIN\n{0}=false\n-----END'\n{0}=true", 'A="say \\"hi\\"\n{0}=false"\n{0}=true', "A=b\\\n{0}=false\n{0}=true",
    "X_{0}=false\n{0}=true\n{0}X=false",
]  # fmt: skip


def test_the_spellings_of_systemd_docker_and_the_shell_are_read(relay, window, settings):
    for text in SPELLINGS:
        flag = settings(text.format(SWITCH) + "\n")
        items = examine(relay, "legacy.fallback", "legacy.env_file", *flag)
        assert items["legacy.fallback"]["message"].startswith(f"{SWITCH} is on"), (text, items)
        assert items["legacy.env_file"]["status"] == "ok", (text, items)


def test_who_can_read_or_change_the_file(relay, settings):
    for mode, status, words in (
        (0o600, "ok", "1 setting"), (0o640, "ok", "1 setting"), (0o644, "warn", "every user"), (0o620, "error", "change"),
        (0o602, "error", "change"),
    ):  # fmt: skip
        flag = settings(END_STATE, mode)
        assert_found(one(relay, "legacy.env_file", flags=flag), status, words, "" if status == "ok" else "chmod 600")


def test_a_pipe_will_do(relay, window, tmp_path):
    for path in ("-", "/dev/stdin"):
        items = examine(relay, "legacy", "--env-file", path, stdin=f"{SWITCH}=true\n")
        assert items["legacy.env_file"]["status"] == items["legacy.fallback"]["status"] == "ok"


def test_it_needs_no_database(relay, settings):
    flag = settings(f"{SWITCH}=true\nnonsense\n", 0o644)
    items = examine(relay.with_(dsn="host=/nowhere"), *flag, check=10)
    assert items["legacy.env_file"]["status"] == "warn"
    assert_found(items["legacy.fallback"], "skipped", "db.connection")


def test_a_file_that_is_none(relay, tmp_path):
    assert "--env-file" in relay.error("doctor", "--env-file", "not-there", check=2)["message"]
    (tmp_path / "long").write_bytes(b"A=b\n" * 300_000)
    assert "1 MiB" in relay.error("doctor", "--env-file", "long", check=2)["message"]
    relay.error("doctor", "--env-file", tmp_path, check=2)


LEAKY = b"""AGENT_SECRET=s3cr3t-one
export AGENT_SECRET="s3cr3t-two"
ALLOW_LEGACY_GLOBAL_AGENT_SECRET=s3cr3t-three
s3cr3t-four
s3cr3t five = six
=s3cr3t-six
AGENT_SECRET s3cr3t-seven
if [ s3cr3t-eight ]; then
OTHER='s3cr3t-nine
s3cr3t-ten'
\xff\xfes3cr3t-eleven\x00s3cr3t-twelve
\x1b[2Js3cr3t-thirteen
DATABASE_URL=postgresql://u:s3cr3t-fourteen@h/x
AGENT_SECRET="s3cr3t-fifteen never closed
"""


@pytest.mark.parametrize("stage", ["open", "finished", "unreachable"])
def test_no_value_gets_out(relay, database, window, settings, stage):
    """The value is in no format, with or without -v; of lines that cannot be read, only the number is shown."""
    flag = settings(LEAKY, 0o644)
    if stage == "finished":
        finish(relay, database)
    runner = relay.with_(dsn="host=/nowhere") if stage == "unreachable" else relay
    for form in ("table", "json", "jsonl", "csv", "id"):
        result = runner("doctor", *flag, "-v", "-o", form)
        assert result.code == 10
        assert "s3cr3t" not in result.out + result.err and "\\xff" not in result.out
    settings(LEAKY)
    assert_found(one(runner, "legacy.env_file", flags=flag) if stage != "unreachable" else
                 examine(runner, "legacy.env_file", *flag)["legacy.env_file"], "warn", "lines are not NAME=VALUE", "line 4")  # fmt: skip

"""`relay-admin __complete`: the words that may come next on a command line, from the command tree and from the
database."""

import os
import socket
import stat
import time

import pytest
from support.cluster import Cluster, free_port
from support.database import Database
from support.fleets import HOSTILE_NAME, TRIES, Fleet
from support.proxy import Fault, Proxy
from support.relay import Runner, finish_terminal
from support.shells import start_of_program

PROGRAM = "dev"  # the line of a shell is hostile input

# How long a person waits after Tab, and a little more, because the start of the program is counted separately.
PATIENCE = 0.45


@pytest.fixture(scope="module")
def fleet(cluster, tmp_path_factory):
    made = Fleet(cluster, tmp_path_factory.mktemp("home"))
    yield made
    made.database.drop()


def timed(call, *words, wanted=lambda result: True, **options):
    """Returns the result, and how long it took beyond the start of the program: the best of several runs, because the
    machine may be busy."""
    for _ in range(TRIES):
        start = start_of_program("/nonexistent")
        began = time.monotonic()
        result = call(*words, **options)
        took = time.monotonic() - began - start
        if took < PATIENCE and wanted(result):
            break
    return result, took


# --- commands, flags, choices


def test_commands_come_with_their_summaries(fleet):
    assert fleet.complete("").keys() >= {"org", "agent", "rotate-key", "block", "completion"}
    assert "__complete" not in fleet.complete("")
    assert fleet.complete("unb") == {"unblock": "unblock agents, or everything blocked under a ticket"}
    assert list(fleet.complete("key", "")) == ["due", "list", "retire", "show", "verify", "wait"]
    assert fleet.complete("help", "agent", "ro").keys() == {"rotate-key"}
    assert fleet.complete("nonsense", "") == {}


def test_flags_that_are_given_are_not_offered_again(fleet):
    first = fleet.complete("agent", "create", "--")
    assert {"--org", "--org-id", "--permissions", "--dsn"} <= first.keys() and "-d" not in first
    later = fleet.complete("agent", "create", "--org", "acme-corp", "--permissions", "a:b", "--dry-run", "--")
    assert first.keys() - later.keys() == {"--org", "--org-id", "--dry-run"}
    assert "-o" in fleet.complete("org", "list", "-") and "--org" not in fleet.complete("--")


@pytest.mark.parametrize(
    "words, offered",
    [
        (["--output", "j"], {"json", "jsonl"}),
        (["--output=j"], {"json", "jsonl"}),
        (["-o", "c"], {"csv"}),
        (["-yno", "t"], {"table"}),
        (["-o", "json", "key", "li"], {"list"}),
        (["--color=never", "agent", "list", "--state", ""], {"active", "blocked", "revoked", "surplus"}),
        (["completion", ""], {"bash", "zsh", "fish"}),
        (["doctor", "schema"], {"schema.version", "schema.drift"}),
        (["doctor", "schema.drift", "schema"], {"schema.version"}),
        (["block", "--reason", "--"], set()),
        (["block", "--", "--"], set()),
        (["block", "--until", ""], set()),
        (["agent", "create", ""], set()),  # the id of a new object
        (["agent", "create", "--id", ""], set()),
        (["block", "--org", "acme-corp", "--confirm", ""], set()),  # to be typed by a person
        (["--dry-run=", ""], {"org"}),
    ],
)
def test_words_and_values(fleet, words, offered):
    found = fleet.complete(*words).keys()
    assert offered <= found if words[0] == "--dry-run=" else found == offered


# --- ids


def test_ids_come_with_what_tells_them_apart(fleet):
    assert fleet.complete("org", "show", "acme") == {"acme-corp": 'Acme: the "Corp"', "acme-labs": "Acme Labs"}
    found = fleet.complete("agent", "show", "pay-")
    assert found == {"pay-bot": f"{HOSTILE_NAME} (acme-corp)", "pay-desk": "Pay Desk (acme-corp)"}
    assert fleet.complete("agent", "show", "d") == {"dead-bot": "Dead Bot (acme-labs), revoked"}
    key = fleet.keys["mail-bot"]
    assert fleet.complete("key", "show", key[:11])[key].startswith("Mail Bot (mail-bot), active since 20")


def test_nothing_that_is_typed_is_a_pattern(fleet):
    for pattern in ("%", "_", "pay_", "p%", "*", "pay-bot'", "\\", "pay-bot; DROP"):
        assert fleet.complete("agent", "show", pattern) == {}


@pytest.mark.parametrize(
    "words, agents",
    [
        (["block"], {"pay-bot", "pay-desk", "mail-bot"}),
        (["unblock"], {"shut-bot"}),
        (["restore"], {"dead-bot"}),
        (["revoke"], {"pay-bot", "pay-desk", "mail-bot", "shut-bot"}),
        (["rotate-key"], {"pay-bot", "pay-desk", "mail-bot", "shut-bot"}),
        (["agent", "rotate-key", "--agent-id"], {"pay-bot", "pay-desk", "mail-bot", "shut-bot"}),
        (["agent", "show"], {"pay-bot", "pay-desk", "mail-bot", "shut-bot", "dead-bot"}),
        (["block", "pay-bot", "mail-bot"], {"pay-desk"}),  # those given are not offered again
        (["agent", "show", "pay-bot"], set()),  # it takes one
        (["--org", "x", "unblock"], set()),
    ],
)
def test_a_command_is_offered_what_it_would_not_refuse(fleet, words, agents):
    assert fleet.complete(*words, "").keys() == agents


def test_an_organization_on_the_line_narrows_agents_and_keys(fleet):
    assert fleet.complete("key", "list", "--org", "acme-labs", "--agent", "").keys() == {"mail-bot", "dead-bot"}
    assert fleet.complete("key", "list", "--org=acme-corp", "--agent=pay-").keys() == {"pay-bot", "pay-desk"}
    assert fleet.complete("block", "--org", "zeta", "") == {}


def test_keys_that_live_are_offered_to_be_ended(fleet):
    live = {fleet.keys[agent] for agent in ("pay-bot", "pay-desk", "mail-bot", "shut-bot")}
    assert fleet.complete("key", "retire", "").keys() == live
    assert fleet.complete("key", "show", "").keys() == live | {fleet.keys["dead-bot"]}
    first, second = fleet.keys["pay-bot"], fleet.keys["pay-desk"]
    found = fleet.complete("revoke", "--key", f"{first},").keys()
    assert found == {f"{first},{other}" for other in live - {first}}
    assert fleet.complete("revoke", "--key", first, "--key", "").keys() == live - {first}
    assert second in fleet.complete("revoke", "--key", second[:4])


def test_an_org_that_is_blocked_is_offered_to_unblock(fleet):
    fleet.relay("block", "--org", "zeta", "--confirm", "zeta", "--ticket", "INC-7", check=0)
    try:
        (meaning,) = fleet.complete("unblock", "--org", "").values()
        assert meaning.startswith("Zeta, blocked since 20") and meaning.endswith(", INC-7")
        assert fleet.complete("block", "--org", "").keys() == {"acme-corp", "acme-labs"}
    finally:
        fleet.relay("unblock", "--org", "zeta", "--yes", check=0)


def test_an_id_that_nobody_knows_can_be_unblocked_but_not_restored(fleet):
    fleet.relay("block", "ghost", "--force", check=0)
    fleet.relay("revoke", "ghoul", "--force", check=0)
    try:
        assert fleet.complete("unblock", "gh").keys() == {"ghost"}
        assert fleet.complete("restore", "gh") == {}
    finally:
        fleet.relay("unblock", "ghost", "--yes")


def test_hostile_names_are_escaped(cluster, database, home, tmp_path):
    relay = Runner(dsn=database.dsn(), home=home, cwd=tmp_path)
    relay("org", "create", "acme", "--name", "x", check=0)
    checks = "SELECT conname FROM pg_constraint WHERE conrelid = 'relay.organizations'::regclass AND contype = 'c'"
    for row in database.rows(checks):
        database.execute(f"ALTER TABLE relay.organizations DROP CONSTRAINT {row['conname']}")
    database.execute("UPDATE relay.organizations SET name = E'\\x1b[31m\\tred\\nnew\\u202e\\u0085'")
    database.execute("INSERT INTO relay.organizations (org_id, name, created_by) VALUES ('-rf', 'x', 'x'), ('a b', 'x', 'x')")
    result = relay("__complete", "org", "show", "", check=0)
    assert result.out == "acme\t\\x1b[31m\\x09red\\x0anew\\u202e\\u0085\n"


def test_a_key_that_was_pasted_never_reaches_the_server(tmp_path):
    with Cluster(log_statements=True) as cluster:
        fleet = Fleet(cluster, tmp_path)
        key = (tmp_path / "pay-bot.key").read_text().strip()
        before = len(cluster.log())
        fleet.complete("unblock", "")
        assert len(cluster.log()) > before, "the log shows nothing at all"
        for word in (key, key[:30], key.upper(), key + "x"):
            for words in (["key", "show"], ["agent", "show"], ["block", "--org"], ["revoke", "--key"], ["block", word]):
                fleet.complete(*words, word)
        assert key[21:29] not in cluster.log() and key[21:29].upper() not in cluster.log()


# --- which database, and what it may do


def test_the_line_says_which_database(fleet, tmp_path, home):
    nowhere = fleet.relay.with_(dsn="host=/nowhere")
    dsn = fleet.database.dsn()
    assert fleet.complete("org", "show", "z", relay=nowhere) == {}
    assert fleet.complete("--dsn", dsn, "org", "show", "z", relay=nowhere).keys() == {"zeta"}
    assert fleet.complete("org", "show", f"--dsn={dsn}", "z", relay=nowhere).keys() == {"zeta"}
    (fleet.home / "dsn").write_text(dsn)
    os.chmod(fleet.home / "dsn", stat.S_IRUSR)
    assert fleet.complete("org", "--dsn-file", "~/dsn", "show", "z", relay=nowhere).keys() == {"zeta"}
    (fleet.home / "services").write_text("[mine]\n" + "\n".join(dsn.split()) + "\n")
    services = {"PGSERVICEFILE": fleet.home / "services"}
    assert fleet.complete("--service", "mine", "org", "show", "z", relay=nowhere, env=services).keys() == {"zeta"}


def test_no_sandbox_is_started(fleet, open_folder):
    for state in (open_folder / "state", "state", "/dev/null"):  # one that could be, and two that are refused
        env = {"HOME": open_folder, "XDG_STATE_HOME": state, "RELAY_ADMIN_DSN": None}
        assert fleet.complete("--sandbox", "org", "show", "", env=env) == {}
        assert list(open_folder.iterdir()) == []


def test_it_reads_in_a_transaction_that_can_do_nothing_else_and_ends_soon(fleet, cluster):
    """A view in the place of the table shows how it is queried."""
    spy = Database(cluster)
    settings = [f"current_setting('{name}')" for name in ("transaction_read_only", "statement_timeout", "search_path")]
    spy.execute("CREATE SCHEMA relay")
    spy.execute(f"CREATE VIEW relay.organizations AS SELECT 'spy' AS org_id, concat_ws(' ', {', '.join(settings)}) AS name")
    spy.execute("CREATE TABLE relay.standing_revocations (subject_kind text, subject_id text, kind text)")
    spy.execute(f"ALTER DATABASE {spy.name} SET statement_timeout = '1h'")
    found = fleet.complete("org", "show", "", relay=fleet.relay.with_(dsn=spy.dsn()))
    assert found == {"spy": "on 300ms pg_catalog, pg_temp"}
    spy.drop()


# --- within its time, without a word


def silent_tcp():
    """A port that accepts connections and never answers."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(8)
    return listener


def test_a_server_that_takes_the_connection_and_stays_silent(fleet):
    with silent_tcp() as listener:
        port = listener.getsockname()[1]
        for dsn in (f"host=127.0.0.1 port={port} sslmode=disable", f"host=127.0.0.1,127.0.0.1 port={port},{port}"):
            found, took = timed(fleet.complete, "unblock", "", once=True, relay=fleet.relay.with_(dsn=dsn))
            assert found == {} and took < PATIENCE


@pytest.mark.parametrize("number", [1, 2, 3, 5, 8, 13])
def test_a_server_that_falls_silent_later(fleet, cluster, number):
    with Proxy(cluster.socket_path, Fault("swallow", direction="B", number=number, connection=None)) as proxy:
        dsn = proxy.dsn(fleet.database)
        found, took = timed(fleet.complete, "unblock", "", once=True, relay=fleet.relay.with_(dsn=dsn))
        assert took < PATIENCE and (found == {} or number > 8)


def test_a_table_that_is_locked(fleet):
    with fleet.database.connect() as blocker, blocker.cursor() as cursor:
        cursor.execute("BEGIN; LOCK TABLE relay.agents IN ACCESS EXCLUSIVE MODE")
        found, took = timed(fleet.complete, "agent", "show", "", once=True)
        assert found == {} and took < PATIENCE
        cursor.execute("ROLLBACK")


def test_what_libpq_cannot_interrupt_ends_as_well(fleet, home):
    """Opening this password file never ends. It represents every blocking call inside libpq, such as DNS."""
    os.mkfifo(home / "pgpass")
    env = {"PGPASSFILE": home / "pgpass"}
    dsn = f"host=127.0.0.1 port={free_port()} dbname=x user=y sslmode=disable"
    os.mkfifo(home / "dsn")
    for words in (["org", "show", ""], ["--dsn-file", home / "dsn", "org", "show", ""]):
        result, took = timed(fleet.relay.with_(dsn=dsn), "__complete", *words, env=env)
        assert (result.code, result.out, result.err) == (0, "", "") and took < PATIENCE


@pytest.mark.parametrize(
    "dsn, env",
    [
        ("host=/nowhere", {}),
        ("host=127.0.0.1 port=1", {}),
        ("not a conninfo", {}),
        ("postgresql://u:sec%ret@h/x", {}),
        ("service=none", {}),
        ("host=/nowhere", {"PGSSLMODE": "bogus", "PGOPTIONS": "-c x"}),
    ],
)
def test_what_goes_wrong_is_silent(fleet, dsn, env):
    assert fleet.complete("org", "show", "", relay=fleet.relay.with_(dsn=dsn), env=env) == {}


def test_a_server_that_wants_a_password_gets_none_and_nobody_is_asked(tmp_path):
    with Cluster(hba=("local all asked scram-sha-256",)) as cluster:
        Database(cluster).execute("CREATE ROLE asked LOGIN PASSWORD 'x'")
        dsn = f"host={cluster.host} port={cluster.port} user=asked dbname=postgres"
        session = Runner(dsn=dsn, home=tmp_path).terminal("__complete", "org", "show", "")
        assert finish_terminal(session) == (0, "")


def test_a_password_file_that_others_may_read_is_no_word_on_the_terminal(fleet, home):
    (home / "pgpass").write_text("*:*:*:*:x\n")
    os.chmod(home / "pgpass", 0o644)
    assert "zeta" in fleet.complete("org", "show", "", env={"PGPASSFILE": home / "pgpass"})


def test_bad_bytes_and_no_words_at_all(fleet):
    assert fleet.relay("__complete", check=0).out.startswith("agent\t")
    assert fleet.relay("__complete", b"\xff\xfe", check=0).out == ""


def test_two_hundred_are_enough(cluster, tmp_path):
    many = Fleet(cluster, tmp_path)
    many.database.execute(
        "INSERT INTO relay.agents (agent_id, org_id, name, permissions, created_by)"
        " SELECT 'mass-' || lpad(n::text, 6, '0'), 'zeta', 'Mass', '[]', 'x' FROM generate_series(1, 30000) AS n"
    )
    many.database.execute("ANALYZE")
    for words in (["agent", "show"], ["block"], ["key", "list", "--org", "zeta", "--agent"]):
        found, took = timed(many.complete, *words, "mass-0", once=True, wanted=bool)
        assert len(found) == 200 and min(found) == "mass-000001" and took < PATIENCE
    assert many.complete("unblock", "").keys() == {"shut-bot"}
    many.database.drop()

"""Lists of any length: bounded memory, no time-out while rows arrive, and no list that only looks complete."""

import csv
import io
import json
import os
import signal
import time

import pytest
from support.database import Database, make_template
from support.pooler import PgBouncer
from support.processes import peak_memory, wait_until
from support.relay import Runner
from support.tmux import terminal

SECONDS = 120

ROWS = 40_150  # kept in memory, each would take 2 KB; the last page is not full
MOST_MEMORY = 16  # MiB
LONG_NAME = "A name that is much longer than all names before it, which are in the first thousand rows"

FILL = """
INSERT INTO relay.organizations (org_id, name, plan, created_by)
SELECT 'org-' || n, 'Org ' || n, 'paid', 't' FROM generate_series(1, 100) AS n;
SET session_replication_role = replica;  -- no triggers
INSERT INTO relay.agents (agent_id, org_id, name, permissions, created_by)
SELECT 'agent-' || to_char(n, 'FM000000'), 'org-' || n %% 100 + 1, CASE WHEN n = 1500 THEN %s ELSE 'Agent ' || n END,
       '["stripe:create_payment", "mail:send"]', 't'
FROM generate_series(1, %s) AS n;
RESET session_replication_role;
ANALYZE relay.agents;
"""


@pytest.fixture(scope="module")
def fleet(cluster):
    """A database with many agents."""
    made = Database(cluster, template=make_template(cluster))
    made.execute(FILL, LONG_NAME, ROWS)
    yield made
    made.drop()


@pytest.fixture
def long(fleet, home, tmp_path):
    """Runs relay-admin against it."""
    return Runner(dsn=fleet.dsn(), home=home, cwd=tmp_path)


def sessions(database, state):
    """The process ids of the program's sessions that match, in SQL, `state`."""
    found = database.rows(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'relay-admin' AND "
        + state
    )
    return [row["pid"] for row in found]


def wait_until_held_up(database):
    """Waits until a reader that takes nothing has held up the program and the server, in the middle of a list."""
    return wait_until(lambda: sessions(database, "wait_event IN ('ClientWrite', 'ClientRead') AND xact_start < clock_timestamp() - interval '300 ms'"))[0]  # fmt: skip


def wait_until_gone(database):
    wait_until(lambda: not sessions(database, "true"), what="the session of the list to end")


@pytest.mark.parametrize("form", ["table", "csv", "jsonl", "json", "id", "env"])
def test_memory_does_not_grow_with_the_list(long, form, tmp_path):
    with open(tmp_path / "out", "wb") as out, open(tmp_path / "err", "wb") as err:
        process = long.start("agent", "list", "--all", "-o", form, stdout=out, stderr=err)
    peak = peak_memory(process)
    assert process.returncode == 0, (tmp_path / "err").read_text()
    with open(tmp_path / "out", "rb") as out:
        lines = sum(1 for _ in out)
    assert lines == {"table": ROWS + 1, "csv": ROWS + 1, "jsonl": ROWS + 1, "json": 1, "id": ROWS}.get(form, lines)
    assert peak <= MOST_MEMORY


@pytest.mark.parametrize("words", [("--sort", "name"), ("--sort=-created_at,agent_id", "--fields", "name,agent_id"), ("--no-owner", "--match", "*0")])
def test_memory_does_not_grow_with_a_sorted_or_narrowed_list(long, words, tmp_path):
    with open(tmp_path / "out", "wb") as out, open(tmp_path / "err", "wb") as err:
        process = long.start("agent", "list", "--all", "-o", "csv", *words, stdout=out, stderr=err)
    peak = peak_memory(process)
    assert process.returncode == 0, (tmp_path / "err").read_text()
    with open(tmp_path / "out", "rb") as out:
        assert sum(1 for _ in out) == 1 + (ROWS // 10 if "--match" in words else ROWS)
    assert peak <= MOST_MEMORY


def test_every_row_is_there_once_and_as_in_the_database(fleet, long):
    wanted = [row["agent_id"] for row in fleet.rows("SELECT agent_id FROM relay.agents ORDER BY agent_id")]
    document = json.loads(long("agent", "list", "--all", "-o", "json", check=0).out)
    assert [item["agent_id"] for item in document["items"]] == wanted
    assert list(document) == ["schema", "kind", "changed", "dry_run", "items", "next", "warnings", "meta"]
    assert document["next"] is None and document["meta"]["db_role"] == "postgres" and document["meta"]["at"]
    short = json.loads(long("agent", "list", "--limit", "1", "-o", "json", check=0).out)
    assert short["items"] == document["items"][:1] and short["next"] == wanted[0]
    assert set(short["meta"]) == set(document["meta"])

    lines = long("agent", "list", "--all", "-o", "jsonl", check=0).jsonl()
    assert [line["agent_id"] for line in lines[:-1]] == wanted
    assert lines[-1]["kind"] == "Summary" and lines[-1]["count"] == ROWS
    rows = list(csv.DictReader(io.StringIO(long("agent", "list", "--all", "-o", "csv", check=0).out)))
    assert [row["agent_id"] for row in rows] == wanted and rows[1499]["name"] == LONG_NAME
    assert long("agent", "list", "--all", "-o", "id", check=0).out.split() == wanted


def test_a_limit_beyond_the_first_rows_gives_the_next_page(long):
    first = long("agent", "list", "--limit", "2500", "-o", "json", check=0).json()
    assert len(first["items"]) == 2500 and first["next"] == "agent-002500"
    rest = long("agent", "list", "--limit", "1", "--after", first["next"], "-o", "json", check=0).json()
    assert rest["items"][0]["agent_id"] == "agent-002501"
    told = long("agent", "list", "--limit", "2500", check=0)
    assert told.err == "there are more: use a higher --limit\n" and told.out.count("\n") == 2501


def test_a_longer_cell_after_the_first_rows_moves_its_own_line_only(long):
    header, *lines = long("agent", "list", "--limit", "2000", check=0).out.splitlines()
    places = {line.index("active") for line in lines}
    assert len(places) == 2 and header.index("STATUS") == min(places)
    assert [line for line in lines if line.index("active") == max(places)] == [lines[1499]]
    assert LONG_NAME in lines[1499]


def test_a_reader_that_has_seen_enough_ends_the_query_silently(fleet, long):
    process = long.start("agent", "list", "--all", "-o", "csv")
    assert process.stdout.readline().startswith(b"agent_id,")
    process.stdout.close()
    assert process.wait(60) == 0 and process.stderr.read() == b""
    process.stderr.close()
    wait_until_gone(fleet)


def test_a_pager_that_is_quit_ends_the_query(fleet, long):
    with terminal(long, "relay-admin agent list --all", columns=200, lines=12) as pane:
        pane.wait_for("AGENT ID")
        wait_until_held_up(fleet)
        pane.press("q")
        assert pane.finish() == 0
        shown = "\n".join(pane.everything())
    assert "error" not in shown and "warning" not in shown
    wait_until_gone(fleet)


@pytest.mark.parametrize("pager", ["no-such-pager", "false"])
def test_a_pager_that_is_missing_loses_no_row_of_a_long_list(long, pager):
    with terminal(long, "relay-admin agent list --limit 3000 -o id > /dev/null; PAGER=" + pager +
                  " relay-admin agent list --limit 3000 | wc -l; PAGER=" + pager + " relay-admin agent list --limit 1200",
                  columns=200) as pane:  # fmt: skip
        assert pane.finish() == 0
        shown = pane.everything()
    assert sum(line.startswith("agent-00") for line in shown) == 1200
    assert sum(line.startswith("warning: the pager ") for line in shown) == 1


def test_a_slow_reader_costs_no_time(fleet, long):
    """The time-out does not run while the reader holds us up, neither here nor in the server."""
    process = long.start("--timeout", "1s", "agent", "list", "--all", "-o", "jsonl")
    wait_until_held_up(fleet)
    time.sleep(2.5)
    out, error = process.communicate(timeout=60)
    assert process.returncode == 0, error
    assert json.loads(out.splitlines()[-1])["count"] == ROWS


def test_a_reader_who_pauses_at_the_end_gets_it_all(fleet, long):
    """The last page is still to be written when the reader pauses, and the time-out passes meanwhile."""
    whole = len(long("agent", "list", "--all", "-o", "jsonl", check=0).out.encode())
    process = long.start("--timeout", "1s", "agent", "list", "--all", "-o", "jsonl")
    begun = process.stdout.read(whole - 85_000)
    time.sleep(3)
    rest, error = process.communicate(timeout=60)
    assert process.returncode == 0, error
    assert json.loads((begun + rest).splitlines()[-1])["count"] == ROWS


def ends_in_the_middle(process, form):
    """Reads the rest of a list that fails; returns the error object. The list must not look complete."""
    out, error = process.communicate(timeout=60)
    document = json.loads(error.decode().splitlines()[-1])["error"]
    assert document["exit"] == process.returncode and document["message"].endswith("; the list above is not complete")
    assert len(out) > 0 and document["changed"] == "no"
    if form == "json":
        with pytest.raises(ValueError):
            json.loads(out)
    else:
        assert b"Summary" not in out
    return document


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_a_server_that_ends_in_the_middle_leaves_a_document_that_is_cut_off(fleet, long, form):
    process = long.start("agent", "list", "--all", "-o", form)
    pid = wait_until_held_up(fleet)
    assert fleet.value("SELECT pg_terminate_backend(%s)", pid)
    error = ends_in_the_middle(process, form)
    assert error["code"] == "unavailable" and error["retryable"]


def test_a_row_that_cannot_be_read_in_the_middle_is_an_error(fleet, long):
    last = f"agent-{ROWS:06}"
    fleet.execute("ALTER TABLE relay.agents DROP CONSTRAINT agents_permissions_valid")
    fleet.execute("UPDATE relay.agents SET permissions = '1' WHERE agent_id = %s", last)
    try:
        for form in ("json", "jsonl"):
            ends_in_the_middle(long.start("agent", "list", "--all", "-o", form), form)
    finally:
        fleet.execute("UPDATE relay.agents SET permissions = '[]' WHERE agent_id = %s", last)


def test_a_server_that_stops_in_the_middle_is_waited_for_as_long_as_for_any_answer(fleet, long):
    process = long.start("--timeout", "1s", "agent", "list", "--all", "-o", "jsonl")
    pid = wait_until_held_up(fleet)
    os.kill(pid, signal.SIGSTOP)
    try:
        error = ends_in_the_middle(process, "jsonl")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert "no answer within 1000 ms" in error["message"] and error["exit"] == 8
    wait_until_gone(fleet)


@pytest.mark.parametrize("form", ["table", "json"])
def test_a_full_disk_is_an_error(fleet, long, form):
    with open("/dev/full", "wb") as full:
        process = long.start("agent", "list", "--all", "-o", form, stdout=full)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 8 and b"cannot write the result to stdout: No space left on device" in error
    assert b"not complete" in error
    wait_until_gone(fleet)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_list_that_is_held_up(fleet, long, number):
    process = long.start("agent", "list", "--all", "-o", "json")
    wait_until_held_up(fleet)
    process.send_signal(number)
    assert process.wait(60) == -number
    out, error = process.communicate(timeout=60)
    assert error == b"" and not out.endswith(b"}\n")
    wait_until_gone(fleet)


def test_a_list_passes_a_pooler_that_shares_connections(fleet, home, tmp_path):
    with PgBouncer(fleet, pool_size=1) as pool:
        dsn = f"host={pool.host} port={pool.port} dbname={fleet.name} user=postgres sslmode=disable"
        through = Runner(dsn=dsn, home=home, cwd=tmp_path)
        for _ in range(2):
            lines = through("agent", "list", "--all", "-o", "jsonl", check=0).jsonl()
            assert lines[-1]["count"] == ROWS == len(lines) - 1
        process = through.start("agent", "list", "--all", "-o", "csv")
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(60) == 0
        process.stderr.close()
        assert through("org", "list", "-o", "id", check=0).out.count("\n") == 100


@pytest.mark.parametrize("words", [["key", "list"], ["org", "list"], ["role", "list"], ["gateway", "list"]])
def test_the_other_lists_are_read_in_the_same_way(fleet, long, words):
    count = {"org": 2600, "key": 2600, "role": 2600, "gateway": 2600}[words[0]]
    fleet.execute("SET session_replication_role = replica")
    fleet.execute("INSERT INTO relay.organizations (org_id, name, plan, created_by)"
                  " SELECT 'more-' || n, 'More', 'paid', 't' FROM generate_series(1, 2500) AS n ON CONFLICT DO NOTHING")  # fmt: skip
    fleet.execute("INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, due_at, created_by)"
                  " SELECT to_char(n, 'FM000000000000'), 'agent-' || to_char(n, 'FM000000'), 'org-' || n % 100 + 1,"
                  " sha256(n::text::bytea), now() + interval '90 days', 't' FROM generate_series(1, 2600) AS n ON CONFLICT DO NOTHING")  # fmt: skip
    fleet.execute("INSERT INTO relay.roles (org_id, role_id, name, created_by)"
                  " SELECT 'org-1', 'role-' || n, 'Role', 't' FROM generate_series(1, 2600) AS n ON CONFLICT DO NOTHING")  # fmt: skip
    fleet.execute("INSERT INTO relay.gateway_acks (gateway_id, history, txid, seq, seen, db_role)"
                  " SELECT 'gateway-' || n, here.database_id || '.' || here.timeline, '3'::xid8, 0, pg_current_snapshot(), 'g'"
                  " FROM generate_series(1, 2600) AS n, relay.feed_history() AS here ON CONFLICT DO NOTHING")  # fmt: skip
    fleet.execute("RESET session_replication_role")
    more = [] if words[0] == "gateway" else ["--all"]
    found = long(*words, *more, "-o", "id", check=0).out.split()
    assert len(found) == count and found == sorted(set(found))
    document = json.loads(long(*words, *more, "-o", "json", check=0).out)
    assert len(document["items"]) == count

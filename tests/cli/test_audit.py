"""audit maintain: made for a daily timer, and the only command that removes anything from the audit trail."""

import pytest

from support.agents import first_agent
from support.audit_months import forget_month, make_old_month, month_of, months, write_events

MAINTAIN = ("audit", "maintain")
KEEP_TWO = (*MAINTAIN, "--keep-months", "2")


@pytest.fixture
def old_months(database):
    """Partitions of the months that lie 5, 4, 3 and 2 months back, with 50, 40, 30 and 20 rows; returns their names."""
    return [make_old_month(database, back, back * 10) for back in (5, 4, 3, 2)]


def events(database, action):
    return database.rows("SELECT * FROM relay.auth_events WHERE action = %s ORDER BY event_id", action)


def test_with_nothing_to_do_it_says_so_and_leaves_no_trace(relay, database):
    document = relay.json(*MAINTAIN)
    assert document["kind"] == "AuditMaintenance" and document["changed"] is False
    assert document["data"] == {
        "month": month_of(database)[:7], "months_ahead": 3, "keep_months": None, "pruned_operations": 0,
        "pruned_key_changes": 0, "pruned_key_sightings": 0, "pruned_usage": 0, "floods_recorded": 0, "plans_ended": 0, "more_to_prune": False,
        "months_made": [], "months_dropped": [],
    }  # fmt: skip
    assert "nothing to do" in relay(*MAINTAIN, check=0).err
    assert database.value("SELECT count(*) FROM relay.auth_events") == 0
    assert database.value("SELECT count(*) FROM relay.operations") == 0


def test_it_makes_months_ahead_once(relay, database):
    before = months(database)
    document = relay.json(*MAINTAIN, "--ahead", "5")
    made = [row["month"] for row in document["data"]["months_made"]]
    assert document["changed"] is True and len(made) == 2 and months(database) == before + made
    (event,) = events(database, "audit_months_made")
    assert event["detail"] == {"months": made, "moved_rows": 0} and event["actor"]
    assert relay.json(*MAINTAIN, "--ahead", "5")["changed"] is False
    assert relay.json(*MAINTAIN, "--ahead", "0")["changed"] is False


def test_a_month_that_was_missed_is_made_and_filled(relay, database, tmp_path):
    first_agent(relay, tmp_path / "bot.key")
    present = forget_month(database)
    write_events(database, 1, 10)
    rows = database.value("SELECT count(*) FROM relay.auth_events") - 10
    shown = relay(*MAINTAIN, check=0)
    assert "Months made" in shown.out and present in shown.out and str(rows) in shown.out
    assert database.value("SELECT count(*) FROM relay.auth_events_default") == 0
    assert events(database, "audit_months_made")[0]["detail"]["moved_rows"] == rows + 10


def test_a_dry_run_says_the_same_and_does_nothing(relay, database, old_months):
    forget_month(database)
    write_events(database, 0, 3)
    database.execute("INSERT INTO relay.operations (op_id, state, at) VALUES ('old', 'done', now() - interval '31 days')")
    before = database.rows("SELECT e::text FROM relay.auth_events e ORDER BY event_id"), months(database)
    tried = relay.json(*KEEP_TWO, "--dry-run")
    assert tried["dry_run"] is True and tried["changed"] is True
    assert before == (database.rows("SELECT e::text FROM relay.auth_events e ORDER BY event_id"), months(database))
    assert database.value("SELECT count(*) FROM relay.operations") == 1
    done = relay.json(*KEEP_TWO, "--yes")
    assert done["data"] == tried["data"] and done["dry_run"] is False


def test_it_drops_nothing_by_itself(relay, database, old_months):
    relay.json(*MAINTAIN)
    assert set(old_months) < set(months(database))


def test_it_drops_whole_months_with_a_record(relay, database, old_months):
    document = relay.json(*KEEP_TWO, "--yes", "--reason", "retention", "--ticket", "DPO-1", "--actor", "dana")
    dropped = document["data"]["months_dropped"]
    assert document["changed"] is True
    assert [(row["month"], row["rows"]) for row in dropped] == list(zip(old_months[:3], (50, 40, 30)))
    assert all(row["first_at"].startswith(row["month"]) and row["bytes"] > 0 for row in dropped)
    assert old_months[3] in months(database) and not set(old_months[:3]) & set(months(database))

    kept = database.rows("SELECT * FROM relay.retention_drops ORDER BY month")
    assert [(row["row_count"], row["actor"], row["ticket"], row["reason"]) for row in kept] == [
        (rows, "dana", "DPO-1", "retention") for rows in (50, 40, 30)
    ]
    assert {row["db_role"] for row in kept} == {"postgres"}
    logged = events(database, "audit_month_dropped")
    assert [(row["detail"]["month"], row["detail"]["rows"], row["actor"], row["ticket"]) for row in logged] == [
        (month, rows, "dana", "DPO-1") for month, rows in zip(old_months, (50, 40, 30))
    ]
    assert logged[0]["trace_id"] == document["meta"]["trace_id"]
    again = relay.json(*KEEP_TWO, "--yes")
    assert again["changed"] is False and again["data"]["months_dropped"] == []


def test_the_present_month_and_the_one_before_it_are_never_dropped(relay, database):
    last = make_old_month(database, 1, 5)
    relay.error(*MAINTAIN, "--keep-months", "0", "--yes", check=2)
    assert relay.json(*MAINTAIN, "--keep-months", "1", "--yes")["data"]["months_dropped"] == []
    assert last in months(database)


def test_a_script_without_yes_is_stopped_before_the_database_is_touched(relay, relay_without_database):
    nowhere = relay_without_database.with_(dsn="host=/nowhere-at-all dbname=none")
    assert "--yes" in nowhere(*KEEP_TWO, check=2).err
    relay.error(*MAINTAIN, "--expect", "1", check=2)


def test_another_number_than_expected_drops_nothing(relay, database, old_months):
    before = months(database)
    error = relay.error(*KEEP_TWO, "--yes", "--expect", "2", "--ahead", "9", check=5)
    assert error["message"] == "3 months would be dropped, not 2; none was dropped" and error["changed"] == "no"
    assert months(database) == before
    relay(*KEEP_TWO, "--yes", "--expect", "3", check=0)
    assert set(months(database)) == set(before) - set(old_months[:3])


def test_a_person_is_told_what_goes_and_asked(relay, database, old_months):
    seen = relay.terminal(*KEEP_TWO)
    seen.expect_exact(f"Drop {old_months[0]} (50 rows), {old_months[1]} (40 rows), {old_months[2]} (30 rows) of the audit trail permanently?")
    seen.sendline("n")
    seen.expect_exact("declined")
    seen.wait()
    assert seen.exitstatus == 13 and set(old_months) < set(months(database))
    seen = relay.terminal(*KEEP_TWO)
    seen.expect_exact("permanently?")
    seen.sendline("y")
    seen.expect_exact("Months dropped")
    seen.wait()
    assert seen.exitstatus == 0 and old_months[0] not in months(database)


def test_with_nothing_to_drop_nobody_is_asked(relay):
    seen = relay.terminal(*KEEP_TWO)
    seen.expect_exact("nothing to do")
    seen.wait()
    assert seen.exitstatus == 0


def test_a_provisioner_may_do_all_but_drop(relay, database, old_months):
    login = database.cluster.login("maintainer_login", member_of="relay_provisioner")
    provisioner = relay.with_(dsn=database.dsn(user=login))
    before = months(database)
    error = provisioner.error(*KEEP_TWO, "--yes", "--ahead", "9", check=4)
    assert "relay_owner" in error["message"] and error["changed"] == "no" and months(database) == before
    forget_month(database)
    write_events(database, 0, 3)
    assert provisioner.json(*MAINTAIN)["data"]["months_made"][0]["moved_rows"] == 3


def test_an_owner_that_is_no_superuser_may_drop_and_so_may_who_was_granted_it(relay, database, old_months):
    owner = database.cluster.login("owner_login", member_of="relay_owner")
    done = relay.with_(dsn=database.dsn(user=owner)).json(*MAINTAIN, "--keep-months", "4", "--yes")
    assert [row["month"] for row in done["data"]["months_dropped"]] == old_months[:1] and done["meta"]["db_role"] == owner
    timer = database.cluster.login("timer_login", member_of="relay_provisioner")
    database.execute(f"GRANT EXECUTE ON FUNCTION relay.drop_event_months TO {timer}")
    done = relay.with_(dsn=database.dsn(user=timer)).json(*MAINTAIN, "--keep-months", "3", "--yes")
    assert [row["month"] for row in done["data"]["months_dropped"]] == old_months[1:2]


@pytest.mark.parametrize("group", ["relay_auditor", "relay_responder"])
def test_who_only_reads_or_responds_may_not(relay, database, group):
    login = database.cluster.login(f"{group}_login", member_of=group)
    relay.with_(dsn=database.dsn(user=login)).error(*MAINTAIN, check=4)


def test_pruning_is_told_and_recorded(relay, database):
    database.execute("INSERT INTO relay.operations (op_id, state, at) SELECT 'old' || n, 'done', now() - interval '31 days' FROM generate_series(1, 7) n")
    document = relay.json(*MAINTAIN)
    assert document["data"]["pruned_operations"] == 7 and document["changed"] is True
    (event,) = events(database, "audit_pruned")
    assert event["detail"] == {"operations": 7, "key_changes": 0, "key_sightings": 0, "usage": 0}
    assert relay.json(*MAINTAIN)["changed"] is False


def test_more_than_one_run_takes_is_said_and_goes_on(relay, database):
    database.execute("INSERT INTO relay.operations (op_id, state, at) SELECT 'old' || n, 'done', now() - interval '31 days' FROM generate_series(1, 100001) n")
    first = relay.json(*MAINTAIN)
    assert first["data"]["pruned_operations"] == 100_000 and first["data"]["more_to_prune"] is True and first["warnings"]
    second = relay.json(*MAINTAIN)
    assert second["data"]["pruned_operations"] == 1 and second["data"]["more_to_prune"] is False and not second["warnings"]


def test_while_somebody_reads_it_all_it_gives_up_and_can_be_run_again(relay, database):
    reader = database.connect(autocommit=False)
    with reader.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM relay.auth_events")
    error = relay.error(*MAINTAIN, "--ahead", "5", check=8)
    assert error["retryable"] is True and error["changed"] == "no"
    reader.close()
    assert len(relay.json(*MAINTAIN, "--ahead", "5")["data"]["months_made"]) == 2


def test_what_failed_after_something_was_done_says_so(relay, database, old_months):
    """The months ahead are made, then a table that refers to an old month prevents its drop."""
    partition = "relay.auth_events_" + old_months[0].replace("-", "_")
    database.execute(f"CREATE VIEW public.mine AS SELECT event_id FROM {partition}")
    error = relay.error(*KEEP_TWO, "--yes", "--ahead", "4", check=11)
    assert error["sqlstate"] == "2BP01" and "committed" in error["message"] and "nothing was" not in error["message"]
    assert error["changed"] == "partly" and set(old_months) < set(months(database))
    assert database.value("SELECT count(*) FROM relay.retention_drops") == 0


def test_a_flood_counts_as_often_as_it_happened(relay, database, old_months):
    """A flood without a row so far is written first, to the month in which it ended, and dropped with it."""
    database.execute(
        "INSERT INTO relay.event_floods (backend, subject, ends_at, began_at, last_at, written, folded, action, outcome, reason)"
        " SELECT 1, 'x', at + interval '2 minutes', at, at + interval '1 minute', 10, 90, 'auth_failed', 'failed', 'unknown_key'"
        " FROM (SELECT TIMESTAMPTZ %s) AS began (at)",
        month_of(database, 5) + " 10:00+00",
    )
    document = relay.json(*MAINTAIN, "--keep-months", "4", "--yes")
    assert document["data"]["floods_recorded"] == 1
    (dropped,) = document["data"]["months_dropped"]
    assert (dropped["month"], dropped["rows"], dropped["events"]) == (old_months[0], 51, 140)
    assert database.one("SELECT row_count, event_count FROM relay.retention_drops") == {"row_count": 51, "event_count": 140}
    assert database.value("SELECT count(*) FROM relay.event_floods") == 0

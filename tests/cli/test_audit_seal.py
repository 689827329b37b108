"""audit seal and verify: whatever is altered, removed or added behind a seal is named; and nothing else is."""

import hashlib

import pytest

from support.agents import first_agent
from support.audit_months import make_old_month
from support.seals import INSERT, VERIFY, an_event, fault, sealed, tamper  # noqa: F401


# --- sealing


def test_sealing_converges_and_verify_proves_every_row(relay, database, sealed):
    rows = database.value("SELECT count(*) FROM relay.auth_events")
    again = relay.json("audit", "seal")
    assert again["changed"] is False and again["data"]["seals_added"] == 0 and again["data"]["seal"] == 2
    assert "nothing to seal" in relay("audit", "seal", check=0).err
    data = relay.json(*VERIFY)["data"]
    assert (data["ok"], data["seals"], data["events_proven"], data["events_unsealed"]) == (True, 2, rows, 0)
    assert data["hash"] == again["data"]["hash"]
    database.execute(INSERT, "later", None)
    data = relay.json(*VERIFY)["data"]
    assert data["ok"] is True and data["events_unsealed"] == 1 and data["unsealed_since"]
    assert "Not proven:" in relay(*VERIFY, check=0).out


def test_without_a_seal_nothing_is_proven(relay, database):
    assert relay.json("audit", "seal")["changed"] is False
    assert fault(relay) == ("not_sealed", 0)
    assert "audit seal" in relay(*VERIFY, check=10).err


def test_a_dry_run_leaves_no_seal(relay, database, tmp_path):
    first_agent(relay, tmp_path / "bot.key")
    tried = relay.json("audit", "seal", "--dry-run", "--out", "head")
    assert tried["dry_run"] is True and tried["data"]["seals_added"] == 1 and not (tmp_path / "head").exists()
    assert database.value("SELECT count(*) FROM relay.event_seals") == 0


def test_a_long_trail_is_sealed_in_parts(relay, database):
    database.execute("INSERT INTO relay.auth_events (action) SELECT 'x' FROM generate_series(1, 12000)")
    database.execute("SELECT setval('relay.auth_events_event_id_seq', 1000000)")
    database.execute(INSERT, "far", None)
    data = relay.json("audit", "seal")["data"]
    assert (data["seals_added"], data["events_sealed"], data["up_to_event_id"]) == (4, 12001, "1000001")
    assert relay.json(*VERIFY)["data"]["events_proven"] == 12001


def test_a_late_commit_is_not_left_between_two_ranges(relay, database, sealed):
    late = database.connect()
    late.autocommit = False
    with late.cursor() as cursor:
        cursor.execute(INSERT, ("late", None))
        (number,) = cursor.fetchone()
    database.execute(INSERT, "early", None)
    first = relay.json("audit", "seal")
    assert first["data"]["writer_open"] is True and first["data"]["events_sealed"] == 1 and first["warnings"]
    database.execute(INSERT, "early", None)
    assert relay.json("audit", "seal")["data"]["events_sealed"] == 1
    assert relay.json(*VERIFY)["data"]["ok"] is True
    late.commit()
    data = relay.json(*VERIFY)["data"]
    assert data["ok"] is True and data["events_unsealed"] == 1, "it is not proven yet, and not taken for an added row"
    second = relay.json("audit", "seal")["data"]
    assert (second["events_sealed"], second["writer_open"]) == (1, False)
    assert relay.json("audit", "seal")["changed"] is False
    assert relay.json(*VERIFY)["data"]["events_unsealed"] == 0
    tamper(database, "UPDATE relay.auth_events SET reason = 'x' WHERE event_id = %s", number)
    assert fault(relay) == ("altered", number)
    late.close()


def test_a_writer_that_gives_up_leaves_a_closed_range(relay, database, sealed):
    never = database.connect()
    never.autocommit = False
    with never.cursor() as cursor:
        cursor.execute(INSERT, ("never", None))
        (number,) = cursor.fetchone()
    database.execute(INSERT, "early", None)
    relay("audit", "seal", check=0)
    never.rollback()
    assert relay.json("audit", "seal")["data"]["seals_added"] == 1 and relay.json("audit", "seal")["changed"] is False
    tamper(database, "INSERT INTO relay.auth_events (event_id, action) VALUES (%s, 'forged')", number)
    assert fault(relay) == ("added", number)
    never.close()


def test_a_seal_waits_for_no_writer_and_no_writer_for_a_seal(relay, database, sealed):
    sealer = database.connect()
    sealer.autocommit = False
    with sealer.cursor() as cursor:
        cursor.execute("SELECT relay.begin_seals()")
    database.execute("SET lock_timeout = '1s'")
    database.execute(INSERT, "meanwhile", None)
    assert relay.json(*VERIFY)["data"]["ok"] is True
    assert relay.error("audit", "seal", "--timeout", "2s", check=8)["retryable"] is True
    sealer.close()


def test_a_seal_leaves_no_summary_that_each_writer_after_it_must_renew(relay, database, sealed):
    """The pages that are being filled have none, so this makes one."""
    for _ in range(2):
        database.execute(INSERT, "another", None)
        relay("audit", "seal", check=0)
        assert database.value(
            "SELECT sum(brin_summarize_new_values(i.inhrelid)) FROM pg_inherits AS i JOIN pg_index AS x ON x.indexrelid = i.inhrelid"
            " WHERE i.inhparent = 'relay.auth_events_by_number'::regclass AND pg_relation_size(x.indrelid) > 0") >= 1  # fmt: skip


def test_ranges_become_complete_although_there_is_always_a_writer(relay, database, sealed):
    """Two writers take turns, so one is open at each moment."""
    writers = [database.connect(), database.connect()]
    for writer in writers:
        writer.autocommit = False
    writers[0].cursor().execute(INSERT, ("late", None))
    database.execute("INSERT INTO relay.auth_events (action) SELECT 'x' FROM generate_series(1, 12000)")
    assert relay.json("audit", "seal")["data"]["writer_open"] is True
    done = database.value("SELECT up_to_event_id FROM relay.event_seals ORDER BY seal_no DESC LIMIT 1")
    assert database.value("SELECT max(complete_up_to) FROM relay.event_seals") < done
    writers[1].cursor().execute(INSERT, ("later", None))
    writers[0].commit()
    data = relay.json("audit", "seal")["data"]
    assert (data["events_sealed"], data["writer_open"]) == (1, True)
    assert database.value("SELECT max(complete_up_to) FROM relay.event_seals") == done
    assert relay.json(*VERIFY)["data"]["ok"] is True
    tamper(database, "INSERT INTO relay.auth_events SELECT * FROM relay.auth_events WHERE event_id = %s", done)
    assert fault(relay) == ("added", done)
    for writer in writers:
        writer.close()


def test_a_caller_can_seal_nothing_untrue(relay, database, sealed):
    login = database.cluster.login("only_sealer", member_of="relay_responder")
    database.execute(INSERT, "more", None)
    caller = database.connect(user=login)
    caller.cursor().execute("SET default_transaction_isolation = 'repeatable read'")
    with pytest.raises(Exception, match="READ COMMITTED"):
        caller.cursor().execute("SELECT relay.add_seal(9223372036854775807, 'x')")
    caller.cursor().execute("SET default_transaction_isolation = 'read committed'")
    caller.cursor().execute("SELECT relay.add_seal(9223372036854775807, 'x')")
    with pytest.raises(Exception, match="permission denied"):
        caller.cursor().execute("INSERT INTO relay.event_seals SELECT * FROM relay.event_seals")
    caller.close()
    data = relay.json(*VERIFY)["data"]
    assert data["ok"] is True and data["seals"] == 3 and data["events_unsealed"] == 0


# --- tampering


def test_a_second_row_at_the_end_of_a_step_is_named(relay, database):
    database.execute("INSERT INTO relay.auth_events (action) SELECT 'x' FROM generate_series(1, 12000)")
    relay("audit", "seal", check=0)
    tamper(database, "INSERT INTO relay.auth_events SELECT * FROM relay.auth_events WHERE event_id = 5000")
    assert fault(relay) == ("added", 5000)


@pytest.mark.parametrize(
    "change",
    ["action = 'x'", "occurred_at = occurred_at + interval '1 microsecond'", "org_id = NULL", "agent_id = 'bo'", "key_id = NULL",
     "outcome = 'ok'", "reason = reason || ' '", "ip_address = '2001:db8::/65'", "actor = NULL", "db_role = 'x'", "ticket = ''",
     "trace_id = NULL", "detail = detail || '{\"c\": 1}'", "times = times + 1", "actor = ticket, ticket = actor"],
)  # fmt: skip
def test_each_altered_column_is_noticed(relay, database, sealed, change):
    number = an_event(database, 3)
    tamper(database, f"UPDATE relay.auth_events SET {change} WHERE event_id >= %s AND ticket = 'INC-1'", number)
    document = relay(*VERIFY, "-o", "json", check=10).json()["data"]
    assert document["fault"]["what"] == "altered" and document["fault"]["event_id"] == str(number)
    assert document["events_altered"] == 37 and document["events_missing"] == 0


def test_a_row_that_is_gone_or_new_is_named(relay, database, sealed):
    first, second = an_event(database, 5), an_event(database, 20)
    tamper(database, "DELETE FROM relay.auth_events WHERE event_id IN (%s, %s)", first, second)
    document = relay(*VERIFY, "-o", "json", check=10).json()["data"]
    assert (document["fault"]["what"], document["fault"]["event_id"], document["events_missing"]) == ("missing", str(first), 2)
    assert document["fault"]["text"] in relay(*VERIFY, check=10).out


@pytest.mark.parametrize("number", [0, -5])
def test_a_row_before_the_first_is_named(relay, database, sealed, number):
    tamper(database, "INSERT INTO relay.auth_events (event_id, action) VALUES (%s, 'x')", number)
    assert fault(relay) == ("added", number)


def test_a_second_row_with_the_same_number_is_named(relay, database, sealed):
    number = an_event(database)
    tamper(database, "INSERT INTO relay.auth_events SELECT * FROM relay.auth_events WHERE event_id = %s", number)
    assert fault(relay) == ("added", number)


@pytest.mark.parametrize(
    "change",
    ["sealed_at = sealed_at - interval '1 day'", "actor = 'x'", "db_role = 'x'", "complete_up_to = complete_up_to - 1", "open_writers = '{3/17}'", "up_to_event_id = up_to_event_id + 1",
     "hash = sha256('x')", "previous_hash = sha256('x')", "entries = set_byte(entries, 19, get_byte(entries, 19) # 1)",
     "row_count = row_count - 1, entries = substr(entries, 27)"],
)  # fmt: skip
@pytest.mark.parametrize("seal", [1, 2])
def test_an_altered_seal_is_named(relay, database, sealed, change, seal):
    tamper(database, f"UPDATE relay.event_seals SET {change} WHERE seal_no = %s", seal)
    what, number = fault(relay)
    assert what == "seal_altered" and number in (seal, seal + 1)


def test_a_removed_seal_is_named(relay, database, sealed):
    tamper(database, "DELETE FROM relay.event_seals WHERE seal_no = 1")
    assert fault(relay) == ("seal_missing", 1)


@pytest.mark.parametrize("role", ["relay_owner", "relay_provisioner", "relay_responder", "relay_auditor"])
def test_no_role_may_alter_seals(relay, database, sealed, role):
    for sql in ("UPDATE relay.event_seals SET actor = 'x'", "DELETE FROM relay.event_seals", "TRUNCATE relay.event_seals"):
        with pytest.raises(Exception, match="permission denied|append-only"):
            database.execute(f"SET ROLE {role}; {sql}")
        database.execute("RESET ROLE")
    with pytest.raises(Exception, match="append-only"):
        database.execute("DELETE FROM relay.event_seals")
    if role == "relay_auditor":
        reader = relay.with_(dsn=database.dsn(user=database.cluster.login(f"only_{role}", member_of=role)))
        assert reader.json(*VERIFY)["data"]["ok"] is True
        reader.error("audit", "seal", check=4)
        reader.error("audit", "seal", "--dry-run", check=4)


@pytest.mark.parametrize("role", ["relay_provisioner", "relay_responder"])
def test_who_may_seal(relay, database, sealed, role):
    login = database.cluster.login(f"only_{role}", member_of=role)
    database.execute(INSERT, "more", None)
    sealer = relay.with_(dsn=database.dsn(user=login))
    assert sealer.json("audit", "seal")["data"]["events_sealed"] == 1
    assert database.value("SELECT db_role FROM relay.event_seals ORDER BY seal_no DESC LIMIT 1") == login
    assert relay.json(*VERIFY)["data"]["ok"] is True


# --- the form, computed by others


def form(row):
    text = b"relay-event/1\n"
    for value in row:
        text += b"-," if value is None else str(len(value.encode())).encode() + b":" + value.encode() + b","
    return text


def test_the_form_is_the_one_that_is_documented(relay, database, sealed):
    database.execute("SET timezone = 'Asia/Kolkata'; SET datestyle = 'German'; SET bytea_output = 'escape'")
    rows = database.rows(
        "SELECT event_id::text, (extract(epoch FROM date_trunc('minute', occurred_at))::bigint * 1000000 + extract(microseconds FROM occurred_at)::bigint)::text AS at, org_id, agent_id, key_id, action, outcome,"
        " reason, text(ip_address) AS ip, actor, db_role, ticket, trace_id, detail::text AS details, times::text AS counted FROM relay.auth_events AS event ORDER BY event.event_id"
    )  # fmt: skip
    digests = [hashlib.sha256(form(row.values())).digest()[:16] for row in rows]
    entries = b"".join(bytes(row["entries"]) for row in database.rows("SELECT entries FROM relay.event_seals ORDER BY seal_no"))
    assert [entries[at + 10 : at + 26] for at in range(0, len(entries), 26)] == digests
    assert [int.from_bytes(entries[at : at + 8], "big") for at in range(0, len(entries), 26)] == [int(row["event_id"]) for row in rows]

    previous = bytes(32)
    for seal in database.rows("SELECT seal_no, after_event_id, up_to_event_id, complete_up_to, open_writers, row_count, entries, hash, actor, db_role, to_char(sealed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS at FROM relay.event_seals ORDER BY 1"):
        writers = ",".join(seal["open_writers"])
        text = (
            f"relay-audit-seal/1\nseal {seal['seal_no']}\nafter {seal['after_event_id']}\nup_to {seal['up_to_event_id']}\n"
            f"complete {seal['complete_up_to']}\nwriters {len(writers)}:{writers}\nrows {seal['row_count']}\nat {seal['at']}\n"
            f"actor {len(seal['actor'])}:{seal['actor']}\nrole {len(seal['db_role'])}:{seal['db_role']}\n"
            f"entries {hashlib.sha256(bytes(seal['entries'])).hexdigest()}\nprevious {previous.hex()}\n"
        )
        assert hashlib.sha256(text.encode()).digest() == bytes(seal["hash"])
        previous = bytes(seal["hash"])


def test_settings_of_the_database_change_nothing(relay, database, sealed):
    name = database.name
    for setting in ("timezone = 'Asia/Kolkata'", "datestyle = 'SQL, DMY'", "bytea_output = 'escape'", "extra_float_digits = 0", "intervalstyle = 'sql_standard'"):
        database.execute(f"ALTER DATABASE {name} SET {setting}")
    assert relay.json(*VERIFY)["data"]["ok"] is True


# --- dropped months


def test_a_dropped_month_stays_proven_and_a_row_of_another_does_not(relay, database, sealed):
    dropped = relay.json("audit", "maintain", "--keep-months", "2", "--yes")["data"]["months_dropped"]
    data = relay.json(*VERIFY)["data"]
    assert data["ok"] is True and data["events_dropped"] == 5 and data["months_dropped"] == [dropped[0]["month"]]
    assert "Months dropped" in relay(*VERIFY, check=0).out
    number = an_event(database)
    tamper(database, "DELETE FROM relay.auth_events WHERE event_id = %s", number)
    tamper(database, "INSERT INTO relay.retention_drops (month, row_count, event_count, bytes, actor)"
                     " VALUES (date_trunc('month', now() AT TIME ZONE 'UTC'), 1, 1, 0, 'x')")  # fmt: skip
    assert fault(relay) == ("missing", number), "its month is there"


def test_a_deletion_is_not_hidden_by_the_drop_of_its_month(relay, database, sealed):
    old = database.value("SELECT min(event_id) FROM relay.auth_events WHERE occurred_at < now() - interval '60 days'")
    tamper(database, "DELETE FROM relay.auth_events WHERE event_id = %s", old)
    relay("audit", "maintain", "--keep-months", "2", "--yes", check=0)
    data = relay(*VERIFY, "-o", "json", check=10).json()["data"]
    assert (data["fault"]["what"], data["events_missing"], data["events_dropped"]) == ("missing", 1, 4)


def test_a_drop_that_only_a_record_claims_is_not_believed(relay, database, sealed):
    name = database.value("SELECT min(partition::text) FROM relay.event_months()")
    month = database.value("SELECT min(month) FROM relay.event_months()")
    database.execute(f"DROP TABLE {name}")
    database.execute("INSERT INTO relay.retention_drops (month, row_count, event_count, first_event_id, last_event_id, bytes, actor)"
                     " VALUES (%s, 5, 5, 1, 1000000, 0, 'x')", month)  # fmt: skip
    data = relay(*VERIFY, "-o", "json", check=10).json()["data"]
    assert (data["fault"]["what"], data["events_missing"], data["events_dropped"]) == ("missing", 5, 0)


def test_a_drop_of_events_without_a_seal_is_warned_of(relay, database, sealed):
    make_old_month(database, 4, 7)
    tried = relay.json("audit", "maintain", "--keep-months", "2", "--dry-run")
    assert any("7 events of these months had no seal" in warning for warning in tried["warnings"])


def play(scene):
    for form in ("jsonl", "json"):
        scene.shoot("audit", "verify", form=form, code=10)
    scene.write("audit", "seal", "--out", "head.txt")
    scene.read("audit", "verify", "--head", "head.txt")
    archive = scene.folder / "trail.csv"
    archive.write_text(scene.relay("audit", "export", "-o", "csv", check=0).out)
    scene.read("audit", "verify", "--archive", str(archive), "--head", "head.txt")

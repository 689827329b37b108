"""The registry: what register, heartbeat, drain and unregister answer, also to bad input, and what the audit trail has of it."""

from contextlib import closing
from datetime import timedelta

import psycopg2
import pytest

from support.cards import card, card_1_0, skill
from support.own_key import make_key
from support.processes import wait_until
from support.registry import Registry, end_lease, settle

AGENTS = ["alpha", "beta", "gamma"]


@pytest.fixture
def api(database):
    """The contract, as a gateway calls it, beside three agents of acme."""
    settle(database, AGENTS)
    with closing(database.connect(user=database.gateway_login())) as connection:
        yield Registry(connection)


def events(database, *actions):
    rows = database.rows("SELECT action, outcome, reason, org_id, agent_id, key_id, detail FROM relay.recorded_events"
                         " WHERE action = ANY (%s) ORDER BY event_id", list(actions))  # fmt: skip
    return [tuple(row.values()) for row in rows]


def now(database):
    return database.value("SELECT clock_timestamp()")


def block(database, subject, kind="agent", act="block"):
    database.execute("INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor) VALUES (%s, %s, %s, 'test')", kind, subject, act)


def lift(database):
    database.execute("UPDATE relay.revocations SET lifted_at = now(), lifted_by = 'test' WHERE lifted_at IS NULL")


# ---- the usual way


def test_an_agent_registers_beats_drains_and_leaves(database, api):
    assert api.find() == {} and api.card("alpha") is None
    answer = api.register("alpha", card(), lease="60 seconds")
    assert (answer["ok"], answer["reason"], answer["problems"]) == (True, "ok", [])
    assert timedelta(seconds=20) < answer["lease_ends_at"] - now(database) <= timedelta(seconds=60)
    expected = {"agent_id": "alpha", "card": card(), "instances": 1, "lease_ends_at": answer["lease_ends_at"], "next": None}
    assert api.card("alpha") == expected and api.find() == {"alpha": expected}
    beaten = api.beat("alpha", lease="60 seconds")
    assert beaten["ok"] and beaten["lease_ends_at"] > answer["lease_ends_at"]
    assert api.drain("alpha") and api.find() == {} and api.card("alpha") is None
    assert api.beat("alpha")["ok"] and api.find() == {}, "it still runs, and takes no work"
    assert api.register("alpha", card())["ok"] and list(api.find()) == ["alpha"], "a process that starts takes work"
    assert [api.unregister("alpha"), api.unregister("alpha"), api.drain("alpha")] == [True, False, False]
    assert api.find() == {}
    assert api.beat("alpha")["reason"] == "ok", "its card is here, so it need not send it again"


def test_a_process_speaks_for_no_later_one_with_its_instance_id(api):
    """A pod that is replaced under its name: the older process drains and ends while the newer one works."""
    older = api.register("alpha", card())["started_at"]
    newer = api.register("alpha", card())["started_at"]
    assert older < newer
    assert not api.drain("alpha", started_at=older) and not api.unregister("alpha", started_at=older)
    assert api.beat("alpha", started_at=older, ready=False)["started_at"] == newer and list(api.find()) == ["alpha"]
    assert api.drain("alpha", started_at=newer) and api.find() == {}
    assert api.beat("alpha", started_at=older, ready=True)["ok"] and api.find() == {}, "the newer one takes no work"
    assert api.beat("alpha", started_at=newer, ready=True)["ok"] and list(api.find()) == ["alpha"]
    assert api.unregister("alpha", started_at=newer) and api.find() == {}


def test_a_process_that_drains_gets_no_work_after_the_leases_are_lost(database, api):
    started = api.register("alpha", card())["started_at"]
    api.drain("alpha", started_at=started)
    database.execute("TRUNCATE relay.agent_leases")  # as a crash of the database does
    said = api.beat("alpha", started_at=started, ready=False)
    assert (said["ok"], said["started_at"]) == (True, started) and api.find() == {}
    assert api.unregister("alpha", started_at=started)


def test_a_beat_without_a_card_says_that_the_agent_must_register(database, api):
    assert api.beat("alpha") == {"ok": False, "reason": "register", "lease_ends_at": None, "problems": [], "started_at": None}
    assert api.beat("stranger")["reason"] == "register"
    assert api.register("stranger", card())["reason"] == "unknown_agent"
    api.register("alpha", card())
    database.execute("DELETE FROM relay.agent_cards")
    assert (api.beat("alpha")["reason"], api.find()) == ("register", {}), "after a purge"
    assert database.value("SELECT count(*) FROM relay.recorded_events WHERE agent_id = 'stranger'") == 0


def test_a_card_is_kept_as_it_was_sent_and_only_a_change_is_recorded(database, api):
    first = card(futureField={"deep": [1, {"x": None}]}, skills=[skill("a", "KB"), skill("b")])
    for sent in (first, first, card_1_0(), card_1_0()):
        assert api.register("alpha", sent)["ok"]
        assert api.card("alpha")["card"] == sent
    changed = events(database, "card_changed")
    assert [(e[2], sorted(e[6])) for e in changed] == [("first", ["to"]), ("changed", ["from", "to"])]
    assert changed[1][6]["from"] == changed[0][6]["to"] != changed[1][6]["to"]
    assert list(api.find(skill="search_kb")) == ["alpha"] and api.find(skill="a") == {}, "the terms are those of the card that is there"


def test_who_came_and_went_is_in_the_trail_with_its_instance(database, api):
    api.register("alpha", card(), "pod-1")
    api.beat("alpha", "pod-1")
    api.unregister("alpha", "pod-1")
    api.register("beta", card())
    assert events(database, "agent_registered", "agent_unregistered") == [
        ("agent_registered", "ok", "ok", "acme", "alpha", None, {"instance": "pod-1"}),
        ("agent_unregistered", "ok", "ok", "acme", "alpha", None, {"instance": "pod-1"}),
        ("agent_registered", "ok", "ok", "acme", "beta", None, None),
    ]  # fmt: skip


def test_an_agent_that_restarts_all_the_time_floods_nothing(database, api):
    for number in range(30):
        api.register("alpha", card(version=str(number)))
    for action in ("agent_registered", "card_changed"):
        written = database.value("SELECT count(*) FROM relay.auth_events WHERE action = %s", action)
        assert written <= 11 and database.value("SELECT sum(times) FROM relay.recorded_events WHERE action = %s", action) == 30


def start_long_ago(database):
    """As if alpha had registered and sent its card an hour ago."""
    database.execute("UPDATE relay.agent_leases SET started_at = now() - interval '1 hour'")
    database.execute("ALTER TABLE relay.agent_cards DISABLE TRIGGER note_change")
    database.execute("UPDATE relay.agent_cards SET since = now() - interval '1 hour'")
    database.execute("ALTER TABLE relay.agent_cards ENABLE TRIGGER note_change")
    database.execute("DELETE FROM relay.event_floods")


def test_a_start_after_more_than_a_minute_has_its_row_and_is_not_counted(database, api):
    api.register("alpha", card())
    start_long_ago(database)
    assert api.register("alpha", card(version="2"))["ok"]
    assert [e[0] for e in events(database, "agent_registered", "card_changed")] == ["card_changed", "agent_registered"] * 2
    assert database.value("SELECT count(*) FROM relay.event_floods") == 0, "nothing had to be counted"
    for number in range(30):
        api.register("alpha", card(version=f"3.{number}"))
    for action in ("agent_registered", "card_changed"):
        assert database.value("SELECT count(*) FROM relay.auth_events WHERE action = %s", action) <= 12
        assert database.value("SELECT sum(times) FROM relay.recorded_events WHERE action = %s", action) == 32


def test_a_start_while_the_trail_is_locked_is_counted(database, api):
    api.register("alpha", card())
    start_long_ago(database)
    with closing(database.connect()) as other, other.cursor() as cursor:
        cursor.execute("BEGIN; LOCK TABLE relay.auth_events IN SHARE MODE")
        assert api.register("alpha", card(version="2"))["ok"]
        cursor.execute("ROLLBACK")
    for action in ("agent_registered", "card_changed"):
        assert database.value("SELECT sum(times) FROM relay.recorded_events WHERE action = %s", action) == 2
        assert database.value("SELECT count(*) FROM relay.auth_events WHERE action = %s", action) == 1


def test_a_new_card_with_the_old_terms_writes_no_index(database, api):
    """Also where pages are full of other agents' cards."""
    agents = [f"a{number}" for number in range(40)]
    settle(database, agents, org="many")
    for version in ("1", "2"):
        for agent in agents:
            assert api.register(agent, card(version=version))["ok"]
    api.connection.close()  # a session reports what it counted at its end
    counted = "SELECT n_tup_upd AS all, n_tup_hot_upd AS without_index FROM pg_stat_user_tables WHERE relname = 'agent_cards'"
    wait_until(lambda: database.one(counted)["all"] >= 40, what="the counts of the session")
    assert database.one(counted) == {"all": 40, "without_index": 40}


def test_changes_by_sql_are_in_the_trail(database, api):
    api.register("alpha", card())
    database.execute("""UPDATE relay.agent_cards SET card = card || '{"name": "Mallory"}'""")
    database.execute("DELETE FROM relay.agent_cards")
    assert [(e[2], sorted(e[6])) for e in events(database, "card_changed")] == [
        ("first", ["to"]), ("changed", ["from", "to"]), ("deleted", ["from"])]  # fmt: skip


# ---- who may not


@pytest.mark.parametrize("subject, kind", [("alpha", "agent"), ("acme", "org")])
@pytest.mark.parametrize("act, reason", [("block", "blocked"), ("revoke", "revoked")])
def test_who_is_blocked_or_revoked_is_not_found_and_learns_it(database, api, subject, kind, act, reason):
    api.register("alpha", card())
    block(database, subject, kind, act)
    assert api.find() == {} and api.find(skill="search_kb") == {} and api.card("alpha") is None
    assert api.beat("alpha")["reason"] == reason
    assert api.register("alpha", card())["reason"] == reason
    lift(database)
    assert list(api.find()) == ["alpha"], "its lease has not ended meanwhile, so nothing must be sent again"
    assert api.beat("alpha")["ok"]
    assert ("registration_failed", "failed", reason, "acme", "alpha", None, None) in events(database, "registration_failed")


def test_a_block_that_ends_by_the_clock_hides_until_then(database, api):
    api.register("alpha", card())
    database.execute("INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor, until)"
                     " VALUES ('agent', 'alpha', 'block', 'test', now() + interval '1 hour')")  # fmt: skip
    assert api.find() == {}
    database.execute("ALTER TABLE relay.revocations DISABLE TRIGGER USER")
    database.execute("UPDATE relay.revocations SET until = now() - interval '1 second'")
    assert list(api.find()) == ["alpha"]


def test_an_agent_beyond_the_seats_is_not_found_and_learns_it(database, api):
    for agent in AGENTS:
        assert api.register(agent, card())["ok"]
    database.execute("INSERT INTO relay.limits (owner_kind, owner_id, meter, org_id, amount) VALUES ('org', 'acme', 'agents', 'acme', 2)")
    assert list(api.find()) == list(api.find(skill="search_kb")) == ["alpha", "beta"]
    assert api.card("gamma") is None and api.card("beta")
    assert api.beat("gamma")["reason"] == api.register("gamma", card())["reason"] == "over_limit"
    assert api.beat("beta")["ok"]
    block(database, "alpha", act="revoke")
    assert list(api.find()) == ["beta", "gamma"], "a revoked agent has no seat"
    database.execute("UPDATE relay.limits SET amount = 0 WHERE owner_id = 'acme'")
    assert api.find() == {} and api.beat("beta")["reason"] == "over_limit"
    database.execute("UPDATE relay.limits SET amount = NULL WHERE owner_id = 'acme'")
    assert list(api.find()) == ["beta", "gamma"]


def test_a_block_by_the_program_hides_before_the_command_returns(api, relay):
    api.register("alpha", card())
    relay("block", "alpha", check=0)
    assert api.find() == {} and api.card("alpha") is None
    relay("unblock", "alpha", "--yes", check=0)
    assert list(api.find()) == ["alpha"]


# ---- leases


@pytest.mark.parametrize("lease, seconds", [("1 second", 10), ("-1 day", 10), ("0", 10), ("1 day", 600), ("1000 years", 600), (None, 60), ("30 seconds", 30)])
def test_a_lease_is_ten_seconds_to_ten_minutes_and_the_answer_says_so(database, api, lease, seconds):
    for call in (lambda: api.register("alpha", card(), lease=lease), lambda: api.beat("alpha", lease=lease)):
        before = now(database)
        ends_at = call()["lease_ends_at"]
        assert before <= ends_at - timedelta(seconds=seconds) <= now(database)


def test_an_agent_whose_lease_is_over_is_not_found_and_one_beat_brings_it_back(database, api):
    api.register("alpha", card())
    started = database.value("SELECT started_at FROM relay.agent_leases")
    end_lease(database, "alpha")
    assert api.find() == {} and api.find(skill="search_kb") == {} and api.card("alpha") is None
    assert api.beat("alpha")["ok"] and list(api.find()) == ["alpha"]
    assert database.value("SELECT started_at FROM relay.agent_leases") == started, "it is the same process, and was late"


def test_the_first_beat_of_a_day_keeps_the_lease_and_its_start(database, api):
    started = api.register("alpha", card())["started_at"]
    database.execute("UPDATE relay.agent_leases SET last_day = last_day - 3")
    assert api.beat("alpha")["started_at"] == started
    row = database.one("SELECT count(*) AS leases, max(last_day) = max((ends_at AT TIME ZONE 'UTC')::date) AS is_dated FROM relay.agent_leases")
    assert row == {"leases": 1, "is_dated": True}


def test_a_beat_writes_no_index_and_waits_for_no_disk(database, api):
    api.register("alpha", card())
    before = database.value("SELECT pg_current_wal_insert_lsn()")
    with api.connection.cursor() as cursor:
        cursor.execute("BEGIN")
        for _ in range(50):
            cursor.execute("SELECT relay_api.heartbeat('alpha')")
        cursor.execute("SHOW synchronous_commit")
        assert cursor.fetchone() == ("off",)
        cursor.execute("COMMIT")
    assert database.value("SELECT pg_current_wal_insert_lsn() - %s < 20000", before), "the table is not logged"
    api.connection.close()  # a session reports what it counted at its end
    counted = "SELECT n_tup_upd AS all, n_tup_hot_upd AS without_index FROM pg_stat_user_tables WHERE relname = 'agent_leases'"
    wait_until(lambda: database.one(counted)["all"] >= 50, what="the counts of the session")
    assert database.one(counted) == {"all": 50, "without_index": 50}


def test_a_day_after_its_end_a_lease_is_removed_by_whoever_starts(database, api):
    api.register("beta", card())
    database.execute("INSERT INTO relay.agent_leases (agent_id, instance_id, org_id, started_at, beat_at, ends_at, last_day)"
                     " SELECT 'alpha', 'pod-' || n, 'acme', at, at, at, at::date FROM generate_series(1, 20) AS n,"
                     " LATERAL (SELECT now() - interval '3 days') AS long_ago (at)")  # fmt: skip
    end_lease(database, "beta", ago="2 hours")
    left = [database.value("SELECT count(*) FROM relay.agent_leases WHERE agent_id = 'alpha'") for _ in range(4) if api.register("gamma", card(), f"pod-{_}")]
    assert left == [12, 4, 0, 0], "eight at a time"
    assert database.value("SELECT count(*) FROM relay.agent_leases WHERE agent_id = 'beta'") == 1, "it ended less than a day ago"


def test_two_processes_with_one_instance_share_a_lease_and_the_later_start_shows(database, api):
    api.register("alpha", card(), "host")
    first = database.value("SELECT started_at FROM relay.agent_leases")
    api.register("alpha", card(), "host")
    row = database.one("SELECT count(*) AS rows, max(started_at) AS started FROM relay.agent_leases")
    assert row["rows"] == 1 and row["started"] > first and api.find()["alpha"]["instances"] == 1


# ---- bad input


@pytest.mark.parametrize("sent", ["[]", "null", "{}", '"x"', "7", None], ids=str)
def test_what_is_no_card_is_refused_with_all_that_it_lacks(database, api, sent):
    answer = api.rows("SELECT ok, reason, problems FROM relay_api.register('alpha', %s)", (sent,))[0]
    assert answer[:2] == (False, "card_invalid")
    paths = [problem.partition(": ")[0] for problem in answer[2]]
    missing = ["/name", "/description", "/version", "/url", "/capabilities", "/defaultInputModes", "/defaultOutputModes", "/skills"]
    assert paths == ([] if sent == "{}" else ["/"]) + missing
    assert api.find() == {} and database.value("SELECT count(*) FROM relay.agent_cards") == 0


@pytest.mark.parametrize(
    "change, problem",
    [
        ({"more": "x" * 66000}, "/: is larger than 64 KiB"),
        ({"skills": [skill(f"s{n}") for n in range(101)]}, "/skills: has more than 100 entries"),
        ({"skills": [skill("a"), skill("b"), skill("a")]}, "/skills/2/id: is the id of an earlier skill, too"),
        ({"url": "http://x"}, "/url: must begin with https:// (or give supportedInterfaces)"),
        ({"url": "javascript:alert(1)"}, "/url: must begin with https:// (or give supportedInterfaces)"),
        ({"url": "https://a.example/\nx"}, "/url: must be https://, a host, and no blanks or characters beyond ASCII"),
        ({"url": "https://a.example/x\n"}, "/url: must be https://, a host, and no blanks or characters beyond ASCII"),
        ({"skills": [skill(), skill("b", tags="kb")]}, "/skills/1/tags: must be a list of texts"),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_a_card_that_breaks_a_rule_is_refused_and_its_path_is_named(database, api, change, problem):
    answer = api.register("alpha", card(**change))
    assert (answer["reason"], answer["problems"], answer["lease_ends_at"]) == ("card_invalid", [problem], None)
    assert api.register("alpha", card())["ok"]
    assert api.register("alpha", card(**change))["reason"] == "card_invalid" and api.card("alpha")["card"] == card(), "the last good one stays"


def test_a_key_in_a_card_is_refused_and_its_id_is_in_the_trail(database, api):
    key = make_key()
    for place in ({"description": f"use {key}"}, {"x": {"deep": [key]}}, {"y": {key: 1}}):
        answer = api.register("alpha", card(**place))
        assert (answer["reason"], answer["problems"]) == ("card_invalid", ["/: has a key of this relay in it"])
    for event in events(database, "registration_failed"):
        assert event[2] == "card_invalid" and event[5] == key[9:21] and key[22:40] not in str(event)
    assert api.register("alpha", card(description="keys begin with relay_sk_"))["ok"]


def test_keys_that_were_made_up_make_no_events_of_their_own(database, api):
    for _ in range(60):
        assert api.register("alpha", card(description=make_key()))["reason"] == "card_invalid"
    assert database.value("SELECT count(*) FROM relay.auth_events WHERE action = 'registration_failed'") <= 11


def test_after_a_good_card_no_card_is_refused_too(api):
    api.register("alpha", card())
    (row,) = api.rows("SELECT ok, reason FROM relay_api.register('alpha', NULL)", ())
    assert row == (False, "card_invalid") and api.card("alpha")["card"] == card()


def test_an_agent_has_a_bounded_number_of_leases(database, api):
    api.register("alpha", card())
    for number in range(300):
        assert api.beat("alpha", f"host-{number}")["ok"]
    assert database.value("SELECT count(*) FROM relay.agent_leases") == 256
    assert api.find()["alpha"]["instances"] == 256 and api.beat("alpha", "host-0")["ok"]


@pytest.mark.parametrize("claims, sees", [("{}", 2), ('{"agent_id": "alpha"}', 1), ('{"agent_id": null}', 0), ('{"owner_user_id": "u1"}', 1)])
def test_a_narrowed_reader_sees_its_agents_only(database, api, claims, sees):
    database.execute("UPDATE relay.agents SET owner_user_id = 'u1' WHERE agent_id = 'beta'")
    for agent in ("alpha", "beta"):
        api.register(agent, card())
    database.execute("SET ROLE relay_tenant; SET relay.org_id = 'acme'")
    try:
        database.execute("SELECT set_config('request.jwt.claims', %s, false)", claims)
        counts = {table: database.value(f"SELECT count(agent_id) FROM relay.{table}") for table in ("running_agents", "agent_cards", "agent_leases")}
    finally:
        database.execute("RESET ROLE; RESET relay.org_id; RESET request.jwt.claims")
    assert set(counts.values()) == {sees}, counts


@pytest.mark.parametrize("instance", ["x" * 128, "a b", "a\n", "\u202e", "-a", None, "é"], ids=repr)
def test_an_instance_is_an_id(api, instance):
    for call in (lambda: api.register("alpha", card(), instance), lambda: api.beat("alpha", instance),
                 lambda: api.drain("alpha", instance), lambda: api.unregister("alpha", instance)):  # fmt: skip
        with pytest.raises(psycopg2.errors.InvalidParameterValue, match="instance_id must be empty, or 1 to 127 letters"):
            call()
    assert api.register("alpha", card(), "x" * 127)["ok"] and api.register("alpha", card(), "host/0:a@b")["ok"]
    assert api.find()["alpha"]["instances"] == 2


def test_no_more_than_a_hundred_problems_are_sent(api):
    skills = [{"id": str(n)} for n in range(100)]
    answer = api.register("alpha", card(skills=skills))
    assert len(answer["problems"]) == 100 and answer["problems"][0] == "/skills/0/name: must be a text of 1 to 255 characters"

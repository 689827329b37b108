"""Refresh tokens that change at each use: every order of a client and a thief, lost answers, two tabs, and what ends a device."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg2
import pytest

from support.devices import IP, Contract, digest, new_id, new_token

SHORT = 10  # seconds in which the token before gets no new one


@pytest.fixture
def api(database, key):
    """The contract, as a gateway calls it, beside the agent `bot` of `acme`."""
    with closing(database.connect(user=database.gateway_login())) as connection:
        yield Contract(connection)


def pass_time(database, seconds=SHORT + 1):
    """Lets a device's last rotation be longer ago. The clock itself cannot be moved."""
    database.execute("UPDATE relay.devices SET token_at = token_at - make_interval(secs => %s)", seconds)


def hold_time(database):
    """Lets a device's last rotation be less than SHORT ago, however slow the machine is."""
    pass_time(database, -3600)


def state(database):
    return database.one("SELECT * FROM relay.devices")


def feed(database):
    return [(row["change"], row["org_id"], row["agent_id"], row["key_id"], row["kicks"])
            for row in database.rows("SELECT * FROM relay.change_feed WHERE change LIKE 'device%' ORDER BY seq")]  # fmt: skip


# ---- one holder


def test_each_use_gives_the_next_token(database, api):
    device_id, token = api.pair()
    for _ in range(3):
        reason, following, answer = api.refresh(device_id, token)
        assert (reason, answer["ok"], answer["org_id"], answer["agent_id"], answer["rotated"]) == ("ok", True, "acme", "bot", True)
        assert answer["expires_at"] == state(database)["expires_at"]
        token = following
    assert database.value("SELECT count(*) FROM relay.spent_tokens") == 3


def test_a_token_lives_as_long_as_the_first_one_from_its_use_on(database, api):
    device_id, token = api.pair(ttl="2 days")
    database.execute("UPDATE relay.devices SET expires_at = now() + interval '1 hour'")
    _, token, answer = api.refresh(device_id, token)
    assert database.value("SELECT %s::timestamptz - now() > interval '47 hours'", answer["expires_at"])
    database.execute("UPDATE relay.devices SET expires_at = now() - interval '1 second'")
    assert api.refresh(device_id, token)[0] == "expired"


def test_two_tabs_get_one_new_token_and_two_answers(database, api):
    device_id, token = api.pair()
    _, following, _ = api.refresh(device_id, token)
    hold_time(database)
    reason, nothing, answer = api.refresh(device_id, token)
    assert (reason, nothing, answer["ok"], answer["rotated"]) == ("again", None, True, False)
    assert api.refresh(device_id, following)[0] == "ok"
    assert api.refresh(device_id, token)[0] == "reused", "its successor was used meanwhile"


def test_a_lost_answer_is_replaced_and_its_token_is_void(database, api):
    device_id, token = api.pair()
    _, lost, _ = api.refresh(device_id, token)
    pass_time(database)
    reason, following, _ = api.refresh(device_id, token)
    assert reason == "replaced" and following
    pass_time(database)
    assert api.refresh(device_id, token)[0] == "replaced", "lost again"
    assert api.refresh(device_id, lost)[0] == "reused"
    assert api.refresh(device_id, following)[0] == "revoked"


def test_tabs_that_ask_at_once_get_one_token(database, api):
    device_id, token = api.pair()
    ready = threading.Barrier(12)

    def ask(_):
        with closing(database.connect(user=database.gateway_login())) as connection:
            ready.wait()
            return Contract(connection).refresh(device_id, token)[0]

    with ThreadPoolExecutor(12) as tabs:
        assert sorted(tabs.map(ask, range(12))) == ["again"] * 11 + ["ok"]


@pytest.mark.parametrize("which", ["present", "before", "spent"])
def test_a_next_token_that_was_used_before_changes_nothing(database, api, which):
    device_id, first = api.pair()
    _, second, _ = api.refresh(device_id, first)
    _, third, _ = api.refresh(device_id, second)
    before = state(database)
    reason, nothing, answer = api.refresh(device_id, third, {"present": third, "before": second, "spent": first}[which])
    assert (reason, nothing, answer["ok"]) == ("bad_next", None, False)
    assert state(database) == before
    assert api.refresh(device_id, third)[0] == "ok"


# ---- a client and a thief


class Model:
    """What the design says about one device; `say` is the answer to a token, `age` the seconds since the last rotation."""

    def __init__(self, first):
        self.present, self.before, self.spent, self.dead, self.is_fresh = first, None, set(), False, False

    def copy(self):
        twin = Model(self.present)
        twin.__dict__.update(self.__dict__, spent=set(self.spent))
        return twin

    def show(self, token, following):
        """The reason; changes the state."""
        if self.dead:
            return "revoked"
        if token not in (self.present, self.before):
            assert token in self.spent
            self.dead = True
            return "reused"
        if token == self.before and self.is_fresh:
            return "again"
        reason = "ok" if token == self.present else "replaced"
        self.spent.add(self.present)
        self.present, self.before, self.is_fresh = following, token, True
        return reason


class Orders:
    """Every order of: the client refreshes (and the answer may be lost), the thief copies the client's store once, the thief
    refreshes, time passes. Each step is tried on the server, in a subtransaction that is rolled back."""

    def __init__(self, contract, device_id, most):
        self.contract, self.device_id, self.most = contract, device_id, most
        self.checked = self.ended = 0

    def run(self, sql, *values):
        with self.contract.connection.cursor() as cursor:
            cursor.execute(sql, values)

    def explore(self, model, holds, alone, client=0, thief=0, story=""):
        """`holds`: the token of each; `alone`: those that had a token accepted, since the theft, that the other lacks."""
        steps = [("client", True), ("client", False)] if client < self.most else []
        steps += [("thief", True)] if holds["thief"] and thief < self.most else []
        for who, arrives in steps:
            self.within(self.refresh, who, arrives, model, holds, alone, client, thief, story)
        if not holds["thief"]:
            self.explore(model, {**holds, "thief": holds["client"]}, frozenset(), client, thief, story + " steal")
        if model.is_fresh and steps:
            self.within(self.wait, model, holds, alone, client, thief, story)

    def within(self, step, *values):
        self.run("SAVEPOINT here")
        step(*values)
        self.run("ROLLBACK TO SAVEPOINT here")
        self.run("RELEASE SAVEPOINT here")

    def wait(self, model, holds, alone, client, thief, story):
        self.run("UPDATE relay.devices SET token_at = clock_timestamp() - interval '11 seconds'")
        model = model.copy()
        model.is_fresh = False
        self.explore(model, holds, alone, client, thief, story + " wait")

    def refresh(self, who, arrives, model, holds, alone, client, thief, story):
        model, token, following = model.copy(), holds[who], new_token(self.device_id)
        story += f" {who}{'' if arrives else ' (lost)'}"
        other = {"client": "thief", "thief": "client"}[who]
        expected = model.show(token, following)
        reason, received, _ = self.contract.refresh(self.device_id, token, following)
        self.checked += 1
        assert reason == expected, story
        if reason == "reused":
            assert holds["thief"], f"{story}: an honest client was logged out"
            self.ended += 1
            assert {self.contract.refresh(self.device_id, each)[0] for each in holds.values()} == {"revoked"}, story
            return
        if reason == "ok" and token != holds[other]:
            alone = alone | {who}
        assert alone != {"client", "thief"}, f"{story}: both continue"
        if received:  # until `wait`, however long the orders below this one take
            self.run("UPDATE relay.devices SET token_at = clock_timestamp() + interval '1 hour'")
        if received and arrives:
            holds = {**holds, who: received}
        self.explore(model, holds, alone, client + (who == "client"), thief + (who == "thief"), story)


@pytest.mark.parametrize("refreshes", [2, 3])
def test_in_every_order_theft_ends_the_device_and_honest_retries_never_do(database, api, refreshes):
    """Two holders never both continue with tokens that the other lacks: the device ends as soon as the second one uses its chain."""
    device_id, token = api.pair()
    with closing(database.connect(user="postgres", autocommit=False)) as connection:
        orders = Orders(Contract(connection), device_id, refreshes)
        orders.explore(Model(token), {"client": token, "thief": None}, frozenset())
        connection.rollback()
    print(f"\n{orders.checked} refreshes checked, {orders.ended} devices ended")
    assert orders.ended > 10


# ---- what refuses a device


def test_a_token_that_is_used_again_ends_the_device_for_both_and_the_feed_says_so(database, api):
    device_id, stolen = api.pair()
    _, second, _ = api.refresh(device_id, stolen)
    _, third, _ = api.refresh(device_id, second)
    assert api.refresh(device_id, stolen, ip="203.0.113.66")[0] == "reused"
    assert api.refresh(device_id, third)[0] == api.refresh(device_id, stolen)[0] == "revoked"
    assert feed(database) == [("device_revoked", "acme", "bot", device_id, True)]
    row = database.one("SELECT subject_kind, subject_id, kind, actor FROM relay.revocations")
    assert row == {"subject_kind": "device", "subject_id": device_id, "kind": "revoke", "actor": "relay_api.device_refresh"}
    said = database.rows("SELECT action, reason, host(ip_address) AS ip FROM relay.auth_events WHERE key_id = %s AND action LIKE 'device_re%%'"
                         " AND reason = 'reused' ORDER BY event_id", device_id)  # fmt: skip
    assert [(e["action"], e["ip"]) for e in said] == [("device_revoked", "203.0.113.66"), ("device_refused", "203.0.113.66")]


@pytest.mark.parametrize("kind, reason", [("block", "blocked"), ("revoke", "revoked")])
@pytest.mark.parametrize("subject", ["device", "agent", "org"])
def test_a_device_is_refused_with_its_agent_and_organization(database, api, kind, reason, subject):
    device_id, token = api.pair()
    subject_id = {"device": device_id, "agent": "bot", "org": "acme"}[subject]
    database.execute("INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor) VALUES (%s, %s, %s, 'test')", subject, subject_id,
                     kind)  # fmt: skip
    before = state(database)
    assert api.refresh(device_id, token)[0] == reason
    assert state(database) == before, "nothing was rotated"
    lift = "UPDATE relay.revocations SET lifted_at = now(), lifted_by = 'test'"
    if (kind, subject) == ("revoke", "device"):
        with pytest.raises(psycopg2.errors.CheckViolation):
            database.execute(lift)
        return
    database.execute(lift)
    assert api.refresh(device_id, token)[0] == ("ok" if kind == "block" else "revoked"), "a revocation is permanent for what was there"
    assert api.refresh(*api.pair())[0] == "ok"


def test_a_block_that_ran_out_refuses_no_more(database, api):
    device_id, token = api.pair()
    database.execute("INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor, until)"
                     " VALUES ('device', %s, 'block', 'test', now() - interval '1 second')", device_id)  # fmt: skip
    assert api.refresh(device_id, token)[0] == "ok"


def test_a_device_has_no_seat_if_its_agent_has_none(database, relay, api, tmp_path):
    """Nothing is deleted: it works again as soon as the limit allows its agent."""
    relay("agent", "create", "second", "--org", "acme", "--name", "Second", "--secret-file", tmp_path / "second.key", check=0)
    device_id, token = api.pair("second")
    _, code = api.start("second")
    database.execute("INSERT INTO relay.limits (owner_kind, owner_id, meter, org_id, amount) VALUES ('org', 'acme', 'agents', 'acme', 1)")
    before = state(database)
    assert api.refresh(device_id, token)[0] == api.redeem(code)[0] == "over_limit"
    assert state(database) == before
    database.execute("UPDATE relay.limits SET amount = 2 WHERE owner_id = 'acme'")
    assert api.refresh(device_id, token)[0] == api.redeem(code)[0] == "ok"


def test_unknown_tokens_change_nothing_and_wait_for_no_lock(database, api):
    device_id, token = api.pair()
    before = state(database)
    with closing(database.connect(autocommit=False)) as holder, holder.cursor() as cursor:
        cursor.execute("SELECT FROM relay.devices FOR UPDATE")
        api.row("SELECT set_config('statement_timeout', '20s', false)")
        for id_of, shown in ((device_id, new_token(device_id)), (new_id(12), token), ("", token), (None, token)):
            reason, _, answer = api.refresh(id_of, shown)
            assert (reason, answer["org_id"], answer["agent_id"], answer["expires_at"]) == ("unknown_token", None, None, None)
        holder.rollback()
    assert state(database) == before
    other_id, other_token = api.pair()
    assert api.refresh(other_id, token)[0] == api.refresh(device_id, other_token)[0] == "unknown_token", "a token of another device"
    assert database.value("SELECT count(*) FROM relay.revocations") == 0


@pytest.mark.parametrize("bad", [(b"x", digest("n")), (digest("t"), b""), (None, digest("n")), (digest("t"), None)])
def test_digests_that_are_none_are_errors(api, bad):
    with pytest.raises(psycopg2.errors.InvalidParameterValue):
        api.row("SELECT relay_api.device_refresh(%s, %s, %s)", new_id(12), *bad)


# ---- what is kept


def test_spent_tokens_are_removed_when_they_would_have_expired(database, api):
    device_id, token = api.pair()
    database.execute("INSERT INTO relay.spent_tokens (token_hash, device_id, expires_at)"
                     " SELECT sha256(n::text::bytea), 'abcdefghjkmn', now() - interval '1 day' FROM generate_series(1, 5) AS n")  # fmt: skip
    old = "SELECT count(*) FROM relay.spent_tokens WHERE expires_at < now()"
    for left in (3, 1, 0):
        _, token, _ = api.refresh(device_id, token)
        assert database.value(old) == left
    assert database.value("SELECT count(*) FROM relay.spent_tokens") == 3, "those of this device"


def test_an_address_is_recorded_once_an_hour_and_a_new_one_at_once(database, api):
    device_id, token = api.pair()
    count = "SELECT count(*) FROM relay.auth_events WHERE action = 'device_refreshed'"
    database.execute("UPDATE relay.devices SET seen_at = seen_at - interval '1 hour'")
    for ip, expected in ((IP, 1), (IP, 1), ("198.51.100.3", 2), ("198.51.100.3", 2)):
        _, token, _ = api.refresh(device_id, token, ip=ip)
        assert database.value(count) == expected
    assert database.value("SELECT host(seen_from) FROM relay.devices") == "198.51.100.3"


def test_a_rotation_commits_fully_whatever_the_session_says(database, api):
    device_id, token = api.pair()
    with closing(database.connect(user=database.gateway_login(), autocommit=False)) as connection:
        lazy = Contract(connection)
        lazy.row("SELECT set_config('synchronous_commit', 'off', false)")
        assert lazy.refresh(device_id, token)[0] == "ok"
        assert lazy.row("SELECT current_setting('synchronous_commit')") == ("on",)
        connection.rollback()


def test_a_rotation_after_the_clock_went_back_is_no_change_by_sql(database, api):
    device_id, token = api.pair()
    database.execute("UPDATE relay.devices SET token_at = now() + interval '1 hour', expires_at = expires_at + interval '1 hour'")
    assert api.refresh(device_id, token)[0] == "ok"
    assert feed(database) == [] and database.value("SELECT count(*) FROM relay.auth_events WHERE action = 'device_changed'") == 0


def test_an_attack_on_a_device_is_seen_behind_a_flood_of_unknown_ids(database, relay, api):
    device_id, _ = api.pair()
    for _ in range(40):
        junk = new_id(12)
        api.refresh(junk, new_token(junk))
    assert api.refresh(device_id, new_token(device_id))[0] == "unknown_token"
    events = relay("device", "show", device_id, "-o", "json", check=0).json()["data"]["events"]
    assert [(event["action"], event["reason"]) for event in events if event["action"] == "device_refused"] == [("device_refused", "unknown_token")]


def test_changes_of_a_device_by_sql_leave_an_event_and_reach_the_gateways(database, api):
    device_id, token = api.pair()
    _, token, _ = api.refresh(device_id, token)
    by_hand = "SELECT action FROM relay.auth_events WHERE reason = 'by SQL' ORDER BY event_id"
    assert database.rows(by_hand) == [], "neither pairing nor rotation is one"
    database.execute("UPDATE relay.devices SET name = 'Eve'")
    database.execute("UPDATE relay.devices SET expires_at = now()")
    database.execute("INSERT INTO relay.devices (device_id, org_id, agent_id, name, token_hash, token_ttl, expires_at)"
                     " VALUES ('abcdefghjkmn', 'acme', 'bot', 'x', sha256('x'), '1 day', now())")  # fmt: skip
    database.execute("DELETE FROM relay.devices WHERE device_id = %s", device_id)
    database.execute("INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor) VALUES ('device', 'abcdefghjkmn', 'block', 'test')")
    database.execute("UPDATE relay.revocations SET lifted_at = now(), lifted_by = 'Mallory'")
    assert [row["action"] for row in database.rows(by_hand)] == [
        "device_changed", "device_changed", "device_paired", "device_deleted", "device_blocked", "device_unblocked"]  # fmt: skip
    assert feed(database) == [
        ("device_changed", "acme", "bot", device_id, True), ("device_changed", "acme", "bot", device_id, True),
        ("device_deleted", "acme", "bot", device_id, True), ("device_blocked", "acme", "bot", "abcdefghjkmn", True),
        ("device_unblocked", "acme", "bot", "abcdefghjkmn", False)]  # fmt: skip

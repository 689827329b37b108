"""The verifiers of the kit report the uses of keys in batches: which uses, how often, where, and what happens if they
cannot."""

import subprocess
import sys
import threading
from contextlib import closing

import pytest
from support.agents import digest, first_agent, key_id, rotate
from support.cluster import Cluster
from support.database import Database, make_template
from support.gateways import KIT, Gateway, command, connection_variables
from support.processes import wait_until
from support.proxy import Fault, Proxy

IP, OTHER_IP = "192.0.2.1", "2001:db8::7"
NEVER = 3600  # seconds: no report before `close`
SOON = 0.3
CLOSES_WITHIN = 60  # seconds for `close`
MOST_ADDRESSES = 1000
LSN = "SELECT pg_current_wal_insert_lsn()::text"


@pytest.fixture
def proxy(cluster):
    """Between a gateway and the primary that it reports to."""
    with Proxy((cluster.tcp_host, cluster.port)) as running:
        yield running


@pytest.fixture
def start(language, database, proxy):
    """start(seconds from report to report): a gateway that follows the feed."""
    database.gateway_login()
    running = []

    def begin(reports, **more):
        gateway = Gateway(language, database, gateway_id="one", reports=reports, primary=(proxy.host, proxy.port), **more)
        running.append(gateway)
        gateway.call("follow")
        wait_until(lambda: database.value("SELECT count(*) FROM relay.gateway_acks") == 1, what="it to follow")
        return gateway

    yield begin
    for gateway in running:
        gateway.close()


def is_report(message):
    return message.direction == "F" and b"report_uses" in message.raw


def counted(proxy):
    """Returns a list that gets an element for each report that passes the proxy."""
    reports = []
    proxy.faults.append(Fault(reports.append, match=is_report, connection=None))
    return reports


def close(gateway, limit=CLOSES_WITHIN):
    """Returns how many uses are lost in the end."""
    return gateway.call("close", limit=limit)["lost"]


def uses(database):
    """{address: (uses, the role that reported the last one)}"""
    rows = database.rows("SELECT host(ip_address) AS ip, uses, reported_by FROM relay.key_sightings")
    return {row["ip"]: (row["uses"], row["reported_by"]) for row in rows}


def check(gateway, key, times=1, ip=IP):
    for _ in range(times):
        assert gateway.call("check", key=key, ip=ip)["ok"]


def test_all_uses_of_an_interval_are_one_call_and_cached_checks_count(start, database, proxy, key):
    gateway, reports, login = start(NEVER), counted(proxy), database.gateway_login()
    check(gateway, key)
    assert uses(database) == {IP: (0, None)}, "authenticate has recorded the first use, and leaves its count to the report"
    gateway.call("report")
    check(gateway, key, 3)
    check(gateway, key, 2, OTHER_IP)
    check(gateway, key, ip=None)
    assert gateway.call("hold", key=key, name="held")["ok"]
    assert gateway.call("report")["queries"] == 0 and uses(database) == {IP: (0, None)} and not reports
    assert close(gateway) == 0
    assert uses(database) == {IP: (4, login), OTHER_IP: (2, login), "::": (2, login)} and len(reports) == 1
    assert database.value("SELECT every(age(clock_timestamp(), last_used_at) < '5 minutes') FROM relay.key_sightings")
    assert close(gateway) == 0 and len(reports) == 1, "without a use there is nothing to report"


def test_a_usual_check_writes_nothing_and_a_refused_one_is_no_use(language, database, key, foreign_key):
    with Gateway(language, database, gateway_id="one", reports=NEVER) as gateway:  # does not follow: each check asks
        check(gateway, key)
        before = database.value(LSN)
        check(gateway, key, 3)
        check(gateway, key, 3, OTHER_IP)
        assert database.value(LSN) == before and gateway.call("report")["queries"] == 7
        assert not gateway.call("check", key=foreign_key)["ok"]
        assert not gateway.call("check", key=key, agent_id="other")["ok"]
        gateway.call("ask", key=key)
        close(gateway)
    assert {ip: times for ip, (times, _) in uses(database).items()} == {IP: 4, OTHER_IP: 3}


def test_a_report_that_fails_harms_no_check_and_is_part_of_the_next_one(start, database, proxy, key):
    gateway = start(SOON)
    check(gateway, key)
    wait_until(lambda: uses(database)[IP][0] == 1, what="the first report")
    proxy.mode = "refuse"
    check(gateway, key, 2)
    check(gateway, key, 1, OTHER_IP)
    wait_until(lambda: gateway.call("status")["failures"] >= 2, what="reports that fail")
    check(gateway, key, 2)
    status, now = gateway.call("status"), database.value("SELECT extract(epoch FROM clock_timestamp())::float8")
    assert uses(database)[IP][0] == 1 and status["lost"] == 0 and status["waiting"] == 5
    assert status["last_error"] and now - 3600 < status["last_success"] <= now
    proxy.mode = "forward"
    wait_until(lambda: {ip: times for ip, (times, _) in uses(database).items()} == {IP: 5, OTHER_IP: 1}, what="the next report")
    assert close(gateway) == 0 and uses(database)[IP][0] == 5 and gateway.call("status")["failures"] == 0


def test_a_gateway_that_may_not_report_says_so(start, database, proxy, key):
    gateway = start(NEVER)
    check(gateway, key)
    database.execute("REVOKE EXECUTE ON FUNCTION relay_api.report_uses FROM relay_gateway")
    assert close(gateway) == 1
    status = gateway.call("status")
    assert "permission denied" in status["last_error"] and status["failures"] and status["last_success"] is None


def test_an_entry_that_the_database_refuses_is_lost_and_no_other(start, database, proxy, key):
    gateway, refused = start(NEVER), "198.51.100.1"
    database.execute(f"ALTER TABLE relay.key_sightings ADD CONSTRAINT no CHECK (ip_address <> '{refused}')")
    check(gateway, key)
    check(gateway, key, 3, refused)
    gateway.call("flood", key=key, addresses=20)
    assert close(gateway) == 3 and "key_sightings" in gateway.call("status")["last_error"]
    assert sum(times for times, _ in uses(database).values()) == 21 and refused not in uses(database)


def test_a_report_that_hangs_harms_no_check_and_does_not_keep_the_gateway_from_stopping(start, database, proxy, key):
    gateway = start(SOON, most=100)
    proxy.faults.append(Fault("deaf", match=is_report, connection=None))
    gateway.call("flood", key=key, addresses=60)
    wait_until(lambda: proxy.fired == 1, what="the report")
    gateway.call("report")
    check(gateway, key, 3)
    gateway.call("count", keys=60)
    assert gateway.call("status")["lost"] == 12, "what the report has taken needs room, too"
    assert gateway.call("report")["queries"] == 0
    assert close(gateway, limit=SOON) == 123
    check(gateway, key)
    assert gateway.call("status")["lost"] == 124, "nothing reports it any more"


def test_what_someone_has_locked_is_reported_again_and_only_that(start, database, proxy, key):
    gateway = start(SOON)
    check(gateway, key)
    wait_until(lambda: uses(database)[IP][0] == 1, what="the first report")
    with closing(database.connect(autocommit=False)) as holder, holder.cursor() as cursor:
        cursor.execute("SELECT FROM relay.key_sightings FOR UPDATE")
        check(gateway, key, 3)
        check(gateway, key, 4, OTHER_IP)
        wait_until(lambda: OTHER_IP in uses(database), what="the other address")
        reports = counted(proxy)
        wait_until(lambda: len(reports) >= 2, what="more reports")
        holder.rollback()
    wait_until(lambda: uses(database)[IP][0] == 4, what="the locked row")
    close(gateway)
    assert {ip: times for ip, (times, _) in uses(database).items()} == {IP: 4, OTHER_IP: 4}


def test_a_key_with_many_addresses_takes_no_room_of_others(start, database, key):
    gateway = start(NEVER)
    gateway.call("flood", key=key, addresses=MOST_ADDRESSES + 500)
    assert close(gateway) == 0
    assert len(uses(database)) == MOST_ADDRESSES + 1 and uses(database)["::"][0] == 500


def test_memory_is_bounded_and_what_has_no_room_is_counted(start, database, key):
    """Half of the room is for addresses, and the rest for further keys."""
    gateway = start(NEVER, most=100)
    gateway.call("flood", key=key, addresses=60)
    gateway.call("count", keys=60)
    check(gateway, key)
    assert gateway.call("status")["lost"] == 11
    assert close(gateway) == 11
    assert len(uses(database)) == 51 and uses(database)["::"][0] == 11


def test_what_no_report_delivered_is_counted_at_the_end(start, proxy, key):
    gateway = start(NEVER)
    proxy.mode = "refuse"
    check(gateway, key, 3)
    assert close(gateway) == 3
    check(gateway, key)
    assert gateway.call("status")["lost"] == 4, "after the end there is no report"


@pytest.mark.parametrize("ip", ["nowhere", "", "fe80::1%eth0", "10.0.0.0/8/8", "{", "NULL", "a,b", "1'\"\\"])
def test_an_address_that_is_none_does_not_spoil_a_report(start, database, proxy, key, ip):
    gateway = start(NEVER)
    check(gateway, key)
    check(gateway, key, 2, ip)
    check(gateway, key, 2, OTHER_IP)
    assert close(gateway) == 0
    assert {where: times for where, (times, _) in uses(database).items()} == {IP: 1, "::": 2, OTHER_IP: 2}


def test_a_forked_process_reports_its_own_uses(database, key, tmp_path):
    """Python: a server that loads the gateway and then forks has one thread in the parent, and none in the children."""
    program = """
import os, sys, driver
key = sys.stdin.read()
assert driver.verifier.check(key)["ok"]
if os.fork() == 0:
    assert driver.verifier.check(key, ip="192.0.2.1")["ok"]
else:
    os.wait()
driver.uses.close()
assert driver.uses.status()["lost"] == 0
"""
    _, environment = command("python")
    environment |= {"PYTHONPATH": str(KIT), "REPORT_INTERVAL": str(NEVER), "MOST_ENTRIES": "9", **connection_variables(database)}
    subprocess.run([sys.executable, "-B", "-c", program], input=key, text=True, env=environment, check=True)
    assert {ip: times for ip, (times, _) in uses(database).items()} == {"::": 1, IP: 1}


# --- gateways that ask a standby


@pytest.fixture(scope="module")
def primary():
    with Cluster(name="primary", tcp=True) as running:
        yield running


@pytest.fixture(scope="module")
def standby(primary):
    return primary.make_standby()


@pytest.fixture
def replicated(primary, standby):
    """A database on a server with a standby: (database, standby)."""
    database = Database(primary, template=make_template(primary))
    database.gateway_login()
    yield database, standby.wait_caught_up()
    database.drop()


def state_of(database, key):
    return database.value("SELECT state FROM relay.agent_keys WHERE key_id = %s", key_id(key))


def test_on_a_standby_the_first_use_is_repeated_on_the_primary_and_the_others_are_reported_there(
    language, primary, replicated, relay_without_database, tmp_path
):
    database, standby = replicated
    relay = relay_without_database.with_(dsn=database.dsn())
    old = first_agent(relay, tmp_path / "bot.key")
    new = rotate(relay, tmp_path / "new.key", "--grace", "1h", "--retire-on-first-use")
    standby.wait_caught_up()
    with Proxy((primary.tcp_host, primary.port)) as proxy:
        where = {"server": standby, "primary": (proxy.host, proxy.port), "reports": NEVER}
        with Gateway(language, database, **where) as gateway:
            gateway.call("follow")
            proxy.mode = "refuse"
            check(gateway, new, 3)
            assert state_of(database, old) == "retiring"
            proxy.mode, reports = "forward", counted(proxy)
            check(gateway, new)
            wait_until(lambda: state_of(database, old) == "retired", what="the primary to hear of the first use")
            assert database.value("SELECT count(*) FROM relay.proven_agents") == 1 and not reports
            standby.wait_caught_up()

            def from_the_cache():
                check(gateway, new)
                return gateway.call("report")["queries"] == 0

            wait_until(from_the_cache, what="the answer to be kept")
            assert [times for times, _ in uses(database).values()] == [0]
            assert close(gateway) == 0 and len(reports) == 1
            ((_, (times, by)),) = uses(database).items()
            assert times > 4 and by == database.gateway_login()


def test_a_report_that_comes_late_changes_nothing_that_others_may_do(
    language, primary, replicated, relay_without_database, tmp_path
):
    """The primary was away at the only use of a new key: the use is reported later, and the first use is not."""
    database, standby = replicated
    relay = relay_without_database.with_(dsn=database.dsn())
    old = first_agent(relay, tmp_path / "bot.key")
    new = rotate(relay, tmp_path / "new.key", "--grace", "1h", "--retire-on-first-use")
    standby.wait_caught_up()
    with Proxy((primary.tcp_host, primary.port)) as proxy:
        proxy.mode = "refuse"
        where = {"server": standby, "primary": (proxy.host, proxy.port), "reports": NEVER}
        with Gateway(language, database, **where) as gateway:
            check(gateway, new)
            threading.Event().wait(1)
            proxy.mode = "forward"
            assert close(gateway) == 0
    assert {ip: times for ip, (times, _) in uses(database).items()} == {IP: 1}
    assert state_of(database, old) == "retiring" and database.value("SELECT count(*) FROM relay.proven_agents") == 0
    assert database.value("SELECT (relay_api.authenticate(%s, %s)).ok", key_id(new), digest(new))
    assert state_of(database, old) == "retired"

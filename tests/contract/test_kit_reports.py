"""The verifiers of the kit report the uses of keys in batches: which uses, how often, where, and what happens if they
cannot."""

import threading
from contextlib import closing

import pytest
from support.agents import digest, first_agent, key_id, rotate
from support.cluster import Cluster
from support.database import Database, make_template
from support.gateways import Gateway
from support.processes import wait_until
from support.proxy import Fault, Proxy

IP, OTHER_IP = "192.0.2.1", "2001:db8::7"
NEVER = 3600  # seconds: no report before `close`
SOON = 0.3
MOST, PAGE = 100_000, 1000
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

    def begin(reports):
        gateway = Gateway(language, database, gateway_id="one", reports=reports, primary=(proxy.host, proxy.port))
        running.append(gateway)
        gateway.call("follow")
        wait_until(lambda: database.value("SELECT count(*) FROM relay.gateway_acks") == 1, what="it to follow")
        return gateway

    yield begin
    for gateway in running:
        gateway.close()


def counted(proxy):
    """Returns a list that gets an element for each report that passes the proxy."""
    reports = []
    is_report = lambda message: message.direction == "F" and b"report_uses" in message.raw  # noqa: E731
    proxy.faults.append(Fault(reports.append, match=is_report, connection=None))
    return reports


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
    assert uses(database) == {IP: (1, None)}, "authenticate itself has recorded the first use"
    gateway.call("report")
    check(gateway, key, 3)
    check(gateway, key, 2, OTHER_IP)
    check(gateway, key, ip=None)
    assert gateway.call("report")["queries"] == 0 and uses(database) == {IP: (1, None)} and not reports
    assert gateway.call("close") == {"lost": 0}
    assert uses(database) == {IP: (5, login), OTHER_IP: (2, login), "::": (1, login)} and len(reports) == 1
    assert database.value("SELECT every(age(clock_timestamp(), last_used_at) < '5 minutes') FROM relay.key_sightings")
    gateway.call("close")
    assert len(reports) == 1, "without a use there is nothing to report"


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
        gateway.call("close")
    assert {ip: times for ip, (times, _) in uses(database).items()} == {IP: 5, OTHER_IP: 3}


def test_a_report_that_fails_harms_no_check_and_is_part_of_the_next_one(start, database, proxy, key):
    gateway = start(SOON)
    check(gateway, key)
    wait_until(lambda: uses(database)[IP][0] == 2, what="the first report")
    proxy.mode = "refuse"
    check(gateway, key, 2)
    check(gateway, key, 1, OTHER_IP)
    threading.Event().wait(4 * SOON)
    check(gateway, key, 2)
    assert uses(database)[IP][0] == 2
    proxy.mode = "forward"
    wait_until(lambda: {ip: times for ip, (times, _) in uses(database).items()} == {IP: 6, OTHER_IP: 1}, what="the next report")
    assert gateway.call("close") == {"lost": 0} and uses(database)[IP][0] == 6


def test_what_someone_has_locked_is_reported_again_and_only_that(start, database, proxy, key):
    gateway = start(SOON)
    check(gateway, key)
    wait_until(lambda: uses(database)[IP][0] == 2, what="the first report")
    with closing(database.connect(autocommit=False)) as holder, holder.cursor() as cursor:
        cursor.execute("SELECT FROM relay.key_sightings FOR UPDATE")
        check(gateway, key, 3)
        check(gateway, key, 4, OTHER_IP)
        wait_until(lambda: OTHER_IP in uses(database), what="the other address")
        reports = counted(proxy)
        wait_until(lambda: len(reports) >= 2, what="more reports")
        holder.rollback()
    wait_until(lambda: uses(database)[IP][0] == 5, what="the locked row")
    gateway.call("close")
    assert {ip: times for ip, (times, _) in uses(database).items()} == {IP: 5, OTHER_IP: 4}


def test_memory_is_bounded_and_what_has_no_room_is_counted(start, database, proxy, key):
    """From more addresses than a gateway keeps, while no report is possible; then all that it kept, page by page."""
    gateway = start(NEVER)
    check(gateway, key)
    proxy.mode = "refuse"
    gateway.call("flood", key=key, addresses=MOST + 10)
    assert gateway.call("lost") == {"lost": 11}
    proxy.mode, reports = "forward", counted(proxy)
    assert gateway.call("close") == {"lost": 11}
    assert len(uses(database)) == MOST and len(reports) == MOST // PAGE


def test_what_no_report_delivered_is_counted_at_the_end(start, proxy, key):
    gateway = start(NEVER)
    proxy.mode = "refuse"
    check(gateway, key, 3)
    assert gateway.call("close") == {"lost": 3}


@pytest.mark.parametrize("ip", ["nowhere", "", "fe80::1%eth0", "10.0.0.0/8/8", "{", "NULL", "a,b", "1'\"\\"])
def test_an_address_that_is_none_does_not_spoil_a_report(start, database, proxy, key, ip):
    gateway = start(NEVER)
    check(gateway, key)
    check(gateway, key, 2, ip)
    check(gateway, key, 2, OTHER_IP)
    assert gateway.call("close") == {"lost": 0}
    assert {where: times for where, (times, _) in uses(database).items()} == {IP: 2, "::": 2, OTHER_IP: 2}


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
            assert [times for times, _ in uses(database).values()] == [1]
            assert gateway.call("close") == {"lost": 0} and len(reports) == 1
            ((_, (times, by)),) = uses(database).items()
            assert times > 5 and by == database.gateway_login()


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
            assert gateway.call("close") == {"lost": 0}
    assert {ip: times for ip, (times, _) in uses(database).items()} == {IP: 1}
    assert state_of(database, old) == "retiring" and database.value("SELECT count(*) FROM relay.proven_agents") == 0
    assert database.value("SELECT (relay_api.authenticate(%s, %s)).ok", key_id(new), digest(new))
    assert state_of(database, old) == "retired"

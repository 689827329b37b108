"""usage: what organizations use today, in a month, and hold; the release of a hold; the page of a month."""

import calendar
import csv
import io
import re
from contextlib import closing
from datetime import datetime, timedelta, timezone

import pytest

from support.agents import first_agent
from support.chromium import Chromium, Listener
from support.quota import DAY_NOW, Account, make_org, set_limit

HOSTILE = "<script>document.title='owned'</script><img src={url}/x onerror=document.title='owned'>"
COLUMNS = "org_id,plan,meter,unit,used,peak_day,peak,days_at_limit,unit_hours,complete"


def _month_before(month):
    return (month.replace(day=1) - timedelta(days=1)).replace(day=1)


NEXT_ONE = _month_before(datetime.now(timezone.utc).date())
PAST, NEXT = (f"{month:%Y-%m}" for month in (_month_before(NEXT_ONE), NEXT_ONE))  # both are over
DAYS, DAYS_OF_NEXT = (calendar.monthrange(month.year, month.month)[1] for month in (_month_before(NEXT_ONE), NEXT_ONE))
FROM_THE_27TH = (DAYS - 27) * 24 + 12  # hours, from noon on


def play(scene):
    scene.database.execute("SELECT relay_api.take('acme', 'messages', 5), relay_api.hold('acme', 'vms', 'vm-1', 2, 'aws')")
    month = scene.database.value("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM')")
    scene.read("usage", "show", "acme")
    scene.read("usage", "show", "acme", "--day", f"{month}-01")
    scene.read("usage", "report", "--month", month)
    scene.read("usage", "report", "--month", month, "--org", "acme", "--fields", "meter,unit_hours")
    scene.read("usage", "holds", "acme")
    scene.read("usage", "holds", "acme", "--meter", "storage_mb")
    scene.write("usage", "release", "acme", "vms", "vm-1")
    scene.fail(3, "usage", "show", "nobody")
    scene.fail(2, "usage", "report", "--month", "2026-13")
    scene.fail(3, "usage", "release", "acme", "vms", "vm-9")


@pytest.fixture
def account(relay, database, tmp_path):
    """A gateway's account; `acme` has the agent `bot`, and limits."""
    first_agent(relay, tmp_path / "bot.key")
    set_limit(database, "acme", "agents", 5)
    set_limit(database, "acme", "messages", 100)
    set_limit(database, "acme", "vms", 3)
    with closing(Account(database)) as made:
        yield made


def shown(relay, *words):
    """{meter: the item}"""
    return {item["meter"]: item for item in relay.json("usage", "show", *words)["items"]}


def report(relay, *words):
    """The rows of the CSV, as dicts."""
    return list(csv.DictReader(io.StringIO(relay("usage", "report", *words, "-o", "csv", check=0).out)))


def fill_month(database, org="acme", month=PAST):
    """Messages on three days, and holds: 2 machines for the first 10 h of the 10th, of which a third one overlaps 5 h; one from the
    27th on that is still held."""
    database.execute(
        f"""INSERT INTO relay.usage (org_id, meter, day, used, at_limit) VALUES
            ('{org}', 'messages', '{month}-03', 40, false), ('{org}', 'messages', '{month}-17', 100, true),
            ('{org}', 'messages', '{month}-18', 100, NULL), ('{org}', 'messages', '{NEXT}-01', 7, false)"""
    )
    database.execute(
        f"""INSERT INTO relay.holds (org_id, meter, hold_id, amount, since, ended_at) VALUES
            ('{org}', 'vms', 'a', 2, '{month}-10T00:00Z', '{month}-10T10:00Z'),
            ('{org}', 'vms', 'b', 1, '{month}-10T05:00Z', '{month}-10T10:00Z'),
            ('{org}', 'vms', 'c', 1, '{month}-10T10:00Z', '{month}-10T10:30Z'),
            ('{org}', 'vms', 'long', 1, '{month}-27T12:00Z', NULL)"""
    )


# ---- now


def test_it_shows_what_is_used_and_left_today(relay, account):
    account.take(81)
    account.take(7, meter="ai_tokens")
    account.hold("vm-1", 3)
    for _ in range(14):
        account.hold("vm-2")
    items = shown(relay, "acme")
    assert list(items) == ["agents", "ai_tokens", "messages", "vms"]
    facts = {meter: (item["used"], item["limit"], item["left"], item["refusals"]) for meter, item in items.items()}
    assert facts == {"agents": (1, 5, 4, 0), "ai_tokens": (7, None, None, 0), "messages": (81, 100, 19, 0), "vms": (3, 3, 0, 14)}
    assert items["messages"]["resets_at"].endswith("T00:00:00.000Z") and items["vms"]["resets_at"] is None
    table = relay("usage", "show", "acme", check=0).out
    assert table.split("\n")[0].split() == ["METER", "USED", "LIMIT", "LEFT", "RESETS", "NOTE"] and "over: 14 refusals" in table


def test_a_limit_that_was_lowered_leaves_nothing_and_says_so(relay, account, database):
    account.take(81)
    set_limit(database, "acme", "messages", 50)
    assert shown(relay, "acme")["messages"]["left"] == 0
    assert "over the limit" in relay("usage", "show", "acme", check=0).out


def test_while_a_subscription_is_going_to_end_it_says_what_bounds_new_agents(relay, account, database):
    database.execute("DELETE FROM relay.limits WHERE owner_kind = 'org' AND meter = 'agents'")
    assert "must fit plan free" not in relay("usage", "show", "acme", check=0).out
    relay("subscription", "set", "acme", "--state", "past_due", "--ends", "14d", check=0)
    assert shown(relay, "acme")["agents"]["left"] == 0
    (line,) = [line for line in relay("usage", "show", "acme", check=0).out.splitlines() if line.startswith("agents")]
    assert line.split() == ["agents", "1", "0", *"what is new must fit plan free, too".split()]


def test_another_day_shows_its_use_and_the_most_that_was_held(relay, account, database):
    fill_month(database)
    items = shown(relay, "acme", "--day", f"{PAST}-10")
    assert (items["vms"]["used"], items["vms"]["left"], items["messages"]["used"]) == (3, None, 0) and "agents" not in items
    assert shown(relay, "acme", "--day", f"{PAST}-17")["messages"]["used"] == 100
    assert shown(relay, "acme", "--day", f"{PAST}-28")["vms"]["used"] == 1


@pytest.mark.parametrize("day, words", [
    ("2026-02-30", "not a valid day"), ("2026-2-3", "not a valid day"), ("yesterday", "not a valid day"), ("9999-01-01", "has not begun"),
    ("2001-01-01", "no longer kept"),
])  # fmt: skip
def test_a_day_that_is_none_is_an_error(relay, account, day, words):
    assert words in relay.error("usage", "show", "acme", "--day", day, check=2)["message"]


# ---- a month


def test_a_month_has_a_line_for_each_meter_and_no_prices(relay, account, database):
    fill_month(database)
    out = relay("usage", "report", "--month", PAST, "-o", "csv", check=0).out
    assert out.splitlines() == [
        COLUMNS,
        f"acme,paid,messages,messages,240,{PAST}-17,100,2,,true",
        # 2 × 10 + 5 + 0.5 hours, and from the 27th on
        f"acme,paid,vms,machines,,{PAST}-10,3,,{25.5 + FROM_THE_27TH:.2f},true",
    ]
    items = relay.json("usage", "report", "--month", PAST)["items"]
    assert items[1]["unit_hours"] == 25.5 + FROM_THE_27TH and items[1]["used"] is None and items[0]["unit_hours"] is None


def test_a_hold_counts_in_each_month_that_it_touches(relay, account, database):
    fill_month(database)
    (line,) = [row for row in report(relay, "--month", NEXT) if row["meter"] == "vms"]
    assert line["unit_hours"] == f"{DAYS_OF_NEXT * 24:.2f}" and (line["peak"], line["peak_day"]) == ("1", f"{NEXT}-01")
    assert report(relay, "--month", f"{_month_before(_month_before(NEXT_ONE)):%Y-%m}") == []


def test_a_hold_that_replaces_another_is_no_peak(relay, account, database):
    account.hold("vm", 2)
    account.hold("vm", 3)
    account.hold("vm", 1)
    month = database.value(f"SELECT to_char({DAY_NOW}, 'YYYY-MM')")
    (row,) = report(relay, "--month", month)
    assert row["peak"] == "3" and row["complete"] == "false"


def test_a_month_that_is_not_over_says_so(relay, account, database):
    account.take(100)
    account.take(1)
    month = database.value(f"SELECT to_char({DAY_NOW}, 'YYYY-MM')")
    (row,) = report(relay, "--month", month, "--org", "acme")
    assert (row["used"], row["days_at_limit"], row["complete"]) == ("100", "1", "false")


def test_one_organization_or_all(relay, account, database):
    make_org(database, "other")
    fill_month(database)
    fill_month(database, "other")
    assert [row["org_id"] for row in report(relay, "--month", PAST)] == ["acme", "acme", "other", "other"]
    assert {row["org_id"] for row in report(relay, "--month", PAST, "--org", "other")} == {"other"}
    relay("usage", "report", "--month", PAST, "--org", "nobody", check=3)


@pytest.mark.parametrize("month, words", [
    ("2026-13", "not a valid month"), ("2026", "not a valid month"), ("2026-02-01", "not a valid month"), ("9999-01", "has not begun"),
    ("2001-01", "no longer kept"),
])  # fmt: skip
def test_a_month_that_is_none_is_an_error(relay, account, month, words):
    assert words in relay.error("usage", "report", "--month", month, check=2)["message"]


# ---- holds


def test_holds_are_listed_and_released_by_name(relay, account, database):
    account.hold("vm-1", 2, "aws")
    account.hold("disk", 500, meter="storage_mb")
    items = relay.json("usage", "holds", "acme")["items"]
    assert [(item["meter"], item["hold_id"], item["amount"], item["provider"]) for item in items] == [
        ("storage_mb", "disk", 500, None), ("vms", "vm-1", 2, "aws")]  # fmt: skip
    dry = relay.json("usage", "release", "acme", "vms", "vm-1", "--dry-run")
    assert dry["changed"] and len(relay.json("usage", "holds", "acme", "--meter", "vms")["items"]) == 1
    done = relay.json("usage", "release", "acme", "vms", "vm-1", "--ticket", "INC-1", "--reason", "leaked", "--actor", "ana")
    assert done["changed"] and done["data"]["ended_at"] and done["data"]["amount"] == 2
    event = database.one("SELECT org_id, actor, ticket, reason, detail FROM relay.auth_events WHERE action = 'hold_released'")
    assert (event["org_id"], event["actor"], event["ticket"], event["reason"]) == ("acme", "ana", "INC-1", "leaked")
    assert event["detail"].keys() == {"meter", "hold_id", "amount", "provider", "since"} and event["detail"]["hold_id"] == "vm-1"
    again = relay.json("usage", "release", "acme", "vms", "vm-1")
    assert again["changed"] is False and relay.json("usage", "holds", "acme", "--meter", "vms")["items"] == []
    assert database.value("SELECT count(*) FROM relay.auth_events WHERE action = 'hold_released'") == 1
    assert account.hold("vm-2", 3)["reason"] == "ok", "its place is free"


def test_a_hold_or_meter_that_is_none_is_an_error_with_what_is_meant(relay, account):
    account.hold("machine-17")
    error = relay.error("usage", "release", "acme", "vms", "machine-71", check=3)
    assert "machine-17" in str(error) and "holds nothing" in error["message"]
    error = relay.error("usage", "holds", "acme", "--meter", "vm", check=2)
    assert "did you mean vms" in str(error)
    for words in (["release", "acme", "messages", "x"], ["holds", "acme", "--meter", "messages"], ["release", "acme", "vms", "a\u200bb"]):
        relay("usage", *words, check=2)
    relay("usage", "holds", "nobody", check=3)
    relay("usage", "release", "nobody", "vms", "x", check=3)


# ---- the page


@pytest.fixture
def browser(tmp_path):
    return Chromium(tmp_path)


def test_the_page_of_a_month_has_a_chart_for_each_meter(relay, account, database, tmp_path, browser):
    fill_month(database)
    page = tmp_path / "acme.html"
    relay("usage", "report", "--month", PAST, "--org", "acme", "--html", page, check=0)
    assert page.stat().st_mode & 0o777 == 0o600
    dom = browser.dom(page)
    charts = re.findall(r'<svg class="days".*?</svg>', dom, re.DOTALL)
    bars = [re.findall(r'<rect class="used"[^>]* height="([0-9.]+)"><title>([^<]*)</title>', chart) for chart in charts]
    assert [[title for _, title in chart] for chart in bars] == [
        [f"{PAST}-03: 40 messages", f"{PAST}-17: 100 messages", f"{PAST}-18: 100 messages"],
        [f"{PAST}-10: 3 machines", *(f"{PAST}-{day}: 1 machines" for day in range(27, DAYS + 1))],
    ]
    assert [float(height) for height, _ in bars[0]] == [60, 150, 150]
    assert dom.count("final") == 1 and f"{25.5 + FROM_THE_27TH:.2f}" in dom
    relay("usage", "report", "--month", PAST, "--org", "acme", "--html", page, check=0)  # replaces its own page
    (tmp_path / "other.html").write_text("mine")
    relay("usage", "report", "--month", PAST, "--org", "acme", "--html", "other.html", check=5)
    assert (tmp_path / "other.html").read_text() == "mine"
    relay("usage", "report", "--month", PAST, "--html", "all.html", check=2)


def test_the_page_is_whole_and_harmless_in_a_browser(relay, account, database, tmp_path, browser):
    listener = Listener()
    try:
        fill_month(database)
        relay("org", "update", "acme", "--name", HOSTILE.format(url=listener.url), check=0)
        page = tmp_path / "acme.html"
        relay("usage", "report", "--month", PAST, "--org", "acme", "--html", page, check=0)
        dom = browser.dom(page)
        assert not re.search("<(script|img|iframe|link|a)[ >]", dom) and listener.asked == []
        assert "&lt;script&gt;" in dom and "default-src 'none'" in dom
    finally:
        listener.close()


@pytest.mark.parametrize("width", [360, 1600])
def test_the_page_fits_each_screen(relay, account, database, tmp_path, browser, width):
    fill_month(database)
    page = tmp_path / "acme.html"
    relay("usage", "report", "--month", PAST, "--org", "acme", "--html", page, check=0)
    measure = tmp_path / "measured.html"
    # The page itself has no script: the copy measures whether anything is wider than the window.
    text = re.sub('<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text())
    measure.write_text(text.replace("</body>", "<script>document.title = `${document.documentElement.scrollWidth} ${window.innerWidth}`</script></body>"))
    dom = browser._run(measure, "--dump-dom", f"--window-size={width},900")
    needed, wide = map(int, re.search("<title>(.*?)</title>", dom)[1].split())
    assert needed <= wide
    assert browser.picture(page, size=(width, 1600)).count("#2058d6") > 200, "the bars are drawn"


def test_what_no_limit_bounds_stops_before_it_overflows_and_is_reported(relay, account, database):
    most, once = 9 * 10**18, 10**15
    database.execute("DELETE FROM relay.limits WHERE owner_kind = 'org'")
    database.execute(f"INSERT INTO relay.usage (org_id, meter, day, used) SELECT 'acme', 'messages', day, {most} - 5 FROM unnest(ARRAY[{DAY_NOW}, {DAY_NOW} - 1]) AS day")
    for _ in range(2):
        assert database.one("SELECT granted, reason FROM relay_api.take('acme', 'messages', %s)", once) == {"granted": once, "reason": "ok"}
    assert database.value(f"SELECT used FROM relay.usage WHERE day = {DAY_NOW}") == most
    database.execute("INSERT INTO relay.holds (org_id, meter, hold_id, amount) SELECT 'acme', 'vms', n::text, %s FROM generate_series(1, 9300) AS n", once)
    assert database.one("SELECT granted, reason FROM relay_api.hold('acme', 'vms', 'one more', %s)", once) == {"granted": once, "reason": "ok"}
    used = {item["meter"]: item["used"] for item in relay.json("usage", "show", "acme")["items"]}
    assert (used["messages"], used["vms"]) == (most, most)
    month = database.value(f"SELECT to_char({DAY_NOW}, 'YYYY-MM')")
    assert {item["meter"] for item in report(relay, "--month", month)} == {"messages", "vms"}

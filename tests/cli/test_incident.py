"""incident list and show: what was done under a ticket and around it, as a table, JSON and a page that a real browser reads."""

import csv
import io
import os
import re

import pytest

from support.agents import digest, first_agent, key_id
from support.chromium import Chromium, Listener
from support.prepared import prepared

HOSTILE = "<script>document.title='owned'</script><img src={url}/x onerror=document.title='owned'>"


def use(database, key, secret=None, address="203.0.113.7"):
    database.execute("SELECT relay_api.authenticate(%s, %s, NULL, NULL, %s)", key_id(key), secret or digest(key), address)


@prepared
def key(relay, database, tmp_path):
    """INC-1: bot was blocked by ana and unblocked by ben, with calls before and between; a day before, it was used from afar."""
    key = first_agent(relay, tmp_path / "bot.key")
    relay("agent", "create", "crm", "--org", "acme", "--name", "CRM", "--secret-file", "crm.key", check=0)
    database.execute("INSERT INTO relay.auth_events (occurred_at, action, org_id, agent_id) VALUES (now() - interval '1 day', 'authenticated', 'acme', 'bot')")
    use(database, key)
    use(database, (tmp_path / "crm.key").read_text())
    relay("block", "bot", "--ticket", "INC-1", "--actor", "ana", "--reason", "odd calls", check=0)
    use(database, key)
    use(database, key, secret=b"z" * 32)
    relay("unblock", "bot", "--ticket", "INC-1", "--actor", "ben", "--yes", check=0)
    relay("block", "crm", "--ticket", "INC-2", check=0)
    return key


def shown(relay, *words):
    return relay.json("incident", "show", *words)


def test_a_ticket_that_sql_wrote_is_shown_whatever_it_is(relay, database):
    odd = "INC-\x1b[31m7"
    database.execute("INSERT INTO relay.revocations (subject_kind, subject_id, kind, ticket, actor) VALUES ('agent', 'ghost', 'block', %s, 'ana')", odd)
    assert odd in [item["ticket"] for item in relay.json("incident", "list")["items"]]
    assert shown(relay, odd)["incident"]["ticket"] == odd
    assert "\x1b" not in relay("incident", "show", odd, check=0).out
    assert relay.error("incident", "show", "no-\x1b", check=2)["message"].startswith("ticket")


def test_list_has_each_ticket_once_latest_first(relay, key):
    document = relay.json("incident", "list")
    assert [item["ticket"] for item in document["items"]] == ["INC-2", "INC-1"] and document["next"] is None
    first = document["items"][1]
    assert (first["acts"], first["agents"], first["in_force"], first["actors"]) == (2, 1, 0, ["ana", "ben"])
    assert document["items"][0]["in_force"] == 1 and first["first_at"] < first["last_at"]
    assert [item["ticket"] for item in relay.json("incident", "list", "--sort", "ticket", "--limit", "1")["items"]] == ["INC-1"]
    assert relay("incident", "list", "-o", "id", check=0).out.split() == ["INC-2", "INC-1"]


def test_show_has_the_acts_and_the_events_of_their_agents_in_time_order(relay, key):
    document = shown(relay, "INC-1")
    events = [(item["action"], item["under_ticket"], item["agent_id"]) for item in document["items"]]
    assert events == [
        ("org_created", False, None), ("agent_created", False, "bot"), ("key_issued", False, "bot"), ("authenticated", False, "bot"),
        ("agent_blocked", True, "bot"), ("auth_failed", False, "bot"), ("auth_failed", False, None), ("agent_unblocked", True, "bot"),
    ][-len(events):]  # fmt: skip
    assert len(events) >= 7 and "crm" not in {item["agent_id"] for item in document["items"]}
    (agent,) = document["agents"]
    assert (agent["agent_id"], agent["org_id"], agent["status"]) == ("bot", "acme", "active") and document["orgs"] == []
    assert document["incident"]["acts"] == 2
    around = [item["action"] for item in shown(relay, "INC-1", "--around", "25h")["items"]]
    assert around.count("authenticated") == 2
    only = [item["action"] for item in shown(relay, "INC-1", "--around", "0")["items"]]
    assert only[0] == "agent_blocked" and only[-1] == "agent_unblocked"
    people = relay("incident", "show", "INC-1", check=0)
    assert "INC-1: 2 events by ana, ben, 1 agent; blocks and revocations in force: 0" in people.err and "agent_blocked" in people.out
    rows = list(csv.DictReader(io.StringIO(relay("incident", "show", "INC-1", "-o", "csv", check=0).out)))
    assert len(rows) == len(document["items"]) and rows[-1]["under_ticket"] == "true"


def test_a_limit_is_said(relay, key):
    document = shown(relay, "INC-1", "--limit", "2")
    assert len(document["items"]) == 2 and "higher --limit" in document["warnings"][0]


def test_a_limit_never_leaves_out_an_act_and_the_figures_count_everything(relay, database, key, tmp_path):
    """2,000 uses from 2,000 addresses in the hour before the block, and one refusal soon after it."""
    database.execute("INSERT INTO relay.auth_events (occurred_at, action, org_id, agent_id, ip_address)"
                     " SELECT (SELECT min(occurred_at) FROM relay.auth_events WHERE ticket = 'INC-1') - make_interval(secs => 60 + n), 'authenticated', 'acme', 'bot',"
                     " '10.0.0.0'::inet + n FROM generate_series(1, 2000) AS n")  # fmt: skip
    page = tmp_path / "INC-1.html"
    document = shown(relay, "INC-1", "--html", page)
    acts = [item["action"] for item in document["items"] if item["under_ticket"]]
    assert acts == ["agent_blocked", "agent_unblocked"] and len(document["items"]) == 1000
    assert "auth_failed" in {item["action"] for item in document["items"]}, "the nearest are shown"
    times = [item["occurred_at"] for item in document["items"]]
    assert times == sorted(times) and "higher --limit" in document["warnings"][0]
    text = page.read_text()
    assert "<dt>recorded uses</dt><dd>2001</dd>" in text.replace(",", "") and "<dt>addresses</dt><dd>2001</dd>" in text.replace(",", "")
    assert "Left out: 1" in text.replace(",", "")
    only = shown(relay, "INC-1", "--limit", "1")["items"]
    assert [item["action"] for item in only] == ["agent_blocked", "agent_unblocked"]


def test_only_a_use_is_drawn_as_one(relay, database, key, tmp_path):
    database.execute("INSERT INTO relay.auth_events (action, org_id, agent_id) VALUES ('key_retired', 'acme', 'bot'), ('legacy_authenticated', 'acme', 'bot')")
    page = tmp_path / "INC-1.html"
    shown(relay, "INC-1", "--html", page)
    by_action = {action: kind for kind, action in re.findall('<span class="tag ([a-z]+)">([a-z_]+)</span>', page.read_text())}
    assert (by_action["key_retired"], by_action["legacy_authenticated"], by_action["authenticated"]) == ("other", "used", "used")


def test_an_organization_a_key_and_an_unknown_id_count(relay, database, key):
    relay("revoke", "--key", key_id(key), "--ticket", "INC-3", check=0)
    assert [agent["agent_id"] for agent in shown(relay, "INC-3")["agents"]] == ["bot"]
    relay("block", "--org", "acme", "--confirm", "acme", "--ticket", "INC-4", check=0)
    document = shown(relay, "INC-4")
    assert document["orgs"] == ["acme"] and {"bot", "crm"} <= {item["agent_id"] for item in document["items"]}
    relay("block", "stranger", "--force", "--ticket", "INC-5", check=0)
    assert shown(relay, "INC-5")["agents"] == [{"agent_id": "stranger", "org_id": None, "name": None, "owner": None, "status": None}]


def test_an_unknown_ticket_names_similar_ones(relay, key):
    error = relay.error("incident", "show", "INC-11", check=3)
    assert "INC-1" in error["suggestions"] and "incident list" in str(error["next"])
    relay("incident", "show", check=2)
    relay("incident", "show", "INC-1", "--around", "5", check=2)


def test_readers_are_enough(relay, database, key):
    for role in ("relay_auditor", "relay_responder"):
        login = database.cluster.login(f"only_{role}", member_of=role)
        reader = relay.with_(dsn=database.dsn(user=login))
        assert len(reader.json("incident", "list")["items"]) == 2 and reader.json("incident", "show", "INC-1")["items"]


# --- the page


@pytest.fixture
def browser(tmp_path):
    return Chromium(tmp_path)


def test_the_page_is_whole_and_harmless_in_a_browser(relay, key, tmp_path, browser):
    listener = Listener()
    try:
        relay("block", "bot", "--ticket", HOSTILE.format(url=listener.url), check=0)
        page = tmp_path / "incident.html"
        document = shown(relay, HOSTILE.format(url=listener.url), "--html", page)
        assert document["page"] == str(page) and page.stat().st_mode & 0o777 == 0o600
        dom = browser.dom(page)
        assert not re.search("<(script|img|iframe|link|a)[ >]", dom) and listener.asked == []
        assert "&lt;script&gt;" in dom and "default-src 'none'" in dom
    finally:
        listener.close()


def test_the_page_has_every_event_and_a_dot_for_each(relay, key, tmp_path, browser):
    page = tmp_path / "INC-1.html"
    document = shown(relay, "INC-1", "--html", page)
    dom = browser.dom(page)
    rows = re.search('<section id="events".*?</section>', dom, re.DOTALL)[0].count("<tr>") - 1
    assert rows == len(document["items"])
    dots = re.findall('<circle class="event (act|used|failed|other)" cx="[0-9.]+" cy="[0-9.]+"', dom.split("<ul")[0])
    assert dots.count("act") == 4, "in the lane of the ticket and in that of the agent"
    assert dots.count("failed") == 2 and dots.count("used") >= 1


@pytest.mark.parametrize("width", [360, 800, 1600])
def test_the_page_fits_each_screen_and_paper(relay, key, tmp_path, browser, width):
    page = tmp_path / "INC-1.html"
    relay("incident", "show", "INC-1", "--html", page, check=0)
    measure = tmp_path / "measured.html"
    # The page itself has no script: the copy measures whether anything is wider than the window.
    text = re.sub('<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text())
    measure.write_text(text.replace("</body>", "<script>document.title = `${document.documentElement.scrollWidth} ${window.innerWidth}`</script></body>"))
    dom = browser._run(measure, "--dump-dom", f"--window-size={width},900")
    needed, wide = map(int, re.search("<title>(.*?)</title>", dom)[1].split())
    assert needed <= wide
    picture = browser.picture(page, size=(width, 900))
    assert picture.width == width and picture.count("#2058d6") > 20 and len(set(picture.pixels)) > 100
    paper = tmp_path / "paper.pdf"
    browser._run(page, f"--print-to-pdf={paper}")
    assert paper.read_bytes().startswith(b"%PDF") and paper.stat().st_size > 5000


def test_only_its_own_page_is_replaced(relay, key, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("my notes")
    relay("incident", "show", "INC-1", "--html", page, check=5)
    assert page.read_text() == "my notes"
    page.unlink()
    for _ in range(2):
        relay("incident", "show", "INC-1", "--html", page, check=0)
    assert page.read_text().endswith("</html>\n") and "page.html" in os.listdir(tmp_path)


def play(scene):
    scene.read("incident", "list")
    scene.read("incident", "show", "INC-42")
    scene.read("incident", "show", "INC-42", "--limit", "1", "--html", "INC-42.html")

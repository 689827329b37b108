"""registry: the agents that run, the card of one, whether a file is a card, and the end of a stale lease."""

import csv
import io
import json
import re
from contextlib import closing

import pytest

from support.cards import card, card_1_0, skill
from support.chromium import Chromium, Listener
from support.own_key import make_key
from support.processes import peak_memory
from support.registry import Registry, end_lease, run_all, settle

AGENTS = ["faq-bot", "kb", "mailer"]
HOSTILE = "<script>document.title='owned'</script>\x1b[31m\u202e\n<img src={url}/x onerror=document.title='owned'>"


def play(scene):
    with closing(scene.database.connect()) as connection:
        api = Registry(connection)
        agent = scene.database.value("SELECT agent_id FROM relay.agent_status WHERE status = 'active' ORDER BY agent_id LIMIT 1")
        scene.fail(3, "registry", "show", agent)
        api.register(agent, card())
        api.register(agent, card(), "pod-1")
        scene.read("registry", "list")
        scene.read("registry", "list", "--gone")
        scene.read("registry", "show", agent)
        scene.fail(5, "registry", "unregister", agent)
        scene.write("registry", "unregister", agent, "--all-instances")
        scene.read("registry", "list", "--gone")
        scene.read("registry", "list", "--skill", "nothing", "--fields", "agent_id,state")
        scene.read("registry", "check", "-", stdin=json.dumps(card()))
        scene.read("registry", "check", "-", stdin="{}", code=10)
        scene.fail(2, "registry", "check", "-")
        scene.fail(3, "registry", "show", "nobody")
        scene.fail(3, "registry", "list", "--org", "nobody")
        scene.fail(3, "registry", "unregister", "nobody")


@pytest.fixture
def api(database):
    """The contract, as a gateway calls it, beside three agents of acme that run."""
    settle(database, AGENTS)
    with closing(database.connect(user=database.gateway_login())) as connection:
        made = Registry(connection)
        made.register("faq-bot", card(name="FAQ", skills=[skill("answer", "kb")], capabilities={}))
        for instance in ("pod-1", "pod-2", "pod-3"):
            made.register("kb", card(name="Knowledge", skills=[skill(), skill("answer", "Fast")]), instance)
        made.register("mailer", card_1_0(name="Mail", skills=[]))
        yield made


def listed(relay, *words):
    """{agent: the item}"""
    return {item["agent_id"]: item for item in relay.json("registry", "list", *words, check=0)["items"]}


def late(database, agent, seconds, instance=None):
    """As if the last beat of an agent was that long ago, with a lease of ten minutes: the next was due after 200 s."""
    database.execute("UPDATE relay.agent_leases SET beat_at = now() - make_interval(secs => %s), ends_at = now() + make_interval(secs => 600 - %s)"
                     " WHERE agent_id = %s AND (%s IS NULL OR instance_id = %s)", seconds, seconds, agent, instance, instance)  # fmt: skip


# ---- list


def test_the_list_shows_who_runs_since_when_and_what_they_can_do(relay, database, api):
    late(database, "faq-bot", 480)
    items = listed(relay)
    facts = {agent: (i["name"], i["state"], i["instances"], i["ready"], i["skills"]) for agent, i in items.items()}
    assert facts == {"faq-bot": ("FAQ", "running", 1, 1, 1), "kb": ("Knowledge", "running", 3, 3, 2), "mailer": ("Mail", "running", 1, 1, 0)}
    assert 280 <= items["faq-bot"]["late_seconds"] < 400 and items["kb"]["late_seconds"] == 0
    assert all(item["since"] <= item["lease_ends_at"] and item["last_seen_at"] is item["departure"] is None for item in items.values())
    table = relay("registry", "list", check=0).out
    lines = [re.split(r"\s{2,}", line.strip()) for line in table.splitlines()]
    assert lines[0] == ["AGENT ID", "NAME", "ORG ID", "INSTANCES", "SKILLS", "SINCE", "LEASE ENDS", "NOTE"]
    assert lines[1][:5] == ["faq-bot", "FAQ", "acme", "1", "1"] and re.fullmatch(r"late by [23]\d\d s", lines[1][-1])
    assert len(lines[2]) == 7, "nothing to note"


@pytest.mark.parametrize(
    "words, found",
    [
        (["--org", "acme"], AGENTS), (["--skill", "answer"], ["faq-bot", "kb"]), (["--skill", "ANSWER"], []), (["--tag", "FAST"], ["kb"]),
        (["--capability", "streaming"], ["kb", "mailer"]), (["--match", "*KNOW*"], ["kb"]), (["--match", "search?kb"], ["kb"]),
        (["--match", "%"], []), (["--skill", "answer", "--tag", "kb"], ["faq-bot"]), (["--sort=-agent_id"], AGENTS[::-1]),
        (["--limit", "1", "--after", "faq-bot"], ["kb"]), (["--sort=-instances", "--limit", "1"], ["kb"]), (["--gone"], []),
    ],
    ids=str,
)  # fmt: skip
def test_an_agent_must_meet_all_conditions(relay, api, words, found):
    assert list(listed(relay, *words)) == found
    assert relay("registry", "list", *words, "-o", "id", check=0).out.split() == found


def test_the_state_says_why_searches_do_not_find_an_agent(relay, database, api):
    api.drain("kb", "pod-1")
    assert (listed(relay)["kb"]["state"], listed(relay)["kb"]["ready"]) == ("running", 2)
    assert "1 draining" in relay("registry", "list", check=0).out
    for instance in ("pod-2", "pod-3"):
        api.drain("kb", instance)
    relay("block", "faq-bot", check=0)
    database.execute("INSERT INTO relay.limits (owner_kind, owner_id, meter, org_id, amount) VALUES ('org', 'acme', 'agents', 'acme', 2)")
    assert {agent: item["state"] for agent, item in listed(relay).items()} == {"faq-bot": "blocked", "kb": "draining", "mailer": "over_limit"}
    assert api.find() == {}
    table = relay("registry", "list", check=0).out
    assert "blocked" in table and "draining" in table and "over the limit" in table
    relay("revoke", "faq-bot", check=0)
    assert listed(relay)["faq-bot"]["state"] == "revoked" and listed(relay)["mailer"]["state"] == "running"


def test_who_is_gone_and_how(relay, database, api):
    api.unregister("faq-bot")
    end_lease(database, "kb", ago="2 hours")
    items = listed(relay, "--gone")
    assert {agent: (i["state"], i["departure"], i["instances"], i["since"]) for agent, i in items.items()} == {
        "faq-bot": ("gone", "unregistered", 0, None), "kb": ("gone", "expired", 0, None)}  # fmt: skip
    assert items["faq-bot"]["last_seen_at"] > items["kb"]["last_seen_at"], "the trail has when it unregistered"
    assert list(listed(relay)) == ["mailer"]
    table = relay("registry", "list", "--gone", check=0).out
    assert "unregistered" in table and "gone without a word" in table and "LEASE" not in table
    database.execute("DELETE FROM relay.agent_leases WHERE agent_id = 'kb'")
    assert listed(relay, "--gone")["kb"]["departure"] == "expired"
    database.execute("INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, created_by) VALUES ('000000000000', 'kb', 'acme', sha256('x'), 't')")
    database.execute("INSERT INTO relay.key_sightings (key_id, ip_address, last_used_at) VALUES ('000000000000', '::1', now() + interval '1 minute')")
    assert listed(relay, "--gone")["kb"]["last_seen_at"] > items["faq-bot"]["last_seen_at"], "its key was used later"


def test_csv_has_every_field(relay, api):
    rows = list(csv.DictReader(io.StringIO(relay("registry", "list", "-o", "csv", check=0).out)))
    assert [row["agent_id"] for row in rows] == AGENTS and set(rows[0]) == set(listed(relay)["kb"])


def test_memory_does_not_grow_with_the_list(relay, database, tmp_path):
    settle(database, [f"agent-{number:05}" for number in range(6000)])
    run_all(database, "acme", card(description="x" * 2000))
    peaks = {}
    for limit in (1000, 6000):
        with open(tmp_path / "out", "wb") as out:
            peaks[limit] = peak_memory(relay.start("registry", "list", "--limit", str(limit), "-o", "csv", stdout=out))
        assert len((tmp_path / "out").read_bytes().splitlines()) == limit + 1
    assert 0 < peaks[6000] < peaks[1000] + 2, peaks


# ---- the page


def test_the_page_has_the_agents_and_the_capacity_by_skill(relay, database, api, tmp_path):
    late(database, "faq-bot", 480)
    page = tmp_path / "registry.html"
    relay("registry", "list", "--html", page, check=0)
    text = re.sub(r"<[^>]+>", " ", page.read_text())
    assert "1 of 3 agents are late." in text and re.search(r"late by [23]\d\d s", text) and "Knowledge" in text
    rows = re.findall(r'<th scope="row" class="id">(answer|search_kb)</th><td class="number">(\d)</td><td class="number">(\d)</td>', page.read_text())
    assert rows == [("answer", "2", "4"), ("search_kb", "1", "3")]
    relay("registry", "list", "--org", "acme", "--skill", "search_kb", "--html", page, check=0)  # replaces its own page
    assert "org acme, skill search_kb" in page.read_text() and "FAQ" not in page.read_text()
    (tmp_path / "other.html").write_text("mine")
    relay("registry", "list", "--html", "other.html", check=5)
    assert (tmp_path / "other.html").read_text() == "mine"
    relay("registry", "list", "--html", page, "--watch", "2s", check=2)
    relay("registry", "list", "--html", page, "--gone", check=2)


def test_hostile_texts_of_a_card_do_nothing(relay, database, api, tmp_path):
    listener = Listener()
    try:
        hostile = HOSTILE.format(url=listener.url)
        sent = card(name=hostile, description=hostile, version="\u202e1", skills=[skill(hostile, hostile, name=hostile)])
        assert api.register("mailer", sent)["ok"]
        page = tmp_path / "registry.html"
        relay("registry", "list", "--html", page, check=0)
        dom = Chromium(tmp_path).dom(page)
        assert not re.search("<(script|img|iframe|link|a)[ >]", dom) and listener.asked == []
        assert "&lt;script&gt;" in dom and "default-src 'none'" in dom and "\x1b" not in dom and "\u202e" not in dom
    finally:
        listener.close()
    for words in (("list",), ("show", "mailer")):
        out = relay("registry", *words, check=0).out
        assert "\x1b" not in out and "\u202e" not in out and r"\x1b[31m" in out, out
    assert listed(relay)["mailer"]["name"] == hostile, "JSON has what was sent"


# ---- show


def test_show_has_the_processes_and_the_card(relay, database, api):
    late(database, "kb", 480, "pod-2")
    database.execute("UPDATE relay.agent_leases SET ends_at = now() - interval '1 second' WHERE instance_id = 'pod-3'")
    data = relay.json("registry", "show", "kb", check=0)["data"]
    late_by = data["late_seconds"]
    assert (data["state"], data["instances"]) == ("running", 2) and 280 <= late_by < 400
    processes = {one["instance_id"]: (one["running"], one["ready"], one["late_seconds"]) for one in data["instance_list"]}
    assert processes == {"pod-1": (True, True, 0), "pod-2": (True, True, late_by), "pod-3": (False, True, None)}
    assert data["card"] == api.card("kb")["card"]
    assert json.loads(relay("registry", "show", "kb", "--card", check=0).out) == data["card"]
    assert json.loads(relay("registry", "show", "kb", "--card", "-o", "csv", check=0).out) == data["card"]
    text = relay("registry", "show", "kb", check=0).out
    assert "Answers from the handbook" in text and "https://knowledge.example/a2a" in text and "pod-2" in text and "Fast" in text
    assert "https://knowledge.example/a2a JSONRPC" in relay("registry", "show", "mailer", check=0).out
    assert "(without a name)" in relay("registry", "show", "mailer", check=0).out


def test_an_agent_that_has_never_registered(relay, database, api):
    settle(database, ["quiet"], org="other")
    error = relay("registry", "show", "quiet", check=3).err
    assert "agent quiet has never registered" in error and "relay-admin" in error and "agent show quiet" in error


# ---- unregister


def test_unregister_ends_a_lease_and_the_next_beat_undoes_it(relay, database, api):
    result = relay("registry", "unregister", "mailer", "--ticket", "INC-1", "--reason", "gone", check=0)
    assert "its next beat brings it back; to keep it out: relay-admin" in result.err and "block mailer" in result.err
    assert "mailer" not in api.find()
    event = database.one("SELECT actor, ticket, reason, detail FROM relay.auth_events WHERE action = 'agent_unregistered'")
    assert (event["ticket"], event["reason"], event["detail"]) == ("INC-1", "gone", None) and event["actor"]
    again = relay.json("registry", "unregister", "mailer", check=0)
    assert (again["changed"], again["data"]["instances"]) == (False, [])
    assert database.value("SELECT count(*) FROM relay.auth_events WHERE action = 'agent_unregistered'") == 1
    assert api.beat("mailer")["ok"] and "mailer" in api.find()


def test_of_several_processes_one_must_be_named(relay, database, api):
    error = relay("registry", "unregister", "kb", check=5).err
    assert "agent kb has 3 instances" in error and "pod-1, pod-2, pod-3" in error and "--all-instances" in error
    assert api.find()["kb"]["instances"] == 3
    assert relay.json("registry", "unregister", "kb", "--instance", "pod-2", "--dry-run", check=0)["data"]["instances"] == ["pod-2"]
    assert api.find()["kb"]["instances"] == 3
    assert relay.json("registry", "unregister", "kb", "--instance", "pod-2", check=0)["data"]["instances"] == ["pod-2"]
    assert api.find()["kb"]["instances"] == 2
    assert relay.json("registry", "unregister", "kb", "--instance", "pod-9", check=0)["changed"] is False
    assert sorted(relay.json("registry", "unregister", "kb", "--all-instances", check=0)["data"]["instances"]) == ["pod-1", "pod-3"]
    details = database.rows("SELECT detail FROM relay.auth_events WHERE action = 'agent_unregistered' ORDER BY event_id")
    assert sorted(row["detail"]["instance"] for row in details) == ["pod-1", "pod-2", "pod-3"]
    relay("registry", "unregister", "kb", "--instance", "a b", check=2)
    relay("registry", "unregister", "kb", "--instance", "a", "--all-instances", check=2)
    api.register("kb", card(), "pod-1")
    api.register("kb", card())
    assert relay.json("registry", "unregister", "kb", "--instance", "-", check=0)["data"]["instances"] == [""]


# ---- check


def test_check_reports_all_problems_and_needs_no_database(relay_without_database, tmp_path):
    file = tmp_path / "card.json"
    file.write_text(json.dumps(card(url="ftp://x", skills=[skill("a"), skill("b", tags=None)])))
    result = relay_without_database("registry", "check", file, check=10)
    assert result.out == "" and result.err == (
        f"relay-admin: error: {file} is not an A2A agent card: 2 problems\n"
        "  why:  /url: must begin with https:// (or give supportedInterfaces)\n"
        "        /skills/1/tags: must be a list of texts\n"
    )
    for sent in (card(), card_1_0(), "\ufeff"[:0] + json.dumps(card(), indent=4)):
        text = sent if isinstance(sent, str) else json.dumps(sent)
        assert relay_without_database("registry", "check", "-", stdin=text, check=0).out.split() == ["File:", "stdin", "Card:", "accepted"]


def test_check_never_shows_a_key_and_says_how_to_end_it(relay_without_database, tmp_path):
    key = make_key()
    file = tmp_path / "card.json"
    file.write_text(json.dumps(card(description=key)))
    result = relay_without_database("registry", "check", file, check=10)
    assert "/: has a key of this relay in it" in result.err and f"revoke --scan {file}" in result.err and key[22:] not in result.err + result.out
    assert "revoke --scan FILE" in relay_without_database("registry", "check", "-", stdin=file.read_text(), check=10).err


@pytest.mark.parametrize("text, words", [
    ("", "it is not JSON"), ("{", "it is not JSON"), ('{"a": 1,}', "it is not JSON (byte 9)"), ("[" * 100_000, "nested deeper than 64 levels"),
    ('{"a": 1e999}', "a number that does not fit a double"), ("x" * 1_100_000, "larger than 1 MiB"), ('"\\ud800"', "it is not JSON"),
])  # fmt: skip
def test_check_of_what_is_no_json(relay_without_database, text, words):
    result = relay_without_database("registry", "check", "-", stdin=text)
    assert result.code in (2, 10) and words in result.err


def test_check_of_many_problems_shows_the_first(relay_without_database):
    text = json.dumps(card(skills=[{} for _ in range(100)]))
    result = relay_without_database("registry", "check", "-", stdin=text, check=10)
    assert "400 problems" in result.err and "and 380 more; -o json has all" in result.err and len(result.err.splitlines()) == 22
    assert len(json.loads(relay_without_database("registry", "check", "-", "-o", "json", stdin=text, check=10).out)["data"]["problems"]) == 400


def test_check_of_what_is_no_file(relay_without_database, tmp_path):
    assert "No such file" in relay_without_database("registry", "check", "nowhere.json", check=2).err
    assert "directory" in relay_without_database("registry", "check", tmp_path, check=2).err
    assert "missing" in relay_without_database("registry", "check", check=2).err

"""Searches in the registry: by skill, tag, capability and pattern, page by page, and how many processes share the work."""

from contextlib import closing

import psycopg2
import pytest

from support.cards import card, skill
from support.database import Database, make_template
from support.load import Load
from support.registry import Registry, run_all, settle
from support.sampling import dice

AGENTS = ["Bot.v2", "faq", "kb-1", "kb-2"]
URI = "https://ext.example/audit/v1"


@pytest.fixture(scope="module")
def database(cluster):
    """One database for all tests of this file: each that changes something has its own organization."""
    made = Database(cluster, template=make_template(cluster))
    yield made
    made.drop()


@pytest.fixture(scope="module")
def api(database):
    """The contract, as a gateway calls it."""
    with closing(database.connect(user=database.gateway_login())) as connection:
        yield Registry(connection)


@pytest.fixture(scope="module")
def running(database, api):
    """Four agents of acme that run, each with another card."""
    settle(database, AGENTS)
    cards = {
        "Bot.v2": card(name="Invoice 100%", skills=[skill("a/skill/x", "Money", "ÉTÉ")]),
        "faq": card(name="FAQ", skills=[skill("answer", "kb"), skill("search_kb", "KB", "Fast")]),
        "kb-1": card(name="Knowledge", capabilities={"extensions": [{"uri": URI}], "streaming": False}),
        "kb-2": card(name="[k] (n)\\w_", skills=[skill("search-kb", "fast")]),
    }
    for agent, sent in cards.items():
        assert api.register(agent, sent, lease="10 minutes")["ok"]
    return api


@pytest.mark.whole
@pytest.mark.parametrize(
    "asked, found",
    [
        ({}, AGENTS),
        ({"skill": "search_kb"}, ["faq", "kb-1"]),
        ({"skill": "Search_KB"}, []),
        ({"skill": "search"}, []),
        ({"skill": "a/skill/x"}, ["Bot.v2"]),
        ({"skill": "x"}, []),
        ({"tag": "kb"}, ["faq"]),
        ({"tag": "FAST"}, ["faq", "kb-2"]),
        ({"tag": "ÉTÉ"}, ["Bot.v2"]),
        ({"capability": "streaming"}, ["Bot.v2", "faq", "kb-2"]),
        ({"capability": "pushNotifications"}, []),
        ({"capability": URI}, ["kb-1"]),
        ({"skill": "search_kb", "tag": "fast"}, ["faq"]),
        ({"skill": "search_kb", "capability": URI, "pattern": "KNOW*"}, ["kb-1"]),
        ({"skill": "search_kb", "pattern": "x*"}, []),
        ({"pattern": "kb-?"}, ["kb-1", "kb-2"]),
        ({"pattern": "bot*"}, ["Bot.v2"]),
        ({"pattern": "search?kb"}, ["faq", "kb-1", "kb-2"]),
        ({"pattern": "search_kb"}, ["faq", "kb-1"]),
        ({"pattern": "*100%"}, ["Bot.v2"]),
        ({"pattern": "%"}, []),
        ({"pattern": "["}, []),
        ({"pattern": "*(n)\\w_"}, ["kb-2"]),
        ({"pattern": "("}, []),
        ({"pattern": "\\"}, []),
        ({"pattern": ".*"}, []),
        ({"pattern": "*"}, AGENTS),
        ({"pattern": "*k*b*"}, ["faq", "kb-1", "kb-2"]),
        ({"skill": ""}, []),
        ({"tag": ""}, []),
        ({"capability": ""}, []),
        ({"pattern": ""}, []),
        ({"after": "faq"}, ["kb-1", "kb-2"]),
        ({"after": None}, AGENTS),
        ({"after": "zzz"}, []),
        ({"org": None}, []),
        ({"org": ""}, []),
        ({"org": "acme/skill/a", "skill": "x"}, []),
        ({"org": "nobody"}, []),
        ({"most": 0}, AGENTS[:1]),
        ({"most": -1}, AGENTS[:1]),
        ({"most": 3}, AGENTS[:3]),
        ({"most": 10**9}, AGENTS),
        ({"most": None}, AGENTS),
        ({"skill": "search_kb", "most": 1, "after": "faq"}, ["kb-1"]),
    ],
    ids=str,
)
def test_all_conditions_must_fit(running, asked, found):
    assert list(running.find(**asked)) == found


@pytest.mark.parametrize("asked, words", [
    ({"pattern": "*" * 128}, "pattern has 128 characters, and may have 127"),
    ({"skill": "x" * 256}, "skill has 256 characters, and may have 255"),
    ({"org": "x" * 64}, "org_id has 64 characters, and may have 63"),
])  # fmt: skip
def test_an_argument_that_is_too_long_is_an_error(api, asked, words):
    with pytest.raises(psycopg2.errors.InvalidParameterValue, match=words):
        api.find(**asked)


def test_a_pattern_of_stars_ends_soon(database, api):
    settle(database, ["long"], org="patient")
    api.register("long", card(name="a" * 250, skills=[skill(f"{'a' * 200}{n}") for n in range(100)]))
    with api.connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '5s'")
    assert api.find("patient", pattern="*a" * 63) and api.find("patient", pattern="*a" * 63 + "b") == {}


def test_a_thousand_rows_at_most(database, api):
    agents = [f"agent-{number:04}" for number in range(1100)]
    settle(database, agents, org="large")
    run_all(database, "large", card())
    for asked in ({}, {"skill": "search_kb"}):
        assert list(api.find("large", most=10**6, **asked)) == agents[:1000]
        pages, after = [], ""
        while page := list(api.find("large", most=333, after=after, **asked)):
            pages += page
            after = page[-1]
        assert pages == agents


def test_a_page_is_bounded_in_bytes(database, api):
    """A tenant chooses the size of its cards, and a gateway holds each page in memory. A search in vain reads no more."""
    agents = [f"big-{number:03}" for number in range(150)]
    settle(database, agents, org="big")
    sent = card(description="x" * 60_000)
    run_all(database, "big", sent)
    size = database.value("SELECT max(bytes) FROM relay.agent_cards WHERE org_id = 'big'")
    for asked in ({}, {"skill": "search_kb"}, {"pattern": "big*"}, {"tag": "none"}, {"pattern": "*zz*"}):
        pages = list(api.pages("big", most=1000, **asked))
        assert all(len(page) * size <= 2**22 + size for page in pages)
        assert sum(pages, []) == ([] if asked in ({"tag": "none"}, {"pattern": "*zz*"}) else agents)
        assert len(pages) == (1 if asked == {"tag": "none"} else 3), "what no term leads to is not looked at"
    assert [len(page) for page in api.pages("big", most=50)] == [50, 50, 50]
    assert [len(page) for page in api.pages("big", most=75)] == [69, 69, 12]


def test_a_page_looks_at_some_thousands_of_agents(database, api):
    """Also of those that do not run, so that a search in a large organization takes no connection for long."""
    settle(database, [f"still-{number:05}" for number in range(6000)], org="still")
    run_all(database, "still", card())
    database.execute("DELETE FROM relay.agent_leases WHERE org_id = 'still' AND agent_id <> 'still-05999'")
    for asked in ({}, {"skill": "search_kb"}):
        pages = list(api.pages("still", **asked))
        assert pages == [[], ["still-05999"]], "a page may be empty, and not be the last one"


def test_pages_end_where_the_seats_end(database, api):
    settle(database, [f"seat-{number}" for number in range(8)], org="limited")
    run_all(database, "limited", card())
    database.execute("INSERT INTO relay.limits (owner_kind, owner_id, org_id, meter, amount) VALUES ('org', 'limited', 'limited', 'agents', 5)")
    assert sum(api.pages("limited", most=2), []) == [f"seat-{number}" for number in range(5)]


def test_instances_is_the_number_of_processes_that_live(database, api):
    """20 instances come and go at random."""
    settle(database, ["many"], org="crowd")
    chance = dice("instances that come and go")
    alive, draining = set(), set()
    for _ in range(300):
        instance = f"pod-{chance.randrange(20)}"
        what = chance.choice(("register", "register", "beat", "drain", "unregister"))
        if what == "register":
            assert api.register("many", card(), instance)["ok"]
            alive.add(instance)
            draining.discard(instance)
        elif what == "beat" and alive:
            assert api.beat("many", chance.choice(sorted(alive)))["ok"]
        elif what == "drain":
            assert api.drain("many", instance) == (instance in alive)
            draining |= {instance} & alive
        elif what == "unregister":
            assert api.unregister("many", instance) == (instance in alive)
            alive.discard(instance)
            draining.discard(instance)
        found = api.find("crowd")
        assert (found["many"]["instances"] if found else 0) == len(alive - draining)


def test_pages_lack_no_agent_that_stayed_while_others_come_and_go(database, api):
    """Each agent that stayed is listed once, in order, and one that never ran is never listed."""
    stay, move, never = ([f"{chr(97 + n % 26)}-{kind}-{n:02}" for n in range(40)] for kind in ("stay", "move", "never"))
    settle(database, stay + move + never, org="busy")
    for agent in stay:
        api.register(agent, card(), lease="10 minutes")
    with closing(database.connect(user=database.gateway_login())) as other:
        mover = Registry(other)

        def come_or_go(number):
            agent = move[number * 7 % len(move)]
            (mover.register(agent, card()) if number // len(move) % 2 == 0 else mover.unregister(agent))

        def read(number):
            asked = {"skill": "search_kb"} if number % 2 else {}
            pages = sum(api.pages("busy", most=7, **asked), [])
            assert pages == sorted(set(pages)) and [agent for agent in pages if agent in stay] == sorted(stay) and not set(pages) & set(never)

        rounds = Load(seconds=3).run([("mover", come_or_go), ("reader", read)])
    assert rounds["mover"] > 2 * len(move) and rounds["reader"] > 5, rounds

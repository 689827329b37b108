"""The registry under load: agents of ten organizations register, beat, drain and leave, while each organization searches; no row of
another is ever seen, whatever a skill is called."""

import itertools
from contextlib import closing

import pytest

from support.cards import card, skill
from support.load import Load
from support.registry import Registry
from support.tenant_reader import TENANT_LOGIN, ask, database, keys, tenant  # noqa: F401
from support.tenants import AGENTS_EACH, ORGS, WAYS, agents_of, check_rows, read_for, readable_columns


def neighbour(org):
    """The next organization."""
    return ORGS[(ORGS.index(org) + 1) % len(ORGS)]


def hostile_card(number):
    """A card whose ids try to be terms of another organization; its texts name none, so that a row shows by its agent whose it is."""
    return card(
        name="Bot", version=str(number), capabilities={"streaming": True, "x/can/y": True, "extensions": [{"uri": "x/tag/y"}]},
        skills=[skill("shared", "Common"), skill("a/skill/x", "a/tag/x"), skill("../skill/x", "/"), skill(f"n{number % 3}")],
    )  # fmt: skip


QUESTIONS = (
    {}, {"skill": "shared"}, {"tag": "common"}, {"capability": "streaming"}, {"capability": "x/can/y"}, {"pattern": "*bot*"},
    {"skill": "a/skill/x"}, {"skill": "shared", "tag": "a/tag/x", "pattern": "*"}, {"skill": "n1", "most": 3}, {"after": "org05-bot5"},
)  # fmt: skip


def forged(org):
    """Questions that would name the terms of another organization, if a slash could forge them."""
    other = neighbour(org)
    return ({"skill": f"../../{other}/skill/shared"}, {"skill": f"{other}/skill/shared"}, {"tag": f"../{other}/tag/common"},
            {"pattern": f"{other}*"}, {"after": f"{other}-bot0", "pattern": f"{other}-bot?"})  # fmt: skip


@pytest.fixture
def hundred(database, keys):
    """All agents have registered once. What is blocked is lifted: here it is about searches."""
    database.execute("UPDATE relay.revocations SET lifted_at = now(), lifted_by = 'staff' WHERE kind = 'block' AND lifted_at IS NULL")
    with closing(database.connect(user=database.gateway_login())) as connection:
        api = Registry(connection)
        for number, agent in enumerate(keys):
            assert api.register(agent, hostile_card(number))["ok"]
        yield api


def test_under_load_no_search_and_no_view_shows_a_row_of_another_organization(database, hundred, keys):
    views = {table: columns for table, columns in readable_columns(database).items() if table.startswith(("relay.agent_", "relay.running"))}
    assert {"relay.agent_cards", "relay.agent_leases", "relay.running_agents"} <= set(views)
    connections, seen = [], set()

    def connect(**options):
        connections.append(database.connect(**options))
        return connections[-1]

    def writer(offset):
        api = Registry(connect(user=database.gateway_login()))
        agents = sorted(keys)

        def write(number):
            agent, instance = agents[(number * 7 + offset) % len(agents)], f"pod-{number % 3}"
            for act in (lambda: api.register(agent, hostile_card(number), instance), lambda: api.beat(agent, instance), lambda: api.beat(agent),
                        lambda: (api.drain, api.unregister)[number % 2](agent, instance)):  # fmt: skip
                act()

        return write

    def reader(org):
        api = Registry(connect(user=database.gateway_login()))
        own = set(agents_of(org))

        def read(number):
            for asked in (QUESTIONS[number % len(QUESTIONS)], forged(org)[number % 5]):
                found = api.find(org, **asked)
                assert set(found) <= own, (org, asked, sorted(set(found) - own))
                seen.update(found)
            stranger = agents_of(neighbour(org))[number % AGENTS_EACH]
            assert api.card(stranger, org) is None and not api.find(f"{neighbour(org)}/skill/a", skill="x")

        return read

    def tenant_reader(org):
        connection = connect(user=database.cluster.login(TENANT_LOGIN, member_of="relay_tenant"), autocommit=False)
        ways = itertools.cycle(WAYS)

        def read(number):
            table, columns = sorted(views.items())[number % len(views)]
            with connection, connection.cursor() as cursor:
                read_for(cursor, org, next(ways))
                cursor.execute(f"SELECT {', '.join(columns)} FROM {table}")
                check_rows(org, cursor.fetchall())

        return read

    workers = [(f"search {org}", reader(org)) for org in ORGS] + [(f"tenant {org}", tenant_reader(org)) for org in ORGS[::3]]
    workers += [(f"agents {number}", writer(number * 31)) for number in range(3)]
    rounds = Load(seconds=5).run(workers)
    for connection in connections:
        connection.close()
    assert all(count > 10 for count in rounds.values()), rounds
    assert seen == set(keys), "each agent was found by its own organization"
    terms = database.rows("SELECT agent_id, terms FROM relay.agent_cards")
    assert all(term.startswith(f"{row['agent_id'].partition('-')[0]}/") for row in terms for term in row["terms"])


def test_what_a_tenant_sees_is_what_a_gateway_finds(database, hundred, tenant):
    database.execute("INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor) VALUES ('agent', 'org02-bot1', 'block', 'staff')")
    hundred.drain("org02-bot2")
    hundred.unregister("org02-bot3")
    shown = ask(tenant, "SELECT agent_id, instances, lease_ends_at FROM relay.running_agents ORDER BY agent_id", org="org02")
    assert shown == [(agent, row["instances"], row["lease_ends_at"]) for agent, row in hundred.find("org02").items()]
    assert len(shown) == AGENTS_EACH - 3
    database.execute("UPDATE relay.limits SET amount = 5 WHERE owner_id = 'org02'")
    shown = ask(tenant, "SELECT agent_id FROM relay.running_agents ORDER BY agent_id", org="org02")
    assert [agent for (agent,) in shown] == list(hundred.find("org02")) and len(shown) < 5
    database.execute("UPDATE relay.limits SET amount = 1000 WHERE owner_id = 'org02'")

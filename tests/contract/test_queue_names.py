"""Names of queues: no two owners share one, each leads back to its owner, and each broker accepts it by its documented rules."""

import re

import pytest

from support.database import Database, make_template
from support.sampling import dice

SHARED = ("agents", "orchestrator", "dlq")
ALPHABET = "{a,B,-,.,_,1}"
# Every id of an organization with up to 3 of these characters, and every id of an agent with up to 4; and ids that look like names.
EVERY = f"""
    CREATE TABLE every_queue AS
    WITH RECURSIVE sign AS (SELECT unnest('{ALPHABET}'::text[]) AS one),
    text AS (SELECT one AS id FROM sign UNION ALL SELECT id || one FROM text, sign WHERE length(id) < 4),
    org AS (SELECT id FROM text WHERE id ~ '^[a-z0-9][a-z0-9_-]{{0,2}}$'
            UNION SELECT unnest('{{amq,amq-,a-agents,a-agents-dlq,amq/0}}'::text[])),
    agent AS (SELECT id FROM text WHERE id ~ '^[A-Za-z0-9]'
              UNION SELECT unnest('{{agents,dlq,a-agents,orchestrator,Bot.v2,a...B,a..,rabbitmq.reply-to,0,8}}'::text[])),
    owner AS (SELECT org.id AS org_id, 'agent' AS kind, agent.id AS agent_id FROM org, agent
              UNION ALL SELECT org.id, unnest('{{agents,orchestrator,dlq}}'::text[]), NULL FROM org)
    SELECT owner.*, relay_api.queue_name(org_id, kind, agent_id) AS name FROM owner WHERE org_id ~ '^[a-z0-9_-]+$'
"""
MASKED = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789..--__"


@pytest.fixture(scope="module")
def queues(cluster):
    made = Database(cluster, template=make_template(cluster))
    made.execute(EVERY)
    yield made
    made.drop()


def test_no_two_owners_share_a_name_in_any_case(queues):
    row = queues.one("SELECT count(*) AS all, count(DISTINCT lower(name)) AS names, count(*) FILTER (WHERE name IS NULL) AS without FROM every_queue")
    assert row["names"] == row["all"] > 35_000 and row["without"] == 0


def test_each_broker_accepts_each_name(queues):
    # Azure Service Bus: letters, digits, . - _ and /; a letter or digit at both ends; no case; at most 260.
    assert queues.value("SELECT count(*) FROM every_queue WHERE name !~ '^[a-z0-9][a-z0-9._/-]*[a-z0-9]$' OR length(name) > 224") == 0
    assert queues.value("SELECT count(*) FROM every_queue WHERE name LIKE '%//%' OR name ~ '(^|/)[.]+(/|$)'") == 0
    # RabbitMQ keeps amq. to itself (and with it amq.rabbitmq.reply-to).
    assert queues.value("SELECT count(*) FROM every_queue WHERE name LIKE 'amq.%'") == 0
    # NATS subjects: no empty token, no blank, no wildcard.
    assert queues.value("SELECT count(*) FROM every_queue WHERE '' = ANY (string_to_array(name, '.')) OR name ~ '[*>$[:space:]]'") == 0


def test_a_name_leads_back_to_its_owner(queues):
    wrong = """SELECT count(*) FROM every_queue AS queue, LATERAL relay_api.queue_owner(queue.name) AS found
               WHERE (found.org_id, found.kind, found.agent_id) IS DISTINCT FROM (queue.org_id, queue.kind, queue.agent_id)"""
    assert queues.value(wrong) == 0


def test_the_names_are_those_of_the_design(queues):
    def name(*owner):
        return queues.value("SELECT relay_api.queue_name(%s, %s, %s)", *owner, *[None] * (3 - len(owner)))

    assert [name("demo-tenant-123", kind) for kind in SHARED] == [f"demo-tenant-123-{kind}" for kind in SHARED]
    assert name("demo-tenant-123", "agent", "incident-agent") == "demo-tenant-123.incident-agent"
    assert name("acme", "agent", "Bot.v2") == "acme.bot.v2/8"
    assert name("acme", "agent", "bot-") == "acme.bot-/0"
    assert name("acme", "agent", "a..b") == "acme.a.-b/2"
    assert name("amq", "agent", "bot") == "amq/0.bot" and name("amq", "dlq") == "amq-dlq"
    longest = name("o" * 63, "agent", "A" * 127)
    assert len(longest) == 224 and queues.one("SELECT * FROM relay_api.queue_owner(%s)", longest)["agent_id"] == "A" * 127


@pytest.mark.parametrize("owner", [
    ("", "agents", None), ("Acme", "agents", None), ("a.b", "agents", None), ("o" * 64, "agents", None), ("-a", "dlq", None), ("a/b", "dlq", None),
    ("acme", "agents", "bot"), ("acme", "agent", None), ("acme", "agent", ""), ("acme", "agent", ".bot"), ("acme", "agent", "b/t"),
    ("acme", "agent", "A" * 128), ("acme", "agent", "ä"), ("acme", "agent", "bot\n"), ("acme", "Agents", None), ("acme", "", None),
    (None, "agents", None), ("acme", None, None), (None, None, None), ("x" * 100_000, "agents", None),
], ids=lambda owner: str(owner)[:40])  # fmt: skip
def test_what_is_not_an_owner_has_no_name(queues, owner):
    assert queues.value("SELECT relay_api.queue_name(%s, %s, %s)", *owner) is None


def test_any_other_text_has_no_owner(queues):
    random = dice("queue names")
    texts = ["", "a", "a.", ".a", "a-", "-agents", "a-Agents", "A.bot", "acme.bot/", "acme.bot/0", "acme.bot-/00", "acme.bot/800", "acme.bot/g",
             "acme.bot/80", "acme.Bot/8", "amq.bot", "amq/0.bot/0", "amq/0-dlq", "acme.bot/8/8", "acme.-bot", "acme.b/8\n",
             "acme.bot/" + "8" * 33, "x" * 100_000, "acme.a..b", "acme.a.-b/0", "acme..b"]  # fmt: skip
    names = [row["name"] for row in queues.rows("SELECT name FROM every_queue ORDER BY random() LIMIT 3000")]
    for name in names:  # near a name
        at = random.randrange(len(name) + 1)
        texts.append(name[:at] + random.choice((*MASKED, "/", "/8", "-/8", "\n", " ", "ä", "")) + name[at + random.randint(0, 2) :])
    wrong = """SELECT t.text, found.* FROM unnest(%s) AS t (text), LATERAL relay_api.queue_owner(t.text) AS found
               WHERE CASE WHEN found.org_id IS NULL THEN num_nonnulls(found.kind, found.agent_id) > 0
                          ELSE relay_api.queue_name(found.org_id, found.kind, found.agent_id) IS DISTINCT FROM t.text END"""
    assert queues.rows(wrong, texts) == []
    owned = "SELECT count(*) FROM unnest(%s) AS t (text), LATERAL relay_api.queue_owner(t.text) AS found WHERE found.org_id IS NOT NULL"
    assert queues.value(owned, texts[:26]) == 0
    assert queues.one("SELECT * FROM relay_api.queue_owner(NULL)") == {"org_id": None, "kind": None, "agent_id": None}


def test_random_ids_of_every_length_lead_back(queues):
    random = dice("long ids")
    owners = []
    for _ in range(1000):
        org = random.choice("az09") + "".join(random.choices("abc019_-", k=random.randint(0, 62)))
        owners.append((org, random.choice("aZ9") + "".join(random.choices(MASKED, k=random.randint(0, 126)))))
    rows = queues.rows(
        """SELECT o.org, o.agent, n.name, found.org_id, found.agent_id FROM unnest(%s, %s) AS o (org, agent),
           LATERAL relay_api.queue_name(o.org, 'agent', o.agent) AS n (name), LATERAL relay_api.queue_owner(n.name) AS found""",
        [org for org, _ in owners], [agent for _, agent in owners],
    )  # fmt: skip
    assert all((row["org"], row["agent"]) == (row["org_id"], row["agent_id"]) for row in rows) and len(rows) == 1000
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9._/-]{0,223}[a-z0-9]", row["name"]) and ".." not in row["name"] for row in rows)


@pytest.mark.parametrize("locale", ["tr_TR.UTF-8", "C"])
def test_the_locale_of_the_database_changes_no_name(cluster, queues, locale):
    """In Turkish, the small letter of I is another one."""
    found = cluster.query("SELECT collname FROM pg_collation WHERE collname = %s", (locale.replace("UTF-8", "utf8"),))
    ask = "SELECT relay_api.queue_name('acme', 'agent', 'INIT'{0}), (relay_api.queue_owner('acme.init/f'{0})).agent_id"
    collate = f' COLLATE "{found[0][0]}"' if found else ' COLLATE "tr-x-icu"' if locale != "C" else ' COLLATE "C"'
    assert list(queues.one(ask.format(collate)).values()) == ["acme.init/f", "INIT"]

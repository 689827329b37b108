"""Envelopes of messages: SQL, the JSON Schema and the kit in each language judge alike; refused messages are recorded."""

import json
import re
from datetime import datetime, timedelta, timezone

import jsonschema
import psycopg2
import pytest

from support import contract, envelopes
from support.envelopes import DOCUMENT, VECTORS
from support.gateways import LANGUAGES
from support.sampling import dice

# A text of the database cannot hold these bytes, so SQL is never asked about them.
IN_SQL = [vector for vector in VECTORS if "base64" not in vector and b"\0" not in envelopes.raw(vector)]
REASONS = {"ok", "envelope_invalid", "tenant_mismatch", "agent_mismatch", "stale"}


def in_sql(database, texts):
    """What SQL finds wrong with each envelope."""
    rows = database.rows(
        "SELECT relay.envelope_text_problems(e.text) AS problems FROM unnest(%s) WITH ORDINALITY AS e (text, n) ORDER BY n", texts
    )
    return [row["problems"] for row in rows]


def test_the_vectors_have_a_good_and_a_bad_envelope_for_each_rule():
    assert {vector["reason"] for vector in VECTORS} == REASONS
    for field in DOCUMENT["good"] | {"correlationId": "", "causationId": "", "signature": ""}:
        assert any(f"/{field}: " in problem for vector in VECTORS for problem in vector["problems"]), field


def test_the_kit_says_what_the_vectors_say(language):
    said = envelopes.judged(language, [envelopes.raw(vector) for vector in VECTORS])
    for vector, answer in zip(VECTORS, said, strict=True):
        assert answer == {"ok": vector["reason"] == "ok", "reason": vector["reason"], "problems": vector["problems"]}, vector["name"]


def test_a_receiver_that_knows_the_organization_only_does_not_compare_the_agent(language):
    told = [vector for vector in VECTORS if vector["reason"] in ("agent_mismatch", "tenant_mismatch")]
    said = envelopes.judged(language, [envelopes.raw(vector) for vector in told], agent=None)
    assert [answer["reason"] for answer in said] == [vector["reason"].replace("agent_mismatch", "ok") for vector in told]


def test_sql_says_what_the_vectors_say(database):
    for vector, problems in zip(IN_SQL, in_sql(database, [envelopes.raw(v).decode() for v in IN_SQL]), strict=True):
        assert problems == vector["problems"], vector["name"]
    assert database.value("SELECT relay.envelope_text_problems(NULL)") == [
        problem for vector in VECTORS if vector["name"] == "nothing" for problem in vector["problems"]
    ]


@pytest.mark.parametrize("role", ["relay_provisioner", "relay_responder", "relay_auditor"])
def test_staff_may_ask_about_an_envelope(database, role):
    (good,) = [envelopes.raw(vector).decode() for vector in VECTORS if vector["name"] == "a name in two objects"]
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {role}")
        cursor.execute("SELECT relay.envelope_text_problems(%s)", (good,))
        assert cursor.fetchone() == ([],)


def test_the_json_schema_says_what_the_vectors_say():
    schema = contract.schema("message-envelope")
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    judged = [vector for vector in VECTORS if not vector.get("beyond_schema")]
    for vector in judged:
        paths = set()
        for error in validator.iter_errors(json.loads(envelopes.raw(vector))):
            missing = re.match(r"'(\w+)' is a required property", error.message)
            paths.add("/" + (missing[1] if missing else "/".join(map(str, error.absolute_path))))
        assert paths == {problem.partition(":")[0] for problem in vector["problems"]}, vector["name"]
    assert len(judged) > 100


def test_whatever_is_sent_all_judge_alike_and_none_fails(database):
    random = dice("envelopes")
    made = [envelopes.mutated(random) for _ in range(4000)]
    said = {language: envelopes.judged(language, made) for language in LANGUAGES}
    asked = [number for number, one in enumerate(made) if b"\0" not in one]
    found = dict(zip(asked, in_sql(database, [made[number].decode() for number in asked]), strict=True))
    for number, one in enumerate(made):
        answers = [said[language][number] for language in LANGUAGES]
        assert answers[0] == answers[1] == answers[2], one
        assert found.get(number, answers[0]["problems"]) == answers[0]["problems"], one
    reasons = [answer["reason"] for answer in said["cpp"]]
    assert all(reasons.count(reason) > 20 for reason in REASONS), "each kind was among them"


# In the database ------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def receiver(database, key):
    """receiver(sql, arguments): what a receiver is answered, logged in as a gateway."""
    connection = database.connect(user=database.gateway_login())
    connection.autocommit = True

    def ask(sql, *arguments):
        with connection.cursor() as cursor:
            cursor.execute(sql, arguments)
            return cursor.fetchone() if cursor.description else None

    yield ask
    connection.close()


def sent(ago=timedelta(), **fields):
    """The text of an envelope of acme's first agent that was sent that long ago."""
    good = {**DOCUMENT["good"], "agentId": "bot", "timestamp": (datetime.now(timezone.utc) - ago).isoformat()}
    return json.dumps({**good, **fields})


CHECK = "SELECT ok, reason, problems FROM relay_api.check_envelope(%s, %s, %s)"
HOUR = timedelta(hours=1)


def test_the_database_checks_sender_and_time_by_the_policy(receiver, relay):
    relay("policy", "set", "bot", "--window", "5m", "--yes", check=0)
    relay("policy", "set", "--org", "acme", "--messages", "optional", "--yes", check=0)
    assert receiver(CHECK, sent(timedelta(minutes=2)), "acme", "bot") == (True, "ok", [])
    assert receiver(CHECK, sent(-timedelta(minutes=2)), "acme", "bot") == (True, "ok", [])
    assert receiver(CHECK, sent(timedelta(minutes=2)), "acme", None) == (False, "stale", []), "the window of the organization"
    for ago in (HOUR, -HOUR):
        assert receiver(CHECK, sent(ago), "acme", "bot") == (False, "stale", [])
    for when in ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:60.999999999-23:59"):
        assert receiver(CHECK, sent(timestamp=when), "acme", "bot") == (False, "stale", [])
    assert receiver(CHECK, sent(tenantId="globex", agentId="x"), "acme", "bot") == (False, "tenant_mismatch", [])
    assert receiver(CHECK, sent(agentId="x"), "acme", "bot") == (False, "agent_mismatch", [])
    assert receiver(CHECK, sent(agentId="x"), "acme", None) == (True, "ok", [])
    assert receiver(CHECK, sent(payload="\0"), "acme", None)[:2] == (False, "envelope_invalid")
    assert receiver(CHECK, None, "acme", None)[:2] == (False, "envelope_invalid")


def test_an_unsigned_message_is_accepted_only_where_the_policy_says_so(receiver, relay):
    """A signature is a text that no one has checked, so it changes nothing."""
    for fields in ({}, {"signature": "v1.k.s"}):
        assert receiver(CHECK, sent(**fields), "acme", "bot") == (False, "unverified", [])
        assert receiver(CHECK, sent(**fields), "acme", None) == (False, "unverified", [])
    assert receiver(CHECK, sent(HOUR), "acme", "bot")[1] == "stale", "the other rules come first"
    relay("policy", "set", "--org", "acme", "--messages", "optional", "--yes", check=0)
    assert receiver(CHECK, sent(), "acme", "bot") == (True, "ok", [])
    relay("policy", "set", "bot", "--messages", "required", "--yes", check=0)
    assert receiver(CHECK, sent(), "acme", "bot") == (False, "unverified", [])
    receiver(REFUSE, "acme", "bot", "unverified", None, None)


@pytest.mark.parametrize("messages", ["required", "", "Optional"])
def test_the_kit_accepts_an_unsigned_message_only_where_the_policy_says_optional(language, messages):
    good = [envelopes.raw(vector) for vector in VECTORS if vector["reason"] in ("ok", "stale")]
    said = envelopes.judged(language, good, messages=messages)
    assert {answer["reason"] for answer in said} == {"unverified", "stale"} and not any(answer["ok"] for answer in said)


@pytest.mark.parametrize("org, agent", [("globex", None), ("acme", "nobody"), ("globex", "bot"), (None, None), (None, "bot")])
def test_a_sender_that_authenticate_cannot_have_returned_is_an_error(receiver, org, agent):
    for sql in (CHECK, "SELECT relay_api.refuse_message(%s, %s, 'stale')"):
        with pytest.raises(psycopg2.errors.InvalidParameterValue) as error:
            receiver(sql, *((sent(),) if sql == CHECK else ()), org, agent)
        assert "as authenticate" in error.value.diag.message_hint


REFUSE = "SELECT relay_api.refuse_message(%s, %s, %s, %s, %s)"


def test_a_refused_message_is_an_event(receiver, database, relay):
    receiver(REFUSE, "acme", "bot", "tenant_mismatch", "globex", "4bf92f3577b34da6a3ce929d0e0e4736")
    event = database.one("SELECT * FROM relay.auth_events WHERE action = 'message_refused'")
    assert (event["org_id"], event["agent_id"], event["outcome"], event["reason"]) == ("acme", "bot", "failed", "tenant_mismatch")
    assert event["detail"] == {"claimed_org_id": "globex"} and event["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    receiver(REFUSE, "acme", None, "stale", None, None)
    (listed,) = relay.json("audit", "list", "--action", "message_refused", "--agent", "bot")["items"]
    assert listed["reason"] == "tenant_mismatch" and listed["outcome"] == "failed"


def test_a_flood_of_refused_messages_is_folded_and_claims_are_cut(receiver, database):
    for number in range(200):
        receiver(REFUSE, "acme", "bot", "tenant_mismatch", f"{number}\n" + "x" * 300_000, "t" * 300)
    assert database.value("SELECT count(*) FROM relay.auth_events WHERE action = 'message_refused'") == 10
    assert database.value("SELECT sum(times) FROM relay.recorded_events WHERE action = 'message_refused'") == 200
    longest = "SELECT max(length(detail ->> 'claimed_org_id')) AS claim, max(length(trace_id)) AS trace FROM relay.auth_events WHERE action = 'message_refused'"
    assert database.one(longest) == {"claim": 63, "trace": 64}


@pytest.mark.parametrize("reason", [None, "", "ok", "because", "TENANT_MISMATCH", "x" * 10_000], ids=lambda reason: str(reason)[:20])
def test_another_reason_is_an_error(receiver, database, reason):
    with pytest.raises(psycopg2.errors.InvalidParameterValue, match="is not a reason to refuse a message") as error:
        receiver(REFUSE, "acme", "bot", reason, None, None)
    assert "tenant_mismatch" in error.value.diag.message_hint and len(str(error.value)) < 1000
    assert database.value("SELECT count(*) FROM relay.auth_events WHERE action = 'message_refused'") == 0

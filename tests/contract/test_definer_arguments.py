"""A function that runs with its owner's rights does a bounded amount of work, whatever its caller passes: each of them, found
in the catalog, with absurd arguments, as the role with the fewest rights that may call it."""

import itertools

import psycopg2
import pytest

ROLES = ("relay_gateway", "relay_tenant", "relay_auditor", "relay_responder", "relay_provisioner", "relay_owner")
FUNCTIONS = """
SELECT p.oid::regprocedure::text AS signature, p.pronamespace::regnamespace || '.' || quote_ident(p.proname) AS name,
       (SELECT r FROM unnest(%s::text[]) WITH ORDINALITY AS roles (r, n) WHERE has_function_privilege(r, p.oid, 'EXECUTE') ORDER BY n LIMIT 1) AS role,
       COALESCE(p.proargnames[1:p.pronargs], '{}') AS names, p.proargtypes::regtype[]::text[] AS types
FROM pg_proc AS p
WHERE p.pronamespace IN ('relay'::regnamespace, 'relay_api'::regnamespace) AND p.prosecdef AND p.prorettype <> 'trigger'::regtype
ORDER BY 1"""
# Values in SQL, so that the server makes the large ones.
ABSURD = {
    "integer": ("-2147483648", "-1", "0", "2147483647", "NULL"),
    "bigint": ("-9223372036854775808", "-1", "9223372036854775807", "NULL"),
    "double precision": ("'NaN'", "'Infinity'", "-1", "1e300", "NULL"),
    "interval": ("'-1 second'", "'1000 years'", "NULL"),
    "timestamp with time zone": ("'infinity'", "'-infinity'", "NULL"),
    "text": ("''", "NULL", "repeat('x', 2000000)", "repeat('a:', 1000000)", "repeat('9', 60000) || '.1.1.1:1:'", "E'\\x7f\\n'"),
    "bytea": ("''", "NULL", "convert_to(repeat('x', 2000000), 'UTF8')"),
    "jsonb": ("'null'", "NULL", "'[]'", "to_jsonb(repeat('x', 2000000))", "jsonb_build_object('skills', (SELECT jsonb_agg(n) FROM generate_series(1, 200000) AS n))"),
    "json": ("'null'", "NULL", "'[]'", "to_json(repeat('x', 2000000))", "json_build_object('skills', (SELECT json_agg(n) FROM generate_series(1, 200000) AS n))"),
    "text[]": ("'{}'", "NULL", "array_fill('x'::text, ARRAY[200000])", "array_fill('x'::text, ARRAY[500, 500])", "'{NULL,NULL}'", "'{NULL}'",
               "ARRAY[repeat('x', 2000000)]"),
    "integer[]": ("'{}'", "NULL", "array_fill(1, ARRAY[200000])", "'{2147483647}'", "'{-2147483648}'", "'{NULL}'"),
    "inet[]": ("'{}'", "NULL", "array_fill('::1'::inet, ARRAY[200000])", "'{NULL}'"),
    "timestamp with time zone[]": ("'{}'", "NULL", "array_fill(now(), ARRAY[200000])", "'{infinity}'", "'{-infinity}'", "'{NULL}'"),
}
USUAL = {
    "integer": "1", "bigint": "1", "double precision": "1", "text": "'acme'", "bytea": "'x'", "text[]": "'{a}'", "jsonb": "'{}'", "json": "'{}'", "inet": "'192.0.2.1'", "boolean": "true",
    "integer[]": "'{1}'", "inet[]": "'{192.0.2.1}'", "timestamp with time zone[]": "'{now}'",
    "date": "'2026-01-01'", "interval": "'1 minute'", "timestamp with time zone": "now()", "relay.auth_events": "ROW(NULL, NULL, 'acme', NULL, NULL, 'auth_failed', 'failed', 'x', NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
}  # fmt: skip
REFUSALS = {
    "22023",  # invalid_parameter_value: our own words
    "22004",  # null_value_not_allowed
}
# No role but the owner may call these: our own functions bound what they pass on, and PostgreSQL's checks end the rest.
INTERNAL = {"54000", "23502"}  # an index row is too long, a column is null
MOST_ROWS = 10_000


@pytest.fixture
def functions(database):
    found = database.rows(FUNCTIONS, list(ROLES))
    assert len(found) > 20 and {"relay.make_event_months", "relay_api.authenticate"} <= {row["name"] for row in found}
    return found


def cases(function):
    """(argument, value, the whole call): one absurd argument at a time, and all of them together."""
    arguments = list(zip(function["names"], function["types"], strict=True))
    hostile = [(name, kind) for name, kind in arguments if kind in ABSURD]
    for name, kind in hostile:
        for value in ABSURD[kind]:
            given = {n: f"({value if n == name else USUAL[k]})::{k}" for n, k in arguments}
            yield name, value, f"SELECT count(*) FROM {function['name']}({', '.join(f'{n} => {v}' for n, v in given.items())})"
    for values in itertools.islice(zip(*(itertools.cycle(ABSURD[kind]) for _, kind in hostile)), 6 if len(hostile) > 1 else 0):
        given = dict(zip((name for name, _ in hostile), values, strict=True))
        call = ", ".join(f"{n} => ({given.get(n, USUAL[k])})::{k}" for n, k in arguments)
        yield "all", str(values)[:200], f"SELECT count(*) FROM {function['name']}({call})"


def size(database):
    return database.one("SELECT count(*) AS relations, count(*) FILTER (WHERE relname LIKE 'auth_events_2%') AS months FROM pg_class")


def test_no_argument_asks_for_any_amount_of_work(database, functions):
    database.execute("INSERT INTO relay.organizations (org_id, name, created_by) VALUES ('acme', 'Acme', 'test')")
    tried = set()
    for function in functions:
        login = database.cluster.login(f"only_{function['role']}", member_of=function["role"])
        connection = database.connect(user=login, autocommit=False)
        with connection.cursor() as cursor:
            for name, value, call in cases(function):
                cursor.execute("SET statement_timeout = '5s'")
                where = (function["signature"], name, value[:60])
                try:
                    cursor.execute(call)
                    assert cursor.fetchone()[0] <= MOST_ROWS, where
                except psycopg2.Error as error:
                    allowed = REFUSALS | (INTERNAL if function["role"] == "relay_owner" else set())
                    assert error.pgcode in allowed, (where, error.pgcode, str(error)[:300])
                    assert len(error.diag.message_primary) < 300, where
                connection.rollback()
                tried.add(function["signature"])
        connection.close()
    hostile = {f["signature"] for f in functions if set(f["types"]) & set(ABSURD)}
    assert tried == hostile and len(tried) > 15


@pytest.mark.parametrize(
    "call, words",
    [
        ("relay.make_event_months(600)", "months_ahead must be from 0 to 120, not 600"),
        ("relay.ensure_event_partitions(2147483647)", "months_ahead must be from 0 to 120, not 2147483647"),
        ("relay.make_event_months(NULL)", "months_ahead must be from 0 to 120, not null"),
        ("relay.prune_operations(-1)", "max_rows must be from 1 to 1000000, not -1"),
        ("relay.prune_changes(0)", "max_rows must be from 1 to 1000000, not 0"),
        ("relay.prune_sightings(2000000)", "max_rows must be from 1 to 1000000, not 2000000"),
        ("relay.settle_floods(now(), NULL)", "most must be from 1 to 1000000, not null"),
        ("relay.droppable_event_months(0)", "keep_months must be from 1 to 1200, not 0"),
        ("relay.contrary_answers('agent', array_fill('x'::text, ARRAY[100001]))", "the number of ids must be from 0 to 100000, not 100001"),
        ("relay.contrary_answers('what', '{a}')", "kind must be agent, org or key"),
        ("relay_api.report_uses(array_fill('x'::text, ARRAY[10001]), '{}', '{}')", "the number of key_ids must be from 0 to 10000, not 10001"),
        ("relay_api.report_uses('{a,b}', '{::1}', '{now,now}')", "key_ids, ip_addresses, used_at and uses must have the same number of elements"),
        ("relay_api.report_uses('{a}', '{::1}', NULL)", "key_ids, ip_addresses, used_at and uses must have the same number of elements"),
        ("relay_api.report_uses('{a}', '{::1}', '{now}', '{1,1}')", "key_ids, ip_addresses, used_at and uses must have the same number of elements"),
    ],
)
def test_the_error_says_which_argument_and_what_it_may_be(database, call, words):
    before = size(database)
    role = "relay_gateway" if call.startswith("relay_api.") else "relay_provisioner"
    connection = database.connect(user=database.cluster.login(f"only_{role}", member_of=role))
    with connection.cursor() as cursor, pytest.raises(psycopg2.errors.InvalidParameterValue) as raised:
        cursor.execute(f"SELECT * FROM {call}")
    connection.close()
    assert raised.value.diag.message_primary == words
    assert size(database) == before


def test_what_the_program_asks_for_is_within_the_bounds(database):
    assert database.value("SELECT count(*) FROM relay.make_event_months(120)") > 100
    for call in ("prune_operations()", "prune_changes()", "prune_sightings()", "settle_floods()", "prune_operations(1000000)"):
        assert database.value(f"SELECT relay.{call}") == 0


def test_a_gateway_id_is_short(database):
    connection = database.connect(user=database.gateway_login())
    with connection.cursor() as cursor:
        cursor.execute("SELECT next_cursor FROM relay_api.changes_since(NULL)")
        cursor_text = cursor.fetchone()[0]
        with pytest.raises(psycopg2.errors.InvalidParameterValue, match="gateway_id has 128 characters, and may have 127"):
            cursor.execute("SELECT relay_api.acknowledge(%s, %s)", ("g" * 128, cursor_text))
        cursor.execute("SELECT relay_api.acknowledge(%s, %s)", ("g" * 127, cursor_text))
    connection.close()

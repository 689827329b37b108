"""A gateway's login can call the functions of the contract, and nothing else."""

import psycopg2
import pytest

OURS = "SELECT oid FROM pg_namespace WHERE nspname IN ('relay', 'relay_api')"


@pytest.fixture
def gateway_session(database):
    connection = database.connect(user=database.gateway_login())
    yield connection
    connection.close()


def tables(database):
    kinds = "('r', 'p', 'v', 'm', 'S')"
    sql = f"SELECT oid::regclass::text AS name FROM pg_class WHERE relnamespace IN ({OURS}) AND relkind IN {kinds}"
    return [row["name"] for row in database.rows(sql)]


def executable_by(database, login):
    sql = (
        f"SELECT oid::regprocedure::text AS name FROM pg_proc WHERE pronamespace IN ({OURS})"
        " AND has_function_privilege(%s, oid, 'EXECUTE')"
    )
    return [row["name"] for row in database.rows(sql, login)]


def test_it_can_read_no_table_view_or_sequence(database, gateway_session):
    names = tables(database)
    assert len(names) > 10
    readable = []
    for name in names:
        with gateway_session.cursor() as cursor:
            try:
                cursor.execute(f"SELECT 1 FROM {name} LIMIT 1")
                readable.append(name)
            except psycopg2.errors.InsufficientPrivilege:
                pass
    assert readable == []


def test_it_has_no_privilege_on_any_table_or_column(database):
    login = database.gateway_login()
    sql = (
        "SELECT c.oid::regclass::text AS name, p AS privilege FROM pg_class AS c,"
        " unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) AS p"
        f" WHERE c.relnamespace IN ({OURS}) AND c.relkind IN ('r', 'p', 'v', 'm')"
        " AND has_any_column_privilege(%s, c.oid, p)"
    )
    assert database.rows(sql, login) == []
    whole = sql.replace("'INSERT', 'UPDATE', 'REFERENCES'", "'DELETE', 'TRUNCATE', 'TRIGGER'").replace("'SELECT', ", "")
    assert database.rows(whole.replace("has_any_column_privilege", "has_table_privilege"), login) == []


def test_it_can_execute_the_contract_only(database):
    found = executable_by(database, database.gateway_login())
    assert sorted(found) == [
        "relay_api.accept_signed(text,bytea,timestamp with time zone,inet,text)",
        "relay_api.acknowledge(text,text)",
        "relay_api.agent_card(text,text)",
        "relay_api.authenticate(text,bytea,text,text,inet,text,boolean)",
        "relay_api.authenticate_anonymous(text,text,inet,text)",
        "relay_api.authenticate_legacy(text,text,inet,text)",
        "relay_api.authenticate_signed(text,bytea,bytea,timestamp with time zone,text,text,inet,text)",
        "relay_api.authorize(text,text,inet,text)",
        "relay_api.changes_since(text,integer)",
        "relay_api.check_envelope(text,text,text)",
        "relay_api.device_refresh(text,bytea,bytea,inet)",
        "relay_api.drain(text,text,timestamp with time zone)",
        "relay_api.find_agents(text,text,text,text,text,text,integer)",
        "relay_api.give_back(text,text,bigint,timestamp with time zone)",
        "relay_api.heartbeat(text,text,interval,timestamp with time zone,boolean)",
        "relay_api.hold(text,text,text,bigint,text)",
        "relay_api.lease_rate(text,text,text,double precision,bigint)",
        "relay_api.pair_redeem(text,bytea,text,text,bytea,interval,inet)",
        "relay_api.pair_start(text,text,bytea,interval)",
        "relay_api.pair_status(text,text)",
        "relay_api.policy(text,text)",
        "relay_api.queue_name(text,text,text)",
        "relay_api.queue_owner(text)",
        "relay_api.refuse_message(text,text,text,text,text,text)",
        "relay_api.register(text,json,text,interval)",
        "relay_api.release(text,text,text)",
        "relay_api.report_uses(text[],inet[],timestamp with time zone[],integer[])",
        "relay_api.report_violation(text,text,inet,text)",
        "relay_api.signer(text,timestamp with time zone,text,text,inet,text)",
        "relay_api.take(text,text,bigint,bigint)",
        "relay_api.unregister(text,text,timestamp with time zone)",
        "relay_api.use_nonce(text,bytea,timestamp with time zone,interval)",
    ]


def test_nobody_else_can_execute_or_read_anything(database):
    nobody = database.cluster.login("nobody_login")
    assert executable_by(database, nobody) == []
    assert (
        database.rows(
            f"SELECT nspname FROM pg_namespace WHERE oid IN ({OURS}) AND has_schema_privilege(%s, oid, 'USAGE')", nobody
        )
        == []
    )


def test_it_cannot_create_anything_in_our_schemas(gateway_session):
    for schema in ("relay", "relay_api"):
        with gateway_session.cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute(f"CREATE FUNCTION {schema}.sha256(bytea) RETURNS bytea LANGUAGE sql AS 'SELECT $1'")


def test_a_hostile_search_path_changes_nothing(database, gateway_session):
    """A function of the caller's own, put in front of pg_catalog, is not what a SECURITY DEFINER function calls."""
    database.execute("CREATE SCHEMA evil")
    database.execute(f"GRANT ALL ON SCHEMA evil TO {database.gateway_login()}")
    with gateway_session.cursor() as cursor:
        cursor.execute("CREATE FUNCTION evil.sha256(bytea) RETURNS bytea LANGUAGE sql AS $$ SELECT NULL::bytea $$")
        cursor.execute(
            "CREATE FUNCTION evil.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT 'epoch'::timestamptz $$"
        )
        cursor.execute("CREATE TEMP TABLE agent_keys (key_id text)")
        cursor.execute("SET search_path = evil, pg_temp, pg_catalog")
        cursor.execute("SELECT reason FROM relay_api.authenticate('000000000000', '\\x00'::bytea)")
        assert cursor.fetchone() == ("unknown_key",)
        cursor.execute("CREATE TEMP TABLE agents (agent_id text)")
        cursor.execute("SELECT reason FROM relay_api.authorize('bot', 'stripe:pay')")
        assert cursor.fetchone() == ("unknown_agent",)
    assert (
        database.value(
            "SELECT occurred_at > now() - interval '1 hour' FROM relay.auth_events WHERE action = 'auth_failed'"
        )
        is True
    )


def test_every_function_with_its_owners_rights_has_a_fixed_search_path(database):
    sql = (
        f"SELECT oid::regprocedure::text AS name FROM pg_proc WHERE pronamespace IN ({OURS}) AND prosecdef"
        " AND NOT COALESCE('search_path=pg_catalog, pg_temp' = ANY (proconfig), false)"
    )
    assert database.rows(sql) == []

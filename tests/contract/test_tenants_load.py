"""relay_tenant under load: rotations, blocks and revocations meanwhile, half of the readers through a pooler."""

import itertools

import psycopg2

from support import pooler
from support.agents import digest, key_id
from support.load import Load
from support.tenant_reader import TENANT_LOGIN, database, keys, owners  # noqa: F401
from support.tenants import AGENTS_EACH, ORGS, WAYS, check_rows, read_for, readable_columns


def test_under_load_no_row_of_another_organization_is_ever_seen(database, relay, keys, tmp_path):
    """10 organizations, 100 agents: keys rotated, blocked, revoked and used, while each organization is read, half of it through a pooler."""
    tables = readable_columns(database)
    statements = [f"SELECT {', '.join(set(columns) - {'detail'})} FROM {table}" for table, columns in sorted(tables.items())]
    statements.append("SELECT a.org_id, e.agent_id, k.key_id FROM relay.agents a JOIN relay.agent_keys k USING (agent_id)"
                      " LEFT JOIN relay.auth_events e USING (key_id)")  # fmt: skip
    tenant_login = database.cluster.login(TENANT_LOGIN, member_of="relay_tenant")
    gateway_login = database.gateway_login()
    connections, seen = [], []

    def reader(org, connect):
        connection = connect()
        connections.append(connection)
        ways = itertools.cycle(WAYS)

        def read(number):
            with connection, connection.cursor() as cursor:
                read_for(cursor, org, next(ways))
                cursor.execute("SELECT org_id, count(*) FROM relay.agents GROUP BY org_id")
                assert cursor.fetchall() == [(org, AGENTS_EACH)]
                cursor.execute(statements[number % len(statements)])
                rows = cursor.fetchall()
                check_rows(org, rows)
                seen.extend((org, value) for row in rows for value in row if isinstance(value, str) and len(value) == 12)

        return read

    def gateway(offset):
        connection = database.connect(user=gateway_login)
        connections.append(connection)
        agents = sorted(keys)

        def authenticate(number):
            agent = agents[(number * 7 + offset) % len(agents)]
            with connection.cursor() as cursor:
                cursor.execute("SELECT reason FROM relay_api.authenticate(%s, %s, %s, NULL, %s)",
                               (key_id(keys[agent]), digest(keys[agent]), (agent, "nobody")[number % 2],
                                f"192.0.2.{number % 250}"))  # fmt: skip

        return authenticate

    def operator(offset):
        commands = (("rotate-key", "--grace", "1h"), ("block",), ("unblock", "--yes"), ("revoke",))

        def change(number):
            agent = f"{ORGS[(number + offset) % len(ORGS)]}-bot{(number // 4 + offset) % AGENTS_EACH}"
            words = commands[number % len(commands)]
            sink = ("--secret-file", tmp_path / f"{offset}-{number}.key") if words[0] == "rotate-key" else ()
            result = relay(words[0], agent, *words[1:], *sink)
            assert result.code in (0, 5), result  # 5: it was revoked before

        return change

    with pooler.PgBouncer(database, users=[tenant_login], pool_size=3) as pool:

        def through_the_pooler():
            return psycopg2.connect(host=pool.host, port=pool.port, dbname=database.name, user=tenant_login)

        def directly():
            return database.connect(user=tenant_login, autocommit=False)

        workers = [(org, reader(org, (directly, through_the_pooler)[number % 2])) for number, org in enumerate(ORGS)]
        workers += [("gateway 1", gateway(0)), ("gateway 2", gateway(3)), ("operator 1", operator(0)), ("operator 2", operator(5))]
        least = {org: len(statements) + 1 for org in ORGS} | {"operator 1": 5, "operator 2": 5, "gateway 1": 51}
        rounds = Load(seconds=3, least=least).run(workers)
        for connection in connections:
            connection.close()

    owner_of_key = owners(database)
    assert len(owner_of_key) > len(keys), "no key was rotated meanwhile"
    assert [pair for pair in seen if owner_of_key.get(pair[1], pair[0]) != pair[0]] == []
    assert {org for org, value in seen if value in owner_of_key} == set(ORGS)
    assert all(rounds[org] > len(statements) for org in ORGS) and rounds["operator 1"] > 4 and rounds["gateway 1"] > 50, rounds
    print(rounds)

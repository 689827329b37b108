"""Tables of other programs, read with --from-table: each imports with one --map, and rows that the login cannot see are an error."""

import hashlib
import json

import pytest
from support.prepared import prepared

PROGRAM = "dev"  # hostile input

SECRET = "correct horse"
SHA256 = hashlib.sha256(SECRET.encode()).hexdigest()
BCRYPT = "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG"  # of "correct horse battery staple", made with crypt(3)

SHAPES = """
CREATE TABLE public.proxy_tokens (token text PRIMARY KEY, key_alias text, team_id text, permissions jsonb NOT NULL DEFAULT '{}', blocked boolean);
INSERT INTO public.proxy_tokens VALUES ('tok-1', 'a', 'acme', '{"get_spend_routes": true}', null), ('tok-2', 'b', 'acme', '{}', true);
CREATE TABLE public.scoped_keys (agent_id text PRIMARY KEY, org_id text, permissions text[] NOT NULL DEFAULT '{}');
INSERT INTO public.scoped_keys VALUES ('sc-1', 'acme', ARRAY['stripe:pay', 'x:y']), ('sc-2', 'acme', '{}');
CREATE TYPE public.key_state AS ENUM ('ACTIVE', 'SUSPENDED');
CREATE TABLE public.state_keys (agent_id text PRIMARY KEY, org_id text, status public.key_state);
INSERT INTO public.state_keys VALUES ('st-1', 'acme', 'ACTIVE'), ('st-2', 'acme', 'SUSPENDED');
"""

# Column shapes as public projects document them; the rows are made up. table: (SQL, map, agents and whether they are revoked)
REAL = {
    "LiteLLM": (
        'CREATE TABLE public."LiteLLM_VerificationToken" (token text PRIMARY KEY, key_name text, key_alias text, spend double precision,'
        " expires timestamp(3), models text[], user_id text, team_id text, permissions jsonb NOT NULL DEFAULT '{}', metadata jsonb, blocked boolean);"
        f"""INSERT INTO public."LiteLLM_VerificationToken" VALUES ('{SHA256}', 'sk-...x', 'ci', 0, null, '{{gpt}}', 'u', 'acme', '{{"a": true}}', '{{}}', null),
            ('{"b" * 64}', 'sk-...y', null, 1, '2030-01-01', '{{}}', 'u', 'acme', '{{}}', '{{}}', true)""",
        'public."LiteLLM_VerificationToken"', "agent_id=token,org_id=team_id,name=key_alias,revoked=blocked,permissions=",
        {SHA256: False, "b" * 64: True},
    ),
    "Unkey": (
        "CREATE TABLE public.keys (id varchar(256) PRIMARY KEY, key_auth_id varchar(256), hash varchar(256), start varchar(256), workspace_id varchar(256),"
        " name varchar(256), owner_id varchar(256), expires timestamp(3), created_at_m bigint, deleted_at_m bigint, enabled boolean NOT NULL DEFAULT true);"
        f"INSERT INTO public.keys VALUES ('key_1', 'ks_1', '{SHA256}', 'sk', 'acme', 'one', 'o', null, 1704164645000, null, true),"
        f" ('key_2', 'ks_1', '{SHA256}', 'sk', 'acme', 'two', null, null, 1704164645000, null, false),"
        f" ('key_3', 'ks_1', '{SHA256}', 'sk', 'acme', 'three', null, null, 1704164645000, null, true)",
        "public.keys", "agent_id=id,org_id=workspace_id,secret_hash=hash,owner=owner_id,revoked=enabled:false",
        {"key_1": False, "key_2": True, "key_3": False},
    ),
    "Unkey, deleted": (
        "CREATE TABLE public.keys (id varchar(256) PRIMARY KEY, workspace_id varchar(256), deleted_at_m bigint);"
        "INSERT INTO public.keys VALUES ('key_1', 'acme', null), ('key_2', 'acme', 1704164645000)",
        "public.keys", "agent_id=id,org_id=workspace_id,revoked_at=deleted_at_m", {"key_1": False, "key_2": True},
    ),
    "Langfuse": (
        "CREATE TYPE public.\"ApiKeyScope\" AS ENUM ('ORGANIZATION', 'PROJECT');"
        "CREATE TABLE public.api_keys (id text PRIMARY KEY, created_at timestamp(3), note text, public_key text, hashed_secret_key text,"
        " fast_hashed_secret_key text, display_secret_key text, last_used_at timestamp(3), expires_at timestamp(3), project_id text, scope public.\"ApiKeyScope\");"
        f"INSERT INTO public.api_keys VALUES ('clx1', now(), null, 'pk-lf-1', '{BCRYPT}', null, 'sk-lf-...1', null, null, 'acme', 'PROJECT')",
        "public.api_keys", "agent_id=public_key,org_id=project_id,name=note,secret_hash=hashed_secret_key", {"pk-lf-1": False},
    ),
    "Gitea": (
        "CREATE TABLE public.access_token (id bigserial PRIMARY KEY, uid bigint, name text, token_hash text, token_salt text,"
        " token_last_eight text, scope text, created_unix bigint, updated_unix bigint);"
        "INSERT INTO public.access_token (uid, name, scope) VALUES (7, 'ci', 'all'), (7, 'backup', 'read:user')",
        "public.access_token", "agent_id=id,org_id=uid", {"1": False, "2": False},
    ),
    "n8n": (
        'CREATE TABLE public.user_api_keys (id varchar(36) PRIMARY KEY, "userId" uuid, label varchar(100), "apiKey" varchar, "createdAt" timestamptz(3),'
        ' "updatedAt" timestamptz(3), scopes json);'
        """INSERT INTO public.user_api_keys VALUES ('k1', '00000000-0000-4000-8000-000000000001', 'CI', 'x', now(), now(), '["user:list"]')""",
        "public.user_api_keys", "agent_id=id,org_id=userId,name=label,permissions=scopes", {"k1": False},
    ),
    "Kong": (
        "CREATE TABLE public.keyauth_credentials (id uuid PRIMARY KEY, created_at timestamptz, consumer_id uuid, key text, ttl timestamptz,"
        " tags text[], ws_id uuid, cache_key text);"
        "INSERT INTO public.keyauth_credentials VALUES ('10000000-0000-4000-8000-000000000001', now(), '00000000-0000-4000-8000-000000000001',"
        " 'x', null, '{prod}', null, null)",
        "public.keyauth_credentials", "agent_id=consumer_id", {"00000000-0000-4000-8000-000000000001": False},
    ),
    "Supabase": (
        "CREATE TABLE public.api_keys (id uuid PRIMARY KEY, type text, name text, api_key text, prefix text, hash text, secret_jwt_template jsonb);"
        f"INSERT INTO public.api_keys VALUES ('20000000-0000-4000-8000-000000000001', 'secret', 'ci', 'x', 'sb_secret_1', '{SHA256}', '{{}}')",
        "public.api_keys", "agent_id=prefix,secret_hash=hash", {"sb_secret_1": False},
    ),
    "Grafana": (
        "CREATE TABLE public.api_key (id serial PRIMARY KEY, org_id bigint, name varchar(190), key varchar(190), role varchar(255),"
        " expires bigint, service_account_id bigint, last_used_at timestamp, is_revoked boolean DEFAULT false);"
        "INSERT INTO public.api_key (org_id, name, key, role, expires, service_account_id, is_revoked) VALUES"
        " (1, 'ci', 'h', 'Viewer', null, 5, false), (1, 'old', 'h', 'Admin', 1577836800, 6, true)",
        "public.api_key", "agent_id=service_account_id,revoked=is_revoked", {"5": False, "6": True},
    ),
    "Portkey": (
        "CREATE TABLE public.api_keys (id uuid PRIMARY KEY, slug text, name text, organisation_id uuid, status text, scopes jsonb, rate_limits jsonb);"
        "INSERT INTO public.api_keys VALUES ('30000000-0000-4000-8000-000000000001', 'pk-a', 'A', '40000000-0000-4000-8000-000000000001',"
        " 'active', '[\"completions.write\"]', '[]'), ('30000000-0000-4000-8000-000000000002', 'pk-b', 'B',"
        " '40000000-0000-4000-8000-000000000001', 'archived', '[]', '[]')",
        "public.api_keys", "agent_id=slug,org_id=organisation_id,revoked=status:archived", {"pk-a": False, "pk-b": True},
    ),
    "Open WebUI": (
        "CREATE TABLE public.\"user\" (id varchar PRIMARY KEY, name varchar, email varchar, role varchar, api_key varchar, created_at bigint,"
        " settings json, info json);"
        "INSERT INTO public.\"user\" VALUES ('u-1', 'Ann', 'ann@x', 'admin', 'x', 1700000000, '{}', 'null')",
        'public."user"', "agent_id=id", {"u-1": False},
    ),
    "Laravel": (
        "CREATE TABLE public.personal_access_tokens (id bigserial PRIMARY KEY, tokenable_type varchar, tokenable_id bigint, name varchar,"
        " token varchar(64), abilities text, expires_at timestamp);"
        f"INSERT INTO public.personal_access_tokens (tokenable_id, name, token, abilities) VALUES (1, 'cli', '{SHA256}', '[\"server:update\"]')",
        "public.personal_access_tokens", "agent_id=id,secret_hash=token,permissions=abilities", {"1": False},
    ),
    "GitLab": (
        "CREATE TABLE public.personal_access_tokens (id bigserial PRIMARY KEY, user_id bigint, name text, revoked boolean DEFAULT false,"
        " expires_at date, scopes varchar, token_digest varchar);"
        "INSERT INTO public.personal_access_tokens (user_id, name, revoked) VALUES (7, 'ci', false), (8, 'x', true)",
        "public.personal_access_tokens", "agent_id=id", {"1": False, "2": True},
    ),
    "headscale": (
        "CREATE TABLE public.api_keys (id bigserial PRIMARY KEY, prefix text, hash bytea, created_at timestamptz, expiration timestamptz, last_seen timestamptz);"
        "INSERT INTO public.api_keys (prefix, hash, expiration) VALUES ('abcdefg', '\\x01', '2020-01-01'), ('hijklmn', '\\x02', null),"
        " ('opqrstu', '\\x02', '0001-01-01')",
        "public.api_keys", "agent_id=prefix,revoked_at=expiration", {"abcdefg": True, "hijklmn": False, "opqrstu": False},
    ),
}  # fmt: skip


@prepared
def acme(relay):
    relay("org", "create", "acme", "--name", "Acme", "--plan", "paid", check=0)
    return relay


def imported(relay, table, *more, check=0):
    return relay("migrate-legacy", "import", "--from-table", table, *more, "-o", "json", check=check)


def states(relay):
    return {row["agent_id"]: row["status"] for row in relay.json("agent", "list", "--all")["items"]}


def test_permissions_that_mean_something_else_are_left_out(acme, database):
    database.execute(SHAPES)
    words = "agent_id=token,org_id=team_id,revoked=blocked"
    assert "permissions" in imported(acme, "public.proxy_tokens", "--map", words, check=7).data()["faults"][0]["reason"]
    imported(acme, "public.proxy_tokens", "--map", words + ",permissions=")
    assert states(acme) == {"tok-1": "active", "tok-2": "revoked"}


def test_an_array_is_a_list_of_permissions(acme, database):
    database.execute(SHAPES)
    imported(acme, "public.scoped_keys")
    rows = {row["agent_id"]: sorted(row["permissions"]) for row in database.rows("SELECT agent_id, permissions FROM relay.agents")}
    assert rows == {"sc-1": ["stripe:pay", "x:y"], "sc-2": []}


def test_a_state_is_not_a_yes(acme, database):
    database.execute(SHAPES)
    result = imported(acme, "public.state_keys", "--map", "revoked=status", check=7)
    assert result.data()["refused"] == 2 and states(acme) == {}
    assert "'ACTIVE', 'SUSPENDED'" in result.json()["warnings"][0] and "--map revoked=COLUMN:WORD" in result.json()["warnings"][0]
    imported(acme, "public.state_keys", "--map", "revoked=status:SUSPENDED")
    assert states(acme) == {"st-1": "active", "st-2": "revoked"}


@pytest.mark.parametrize("name", REAL)
def test_the_tables_of_public_projects_need_one_map(acme, database, name):
    sql, table, words, agents = REAL[name]
    database.execute(sql)
    done = imported(acme, table, "--map", words, "--org", "acme", "--create-orgs").data()
    assert states(acme) == {agent: "revoked" if revoked else "active" for agent, revoked in agents.items()}
    assert done["read"] == len(agents) and done["refused"] == 0


# What a column says that is not mapped: (column, SQL type, a value of a row in use, a value of one that is not)
STATES = {
    "status": ("text", "active", "SUSPENDED"), "state": ("text", "Enabled", "deleted"), "key_status": ("text", "live", "pending"), "enabled": ("boolean", True, False),
    "is_active": ("boolean", True, False), "isValid": ("text", "yes", "no"), "disabled": ("boolean", False, True), "is_deleted": ("integer", 0, 1), "blocked": ("boolean", None, True),
    "deleted_at": ("timestamptz", None, "2024-01-02"), "deletedAt": ("bigint", 0, 1704164645000), "suspended_on": ("date", None, "2024-01-02"),
    "archived": ("text", "f", "maybe"), "expires_at": ("timestamptz", "infinity", "2024-01-02"), "expiration": ("text", "0001-01-01T00:00:00Z", "soon"),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["table", "csv", "jsonl"])
@pytest.mark.parametrize("column", STATES)
def test_a_column_that_says_that_a_row_is_not_in_use_is_never_ignored(acme, database, tmp_path, column, kind):
    sort, good, bad = STATES[column]
    rows = [("in-use", good), ("not-in-use", bad)]
    if kind == "table":
        database.execute(f'CREATE TABLE public.t (agent_id text, org_id text, "{column}" {sort})')
        for row in rows:
            database.execute("INSERT INTO public.t VALUES (%s, 'acme', %s)", *row)
        source = ("--from-table", "public.t")
    elif kind == "csv":
        lines = (f"{agent},acme,{'' if value is None else value}" for agent, value in rows)
        (tmp_path / "a.csv").write_text(f"agent_id,org_id,{column}\n" + "\n".join(lines) + "\n")
        source = ("a.csv",)
    else:
        (tmp_path / "a.jsonl").write_text("".join(json.dumps({"agent_id": agent, "org_id": "acme", column: value}) + "\n" for agent, value in rows))
        source = ("a.jsonl",)
    run = lambda *more, check: acme("migrate-legacy", "import", *source, *more, "-o", "json", check=check).data()
    (fault,) = run(check=7)["faults"]
    assert fault["agent_id"] == "not-in-use" and f"its {column} is" in fault["reason"] and f"--map {column}=" in fault["reason"]
    assert states(acme) == {"in-use": "active"}
    assert run("--map", f"{column}=", check=0)["refused"] == 0 and states(acme) == {"in-use": "active", "not-in-use": "active"}


def test_the_command_in_the_reason_revokes_it(acme, database):
    database.execute("CREATE TABLE public.t (agent_id text, org_id text, status text, deleted_at timestamptz);"
                     "INSERT INTO public.t VALUES ('a-1', 'acme', 'gone', null), ('a-2', 'acme', 'active', '2024-01-02')")  # fmt: skip
    reasons = [fault["reason"] for fault in imported(acme, "public.t", check=7).data()["faults"]]
    for reason in reasons:
        words = reason.split("revoke it with ")[1].split(", or")[0].split()
        acme("migrate-legacy", "import", "--from-table", "public.t", *words, "-o", "json")
    assert states(acme) == {"a-1": "revoked", "a-2": "revoked"}


def test_a_row_that_another_column_revokes_needs_no_second_map(acme, database):
    database.execute("CREATE TABLE public.t (agent_id text, org_id text, revoked boolean, status text); INSERT INTO public.t VALUES ('a-1', 'acme', true, 'gone')")
    imported(acme, "public.t")
    assert states(acme) == {"a-1": "revoked"}


def test_an_end_that_is_still_to_come_is_pointed_out(acme, database):
    database.execute("CREATE TABLE public.t (agent_id text, org_id text, expires timestamptz); INSERT INTO public.t VALUES ('a-1', 'acme', '2999-01-01'), ('a-2', 'acme', null)")
    (warning,) = imported(acme, "public.t").json()["warnings"]
    assert "'expires' has a time to come in 1 row" in warning and len(states(acme)) == 2


def test_hashes_in_a_column_of_bytes(acme, database, tmp_path):
    (tmp_path / "secret").write_text("correct horse battery staple")
    database.execute("CREATE TABLE public.api_keys (id bigserial PRIMARY KEY, hash bytea)")
    database.execute("INSERT INTO public.api_keys (hash) VALUES (%s), (%s), ('\\x24ff')", BCRYPT.encode(), b"$2b$04$short")
    words = ("--map", "agent_id=id,secret_hash=hash", "--org", "acme", "--match-secret", "secret")
    done = imported(acme, "public.api_keys", *words, check=7).data()
    assert (done["imported"], done["refused"]) == (1, 2)


def test_columns_may_differ_in_case(acme, database):
    database.execute('CREATE TABLE public.t ("agentId" text, "OrgID" text, "Revoked-At" timestamptz); INSERT INTO public.t VALUES (\'a-1\', \'acme\', \'2020-01-01\')')
    imported(acme, "public.t")
    assert states(acme) == {"a-1": "revoked"}


def test_both_columns_about_revocation_count(acme, database):
    database.execute("CREATE TABLE public.t (agent_id text, org_id text, revoked boolean, revoked_at timestamptz);"
                     "INSERT INTO public.t VALUES ('a-1', 'acme', null, '2020-01-01'), ('a-2', 'acme', false, '2020-01-01'), ('a-3', 'acme', true, null),"
                     " ('a-4', 'acme', false, 'infinity'), ('a-5', 'acme', null, '2999-01-01'), ('a-6', 'acme', null, '-infinity')")  # fmt: skip
    faults = imported(acme, "public.t", check=7).data()["faults"]
    assert [fault["agent_id"] for fault in faults] == ["a-2", "a-5", "a-6"]
    assert states(acme) == {"a-1": "revoked", "a-3": "revoked", "a-4": "active"}


def test_times_do_not_depend_on_the_settings_of_the_database(acme, database):
    name = database.value("SELECT current_database()")
    database.execute(f'ALTER DATABASE "{name}" SET datestyle = \'German\'; ALTER DATABASE "{name}" SET timezone = \'Europe/Berlin\';'
                     f'ALTER DATABASE "{name}" SET bytea_output = \'escape\'')  # fmt: skip
    database.execute("CREATE TABLE public.t (agent_id text, org_id text, revoked_at timestamptz);"
                     "INSERT INTO public.t VALUES ('a-1', 'acme', '2020-01-02'), ('a-2', 'acme', '0001-01-01 00:00+00')")  # fmt: skip
    imported(acme, "public.t")
    assert states(acme) == {"a-1": "revoked", "a-2": "active"}


def test_a_column_that_is_not_there_is_named_with_those_that_are(acme, database):
    database.execute("CREATE TABLE public.t (id text, tenant text)")
    error = acme.error("migrate-legacy", "import", "--from-table", "public.t", check=2)
    assert "'id', 'tenant'" in error["why"]
    error = acme.error("migrate-legacy", "import", "--from-table", "public.t", "--map", "agent_id=id,revoked_at=gone", check=2)
    assert "'gone'" in error["message"] and "'id', 'tenant'" in error["why"]


# Rows that cannot be seen -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["public.t", "public.v"])
def test_rows_hidden_by_row_level_security_are_an_error(acme, database, table):
    login = database.cluster.login("importer", member_of="relay_provisioner")
    database.execute("CREATE TABLE public.t (agent_id text, org_id text); INSERT INTO public.t VALUES ('a-1', 'acme'), ('a-2', 'acme');"
                     "ALTER TABLE public.t ENABLE ROW LEVEL SECURITY; CREATE POLICY half ON public.t USING (agent_id = 'a-1');"
                     f"CREATE VIEW public.v AS SELECT * FROM public.t; ALTER VIEW public.v OWNER TO {login};"
                     f"GRANT SELECT ON public.t, public.v TO {login}")  # fmt: skip
    limited = acme.with_(dsn=database.dsn(user=login))
    error = limited.error("migrate-legacy", "import", "--from-table", table, check=4)
    assert "row level security" in error["message"] and "BYPASSRLS" in json.dumps(error["next"])
    assert database.value("SELECT count(*) FROM relay.agents") == 0
    assert imported(acme, table if table == "public.t" else "public.t").data()["imported"] == 2


def test_an_empty_table_is_reported(acme, database):
    database.execute("CREATE TABLE public.t (agent_id text, org_id text)")
    result = imported(acme, "public.t")
    assert "no rows" in result.json()["warnings"][0] and "before" not in result.err

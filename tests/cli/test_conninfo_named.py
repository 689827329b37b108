"""Connection strings from elsewhere: the error names what is wrong with them, and never shows a value."""

import pytest

PROGRAM = "dev"  # hostile input
QUICK = True

MARK = "hunter2secret"
AT = f"ana:{MARK}@db.example.org/valuedb"

# the string, what the error must say. Parameters that are newer than our libpq are those of 18: Debian 13 has 17.
STRINGS = [
    (f"postgresql://{AT}?pgbouncer=true", ["pgbouncer", "Prisma"]),
    (f"postgresql://{AT}?schema={MARK}&connection_limit=1", ["schema and connection_limit"]),
    (f"postgresql://{AT}?sslmode=require&sslkeylogfile={MARK}", ["sslkeylogfile", "version 18"]),
    (f"postgresql://{AT}?min_protocol_version=3.0&oauth_issuer=random", ["min_protocol_version", "oauth_issuer", "18"]),
    (f"postgresql://{AT}?ssl=false", ["parameter ssl", "did you mean: sslmode"]),
    (f"postgresql://{AT}?frobnicate={MARK}", ["frobnicate"]),
    (f"postgresql://{AT}?Host=x", ["Host", "did you mean: host"]),
    (f"postgresql://{AT}?currentSchema=a", ["currentSchema", "JDBC"]),
    (f"postgresql://{AT}?sslmode", ["sslmode has no ="]),
    ("host=db.example.org dbname=valuedb oauth_scope=random", ["oauth_scope", "libpq"]),
    ("hots=db.example.org dbname=valuedb", ["hots", "did you mean: host"]),
    ("HOST=db.example.org", ["HOST", "did you mean: host"]),
    ("host=db.example.org username=valueuser", ["username", "did you mean: user"]),
    ("host=db.example.org database=valuedb", ["parameter database", "did you mean: dbname"]),
    (f"host=db.example.org user=ana password=one {MARK} dbname=valuedb", ["no = and no value", "single quotes"]),
    (f"host=db.example.org user=ana password=one {MARK}=two", ["name is withheld", "single quotes"]),
    (f"host=db.example.org user=ana password=one word{MARK}=two", ["name is withheld"]),
    (f"host=db.example.org user=ana password='{MARK}", ["quote in it is not closed"]),
    (f"postgresql://u:pa/x?{MARK}=1@db/valuedb", ["name is withheld"]),
    (f"postgresql://u:pa/x?word=1@db/valuedb", ["name is withheld"]),
    (f"jdbc:postgresql://{AT}", ["begins with jdbc:postgresql://", "postgresql://"]),
    ("jdbc:postgresql:valuedb", ["begins with jdbc:"]),
    (f"postgresql+psycopg2://{AT}", ["postgresql+psycopg2://", "driver"]),
    (f"postgresql+asyncpg://{AT}", ["postgresql+asyncpg://", "driver"]),
    (f"postgres+pg8000://{AT}", ["postgres+pg8000://"]),
    (f"psql://{AT}", ["psql://"]),
    (f"ecto://{AT}", ["ecto://"]),
    (f"r2dbc:pool:postgresql://{AT}", ["r2dbc:pool:postgresql://"]),
    (f"cockroachdb://{AT}", ["cockroachdb://"]),
    (f"PostgreSQL://{AT}", ["PostgreSQL://", "lower case"]),
    (f"postgresql:/{AT}", ["postgresql:", "two slashes"]),
    (f"mysql://{AT}", ["mysql://", "another kind of server"]),
    (f"https://{AT}", ["https://", "another kind of server"]),
    (f"{MARK}://{AT}", ["scheme is not postgresql"]),
    (f'DATABASE_URL="postgresql://{AT}"', ["DATABASE_URL", "name of a variable"]),
    (f"DATABASE_URL=postgresql://{AT}", ["DATABASE_URL", "name of a variable"]),
    (f"export PROD_DB_URL='postgresql://{AT}'", ["PROD_DB_URL", "name of a variable"]),
    (f"DATABASE_URL: postgresql://{AT}", ["DATABASE_URL", "name of a variable"]),
    (f"- DATABASE_URL=postgresql://{AT}", ["DATABASE_URL", "name of a variable"]),
    (f'$env:DATABASE_URL = "postgresql://{AT}"', ["DATABASE_URL", "name of a variable"]),
    (f"RELAY_DSN='host=db.example.org password={MARK}'", ["RELAY_DSN", "name of a variable"]),
    (f"{MARK}=postgresql://ana@db.example.org/valuedb", ["name of a variable"]),
    (f'psql "postgresql://{AT}"', ["command or a flag (psql)"]),
    (f"psql -d postgresql://{AT}", ["command or a flag"]),
    (f"--dsn=postgresql://{AT}", ["command or a flag (dsn)"]),
    (f'"postgresql://{AT}"', ["in quotes"]),
    (f"'postgresql://{AT}'", ["in quotes"]),
    (f"`postgresql://{AT}`", ["in quotes"]),
    (f"\u201cpostgresql://{AT}\u201d", ["in quotes"]),
    (f"<postgresql://{AT}>", ["in quotes"]),
    (f"'host=db.example.org password={MARK}'", ["in quotes"]),
    (f'"postgresql://{AT}', ["quote at one end"]),
    ('postgresql://ana@db.example.org/valuedb"', ["quote at its end"]),
    (f"Host=db.example.org;Database=valuedb;Username=ana;Password={MARK}", ["semicolons", ".NET"]),
    (f"Driver={{PostgreSQL Unicode}};Server=db;Uid=ana;Pwd={MARK}", ["semicolons", "ODBC"]),
    (f"pgsql:host=db.example.org;dbname=valuedb;password={MARK}", ["begins with pgsql:"]),
    ("postgresql://ana@${DB_HOST}/valuedb", ["not filled in"]),
    ("host=$(DB_HOST) dbname=valuedb", ["not filled in"]),
    ("host=db.example.org port=70000 dbname=valuedb", ["from 1 to 65535", "port=5432"]),
    ("host=db.example.org port=none dbname=valuedb", ["from 1 to 65535", "port=5432"]),
    ("host=db.example.org dbname=valuedb replication=database", ["replication=, and such a session", "remove replication="]),
    ("postgresql://ana@db.example.org/valuedb?replication=true", ["replication=, and such a session", "remove replication="]),
    ("db.example.org", ["single word"]),
    (MARK, ["single word"]),
]  # fmt: skip

VALUES = [MARK, "db.example.org", "valuedb", "valueuser", "random", "ana:"]


@pytest.mark.parametrize("dsn, says", STRINGS, ids=[dsn.replace(MARK, "X")[:60] for dsn, _ in STRINGS])
def test_what_is_wrong_is_named_and_no_value_is_shown(relay_without_database, tmp_path, dsn, says):
    (tmp_path / "dsn").write_text(dsn + "\n")
    (tmp_path / "dsn").chmod(0o600)
    for flags, env, origin in ([[f"--dsn={dsn}"], {}, "--dsn"], [["--dsn-file", "dsn"], {}, "--dsn-file"],
                               [[], {"RELAY_ADMIN_DSN": dsn}, "RELAY_ADMIN_DSN"]):  # fmt: skip
        result = relay_without_database("org", "list", *flags, env=env, check=2)
        assert all(part in result.err for part in says) and origin in result.err, result
        assert not any(value in result.err for value in VALUES), result
    error = relay_without_database.error("block", "bot", "--dsn-file", "dsn", check=2)
    assert error["retryable"] is False and error["changed"] == "no" and error["next"]
    assert not any(value in str(error) for value in VALUES)


SERVICES = [
    # the file, the name asked for, what is said, what is meant
    ("[prod]\nhost=h\n[staging]\nhost=h\n", "prd", ["the service prd was not found", "has only: prod, staging"], ["prod"]),
    ("[prod]\nhost=h\n", "nope", ["the service nope was not found", "has only: prod"], []),
    ("", "nope", ["the service nope was not found", "has no services"], []),
    (None, "nope", ["the service nope was not found", "does not exist"], []),
    ("[prod]\nhost=h\n", MARK, ["name is withheld", "has only: prod"], []),
    (f"[{MARK}]\nhost=h\n", "nope", ["the service nope was not found", "has no services"], []),
]  # fmt: skip


@pytest.mark.parametrize("content, name, says, meant", SERVICES)
def test_a_service_that_is_not_there_is_named(relay_without_database, home, content, name, says, meant):
    if content is not None:
        (home / ".pg_service.conf").write_text(content)
    for flags, env in ((["--service", name], {}), ([], {"PGSERVICE": name}), ([], {"RELAY_ADMIN_DSN": f"service={name}"})):
        error = relay_without_database.error("org", "list", *flags, env=env, check=2)
        text = f"{error['message']} {error['why']} {error['next']}"
        assert all(part in text for part in says) and ".pg_service.conf" in text, error
        assert error["suggestions"] == meant and error["retryable"] is False
        assert MARK not in relay_without_database("org", "list", *flags, env=env, check=2).err


def test_a_line_of_a_service_file_that_libpq_cannot_read_is_named(relay_without_database, tmp_path):
    (tmp_path / "services").write_text(f"[prod]\nhost=h\n{MARK}\n")
    result = relay_without_database("org", "list", "--service", "prod", env={"PGSERVICEFILE": tmp_path / "services"}, check=2)
    assert f"{tmp_path}/services, line 3" in result.err and MARK not in result.err


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
def test_a_line_end_behind_the_string_is_no_part_of_it(database, relay_without_database, end):
    relay_without_database("org", "list", env={"RELAY_ADMIN_DSN": database.dsn() + end}, check=0)
    address = f"postgresql:///{database.name}?host={database.cluster.host}&port={database.cluster.port}&user=postgres"
    relay_without_database("org", "list", env={"RELAY_ADMIN_DSN": " " + address + end}, check=0)

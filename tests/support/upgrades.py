"""Databases of earlier versions: tests/upgrades holds their schemas, and rows of each of their tables."""

import subprocess
from pathlib import Path

from . import binaries, relay

FOLDER = Path(__file__).resolve().parents[1] / "upgrades"
LAST_OF_0_1_0 = 20  # its migrations are 1 to 20, frozen

COLUMNS = """
SELECT c.relname, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attname) AS columns
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'relay'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition GROUP BY 1"""


def _psql(database, **source):
    command = [binaries.client_bin() / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database.dsn()]
    subprocess.run([*command, *(("-f", source.pop("file")) if "file" in source else ())], check=True, stdout=subprocess.DEVNULL, **source)


def load_before_release(database):
    """Makes `database` like one of the last program before release 0.1.0, with rows in every table."""
    for script in ("before_0.1.0.sql", "before_0.1.0_rows.sql"):
        _psql(database, file=FOLDER / script)


def load_0_1_0(database):
    """Makes `database` like one of release 0.1.0, with rows in every table. The migrations are the frozen files, as this
    program prints them for psql."""
    printed = relay.Runner()
    for version in range(1, LAST_OF_0_1_0 + 1):
        _psql(database, input=printed("schema", "print", "--only", str(version), check=0).stdout)
    _psql(database, file=FOLDER / "0.1.0_rows.sql")


def apply_next(database):
    """Applies the first migration that is missing, as psql would. Returns its number; None: there is none."""
    (last,) = tuples(database, "SELECT max(version) FROM relay.schema_migrations")[0]
    printed = relay.Runner()("schema", "print", "--only", str(last + 1), check=None)
    if printed.code != 0:
        return None
    _psql(database, input=printed.stdout)
    return last + 1


def tuples(database, sql, *parameters):
    """All rows of a statement, as tuples."""
    return [tuple(row.values()) for row in database.rows(sql, *parameters)]


def columns_of(database):
    """{table: its columns, as a list in SQL}, in schema relay."""
    return dict(tuples(database, COLUMNS))


def rows_of(database, columns):
    """{table: its rows as texts} of these columns of these tables."""
    return {table: [row for (row,) in tuples(database, f"SELECT ROW({names})::text FROM relay.{table} ORDER BY 1")] for table, names in columns.items()}

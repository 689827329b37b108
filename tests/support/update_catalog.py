"""Writes schema/catalog.txt: the objects of a database after `schema apply` by $RELAY_ADMIN. `schema verify` compares
with it.

Run it after a change to schema/*.sql, with a program built from it: `cmake --build BUILD --target update-catalog`."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.cluster import Cluster  # noqa: E402
from support.database import Database  # noqa: E402


def any_month(line):
    """All months of the audit trail are alike, and the catalog has one of them."""
    return re.sub(r"\bauth_events_\d{4}_\d{2}", "auth_events_YYYY_MM", line)


def actual_catalog(program, dsn):
    """Returns the database's catalog: the objects that the program expected, minus the missing ones, plus the
    unexpected ones."""
    environment = dict(os.environ, RELAY_ADMIN_DSN=dsn)
    subprocess.run([program, "schema", "apply", "-q"], env=environment, check=True, stdout=subprocess.DEVNULL)
    verified = subprocess.run([program, "schema", "verify", "-o", "json"], env=environment, check=False, stdout=subprocess.PIPE)
    found = json.loads(verified.stdout)["data"]["differences"]
    missing = {any_month(row["object"]) for row in found if row["difference"] == "missing"}
    unexpected = {any_month(row["object"]) for row in found if row["difference"] == "unexpected"}
    return missing, unexpected


def main(program, catalog):
    expected = set(catalog.read_text().splitlines()) if catalog.exists() else set()
    with Cluster() as cluster:
        missing, unexpected = actual_catalog(program, Database(cluster).dsn())
    lines = sorted(((expected - missing) | unexpected) - {""})
    catalog.write_text("".join(line + "\n" for line in lines))
    print(f"{catalog}: {len(lines)} lines, {len(missing)} removed, {len(unexpected)} added")


if __name__ == "__main__":
    main(os.environ["RELAY_ADMIN"], Path(sys.argv[1]))

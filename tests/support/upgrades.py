"""Databases of earlier versions: tests/upgrades holds their schemas, and rows of each of their tables."""

import subprocess
from pathlib import Path

from . import binaries

FOLDER = Path(__file__).resolve().parents[1] / "upgrades"


def load_before_release(database):
    """Makes `database` like one of the last program before release 0.1.0, with rows in every table."""
    command = [binaries.client_bin() / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database.dsn()]
    for script in ("before_0.1.0.sql", "before_0.1.0_rows.sql"):
        subprocess.run([*command, "-f", FOLDER / script], check=True, stdout=subprocess.DEVNULL)

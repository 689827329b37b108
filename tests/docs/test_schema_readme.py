"""schema/README.md names every migration, in order: a reader finds what holds what."""

import os
import re
from pathlib import Path

SCHEMA = Path(os.environ.get("RELAY_SOURCE_DIR", Path(__file__).resolve().parents[2])) / "schema"


def test_each_migration_has_its_row():
    rows = re.findall(r"^\| (\d{4}_\w+) \| \S.*\|$", (SCHEMA / "README.md").read_text(), re.MULTILINE)
    assert rows == sorted(path.stem for path in SCHEMA.glob("[0-9]*.sql"))
    assert [int(name[:4]) for name in rows] == list(range(1, len(rows) + 1)), "no number is left out or used twice"

"""schema/ before the release of 0.1.0: one file for each capability, each object written once, and a README that names every file."""

import os
import re
from pathlib import Path

SCHEMA = Path(os.environ.get("RELAY_SOURCE_DIR", Path(__file__).resolve().parents[2])) / "schema"


FILES = sorted(SCHEMA.glob("[0-9]*.sql"))
LONGEST = 400

CREATED = re.compile(
    r"^CREATE (?:OR REPLACE )?(?:UNIQUE )?(FUNCTION|VIEW|TABLE|TYPE|SEQUENCE|INDEX|SCHEMA) ([\w.]+)"
    r"|^CREATE TRIGGER (\w+)\s[^;]*?\sON ([\w.]+)",
    re.MULTILINE,
)


def created_objects(text):
    """("FUNCTION", "relay.identify"), ("TRIGGER", "append_only ON relay.auth_events"), ... for each CREATE at the start of a line."""
    for kind, name, trigger, table in CREATED.findall(text):
        yield (kind, name) if kind else ("TRIGGER", f"{trigger} ON {table}")


def test_each_object_is_written_once_in_its_final_form():
    """Ends with the release of 0.1.0: from then on a later file changes what an earlier one made."""
    places = {}
    for path in FILES:
        for made in created_objects(path.read_text()):
            places.setdefault(made, []).append(path.name)
    assert len(places) > 100 and ("FUNCTION", "relay_api.authenticate") in places
    assert {made: files for made, files in places.items() if len(files) > 1} == {}
    for path in FILES:
        later = r"^\s*(?:CREATE OR REPLACE|DROP (?!TABLE relay\.auth_events_default)\w+|ALTER (?:TYPE|VIEW|FUNCTION)|ALTER TABLE) .*"
        assert re.findall(later, path.read_text(), re.MULTILINE) == [], path.name


def test_a_migration_is_short_enough_to_be_read():
    lengths = {path.name: len(path.read_text().splitlines()) for path in FILES}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_each_migration_has_its_row():
    rows = re.findall(r"^\| (\d{4}_\w+) \| \S.*\|$", (SCHEMA / "README.md").read_text(), re.MULTILINE)
    assert rows == [path.stem for path in FILES]
    assert [int(name[:4]) for name in rows] == list(range(1, len(rows) + 1)), "no number is left out or used twice"

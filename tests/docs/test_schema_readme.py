"""schema/: what is released stays as it is; each release has one file for each capability, and writes each object once; the
README names every file."""

import hashlib
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


def released():
    """[("0.1.0", "0001_foundation.sql", "SHA-256 of the file"), ...]"""
    return [tuple(line.split()) for line in (SCHEMA / "released.txt").read_text().splitlines()]


def test_a_released_migration_is_never_edited_renamed_or_removed():
    """Its checksum is in people's databases, and a program with another file refuses them."""
    assert [name for _, name, _ in released()] == [path.name for path in FILES][: len(released())]
    for version, name, checksum in released():
        assert hashlib.sha256((SCHEMA / name).read_bytes()).hexdigest() == checksum, f"{name} was released with {version}"


def test_each_release_writes_an_object_once():
    """A later release may write a function or view anew, whole; its newest text is then the one that counts."""
    releases = {name: version for version, name, _ in released()}
    places = {}
    for path in FILES:
        for made in created_objects(path.read_text()):
            places.setdefault((releases.get(path.name, "next"), *made), []).append(path.name)
    assert len(places) > 100 and ("0.1.0", "FUNCTION", "relay_api.authenticate") in places
    assert {made: files for made, files in places.items() if len(files) > 1} == {}


def test_the_first_release_makes_each_object_in_its_final_form():
    later = r"^\s*(?:CREATE OR REPLACE|DROP (?!TABLE relay\.auth_events_default)\w+|ALTER (?:TYPE|VIEW|FUNCTION)|ALTER TABLE) .*"
    for version, name, _ in released():
        if version == "0.1.0":
            assert re.findall(later, (SCHEMA / name).read_text(), re.MULTILINE) == [], name


def test_a_migration_is_short_enough_to_be_read():
    lengths = {path.name: len(path.read_text().splitlines()) for path in FILES}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_each_migration_has_its_row():
    rows = re.findall(r"^\| (\d{4}_\w+) \| \S.*\|$", (SCHEMA / "README.md").read_text(), re.MULTILINE)
    assert rows == [path.stem for path in FILES]
    assert [int(name[:4]) for name in rows] == list(range(1, len(rows) + 1)), "no number is left out or used twice"

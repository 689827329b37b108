"""audit verify --archive: an export proves itself against the seals, also after its months were dropped."""

import re
from contextlib import contextmanager

import pytest

from support.seals import INSERT, an_event, fault, sealed, tamper  # noqa: F401

FORMS = ("jsonl", "csv")

TEXTS = ("", " ", "=1+1", "'=1+1", "''-x", "-", "'", "\t=x", "\x1b[31m", "\\x1b", "\\\x1b", "\\\\x1b", "a\\", "\\u202e", "\u202e", "\U000e0041",
         "\\U000e0041", "two\nlines\r\nand\rhalf", 'a "quoted", one', "\u00e9\U0001f600", "\\n", "null", "\\N", "\x7f", "\u0085")  # fmt: skip

DETAILS = ('{"b": [1, 2.50, null, {}], "aa": "x, y: z"}', '{"n": 123456789012345678901234567890, "m": 1e-7}',
           '{"\u202e": "\\u001b \\\\u202e \\" \u00e9 \U000e0041"}', "{}", '{"a": []}')  # fmt: skip


def export(relay, tmp_path, form, *words):
    path = tmp_path / f"trail.{form}"
    path.write_text(relay("audit", "export", "-o", form, *words, check=0).out, newline="")
    return path


def verify(relay, *files, check=0):
    words = [word for file in files for word in ("--archive", str(file))]
    return relay("audit", "verify", *words, "-o", "json", check=check).json()["data"]


@pytest.fixture
def archives(relay, tmp_path, sealed):
    """The sealed trail in both forms."""
    return [export(relay, tmp_path, form) for form in FORMS]


def line_of(path, number):
    """The line of the archive on which the event begins; no text of `sealed` but the reason has a line end."""
    begins = f'{{"kind":"Event","event_id":"{number}",' if path.suffix == ".jsonl" else f"{number},"
    return next(at for at, line in enumerate(path.read_text().split("\n"), 1) if line.startswith(begins))


@contextmanager
def changed(path):
    """Puts the archive back as it was."""
    text = path.read_text()
    yield text
    path.write_text(text)


def change(path, number, edit):
    """Changes the bytes of the lines of one event."""
    lines = path.read_text().split("\n")
    at = line_of(path, number) - 1
    size = 1 if path.suffix == ".jsonl" else 2
    lines[at : at + size] = edit("\n".join(lines[at : at + size]))
    path.write_text("\n".join(lines))


def test_a_dropped_month_proves_itself(relay, database, archives):
    rows = database.value("SELECT count(*) FROM relay.auth_events")
    dropped = relay.json("audit", "maintain", "--keep-months", "2", "--yes")["data"]["months_dropped"]
    for archive in archives:
        data = verify(relay, archive)
        assert (data["ok"], data["events_proven"], data["events_missing"], data["events_dropped"]) == (True, rows, 0, 0)
        assert data["archive_months"][0] == dropped[0]["month"] and len(data["archive_months"]) == 2
        assert "as it was sealed" in relay("audit", "verify", "--archive", archive, check=0).out
        assert relay("audit", "verify", "--archive", "-", stdin=archive.read_text(), check=0).out


def test_any_text_and_number_can_be_proven(relay, database, sealed, tmp_path):
    for text in TEXTS:
        database.execute("INSERT INTO relay.auth_events (action, reason, actor, ticket, trace_id) VALUES ('x', %s, %s, %s, %s)", text, text + "'", None, text)
    for detail in DETAILS:
        database.execute("INSERT INTO relay.auth_events (action, ip_address, detail) VALUES ('x', '192.0.2.7', %s)", detail)
    relay("audit", "seal", check=0)
    rows = database.value("SELECT count(*) FROM relay.auth_events")
    for form in FORMS:
        data = verify(relay, export(relay, tmp_path, form))
        assert (data["ok"], data["events_proven"]) == (True, rows), data["fault"]


FIELDS = (("auth_failed", "authenticated"), ("failed", "ok"), ("acme", "acm"), ("000000000000", "000000000001"), ("db8::/64", "db8::/65"), ("bot", "bo"),
          ("ana", "bob"), ("INC-1", "INC-2"), ("5: reason", "5: raison"), ("2.50", "2.5"), ('"x"', '"y"'), ("null]", "0]"))  # fmt: skip


def test_each_altered_field_is_named_with_its_line(relay, database, archives):
    number = an_event(database, 3)
    for archive in archives:
        line = line_of(archive, number)
        for fields in FIELDS:
            old, new = (text.replace('"', '""') for text in fields) if archive.suffix == ".csv" else fields
            with changed(archive) as before:
                change(archive, number, lambda row: [row.replace(old, new, 1)])
                assert archive.read_text() != before
                data = verify(relay, archive, check=10)
                found = data["fault"]
                assert (found["what"], found["event_id"], found["line"], found["file"]) == ("altered", str(number), line, str(archive)), (archive, old)
                assert (data["events_altered"], data["events_missing"], data["events_added"]) == (1, 0, 0)
        change(archive, number, lambda row: [row.replace(old, new, 1)])
        assert f"line {line}: event {number} was altered" in relay("audit", "verify", "--archive", archive, check=10).out


def test_a_changed_time_is_noticed(relay, database, archives):
    """Both forms of it, or only the one that people read."""
    number = an_event(database, 3)
    year = database.value("SELECT to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY') FROM relay.auth_events WHERE event_id = %s", number)
    for archive in archives:
        for times, what in ((2, "altered"), (1, "unreadable")):
            with changed(archive):
                change(archive, number, lambda row: [row.replace(f"{year}-", f"{int(year) - 1}-", times)])
                assert verify(relay, archive, check=10)["fault"]["what"] == what


def test_a_missing_event_is_named(relay, database, archives):
    first, second = an_event(database, 5), an_event(database, 20)
    for archive in archives:
        for number in (first, second):
            change(archive, number, lambda row: [])
        data = verify(relay, archive, check=10)
        assert (data["fault"]["what"], data["fault"]["event_id"], data["events_missing"]) == ("missing", str(first), 2)
        assert len(data["archive_months"]) == 1, "the other month is whole"
        data = relay("audit", "verify", "--partial", "--archive", archive, "-o", "json", check=0).json()["data"]
        assert data["ok"] is True and data["events_missing"] == 0


def test_an_added_event_is_named(relay, database, sealed, tmp_path):
    hole = database.value("SELECT nextval('relay.auth_events_event_id_seq')")
    database.execute(INSERT, "later", None)
    relay("audit", "seal", check=0)
    number = an_event(database, 3)
    for form in FORMS:
        archive = export(relay, tmp_path, form)
        row = []
        change(archive, number, lambda text: row.append(text) or [text, text.replace(str(number), str(hole), 1)])
        data = verify(relay, archive, check=10)
        assert (data["fault"]["what"], data["fault"]["event_id"], data["events_added"]) == ("added", str(hole), 1)
        change(archive, hole, lambda text: row)
        found = verify(relay, archive, check=10)["fault"]
        assert (found["what"], found["event_id"]) == ("added", str(number)) and "twice" in found["text"]


def test_events_that_change_their_numbers_are_noticed(relay, database, archives):
    archive = archives[0]
    first, second = an_event(database, 3), an_event(database, 9)
    change(archive, first, lambda row: [row.replace(f'"{first}"', '"0"')])
    change(archive, second, lambda row: [row.replace(f'"{second}"', f'"{first}"')])
    change(archive, 0, lambda row: [row.replace('"0"', f'"{second}"')])
    data = verify(relay, archive, check=10)
    assert (data["fault"]["event_id"], data["events_altered"]) == (str(first), 2)


EDITS = (
    lambda row: row[:-9],
    lambda row: row.replace('"actor"', '"note":"x","actor"'),
    lambda row: row.replace('"actor":"ana"', '"actor":"bob","actor":"ana"'),
    lambda row: row.replace(',"actor":"ana"', ""),
    lambda row: row.replace('"times":', '"times":"1","time":'),
    lambda row: row.replace('"Event"', '"Events"'),
    lambda row: row.replace('"db_role":"', '"db_role":null,"role":"'),
    lambda row: "x" * 300_000,
)


def test_a_line_that_is_no_event_is_named(relay, database, archives):
    archive = archives[0]
    number = an_event(database, 3)
    line = line_of(archive, number)
    for edit in EDITS:
        with changed(archive):
            change(archive, number, lambda row: [edit(row)])
            found = verify(relay, archive, check=10)["fault"]
            assert (found["what"], found["line"]) == ("unreadable", line), found


def test_what_was_not_sealed_is_not_proven(relay, database, sealed, tmp_path):
    database.execute(INSERT, "later", None)
    data = verify(relay, export(relay, tmp_path, "jsonl"))
    assert data["ok"] is True and data["events_unsealed"] == 1 and data["unsealed_since"]
    only = export(relay, tmp_path, "jsonl", "--action", "later")
    assert verify(relay, only, check=10)["fault"]["what"] == "not_sealed"


def test_a_broken_chain_proves_no_archive(relay, database, archives):
    tamper(database, "UPDATE relay.event_seals SET actor = 'x' WHERE seal_no = 1")
    assert fault(relay, "--archive", str(archives[0])) == ("seal_altered", 1)


def test_an_archive_may_be_in_several_files_and_forms(relay, database, sealed, tmp_path):
    old = export(relay, tmp_path, "csv", "--until", "40d")
    new = export(relay, tmp_path, "jsonl", "--since", "40d")
    twice = tmp_path / "twice.csv"
    twice.write_text(old.read_text() + old.read_text().partition("\n")[0] + "\n")
    rows = database.value("SELECT count(*) FROM relay.auth_events")
    assert verify(relay, new, twice)["events_proven"] == rows
    assert len(verify(relay, old)["archive_months"]) == 1


def test_another_file_is_refused(relay, database, archives, tmp_path):
    other = tmp_path / "other"
    texts = ["", "kind,event_id\n", '{"a":1}\n', "Event  At\n", '{"schema":"relay-admin/v1","kind":"EventList","items":[]}', "\x1f\x8b\x08\x00\x00"]
    for text in texts:
        other.write_bytes(text.encode("latin-1"))
        assert relay.error("audit", "verify", "--archive", other, check=2)["message"].startswith("--archive"), text
    assert relay.error("audit", "verify", "--archive", tmp_path / "none", check=2)
    assert relay.error("audit", "verify", "--partial", check=2)
    other.write_text(re.sub(',"occurred_at_exact":"[^"]*"', "", archives[0].read_text()))
    assert "occurred_at_exact" in relay.error("audit", "verify", "--archive", other, check=2)["why"]

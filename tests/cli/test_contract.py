"""The JSON contract: every command keeps it, however it is run, and this version keeps it towards earlier ones.

The runner itself (support/contract.py) checks each document against its schema, here and in every other test.
"""

import json
import os
from pathlib import Path

import pytest
from support import command_table, contract
from support.database import Database
from support.every_command import play

PROGRAM = "dev"  # every command is run once with the sanitizers

SOURCE = Path(os.environ.get("RELAY_SOURCE_DIR", Path(__file__).resolve().parents[2]))
GOLDEN = sorted((SOURCE / "tests/cli/golden").glob("*/*.jsonl"))
EACH_GOLDEN = pytest.mark.parametrize("path", GOLDEN, ids=[f"{path.parent.name}-{path.stem}" for path in GOLDEN])


@pytest.fixture(scope="module")
def shots(cluster, tmp_path_factory):
    database = Database(cluster)
    folder = tmp_path_factory.mktemp("scene")
    (folder / "home").mkdir()
    yield play(database, folder / "home", folder)
    database.drop()


def forms(kind):
    """The forms that the schema of a kind has: {"document"}, {"line"} or both."""
    root = contract.schema(kind)
    if "if" in root:
        return {"document", "line"}
    described = {key for part in contract.parts(root, root, {}) for key in part.get("properties", {})}
    return {"document" if "schema" in described else "line"}


def printed(shots, form="json"):
    """Kinds that end a run with a summary; the change feed has no end, so it has no summary."""
    ended = [shot for shot in shots if not contract.is_feed(shot.words)]
    return [shot.document for shot in ended if shot.form == form and shot.document["kind"] != "Error"]


def test_every_command_takes_part(shots):
    """A new command is played by its own test, see support/every_command.py; or it prints no document."""
    played = {command_table.command_of(shot.words) for shot in shots}
    for command in command_table.commands():
        assert command in played or command.prints == "text", f"{' '.join(command.path)} is not played"


def test_every_kind_is_printed_in_each_of_its_forms_and_no_other_is(shots, relay_without_database):
    kinds = relay_without_database("schema", "json", "-o", "id", check=0).out.split()
    kinds = [kind for kind in kinds if kind[0].isupper()]  # the others are what agents write, such as agent-card
    promised = {(kind, form) for kind in kinds for form in forms(kind)}
    shown = {(each["kind"], "document" if "schema" in each else "line") for shot in shots for each in shot.documents}
    assert promised - shown == set(), "promised, and never printed"
    assert shown - promised == set(), "printed, and never promised"
    assert shown <= contract.seen, "printed, and not checked"


def test_every_write_is_seen_as_a_dry_run_with_effect_and_without(shots):
    told = {}
    for shot in (shot for shot in shots if shot.document["kind"] != "Error"):
        ways = told.setdefault(command_table.command_of(shot.words), set())
        ways.add((shot.document.get("changed"), shot.document.get("dry_run")))
    assert {(True, True), (False, False)} <= {way for ways in told.values() for way in ways}
    for command, ways in told.items():
        if command.effect == "changes":
            assert {(True, True), (True, False)} <= ways, command.path
        elif command.prints == "document":
            assert {changed for changed, _ in ways} == {False}, command.path
    for words in {shot.words for shot in shots if shot.words[:1] in (("block",), ("unblock",), ("revoke",))}:
        assert any(shot.words == words and shot.form == "jsonl" for shot in shots), words


ACTING = [command for command in command_table.commands() if command.effect == "acts"]


@pytest.mark.parametrize("command", ACTING, ids=lambda command: " ".join(command.path))
def test_what_cannot_be_tried_refuses_a_dry_run(relay_without_database, command):
    arguments = ["x" for argument in command.arguments if argument.required or not command.flags]
    error = relay_without_database.error(*command.path, "--dry-run", *(arguments or ["x"]), check=2)
    assert "dry run" in error["message"] or "--dry-run" in error["message"]


@pytest.mark.parametrize("kind", ["OrgList", "AgentList", "KeyList", "RoleList"])
def test_every_list_is_seen_empty_cut_and_whole(shots, kind):
    found = [document for document in printed(shots) if document["kind"] == kind]
    assert {(bool(document["items"]), document["next"] is not None) for document in found} == {
        (False, False),
        (True, True),
        (True, False),
    }


def test_every_error_code_that_needs_no_fault_is_seen(shots):
    errors = [shot.document["error"] for shot in shots if shot.document["kind"] == "Error"]
    assert {error["exit"] for error in errors} == {2, 3, 5, 6, 8, 11, 12}
    assert all((error["exit"] == 8) == error["retryable"] for error in errors)


# --- towards older versions


def shape(value, path="$"):
    """Returns {path: names of the JSON types there}; all items of a list share one path."""
    found = {path: {type(value).__name__}}
    inner = value.items() if isinstance(value, dict) else (("[]", each) for each in value) if isinstance(value, list) else ()
    for key, each in inner:
        for place, types in shape(each, f"{path}.{key}").items():
            found.setdefault(place, set()).update(types)
    return found


def shapes(documents):
    """{(kind, form): shape of all of them together}"""
    found = {}
    for document in documents:
        mine = found.setdefault((document["kind"], "schema" in document), {})
        for place, types in shape(document).items():
            mine.setdefault(place, set()).update(types)
    return found


def test_there_are_golden_documents_of_this_version(shots):
    (version,) = {document["meta"]["version"] for document in printed(shots)}
    folder = SOURCE / "tests/cli/golden" / version
    kinds = {each["kind"] for shot in shots for each in shot.documents}
    assert {path.stem for path in folder.glob("*.jsonl")} == kinds, "see tests/cli/golden/README.md"


@pytest.mark.whole
@EACH_GOLDEN
def test_a_golden_document_is_still_valid(path):
    documents = [json.loads(line) for line in path.read_text().splitlines()]
    assert documents and {document["kind"] for document in documents} == {path.stem}
    for document in documents:
        assert contract.faults(document) == []
        assert not contract.WHOLE_KEY.search(json.dumps(document))


@pytest.mark.whole
@EACH_GOLDEN
def test_nothing_of_a_golden_document_was_taken_away(shots, path):
    now = shapes(each for shot in shots for each in shot.documents)
    for form, then in shapes(json.loads(line) for line in path.read_text().splitlines()).items():
        missing = set(then) - set(now[form])
        assert not missing, f"{form}: {missing} no longer there"
        for place, types in then.items():
            known = types - {"NoneType"}
            assert not known or now[form][place] <= {*known, "NoneType"}, f"{place} was {known}, is {now[form][place]}"

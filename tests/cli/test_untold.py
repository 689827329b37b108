"""The work is done but cannot be shown: a broken output, no memory. Exit 14 if it is committed, and never exit 1."""

import json
import os

import pytest
from support import reading_lines
from support.a_change import WRITES, prepare
from support.agents import decide
from support.exhausted import exhausted_at
from support.prepared import prepared
from support.reading_lines import make_readable

PROGRAM = "dev"  # operator new is in a shared library there

FORMATS = ("table", "json", "jsonl", "csv", "id", "env")


@prepared
def key(relay, database, tmp_path):
    made = prepare(relay, tmp_path)
    make_readable(relay, database)
    return made


@pytest.fixture
def broken_pipe():
    """A pipe that no one reads."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


def run(relay, words, **options):
    """Runs a line without the checks of the contract, because its stdout is lost."""
    return relay(*words, **options)


def test_a_line_is_known_for_each_command_that_reads():
    reading_lines.assert_each_has_a_line()


@pytest.mark.parametrize("name", reading_lines.LINES)
def test_a_reader_that_has_gone_ends_a_reading_command_silently(relay, key, broken_pipe, name):
    words = reading_lines.line(name, key)
    stdin = key if name == "key verify" else None
    for form in FORMATS if name in ("org list", "agent show", "doctor") else ("table",):
        result = run(relay, [*words, "-o", form], stdout=broken_pipe, stdin=stdin)
        assert (result.code, result.err) == (0, ""), (form, result)


def test_watch_ends_at_the_first_change_that_no_one_reads(relay, key, broken_pipe):
    process = relay.start("watch", stdout=broken_pipe)
    assert process.stderr.readline().startswith(b"watching from")
    relay("block", "bot", check=0)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, b"")


@pytest.mark.parametrize("line", ["", "--help", "--version", "help agent create", "agent create -h", "__complete org"])
def test_so_do_help_and_completion(relay_without_database, broken_pipe, line):
    result = relay_without_database(*line.split(), stdout=broken_pipe)
    assert (result.code, result.err) == (0, "")


@pytest.mark.parametrize("name", WRITES)
def test_a_write_whose_reader_has_gone_is_committed_and_says_so(relay, database, key, broken_pipe, name):
    words, is_done = WRITES[name]
    result = run(relay, [*name.split(), *words, "--dry-run"], stdout=broken_pipe)
    assert result.code == 0 and database.value(is_done) is not True, "a dry run changes nothing, so it is as a read"
    result = run(relay, [*name.split(), *words, "-o", "json"], stdout=broken_pipe, check=14)
    error = result.error()
    assert (error["code"], error["changed"], error["retryable"]) == ("untold", "yes", False)
    assert "committed" in error["message"] and "Broken pipe" in error["message"] and error["next"]
    assert database.value(is_done) is True
    if name in ("agent create", "rotate-key"):
        assert decide(database, (relay.cwd / "k").read_text()) == "ok", "the key was delivered, although its summary was not"


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("where", ["/dev/full", "closed"])
def test_in_each_format_and_with_each_fault(relay, database, key, form, where):
    options = {"closed": [1]} if where == "closed" else {"stdout": where}
    result = run(relay, ["org", "list", "-o", form], check=8, **options)
    assert "cannot write the result to stdout" in result.err
    result = run(relay, ["org", "update", "acme", "--name", form, "-o", form], check=14, **options)
    assert "the change itself is committed" in result.err
    assert database.value("SELECT name FROM relay.organizations") == form


def test_a_write_with_nothing_to_do_has_committed_nothing(relay, database, key):
    for words in (["schema", "apply"], ["schema", "apply", "--repair"], ["org", "update", "acme", "--name", "Acme"]):
        words = [*words, "--timeout", "60s"]
        relay(*words, check=0)
        error = run(relay, [*words, "--json"], check=8, stdout="/dev/full").error()
        assert error["changed"] == "no" and "nothing was changed" in error["message"], error


def test_the_summary_beside_a_secret_is_told_of_in_the_same_way(relay, database, key, broken_pipe):
    result = relay("rotate-key", "bot", "--secret-stdout", stderr=broken_pipe, check=14)
    assert decide(database, result.out) == "ok", "stdout has the key, whole"


def test_a_broken_stderr_changes_no_exit_code(relay, database, key, broken_pipe):
    relay("org", "create", "new", "--name", "New", stderr=broken_pipe, check=0)
    relay("org", "create", "new", "--name", "Other", stderr=broken_pipe, check=5)
    run(relay, ["org", "update", "new", "--name", "Other"], stdout=broken_pipe, stderr=broken_pipe, check=14)


# --- no memory


def test_no_memory_before_the_change_is_an_error_to_retry(relay, database, key, tmp_path):
    env = exhausted_at("begin", tmp_path)
    for form in ("table", "json"):
        result = relay("org", "create", "new", "--name", "New", "-o", form, env=env, check=8)
        assert "out of memory" in result.err and "nothing was changed" in result.err
    assert result.error()["changed"] == "no"
    assert database.value("SELECT count(*) FROM relay.organizations") == 1


@pytest.mark.parametrize("name", WRITES)
def test_no_memory_after_the_commit_is_told_as_committed(relay, database, key, tmp_path, name):
    """Memory stays exhausted, so there is none for the message either."""
    words, is_done = WRITES[name]
    result = relay(*name.split(), *words, "-o", "json", env=exhausted_at("commit", tmp_path), check=14)
    error = result.error()
    # A month is made in the first of two transactions.
    assert error["changed"] == ("partly" if name == "audit maintain" else "yes") and "committed" in error["message"] and error["next"]
    assert database.value(is_done) is True


def test_a_batch_that_committed_a_part_is_told_as_such(relay, empty_database, tmp_path):
    bare = relay.with_(dsn=empty_database.dsn())
    result = bare("schema", "apply", env=exhausted_at("commit", tmp_path), check=14)
    assert "a part of the change is committed" in result.err
    assert empty_database.value("SELECT count(*) FROM relay.schema_migrations") == 1
    assert bare.json("schema", "apply")["changed"] is True, "the same command does the rest"


def test_no_memory_for_the_answer_of_commit_names_what_settles_it(relay, database, key, tmp_path):
    result = relay("org", "create", "new", "--name", "New", "-o", "json", env=exhausted_at("answer", tmp_path), check=9)
    error = result.error()
    assert error["changed"] == "unknown" and error["next"].split()[:2] == ["relay-admin", "recover"]
    settled = relay("recover", error["next"].split()[2], "-o", "json", check=0).out
    assert '"done"' in settled, settled
    assert json.loads(settled)["meta"]["database"] == {"name": None, "production": False}

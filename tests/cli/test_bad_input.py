"""Bad input: a clear error with the right code, nothing changed in the database, nothing left on disk."""

import itertools
import unicodedata

import pytest

from support import command_table
from support.agents import decide
from support.relay import finish_terminal
from support.sampling import FULL, dice, sample
from support.untouched import files, offline, rows  # noqa: F401

PROGRAM = "dev"  # hostile input
QUICK = True
SECONDS = 100


def invisible(text):
    """What people cannot see, by the categories of Python's Unicode, and those that Python counts as letters or marks."""
    unseen = ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")
    more = "\u034f\u115f\u1160\u3164\uffa0\ufdd0\ufffe" + "".join(map(chr, range(0xFE00, 0xFE10)))
    return [c for c in text if c != "\n" and (unicodedata.category(c) in unseen or c in more)]


# --- ids and names

CYRILLIC_A, FULLWIDTH_A, DOTLESS_I, ZERO_WIDTH = "\u0430", "\uff41", "\u0131", "\u200b"
BAD_IDS = {
    "empty": "", "blank": " ", "too long": "a" * 64, "very long": "a" * 100_000, "capitals": "acMe",
    "homoglyph": f"{CYRILLIC_A}cme",
    "fullwidth": f"{FULLWIDTH_A}cme", "dotless": f"ac{DOTLESS_I}", "zero width": f"ac{ZERO_WIDTH}me",
    "combining": "acme\u0301",
    "newline": "acme\n", "escape": "a\x1b[31m", "delete": "ac\x7fme", "bidi": "ac\u202eme", "dash first": "-acme",
    "underscore first": "_a",
    "path": "../etc", "slash": "a/b", "percent": "a%00b", "quote": "a'b", "wildcard": "a*", "dot": "a.b", "at": "a@b",
    "comma": "a,b",
    "soft hyphen": "ac\u00adme", "tag": "ac\U000e0041me", "line separator": "ac\u2028me", "private use": "ac\ue000me",
    "byte order mark": "\ufeffacme", "variation selector": "acme\ufe0f", "noncharacter": "ac\ufdd0me",
}  # fmt: skip

# Places where the id of an organization can be, one for each way to read it.
ID_PLACES = {
    "org create": lambda bad: ["org", "create", f"--id={bad}", "--name", "Acme"],
    "org show": lambda bad: ["org", "show", "--", bad],
    "org update": lambda bad: ["org", "update", f"--org-id={bad}", "--name", "x"],
    "agent create org": lambda bad: ["agent", "create", f"--org={bad}", "--name", "x", "--secret-file", "k"],
    "init org": lambda bad: ["init", f"--org-id={bad}", "--org-name", "x", "--agent-name", "y", "--secret-file", "k"],
    "block org": lambda bad: ["block", f"--org={bad}", f"--confirm={bad}"],
    "key list org": lambda bad: ["key", "list", f"--org={bad}"],
}


@pytest.mark.parametrize("bad, place", sample("bad ids and their places", itertools.product(BAD_IDS, ID_PLACES), enumerate))
def test_a_bad_id_is_refused_wherever_it_stands_and_nobody_is_asked(offline, tmp_path, bad, place):
    before = files(tmp_path)
    result = offline(*ID_PLACES[place](BAD_IDS[bad]), check=2)
    assert result.out == "" and result.err.startswith("relay-admin: error: ")
    assert not invisible(result.err)
    assert len(result.err) < 2000, "a long id is not repeated in full"
    assert offline.listener.accepted == 0 and files(tmp_path) == before


@pytest.mark.parametrize("bad", ["", "a" * 200, f"bot{CYRILLIC_A}", "bot\n", "b/t", "../bot", "b\u202et"])
@pytest.mark.parametrize("words", [["agent", "show", "--"], ["block", "--"], ["revoke", "--"], ["rotate-key",
"--secret-file=k", "--"],
                                   ["restore", "--yes", "--secret-file=k", "--"]])  # fmt: skip
def test_a_bad_agent_id_is_refused_too(offline, tmp_path, words, bad):
    before = files(tmp_path)
    result = offline(*words, bad)
    assert result.code == 2 and "\u202e" not in result.err, result
    assert offline.listener.accepted == 0 and files(tmp_path) == before


INVISIBLE = {
    "soft hyphen": "\u00ad", "grapheme joiner": "\u034f", "Hangul filler": "\u3164", "zero width space": "\u200b",
    "non-joiner": "\u200c", "joiner": "\u200d", "line separator": "\u2028", "paragraph separator": "\u2029", "bidi": "\u202e",
    "word joiner": "\u2060", "variation selector": "\ufe0f", "byte order mark": "\ufeff", "tag": "\U000e0041", "escape": "\x1b",
    "C1": "\u0085", "noncharacter": "\ufdd0", "private use": "\ue000", "annotation": "\ufff9",
}  # fmt: skip
# Every place where a text for people comes in.
NAME_PLACES = {
    "org create": ["org", "create", "acme2", "--name"],
    "org update": ["org", "update", "acme", "--name"],
    "agent create": ["agent", "create", "b", "--org", "acme", "--secret-file", "k", "--name"],
    "agent update": ["agent", "update", "b", "--name"],
    "role create": ["role", "create", "r", "--org", "acme", "--name"],
    "init": ["init", "--org-id", "o", "--org-name", "O", "--secret-file", "k", "--agent-name"],
    "reason": ["block", "b", "--reason"],
    "ticket": ["block", "b", "--ticket"],
    "actor": ["block", "b", "--actor"],
}


@pytest.mark.parametrize(
    "name, place", sample("invisible characters and their places", itertools.product(INVISIBLE, NAME_PLACES), enumerate)
)
def test_a_text_with_an_invisible_character_is_refused_and_shown_with_it(offline, tmp_path, name, place):
    before, character = files(tmp_path), INVISIBLE[name]
    result = offline(*NAME_PLACES[place], f"pay{character}ments", check=2)
    assert f"U+{ord(character):04X}" in result.err and not invisible(result.err), result
    code = f"\\x{ord(character):02x}" if ord(character) < 0x80 else f"\\{'U' if ord(character) > 0xFFFF else 'u'}"
    assert code in result.err, result
    assert offline.listener.accepted == 0 and files(tmp_path) == before


# Every place of every command where an id can be, from the table. Other words that are needed get a value that fits.
PLACES = [
    (command, option)
    for command in command_table.commands()
    for option in command.options
    if option.type in ("ORG", "AGENT", "ROLE", "KEY-ID")
]
FITS = {"ORG": "acme", "AGENT": "bot", "ROLE": "ops", "KEY-ID": "0123456789ab", "ID": "new"}


def line_with(command, place, value):
    """Returns a line of the command with `value` at `place`, everything that is required, and the arguments that come
    before it."""
    words, arguments = list(command.path), []
    for option in command.options:
        text = value if option is place else FITS.get(option.type, "x")
        if option.names:
            words += [f"{option.names[-1]}={text}"] if option is place or option.required else []
        elif option.required or not place.names and place not in command.options[: command.options.index(option)]:
            arguments.append(text)
    secret = ["--secret-file=k"] if any("--secret-file" in flag.names for flag in command.flags) else []
    return [*words, *secret, "--yes", "--", *arguments]


@pytest.mark.parametrize("command, place", PLACES, ids=[f"{' '.join(c.path)} {p.names[-1] if p.names else p.value}" for c, p in PLACES])
def test_a_bad_id_is_refused_at_every_place_of_the_table(offline, tmp_path, command, place):
    before, each = files(tmp_path), ("b/t", "bot\u202e", "a" * 200)
    for bad in each if FULL else [dice(f"{command.path} {place.names} {place.value}").choice(each)]:
        result = offline(*line_with(command, place, bad))
        assert result.code == 2 and result.out == "" and "\u202e" not in result.err, result
    assert offline.listener.accepted == 0 and files(tmp_path) == before


def test_a_nul_ends_no_id_early(offline, tmp_path):
    """argv cannot hold a NUL byte; a file of ids can. `bot\\0ghost` must not be taken for `bot`."""
    for text in (b"bot\0ghost\n", b"bot\0\n", b"\0"):
        (tmp_path / "ids").write_bytes(text)
        for line in (["block", "-f", "ids"], ["revoke", "-f", "ids"]):
            assert offline(*line, check=2).out == ""
        assert offline("block", "-f", "-", stdin=text, check=2).out == ""
    assert offline.listener.accepted == 0


def test_a_bad_line_in_a_file_of_ids_is_named_and_none_is_used(relay, database, key, tmp_path):
    (tmp_path / "ids").write_text("# suspects\n\nbot\nBot Two\n")
    result = relay("block", "-f", "ids", check=2)
    assert "Bot Two" in result.err and "4" in result.err
    (tmp_path / "ids").write_bytes(b"bot\n\xff\xfe\n")
    relay("block", "-f", "ids", check=2)
    relay("block", "-f", "no-such-file", check=2)
    relay("block", "-f", tmp_path, check=2)
    (tmp_path / "ids").write_text("# none\n")
    relay("block", "-f", "ids", check=2)
    assert decide(database, key) == "ok"


BAD_NAMES = {
    "empty": "", "too long": "x" * 201, "too long in bytes": "\u00e4" * 101, "tab": "a\tb", "newline": "a\nb",
    "return": "a\rb",
    "escape": "a\x1b[2J", "bell": "a\x07", "delete": "a\x7f", "C1": "a\u009b1m", "bidi override": "a\u202eb",
    "bidi isolate": "a\u2066b",
    "not UTF-8": b"a\xff", "surrogate": b"a\xed\xa0\x80", "overlong": b"a\xc0\xaf",
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD_NAMES.values(), ids=BAD_NAMES)
def test_a_bad_name_is_refused_wherever_it_stands(offline, tmp_path, bad):
    before = files(tmp_path)
    joined = (lambda flag: flag + b"=" + bad) if isinstance(bad, bytes) else (lambda flag: f"{flag.decode()}={bad}")
    for line in (
        ["org", "create", "acme", joined(b"--name")],
        ["org", "update", "acme", joined(b"--name")],
        ["agent", "create", "--org", "acme", joined(b"--name"), "--secret-file", "k"],
        ["agent", "update", "bot", joined(b"--name")],
        ["init", "--org-id", "acme", joined(b"--org-name"), "--agent-name", "y", "--secret-file", "k"],
        ["init", "--org-id", "acme", "--org-name", "x", joined(b"--agent-name"), "--secret-file", "k"],
    ):
        error = offline(*line, check=2).err
        assert not set("\x1b\x07\x7f\x9b\u202e\u2066\r\t") & set(error)
    assert offline.listener.accepted == 0 and files(tmp_path) == before


@pytest.mark.parametrize("flag", ["--reason", "--ticket", "--actor"])
@pytest.mark.parametrize("bad", ["a\x1b[2J", "a\nb", "x" * 100_000, "a\u202eb"])
def test_bad_words_for_the_audit_trail_are_refused(offline, flag, bad):
    assert "\x1b" not in offline("org", "create", "acme", "--name", "Acme", f"{flag}={bad}", check=2).err
    assert offline.listener.accepted == 0


@pytest.mark.parametrize(
    "line", [["rotate-key", "bot", "--grace", "90"], ["rotate-key", "bot", "--grace", "-5d"], ["rotate-key", "bot",
    "--grace", "1.5h"],
             ["rotate-key", "bot", "--grace", "91d"], ["rotate-key", "bot", "--request-id", "1"], ["rotate-key", "bot",
             "--grace", "9" * 30 + "d"],
             ["agent", "create", "--org", "a", "--name", "b", "--permissions", "stripe"], ["agent", "create", "--org",
             "a", "--name", "b",
              "--permissions", "Stripe:*; DROP"], ["agent", "create", "--org", "a", "--name", "b", "--expires",
              "tomorrow"],
             ["agent", "create", "--org", "a", "--name", "b", "--expires", "2030-02-30T00:00:00Z"], ["org", "create",
             "--name", "a", "--max-agents", "1e3"],
             ["org", "create", "--name", "a", "--max-agents", "0x10"], ["org", "create", "--name", "a", "--plan",
             "Paid"], ["block", "bot", "--until", "yesterday"]]
)  # fmt: skip
def test_a_value_that_is_none_names_its_flag(offline, tmp_path, line):
    sink = [] if line[0] in ("org", "block") else ["--secret-file", "k"]
    error = offline.error(*line, *sink, check=2)
    assert line[-2] in error["message"] or line[-1] in error["message"]
    assert offline.listener.accepted == 0 and not (tmp_path / "k").exists()


# --- plain output


@pytest.mark.parametrize("where", ["/dev/full", "closed"])
@pytest.mark.parametrize("form", ["table", "json", "jsonl", "csv", "env"])
def test_output_that_nobody_gets_is_no_success(relay, database, key, where, form):
    options = {"closed": [1]} if where == "closed" else {"stdout": where}
    for words in (["org", "list"], ["agent", "show", "bot"], ["key", "list"], ["version"], ["schema", "status"]):
        result = relay(*words, "-o", form, **options)
        assert result.code == 8 and "cannot write the result to stdout" in result.err, result


def test_help_that_nobody_gets_is_no_success(relay_without_database):
    for line in (["help"], ["--help"], ["org", "create", "-h"], ["--version"], ["schema", "print"]):
        assert relay_without_database(*line, stdout="/dev/full").code == 8, line


def test_a_closed_stderr_does_no_harm(relay, database):
    relay("org", "create", "acme", "--name", "Acme", closed=[2], check=0)
    relay("org", "create", "acme", "--name", "Other", closed=[2], check=5)
    relay("org", "list", closed=[0, 2], check=0)
    relay("org", "create", "acme", "--name", "Other", stderr=open("/dev/full", "wb"), check=5)
    assert database.value("SELECT name FROM relay.organizations") == "Acme"


# --- a database that will not do


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_in_another_encoding_is_refused(relay, cluster, tmp_path, encoding):
    cluster.query(f"CREATE DATABASE odd TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'")
    try:
        odd = relay.with_(dsn=cluster.dsn("odd"))
        init = ["init", "--org-id", "a", "--org-name", "A", "--agent-name", "B", "--secret-file", "k"]
        for words in (["schema", "apply"], init):
            error = odd.error(*words, check=11)
            assert "UTF8" in error["message"] and error["next"] and error["changed"] == "no"
        assert cluster.query("SELECT to_regnamespace('relay') IS NULL", dbname="odd") == [(True,)]
        assert not (tmp_path / "k").exists()
    finally:
        cluster.drop_database("odd")


def test_an_org_that_is_missing_or_shut_out_takes_no_agent(relay, database, key, tmp_path):
    create = ["agent", "create", "--org", "acme", "--name", "New", "--secret-file", "k"]
    relay("block", "--org", "acme", "--confirm", "acme", check=0)
    before = rows(database)
    error = relay.error(*create, check=5)
    assert "acme" in error["message"] and "blocked" in error["message"] and error["next"]
    assert relay.error(*create[:3], "acmee", *create[4:], check=3)["suggestions"] == ["acme"]
    assert rows(database) == before and not (tmp_path / "k").exists()


# --- answers to questions


@pytest.mark.parametrize("answer", ["acme2", "ACME", "y", "yes", "", "acme\x00"])
def test_a_wrong_word_where_the_id_is_asked_for_declines(relay, database, key, answer):
    session = relay.terminal("revoke", "--org", "acme")
    session.expect("acme")
    session.send(f"{answer}\r")
    assert finish_terminal(session)[0] == 13 and decide(database, key) == "ok"


def test_yes_is_not_enough_for_what_is_wide(relay, database, key):
    for verb in ("block", "revoke"):
        result = relay(verb, "--org", "acme", "--yes", check=2)
        assert "--confirm" in result.err
        relay(verb, "--org", "acme", "--confirm", "acmee", check=13)
    assert decide(database, key) == "ok"

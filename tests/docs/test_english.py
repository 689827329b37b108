"""Plain English in everything that people read: help, manual pages, documents, messages, comments. No habit of the
table below is left.

A failure names the file, the line, the phrase, and what to write instead. Texts in back quotes are code: not read."""

import os
import re
from collections import namedtuple
from pathlib import Path

import pytest
from support import command_line, command_table, prose

SOURCE = Path(os.environ.get("RELAY_SOURCE_DIR", Path(__file__).resolve().parents[2]))

# `pattern`: the habit. `write`: the plain words. `example`: a text with the habit, planted below. `right`: {a pattern
# that the phrase, with the words around it, may match: the reason why it is right}. `kinds`: of texts; "" for all.
Habit = namedtuple("Habit", "pattern write example right kinds", defaults=({}, ""))
SHOWN = "help message"  # what the program shows

HABITS = (
    Habit(
        r"\b(?:stands?|stood|standing)\b(?!-)",
        "is, are, is in force",
        "no API key stands in stdin",
        {r"standing(?:\*\*)? \(what": "a field of JSON"},
    ),
    Habit(r"\b(?:tells?|told|telling)\b", "show, report, say, print", "the help tells more"),
    Habit(
        r"(?-i:(?:^|[.:;] )Who(?:ever|se)? (?=[a-z])(?![^.]*\?)|[;:] who(?:ever)? (?=[a-z]))",
        "anyone who, an agent that, if you",
        "Who holds the key may call.",
    ),
    Habit(
        r"(?-i:(?:^|[.;] )What (?=[a-z])(?![^.]*\?))",
        "name it, or say who does what",
        "What is written stays.",
        kinds=SHOWN,
    ),
    Habit(
        r"\b(?:one|two|twice|times|lines|rows|keys|calls|requests|questions|transactions|bytes|us|ms|\d+) an? "
        r"(?:second|minute|check|line|file|row|agent|key|run|round|test|process|page|folder|language)\b",
        "one per line, per check, per second",
        "agent ids, one a line",
        {r"KEYS A key": "a heading, and the sentence after it"},
    ),
    Habit(
        r"\bof (?:its|their|our|his|her|your|one's|my) own\b",
        "its own key, separate, or leave it out",
        "a key of its own",
    ),
    Habit(r"\ball the same\b(?! \w)|\bfor all that\b", "anyway, still", "it is blocked all the same"),
    Habit(
        r"\bfor ever\b|\bfor good\b(?! (?:measure|reason)s?\b)",
        "permanently, forever, cannot be undone",
        "the key is dead for good",
    ),
    Habit(
        r"\b(?:is|are|was|be) none of\b|\bnone of (?:this|these)\b",
        "not in, not one of, no",
        "key K is none of this database's",
    ),
    Habit(r"\b(?:is|are) to be\b|\b(?:has|have) to be\b", "must, will be, needs to be", "the id has to be typed"),
    Habit(
        r"\bwants\b",
        "needs, expects, requires",
        "the login wants a role",
        {r"\b(?:who|person|operator) wants\b": "people want"},
    ),
    Habit(
        r"\bwithout leave\b|\bleave to (?:replace|overwrite)\b|\bleaves? by\b",
        "unless you add --replace; is written to",
        "never overwritten without leave",
    ),
    Habit(
        r"(?<!there )\b(?:is|are|was|were) no (?!longer\b|more\b|better\b|worse\b|less\b|way\b)(?=\w)",
        "is not a, is not a valid",
        "--since is no cursor",
        {r"\bthere \w+ (?:is|are) no\b": "there is no such thing"},
    ),
    Habit(
        r"(?<!/)\b(?:no|every|some|any)body\b",
        "no one, no agent, no login: the real actor",
        "nobody is asked",
        {r"\*\*nobody\*\*|else as nobody": "an account of that name"},
    ),
    Habit(r"\bat once\b", "immediately; or together, at the same time", "the block is in force at once"),
    Habit(r"\b(?:go|goes|went|going|gone) on\b(?! to\b)", "continue, resume", "Go on? [y/N]"),
    Habit(r"\bby (?:itself|themselves)\b", "automatically; or leave it out", "a block ends by itself"),
    Habit(
        r"\bapart\b",
        "except, ignored, separately; split",
        "comments apart, the lines are ids",
        {r"\b(?:\d+ \w+|\w+ (?:blanks|columns|lines|rows|seconds|hours|days)|far) apart\b": "a distance"},
    ),
    Habit(r"\bso many\b|\bnamed ones\b", "N, that many; the agents you name", "after so many failures"),
    Habit(
        r"\b(?:let|lets|letting) (?:(?:it|them|him|nobody|everybody|no one|an?|the|every) )*(?:\w+ )?in\b"
        r"(?= again| only| by\b| if\b|[.,;:)]|$)|\b(?:is|are|was|were|be|been|not) let in\b",
        "accept",
        "the agent is let in again",
    ),
    Habit(r"\bshut(?:s|ting)? (?:\w+ ){0,3}out\b|\b(?:keeps?|kept) out(?! of\b)", "block, refuse", "what shuts it out"),
    Habit(
        r"\bwithout more\b(?! \w)|\bwithout more (?:look|check|run)s\b|\blook(?:s|ed|ing)? (?:\w+ ){0,4}over\b",
        "on its own; check",
        "look the database over",
    ),
    Habit(
        r"\bkill(?:s|ed|ing)? (?:\w+ ){0,3}(?:keys?|tokens?|secrets?)\b"
        r"|\b(?:keys?|tokens?) (?:is|are|was|were) killed\b",
        "revoke",
        "Kill key K of agent A?",
    ),
    Habit(r"\bwhat it did\b", "name it: the change", "committed: what it did is in effect"),
    Habit(r"\bthings?\b|\bthe matter\b", "name it", "one thing to do", kinds=SHOWN),
)

PAGES = ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "CHANGELOG.md", "SECURITY.md")
PARTS = {
    "cli": ("cli",), "lib": ("lib",), "schema": ("schema",), "tests": ("tests",), "man": ("man",),
    "build": ("cmake", "debian"), "pages": PAGES,
}  # fmt: skip
# Output of earlier runs and versions, files of npm, lists of packages; and this file, which has to name what it looks for.
NOT_READ = re.compile(
    r"/golden/\d|/node_modules/|/package(?:-lock)?\.json$|packages\.txt$|catalog\.txt$|/vectors/|/upgrades/|docs/test_english\.py$"
)

# Sentences of help pages with more than 20 words, all pages together. The number may only fall.
LONG_SENTENCES = 151
PROPER = ("PostgreSQL", "GitHub")


def files(root, part):
    """The files of a part that have a reader."""
    for place in (root / name for name in PARTS[part]):
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.is_file() and path.suffix in prose.READERS and not NOT_READ.search(path.as_posix()):
                yield path


def habits_in(text):
    """Yields one line for each habit in a Text: where, the phrase with the words around it, and what to write."""
    plain = re.sub(r"`[^`]*`", lambda code: "`" + "x" * (len(code[0]) - 2) + "`", text.text)
    for habit in HABITS:
        if habit.kinds and text.kind not in habit.kinds.split():
            continue
        for match in re.finditer(habit.pattern, plain, re.IGNORECASE):
            around = plain[max(0, match.start() - 24) : match.end() + 24]
            if not any(re.search(right, around, re.IGNORECASE) for right in habit.right):
                quoted = text.text[max(0, match.start() - 40) : match.end() + 40]
                line = text.line_at(match.start())
                yield f'{text.file}:{line}: "{match[0].strip()}" in "{quoted}"; write: {habit.write}'


def found(root, part):
    return [line for path in files(root, part) for text in prose.read(root, path) for line in habits_in(text)]


def report(lines):
    """Shows all lines, and how many there are in each folder."""
    folders = {}
    for line in lines:
        folder = "/".join(line.split(":")[0].split("/")[:2])
        folders[folder] = folders.get(folder, 0) + 1
    return "\n".join([*lines, f"{len(lines)} phrases: {folders}"])


def help_pages():
    """(name, text) of every help page: the program's, and those of groups and commands."""
    paths = [(), *[command.path for command in command_table.all_of_them()]]
    return [(f"help {' '.join(path)}".strip(), command_line.help_text(*path)) for path in paths]


@pytest.mark.parametrize("part", PARTS)
def test_texts_are_plain(part):
    assert not (lines := found(SOURCE, part)), report(lines)


def test_help_is_plain():
    texts = [text for name, page in help_pages() for text in prose.screen(name, page)]
    assert not (lines := [line for text in texts for line in habits_in(text)]), report(lines)


def long_sentences(texts):
    """(number of words, sentence) of those with more than 20 words, each once: pages repeat the global flags."""
    sentences = {sentence for text in texts for sentence in re.split(r"(?<=[.:;])\s+(?=[A-Z`-])", text.text)}
    return sorted((len(words), sentence) for sentence in sentences if len(words := sentence.split()) > 20)


def test_few_sentences_of_the_help_are_long():
    texts = [text for name, page in help_pages() for text in prose.screen(name, page.split("\nExamples:")[0])]
    long = long_sentences(texts)
    assert len(long) <= LONG_SENTENCES, "\n".join(f"{words} words: {sentence}" for words, sentence in long)


def is_summary(text):
    """Lower case, except names and abbreviations; no full stop."""
    first = text.split()[0]
    name = not first[0].isalpha() or sum(map(str.isupper, first)) > 1 or first in PROPER
    return (first[0].islower() or name) and not re.search(r"(?<!\.)\.$", text)


def test_summaries_are_lower_case_without_a_full_stop():
    commands = command_table.all_of_them()
    texts = {command.summary for command in commands}
    texts |= {option.description for command in commands for option in command.options}
    texts |= {option.description for option in command_table.globals_()}
    assert not [text for text in texts if not is_summary(text)]


# The test itself ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("habit", HABITS, ids=[habit.example for habit in HABITS])
def test_each_habit_is_noticed(tmp_path, habit):
    path = tmp_path / "cli/planted.cpp"
    path.parent.mkdir()
    path.write_text(f'int main() {{\n    throw Error("{habit.example}");\n}}\n')
    (line,) = found(tmp_path, "cli")
    assert line.startswith('cli/planted.cpp:2: "') and line.endswith(f"write: {habit.write}")


PLANTED = {
    "cli/a.cpp": ("// This is\n// a key of its\n// own\n", 2),
    "cli/b.cpp": ('auto x = R"doc(\nA line.\n\nA key of its own.)doc";\n', 4),
    "lib/c.hpp": ('auto x = format("a key of "\n    "its own");\n', 1),
    "lib/d.cpp": ('auto x_sql = R"sql(\nSELECT 1  -- of its own\n)sql";\n', 2),
    "schema/e.sql": ("SELECT 1;\nCOMMENT ON TABLE x IS\n    'a key of '\n    'its own';\n", 3),
    "schema/f.sql": ("RAISE EXCEPTION 'no' USING HINT = 'a key of its own';\n", 1),
    "schema/g.schema.json": ('{\n"description": "A key of its own"}\n', 2),
    "tests/h.py": ('"""One."""\n\n\ndef f():\n    """Two.\n\n    A key of its\n    own."""\n', 7),
    "tests/i.py": ("x = 1  # a key of its own\n", 1),
    "tests/j.cpp": ('TEST_CASE("a key of its own") {\n', 1),
    "man/k.7": (".Sh NAME\nA key of\n.Em its own\nand more.\n", 2),
    "cmake/l.cmake": ("set(x)\n# of its own\n", 2),
    "README.md": ("# Title\n\n- one\n- a key of\n  its own\n", 4),
}


@pytest.mark.parametrize("file", PLANTED)
def test_each_kind_of_text_is_read(tmp_path, file):
    content, line = PLANTED[file]
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    lines = [each for part in PARTS for each in found(tmp_path, part)]
    assert [each.split('"')[0] for each in lines] == [f"{file}:{line}: "]


@pytest.mark.parametrize("text", [
    "stands-by", "the table `stands`", "Who are you?", "once a day", "there is no agent", "keys are no longer valid",
    "2 s apart", "for good measure", "go on to the next", "kill the server", "the account `nobody`",
    "kept out of rows.hpp", "a person who wants it", "runs as postgres, or else as nobody", "there certainly is no key",
])  # fmt: skip
def test_plain_words_are_not_complained_about(text):
    assert not list(habits_in(prose.joined("x", "message", [(1, text)])))


def test_a_help_page_is_split_into_its_entries():
    page = "Usage: x\n\nshow it\n\nFlags:\n  -a, --all   show all\n              of it\n  --one TEXT  show one\n"
    assert [text.text for text in prose.screen("help x", page)] == [
        "Usage: x", "show it", "Flags:", "-a, --all   show all of it", "--one TEXT  show one"]  # fmt: skip


def test_long_sentences_are_counted_once():
    long, short = " ".join(["word"] * 21) + ".", "Only a few words."
    texts = [prose.joined("x", "help", [(1, f"{short} {long.capitalize()}")])] * 2
    assert [words for words, _ in long_sentences(texts)] == [21]


def test_a_summary_is_recognized():
    assert all(map(is_summary, ("show it", "PostgreSQL's port", "TLS version", "--all for all", "an operation: op_...")))
    assert not any(map(is_summary, ("Show it", "show it.")))

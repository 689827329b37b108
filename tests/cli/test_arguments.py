"""The command line itself: every command and flag that the help lists, tried in every wrong and right spelling."""

import pytest
from support import command_line
from support.command_line import commands, globals_
from support.sampling import sample

SECONDS = 60

NOWHERE = "host=/nowhere-at-all dbname=none"

ALL = commands()
NAMES = [" ".join(page.path) for page in ALL]

EACH_COMMAND = pytest.mark.parametrize("page", ALL, ids=NAMES)


@pytest.fixture
def relay(relay_without_database):
    """The program judges every line here before it asks a database: there is none."""
    return relay_without_database.with_(dsn=NOWHERE)


def sample_value(flag):
    """A value that fits the type of a flag, as far as the command line alone can show."""
    if "|" in flag.type and flag.type.islower():
        return flag.type.split("|")[0]
    return {"N": "1", "DURATION": "1h", "TIME|DURATION": "1h", "TIME": "2030-01-01T00:00:00Z"}.get(flag.type, "x")


def flags_of(page):
    """The flags of the command; for one command of each shape (without flags, with some, with an alias) also the global
    flags. Without --full a sample of them, with every command and every flag of the program."""
    return DRAWN.get(page.path, ())


def _draw_flags():
    shared = (("version",), ("org", "list"), ("rotate-key",))
    points = [(page, flag) for page in ALL for flag in (*page.flags, *(globals_() if page.path in shared else ()))]
    drawn = {}
    for page, flag in sample("flags of commands", points, lambda point: [point[0].path, *point[1].names, point[1].type]):
        drawn.setdefault(page.path, []).append(flag)
    return drawn


DRAWN = _draw_flags()


def value_flags(page):
    return [flag for flag in flags_of(page) if flag.takes_value]


def test_the_help_could_be_read():
    assert {"init", "org create", "rotate-key", "block", "recover", "schema apply"} <= set(NAMES)
    assert len(globals_()) >= 18 and {"-o", "--output"} in [set(flag.names) for flag in globals_()]
    assert [flag.names for page in ALL if page.path == ("block",) for flag in page.flags if flag.type == "ORG"]


# --- values


@EACH_COMMAND
def test_a_value_flag_never_takes_the_flag_behind_it(relay, page):
    for flag in value_flags(page):
        for name in flag.names:
            error = relay.error(*page.path, name, "--dry-run", check=2)
            assert f"flag {name} needs a value, but the next word is --dry-run" == error["message"]
            assert error["next"] and "=--dry-run" in error["next"]


@EACH_COMMAND
def test_a_value_flag_at_the_end_or_with_an_empty_value_is_named(relay, page):
    for flag in value_flags(page):
        name = flag.names[-1]
        assert f"flag {name} needs a value" in relay(*page.path, name, check=2).err
        assert f"the value of {name} is empty" in relay(*page.path, f"{name}=", check=2).err
        assert f"the value of {name} is empty" in relay(*page.path, name, "", check=2).err


@EACH_COMMAND
def test_a_bare_flag_takes_no_value(relay, page):
    for flag in flags_of(page):
        name = flag.names[-1]
        if not flag.takes_value and name not in ("--help", "--version"):
            assert relay.error(*page.path, f"{name}=yes", check=2)["message"] == f"flag {name} does not take a value"


@EACH_COMMAND
def test_a_flag_that_is_given_twice_is_an_error_under_each_of_its_names(relay, page):
    for flag in value_flags(page):
        if flag.may_repeat:
            continue
        value = sample_value(flag)
        first, last = flag.names[0], flag.names[-1]
        message = relay(*page.path, f"{first}={value}", last, value, check=2).err
        assert f"flag {last} is given more than once" in message
        assert first == last or f"{first} and {last} are the same flag" in message


@pytest.mark.parametrize(
    "spelling", [["-o", "json"], ["-ojson"], ["-o=json"], ["--output", "json"], ["--output=json"], ["--json"]]
)
def test_the_format_is_understood_in_every_spelling(relay, spelling):
    assert relay("version", *spelling, check=0).json()["kind"] == "Version"
    assert relay("org", "show", *spelling, check=2).error()["code"] == "usage"


# --- mistyped


def mistyped(word):
    """`word` with one letter dropped, two swapped, one doubled: of each of the three a drawn one (with --full each at every
    place), except results that are not mistakes."""
    start = len(word) - len(word.lstrip("-"))
    made = {}
    for at in range(start, len(word)):
        made[word[:at] + word[at + 1 :]] = "dropped"
        made[word[: at + 1] + word[at:]] = "doubled"
        if at + 1 < len(word):
            made[word[:at] + word[at + 1] + word[at] + word[at + 2 :]] = "swapped"
    slips = sorted(set(made) - {word, "-", "--", ""})
    return sample(f"slips of {word}", slips, lambda slip: [made[slip]])


def known_paths():
    """Every path of a command or group: one of these is not a mistake."""
    spelled = [path for found in ALL for path in (found.path, found.alias) if path]
    return {path[:length] for path in spelled for length in range(1, len(path) + 1)}


# Without mistakes that are themselves a name, and without flags of one or two letters (-o, --id), because any other is
# one letter away from them.
SHORTEST = len("--org")


@EACH_COMMAND
def test_every_slip_in_a_command_gets_the_right_suggestion(relay, page):
    """One letter dropped, doubled, or swapped with the next, in each word of each path."""
    for path in filter(None, (page.path, page.alias)):
        for at, word in enumerate(path):
            for wrong in mistyped(word):
                slip = (*path[:at], wrong, *path[at + 1 :])
                if slip[: at + 1] in known_paths():
                    continue
                error = relay.error(*slip, check=2)
                assert error["message"] == f"unknown command '{' '.join(slip[: at + 1])}'"
                assert " ".join(path[: at + 1]) in error["suggestions"] and len(error["suggestions"]) <= 3, error


@EACH_COMMAND
def test_every_slip_in_a_flag_gets_the_right_suggestion(relay, page):
    """Each flag of the command; the global flags with one command of each shape."""
    known = {name for flag in (*page.flags, *globals_()) for name in flag.names}
    for flag in flags_of(page):
        for name in flag.names:
            for wrong in mistyped(name) if len(name) >= SHORTEST else ():
                if wrong in known:
                    continue
                error = relay.error(*page.path, f"{wrong}=x" if flag.takes_value else wrong, check=2)
                assert error["message"] == f"unknown flag {wrong}"
                assert name in error["suggestions"] and len(error["suggestions"]) <= 3, error


def test_every_slip_in_a_global_flag_before_the_command_too(relay):
    known = {name for flag in globals_() for name in flag.names}
    for flag in globals_():
        for name in flag.names:
            for wrong in mistyped(name) if len(name) >= SHORTEST else ():
                if wrong not in known:
                    error = relay.error(wrong, "org", "list", check=2)
                    assert name in error["suggestions"] and len(error["suggestions"]) <= 3, error


def test_a_mistyped_word_of_a_choice_gets_the_right_suggestion(relay):
    for page in ALL:
        for flag in flags_of(page):
            if "|" not in flag.type or not flag.type.islower():
                continue
            for word in flag.type.split("|"):
                wrong = word + word[-1]
                words = ["x"] * len([name for name, _ in page.arguments])
                needed = [f"--{other}=x" for other in ("name", "org") if f"--{other} " in page.usage]
                result = relay(*page.path, *words, *needed, flag.names[-1], wrong, check=2)
                assert "did you mean: " in result.err and word in result.err and wrong in result.err, result


@EACH_COMMAND
def test_nothing_can_be_abbreviated(relay, page):
    known = {name for flag in (*page.flags, *globals_()) for name in flag.names}
    for flag in flags_of(page):
        name = flag.names[-1]
        for short in {name[:-1], name[: len(name) // 2 + 1]} - known:
            if len(short) > 2:
                assert relay.error(*page.path, short, check=2)["message"] == f"unknown flag {short}"


@pytest.mark.parametrize(
    "line", [["o", "list"], ["org", "l"], ["org", "lis"], ["ini"], ["rotate"], ["agent", "rotate"]]
)
def test_commands_cannot_be_abbreviated(relay, line):
    assert relay.error(*line, check=2)["message"].startswith("unknown command")


def test_a_destructive_command_is_never_corrected_by_itself(relay):
    for word in ("revok", "blok", "revokee"):
        assert relay.error(word, "bot", check=2)["suggestions"]


# --- places


@pytest.mark.parametrize("words", [["org", "list"], ["agent", "list"], ["schema", "status"]])
def test_globals_stand_anywhere_in_the_line(database, relay_without_database, words):
    given = ["--dsn", database.dsn(), "-o", "csv"]
    lines = [
        [*given, *words],
        [words[0], *given, *words[1:]],
        [*words, *given],
        ["-o=csv", *words, f"--dsn={database.dsn()}"],
    ]
    outputs = {relay_without_database(*line, check=0).out for line in lines}
    assert len(outputs) == 1


def test_what_stands_behind_two_dashes_is_no_flag(relay):
    for word in ("--name", "--nosuch", "-h"):
        result = relay("org", "show", "--", word, check=2)
        assert f"'{word}'" in result.err and "flag" not in result.err
    assert "unexpected word '--json'" in relay("org", "list", "--", "--json", check=2).err


COUNTED = [page for page in ALL if not any(name.endswith("...") for name, _ in page.arguments)]


@pytest.mark.parametrize("page", COUNTED, ids=[" ".join(page.path) for page in COUNTED])
def test_one_word_too_many_is_named(relay, page):
    words = ["x"] * len(page.arguments)
    error = relay.error(*page.path, *words, "straw", check=2)
    assert error["message"] == "unexpected word 'straw'" and error["next"]


@EACH_COMMAND
def test_help_is_the_same_by_each_way_and_wins_over_a_broken_line(relay, page):
    text = relay("help", *page.path, check=0).out
    assert relay(*page.path, "--help", check=0).out == text
    assert relay("-h", *page.path, check=0).out == text
    assert relay(*page.path, "--nosuch", "-h", check=0).out == text
    assert relay(*page.path, "--version", check=0).out.startswith("relay-admin ")


def test_bytes_and_dashes_that_cannot_be_meant_are_told(relay):
    assert "argument 3 is not valid UTF-8" in relay("org", "show", b"\xff\xfe", check=2).err
    assert "not valid UTF-8" in relay("org", "show", b"acme\xc3", check=2).err
    assert "typographic dash" in relay("org", "list", "\u2013o", "json", check=2).err
    assert "typographic dash" in relay("org", "list", "\u2014json", check=2).err


def test_a_line_without_a_command_tells_where_they_are_listed(relay):
    assert relay("help", check=0).out.startswith(relay(check=0).out)
    assert "relay-admin help" in relay("--json", check=2).error()["next"]
    group = relay("org", check=2).err
    assert "org needs a command: create, list, seats, show, update\n" in group
    assert group.endswith("  next: relay-admin org --help\n")


# --- the spellings of the field


def test_the_spellings_from_the_field_work_as_written(database, relay_without_database, tmp_path):
    relay = relay_without_database.with_(dsn=database.dsn())
    relay("org", "create", "--name", "Acme Corp", "--id", "acme-corp", check=0)
    relay("org", "update", "acme-corp", "--plan", "paid", check=0)
    relay("agent", "create", "--org-id", "acme-corp", "--name", "Payment Processor", "--permissions",
          "stripe:create_payment", "--secret-file", "1", check=0)  # fmt: skip
    relay("agent", "create", "agent_123", "--org", "acme-corp", "--name", "Bot", "--secret-file", "2", check=0)
    relay("agent", "rotate-key", "--agent-id", "agent_123", "--secret-file", "3", check=0)
    assert len({(tmp_path / name).read_text() for name in "123"}) == 3
    assert database.value("SELECT count(*) FROM relay.agents WHERE org_id = 'acme-corp'") == 2

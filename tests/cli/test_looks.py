"""The output for people: tables that fit the screen, times, the pager, progress; nothing of it reaches a pipe."""

import csv
import io
import json
import re
import subprocess
import time
import unicodedata

import pytest
import wcwidth
from support import database as database_support
from support import relay as relay_support
from support.processes import wait_until
from support.relay import finish_terminal
from support.tmux import terminal

PROGRAM = "dev"  # text is escaped and cut for terminals

LONG_ID = "an-agent-with-an-id-that-is-as-long-as-an-id-may-be-and-no-more"
assert len(LONG_ID) == 63

# Names that a database may hold: printable ones pass through the program, the others are put there behind its back.
NAMES = {
    "quotes": "\"double\" 'single' `back` \\slash",
    "commas": "a,b;c\td",
    "formula": '=HYPERLINK("http://x","y")',
    "plus": "+1+cmd|' /C calc'!A0",
    "minus": "-2+3",
    "at": "@SUM(1)",
    "wide": "東京トレーディング株式会社の支払い",
    "emoji": "key 🔑 and lock 🔒",
    "family": "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 family",
    "combining": "Zoe\u0308 \u0e17\u0e35\u0e48 \u1112\u1161\u11ab",
    "zero-width": "pay\u200bments\ufeff",
    "soft-hyphen": "pay\u00adments",
    "tags": "\U000e0001\U000e0041pay",
    "separators": "one\u2028two\u2029three",
    "selector": "\u2764\ufe0f pay",
    "private": "\ue000\U000f0000\ufdd0",
    "four-byte": "\U00020000\U0001f600",
    "html": "<script>alert(1)</script>",
    "long": "word " * 39 + "end",
    "esc": "\x1b[31mred\x1b[0m",
    "osc": "\x1b]0;title\x07\x1b]52;c;eA==\x07",
    "c1": "\u009b31m csi",
    "bidi": "\u202egnp.exe\u202c \u2066x\u2069",
    "newline": "two\nlines\r\nand more",
    "tab": "a\tb",
    "del": "a\x7fb",
}  # fmt: skip
REFUSED = ("commas", "family", "zero-width", "soft-hyphen", "tags", "separators", "selector", "private", "esc", "osc", "c1", "bidi", "newline", "tab", "del")

SCREENS = pytest.mark.parametrize("columns", [40, 80, 200])
LISTS = {
    "agent list": ["agent", "list"],
    "key list": ["key", "list"],
    "org list": ["org", "list"],
    "agent show": ["agent", "show", "wide"],
    "org show": ["org", "show", "acme"],
    "schema status": ["schema", "status"],
    "help": ["rotate-key", "--help"],
}


def hostile(text):
    """What people cannot see, by the categories of Python's Unicode, and variation selectors, which are marks there."""
    unseen = ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")
    return [c for c in text if c != "\n" and (unicodedata.category(c) in unseen or "\ufe00" <= c <= "\ufe0f" or "\ufdd0" <= c <= "\ufdef")]


@pytest.fixture(scope="module")
def fleet(cluster, tmp_path_factory):
    """A database with an agent of each name, and one with the longest id; read only."""
    database = database_support.Database(cluster, template=database_support.make_template(cluster))
    folder = tmp_path_factory.mktemp("fleet")
    relay = relay_support.Runner(dsn=database.dsn(), cwd=folder)
    relay("org", "create", "acme", "--name", "Acme Corp", "--plan", "paid", check=0)
    for number, (agent, name) in enumerate(NAMES.items()):
        shown = f"stand-in {number}" if agent in REFUSED else name
        relay("agent", "create", agent, "--org", "acme", f"--name={shown}", "--secret-file", f"{agent}.key", check=0)
    relay("agent", "create", LONG_ID, "--org", "acme", "--name", "x", "--secret-file", "longest.key", check=0)
    relay("block", "wide", "--reason", "seen in a public log", "--ticket", "INC-42", check=0)
    checks = database.rows(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'relay.agents'::regclass AND contype = 'c'"
        " AND pg_get_constraintdef(oid) LIKE '%%name%%'"
    )
    for check in checks:
        database.rows(f"ALTER TABLE relay.agents DROP CONSTRAINT {check['conname']}")
    for agent in REFUSED:
        database.rows("UPDATE relay.agents SET name = %s WHERE agent_id = %s", NAMES[agent], agent)
    yield relay
    relay.close()
    database.drop()


# --- tables and screens


@SCREENS
@pytest.mark.parametrize("words", LISTS.values(), ids=LISTS)
def test_nothing_is_wider_than_the_screen_and_no_row_is_broken(fleet, columns, words):
    session = fleet.terminal("--no-pager", *words, columns=columns)
    code, shown = finish_terminal(session)
    assert code == 0 and not hostile(shown.replace("\r\n", "\n"))
    for line in shown.splitlines():
        # Text that people copy stays whole, and the terminal wraps it: an id without a blank, a flag, the line of an
        # example.
        copied = re.fullmatch(r"( *[A-Z][A-Za-z ]*:)? +[!-~]+|  (relay-admin|-).*", line)
        talk = line.startswith("columns that do not fit")
        assert wcwidth_of(line) <= columns or copied or talk, line


def wcwidth_of(text):
    """Measured with a table that is not ours; emoji that are joined count once."""
    return wcwidth.wcswidth(unicodedata.normalize("NFC", re.sub("(\u200d.)+|\ufeff", "", text)))


@SCREENS
def test_ids_and_states_are_whole_and_in_line_at_every_width(fleet, columns):
    with terminal(fleet, "relay-admin --no-pager agent list", columns=columns, lines=50) as pane:
        assert pane.finish() == 0
        shown = pane.everything()
    for agent in (*NAMES, LONG_ID):
        assert any(agent in line.split() for line in shown), (agent, shown)
    if columns < 200:
        assert f"Agent ID:  {LONG_ID}" in shown  # no table has room for it
        assert f"Name:      {NAMES['html']}" in shown
    else:
        header = shown[0]
        assert re.match(r"AGENT ID +ORG ID +NAME +STATUS +CREATED +LAST USED|AGENT ID +ORG ID +NAME +STATUS +CREATED", header)
        place = header.index("STATUS")
        for agent in ("quotes", "html", "minus"):
            row = next(line for line in shown if line.startswith(agent + " "))
            assert row[place:].startswith("active "), row


def test_wide_characters_keep_the_columns_in_line(fleet):
    shown = finish_terminal(fleet.terminal("--no-pager", "agent", "list", columns=200))[1].splitlines()
    place = shown[0].index("STATUS")
    for agent, state in (("wide", "blocked"), ("emoji", "active"), ("combining", "active"), ("four-byte", "active"),
                         ("zero-width", "active"), ("family", "active")):  # fmt: skip
        row = next(line for line in shown if line.startswith(agent + " "))
        assert wcwidth_of(row[: row.index(f" {state} ")]) + 1 == place, row


def test_a_cell_that_is_cut_says_so_and_columns_leave_by_rank(fleet):
    code, shown = finish_terminal(fleet.terminal("--no-pager", "key", "list", columns=100))
    assert code == 0
    header = shown.splitlines()[0]
    assert header.split()[0:2] == ["KEY", "ID"] and "STATUS" in header and "REPLACED" not in header
    assert "columns that do not fit: " in shown
    quiet = finish_terminal(fleet.terminal("--no-pager", "-q", "key", "list", columns=100))[1]
    assert "do not fit" not in quiet
    long = finish_terminal(fleet.terminal("--no-pager", "agent", "list", columns=150))[1]
    row = next(line for line in long.splitlines() if line.startswith("long "))
    assert "…" in row and "word word" in row and " active" in row


def test_a_pipe_gets_every_column_nothing_cut_and_plain_times(fleet):
    for env in ({}, {"COLUMNS": "40"}, {"CLICOLOR_FORCE": "1"}, {"PAGER": "false"}, {"TERM": "xterm"}):
        out = fleet("agent", "list", env=env, check=0).out
        header, *rows = out.splitlines()
        assert header.split("  ")[0] == "AGENT ID" and "CREATED" in header and "LAST USED" in header
        assert len(rows) == len(NAMES) + 1 and "…" not in out and "\x1b" not in out and "ago" not in out
        assert NAMES["long"].rstrip() in out
        assert re.search(r" \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", rows[0])
    shown = fleet("agent", "show", "wide", check=0).out
    assert "ago" not in shown and re.search(r"BLOCKED since \S+Z by ", shown)


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"NO_COLOR": "1"}, {"CLICOLOR_FORCE": "1"}, {"TERM": None}])
def test_no_escape_on_stdout_whatever_the_environment(fleet, env):
    for words in (["agent", "list"], ["agent", "show", "esc"], ["-o", "json", "agent", "show", "esc"]):
        assert "\x1b" not in fleet(*words, env=env, check=0).out
        with_terminal = fleet.with_(env=env).terminal("--no-pager", *words, env=env)
        code, shown = finish_terminal(with_terminal)
        assert code == 0 and "\x1b" not in shown


def test_color_can_be_forced_and_no_color_wins(fleet):
    failing = ["org", "show", "nobody"]
    for env, wanted in (
        ({"CLICOLOR_FORCE": "1"}, True),
        ({"CLICOLOR_FORCE": "0"}, False),
        ({"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, False),
        ({"CLICOLOR_FORCE": "1", "TERM": "dumb"}, True),
    ):
        result = fleet(*failing, env=env, check=3)
        assert ("\x1b[" in result.err) == wanted and result.out == "", env
    assert "\x1b" not in fleet(*failing, "--color", "never", env={"CLICOLOR_FORCE": "1"}).err


def test_people_are_told_how_long_ago_and_how_soon(fleet):
    code, shown = finish_terminal(fleet.terminal("--no-pager", "agent", "show", "wide", columns=200))
    assert code == 0
    assert re.search(r"BLOCKED since \S+Z \((just now|\d+ (second|minute)s? ago)\) by ", shown)
    assert re.search(r"Created: +\S+Z \((just now|\d+ (second|minute)s? ago)\) by ", shown)
    assert re.search(r"\S+Z \(in 90 days\)", shown)


# --- hostile names in every format


def test_hostile_names_survive_every_format(fleet):
    items = {item["agent_id"]: item["name"] for item in fleet.json("agent", "list", "--all")["items"]}
    lines = {line.get("agent_id"): line.get("name") for line in fleet("agent", "list", "-o", "jsonl", check=0).jsonl()}
    shown = fleet("agent", "list", "-o", "csv", check=0).out
    cells = {row["agent_id"]: row["name"] for row in csv.DictReader(io.StringIO(shown, newline=""))}
    for agent, name in NAMES.items():
        stored = name.rstrip() if agent == "long" else name
        assert items[agent] == stored and lines[agent] == stored
        cell = cells[agent]
        if stored[0] in "=+-@":
            assert cell == "'" + stored
        elif agent not in REFUSED:
            assert cell == stored
    for form in ("table", "csv", "env", "json", "jsonl", "id"):
        for agent in NAMES:
            out = fleet("agent", "show", agent, "-o", form, check=0).out
            allowed = out.replace("\t", "").replace("\r", "") if form == "csv" else out
            assert not hostile(allowed.replace("\n", "")), (form, agent, out)


def test_a_hostile_name_is_refused_at_the_door(fleet):
    for agent in set(REFUSED) - {"commas"}:
        result = fleet("agent", "create", "new", "--org", "acme", f"--name={NAMES[agent]}", "--secret-file", "no.key")
        assert result.code == 2 and not hostile(result.err.replace("\n", "")), agent


# --- the pager


def test_a_long_list_goes_through_the_pager_and_quitting_is_quiet(fleet):
    with terminal(fleet, "relay-admin agent list", columns=200, lines=12) as pane:
        pane.wait_for("AGENT ID")
        pane.wait_for(":")
        assert not any("wide " in line for line in pane.screen()), "all at once"
        pane.press("q")
        assert pane.finish() == 0
        shown = "\n".join(pane.everything())
        assert "AGENT ID" in shown and "error" not in shown and "warning" not in shown


@pytest.mark.parametrize(
    "command",
    [
        "relay-admin --no-pager agent list",
        "relay-admin agent list --no-pager",
        "RELAY_ADMIN_PAGER= relay-admin agent list",
        "PAGER=cat relay-admin agent list",
        "TERM=dumb relay-admin agent list",
        "relay-admin agent list | cat",
        "PAGER='tr a-z A-Z' RELAY_ADMIN_PAGER= relay-admin agent list",
    ],
)
def test_where_no_pager_is_wanted_there_is_none(fleet, command):
    with terminal(fleet, command, columns=200, lines=12) as pane:
        assert pane.finish() == 0
        shown = pane.everything()
    assert sum(bool(re.match("[a-z0-9-]+ +acme ", line)) for line in shown) == len(NAMES) + 1


def test_a_short_list_needs_no_pager(fleet):
    with terminal(fleet, "relay-admin org list", env={"PAGER": "echo paged; cat"}) as pane:
        assert pane.finish() == 0
        assert "paged" not in "\n".join(pane.screen())


def test_the_pager_of_the_environment_is_used(fleet):
    for env in ({"PAGER": "tr a-z A-Z"}, {"PAGER": "false", "RELAY_ADMIN_PAGER": "tr a-z A-Z"}):
        with terminal(fleet, "relay-admin agent list", columns=200, lines=12, env=env) as pane:
            assert pane.finish() == 0
            assert any(line.startswith("WIDE ") for line in pane.everything())


@pytest.mark.parametrize("pager", ["no-such-pager", "/dev/null", "false", "kill -9 $$", "exit 3"])
def test_a_pager_that_is_missing_or_dies_loses_nothing(fleet, pager):
    with terminal(fleet, "relay-admin agent list", columns=200, lines=12, env={"PAGER": pager}) as pane:
        assert pane.finish() == 0
        shown = pane.everything()
    assert sum(bool(re.match("[a-z0-9-]+ +acme ", line)) for line in shown) == len(NAMES) + 1
    assert any(line.startswith("warning: the pager ") for line in shown)


def test_ctrl_c_belongs_to_the_pager(fleet):
    with terminal(fleet, "relay-admin agent list", columns=200, lines=12) as pane:
        pane.wait_for("AGENT ID")
        pane.press("C-c")
        wait_until(lambda: pane.press("G") or "zero-width" in "\n".join(pane.screen()), what="the end")  # C-c drops keys
        pane.press("q")
        assert pane.finish() == 0
    with terminal(fleet, "relay-admin agent list", columns=200, lines=12, env={"PAGER": "echo paging; exec sleep 60"}) as pane:
        pane.wait_for("paging")
        pane.press("C-c")
        pane.finish()
        assert "warning" not in "\n".join(pane.everything())


def test_a_secret_never_goes_through_a_pager(relay):
    relay("org", "create", "acme", "--name", "Acme", "--plan", "paid", check=0)
    env = {"PAGER": "echo paged; cat"}
    with terminal(relay, "relay-admin agent create bot --org acme --name Bot", lines=4, env=env) as pane:
        assert pane.finish() == 0
        shown = "\n".join(pane.everything())
    assert "relay_sk_" in shown and "paged" not in shown


# --- progress


@pytest.fixture
def big_file(tmp_path):
    """Takes some seconds to scan, also on a fast machine."""
    path = tmp_path / "app.log"
    with open(path, "wb") as file:
        file.truncate(6_000_000_000)
    return path


def slow_pipe(folder, seconds):
    """A command whose output takes its time."""
    script = folder / "slow.py"
    script.write_text(
        "import sys, time\n"
        f"for _ in range({seconds * 10}):\n"
        "    sys.stdout.write('x' * 65536); sys.stdout.flush(); time.sleep(0.1)\n"
    )
    return f"/usr/bin/python3 {script}"


def test_progress_is_one_line_that_leaves_nothing_behind(relay, tmp_path):
    with terminal(relay, f"{slow_pipe(tmp_path, 4)} | relay-admin revoke --scan -") as pane:
        pane.wait_for("scanning stdin: ")
        pane.wait_for("B/s")
        assert pane.finish() == 0
        assert not any("scanning" in line for line in pane.everything())
        assert pane.screen()[0].startswith("no API key found in stdin")


def test_progress_knows_the_size_of_a_file(relay, big_file):
    with terminal(relay, f"relay-admin revoke --scan {big_file} --dry-run", columns=120) as pane:
        pane.wait_for(" left", 30)
        shown = next(line for line in pane.screen() if "scanning" in line)
        assert re.search(r"scanning \S+: \d+ %, \S+ [kMG]B of 6\.0 GB, \d+ MB/s, \d+ (s|min) left$", shown), shown
        pane.press("C-c")
        assert pane.finish() == 130
        assert not any("scanning" in line for line in pane.everything()), "Ctrl-C leaves it there"


def test_progress_is_off_when_quiet(relay, tmp_path):
    with terminal(relay, f"{slow_pipe(tmp_path, 2)} | relay-admin -q revoke --scan -; echo end") as pane:
        for _ in range(15):
            assert not any("scanning" in line for line in pane.screen())
            time.sleep(0.1)
        pane.finish()


def test_a_log_gets_a_line_each_ten_seconds(relay, tmp_path):
    source = subprocess.Popen(
        ["/usr/bin/python3", "-c", "import time,sys\nfor _ in range(24):\n print('x'); sys.stdout.flush(); time.sleep(.5)"],
        stdout=subprocess.PIPE,
    )
    scan = relay.start("revoke", "--scan", "-", "-o", "json", stdin=source.stdout)
    out, err = scan.communicate(timeout=60)
    source.wait(timeout=10)
    assert scan.returncode == 0 and json.loads(out)["items"] == []
    lines = err.decode().splitlines()
    assert sum("scanning stdin: " in line for line in lines) == 1 and b"\r" not in err and b"\x1b" not in err

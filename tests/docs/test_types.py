"""States, kinds and ids are types, from the row of the database to the screen: no text of a table (EnumText) is compared with a literal, and
nothing that the database returned is parsed again. Reads the sources of lib/relay and cli."""

import os
import re
from pathlib import Path

import pytest

SOURCE = Path(os.environ.get("RELAY_SOURCE_DIR", Path(__file__).resolve().parents[2]))

TABLE = re.compile(r"\bEnumText<[\w:]+>\s*\{(.*?)\n\};", re.DOTALL)
WORD = re.compile(r'\{\s*[\w:]+::\w+,\s*"([^"]+)"\s*\}')

# `x == "text"` and `"text" == x`, also over the end of a line.
COMPARED = re.compile(r'[=!]=\s*(?:std::string(?:_view)?\()?"((?:[^"\\]|\\.)*)"|"((?:[^"\\]|\\.)*)"\)?\s*[=!]=')

# A comparison with a word that is in a table by chance, and means something else there: (file, text).
OTHER_MEANING = {
    ("cli/output/command_text.cpp", "schema"),  # the command of that name
    ("lib/relay/fleet/fleet_sql.cpp", "agents"),  # the columns of that name
    ("lib/relay/fleet/new_agents_sql.cpp", "agents"),
    ("lib/relay/legacy/issue_sql.cpp", "agents"),
    ("lib/relay/legacy/windows_sql.cpp", "agents"),
    ("cli/plans/limit_flags.cpp", "none"),  # no limit
    ("cli/plans/limit_flags.cpp", "plan"),  # the plan decides
}

IDS = ("OrgId", "AgentId", "RoleId", "KeyId")
PARSED = re.compile(r"\b(" + "|".join(IDS) + r")::parse(?:_new)?\(")

# The places where texts from outside become ids, except the files of cli that read a command line: (file, beginning of
# what is parsed).
FROM_OUTSIDE = {
    ("lib/relay/model/ids.cpp", "std::string_view text"),  # where it is defined
    ("lib/relay/crypto/random_ids.cpp", "random_name("),  # an id that is made now
    ("lib/relay/crypto/api_key.cpp", "id)"),  # parts of an existing key
    ("lib/relay/crypto/api_key.cpp", "text.substr("),
    ("lib/relay/scan/findings.cpp", "key.substr("),
    ("lib/relay/scan/findings.cpp", "key_id)"),
    ("lib/relay/signing/signed_request.cpp", "text)"),  # a header of a request that was captured
    ("lib/relay/permissions/roles.cpp", "cursor.substr("),  # --after
    ("lib/relay/legacy/inventory_entry.cpp", "*row.agent_id)"),  # a row of the user's file, or of the table of an older relay
    ("lib/relay/legacy/inventory_entry.cpp", "*row.org_id)"),
    ("cli/documents/role.cpp", "options.role."),  # the options of the commands about roles
    ("cli/documents/role.cpp", "options.org."),
    ("cli/documents/role.cpp", "options->agent."),
}


def sources(root):
    for folder in ("lib/relay", "cli"):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".cpp", ".hpp"):
                yield path.relative_to(root).as_posix(), path.read_text()


def code_of(text):
    """Returns the code without comments and raw strings: SQL and manuals may compare as they like."""
    text = re.sub(r'R"(\w*)\(.*?\)\1"', '""', text, flags=re.DOTALL)
    return re.sub(r'("(?:[^"\\\n]|\\.)*")|//[^\n]*', lambda match: match[1] or "", text)


def words(root):
    """The texts of all tables."""
    found = set()
    for _, text in sources(root):
        for table in TABLE.findall(code_of(text)):
            found.update(WORD.findall(table))
    return found


def comparisons(root):
    known = words(root)
    for name, text in sources(root):
        for match in COMPARED.finditer(code_of(text)):
            literal = match[1] if match[1] is not None else match[2]
            if literal in known and (name, literal) not in OTHER_MEANING:
                yield f'{name}: a comparison with "{literal}", which is a text of a table'


def parses(root):
    """Finds parses in the library and the documents; the rest of cli reads command lines."""
    for name, text in sources(root):
        if not name.startswith(("lib/relay/", "cli/documents/")):
            continue
        code = code_of(text)
        for match in PARSED.finditer(code):
            what = code[match.end() :].lstrip()
            if not any(name == file and what.startswith(beginning) for file, beginning in FROM_OUTSIDE):
                yield f"{name}: {match[1]}::parse({what.split(';')[0][:40]}"


def records(root):
    """Finds rows and records that cli parses again: `KeyId::parse(key.key_id)`."""
    of_record = re.compile(PARSED.pattern + r"\s*\*?[\w.>\-\[\]()]*\.?(?:agent_id|org_id|key_id|role_id|subject_id)\b\)")
    for name, text in sources(root):
        if name.startswith("cli/"):
            for match in of_record.finditer(code_of(text)):
                if not re.search(r"\boptions\b", match[0]):
                    yield f"{name}: {match[0]}"


def violations(root):
    return [*comparisons(root), *parses(root), *records(root)]


def test_no_text_of_a_table_is_compared_and_nothing_is_parsed_twice():
    assert {"revoked", "retiring", "org", "past_due", "never_seen", "unknown_key"} <= words(SOURCE), "the tables were not found"
    assert violations(SOURCE) == []


def test_each_exception_is_still_needed():
    texts = dict(sources(SOURCE))
    for file, beginning in FROM_OUTSIDE:
        found = [code_of(texts[file])[match.end() :].lstrip() for match in PARSED.finditer(code_of(texts[file]))]
        assert any(what.startswith(beginning) for what in found), f"{file} no longer parses {beginning}"
    for file, literal in OTHER_MEANING:
        compared = [match[1] or match[2] for match in COMPARED.finditer(code_of(texts[file]))]
        assert literal in compared and literal in words(SOURCE), f'{file} no longer compares with "{literal}"'


A_TABLE = """
template <>
struct EnumText<Colour> {
    static constexpr auto words = std::to_array<EnumWord<Colour>>({{Colour::red, "red"},
                                                                   {Colour::dark_blue, "dark_blue"}});
};
"""

PLANTED = [
    ("lib/relay/identity/a.cpp", 'if (row.colour == "red") {}'),
    ("lib/relay/identity/a.cpp", 'bool b = colour != "dark_blue";'),
    ("lib/relay/identity/a.hpp", 'bool b() const { return "red" == m_colour; }'),
    ("cli/documents/a.cpp", 'auto c = one.colour ==\n             "red" ? 1 : 2;'),
    ("cli/commands/a.cpp", 'if (std::string_view("red") == colour) {}'),
    ("cli/commands/a.cpp", 'if (colour == std::string("red")) {}'),
    ("lib/relay/identity/a_sql.cpp", 'auto id = AgentId::parse(row.text("agent_id"));'),
    ("lib/relay/identity/a.cpp", "f(KeyId::parse(key.key_id));"),
    ("lib/relay/brand_new/a.cpp", "OrgId const org = OrgId::parse(\n    m_agent.org_id);"),
    ("cli/documents/a.cpp", "Record r{RoleId::parse(role.role_id)};"),
    ("cli/incident/a.cpp", "show_agent(database, AgentId::parse(item.subject_id), 0);"),
    ("cli/commands/a.cpp", "auto const its_org = OrgId::parse(key.org_id);"),
]


def plant(root, file, text):
    (root / "lib/relay/model").mkdir(parents=True)
    (root / "lib/relay/model/colour.hpp").write_text(A_TABLE)
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    (root / file).write_text(text + "\n")


@pytest.mark.parametrize("file, text", PLANTED)
def test_a_planted_violation_is_found(tmp_path, file, text):
    plant(tmp_path, file, text)
    found = violations(tmp_path)
    assert found and all(complaint.startswith(f"{file}: ") for complaint in found)


ALLOWED = [
    ("lib/relay/identity/a.cpp", "if (row.colour == Colour::red) {}"),
    ("lib/relay/identity/a.cpp", 'if (name == "reddish") {}  // not == "red"'),
    ("lib/relay/identity/a_sql.cpp", "constexpr auto q = R\"sql(SELECT 1 WHERE colour = 'red' AND a == \"red\")sql\";"),
    ("cli/commands/a.cpp", "request.org = OrgId::parse(*options.org);"),
    ("cli/commands/a.cpp", "auto const agent = AgentId::parse(*options.agent_id);"),
    ("cli/commands/a.cpp", 'note("red" + text);'),
]


@pytest.mark.parametrize("file, text", ALLOWED)
def test_what_is_allowed_is_not_complained_about(tmp_path, file, text):
    plant(tmp_path, file, text)
    assert violations(tmp_path) == []

"""Checks what each file may include. Reads the #include lines of lib/relay and cli.

The library is cut by capability: each folder of lib/relay but the base is one, and a new one needs no entry here. Inside a folder the
name of a file says what it may do: SQL is in files that end in `_sql`, and only the others, the use cases, open transactions."""

import os
import re
from collections import defaultdict
from pathlib import Path

import pytest

SOURCE = Path(os.environ.get("RELAY_SOURCE_DIR", Path(__file__).resolve().parents[2]))

BASE = ("model", "crypto", "db")

# A row says what the files of a layer may include; `capability` means every folder of lib/relay that is not in the
# base. A cell is
#   x       any file                     -       no file
#   .cpp    .cpp files, no header        a,b     only the files whose path in the layer starts with one of these words
TABLE = """
               model crypto db                                                     capability cli | pqxx sodium              utf8proc CLI11                         nlohmann fmt
    model      x     -      -                                                      -          -   | -    -                   unicode. -                             -        x
    crypto     x     x      -                                                      -          -   | -    x                   -        -                             -        -
    db         x     -      x                                                      -          -   | x    -                   -        -                             -        x
    capability x     x      x                                                      x          -   | -    -                   -        -                             -        .cpp
    cli        x     x      context.,command_line/connection_flags.,posix/signals. x          x   | -    main.,output/,sink/ -        command_line/cli11_parser.cpp json/    x
"""

# How the includes of a library begin.
LIBRARIES = {
    "pqxx": ("pqxx/", "libpq-fe.h", "libpq/", "postgresql/"),
    "sodium": ("sodium.h", "sodium/"),
    "utf8proc": ("utf8proc.h",),
    "CLI11": ("CLI/",),
    "nlohmann": ("nlohmann/",),
    "fmt": ("fmt/",),
}

SYSTEM_FOLDERS = ("sys/", "netinet/", "arpa/", "linux/")

# The library knows nothing of argv, stdout or exit.
NOT_IN_LIBRARY = re.compile(
    r"#\s*include\s*<(?:iostream|print)>"
    r"|\bstd::(?:cout|cerr|clog|exit|quick_exit|_Exit)\b|\b(?:printf|fprintf|puts|fputs|putchar|_exit)\s*\("
)

# Nor of the program: it says what to do next as Advice. Not even in a comment, which would be wrong when the command
# changes.
NAMES_A_COMMAND = "relay-admin "

# A string of the program that holds a command line. Made by hand, it lacks the flags that name the database, and the quotes of a shell.
# Manual text is in raw strings, or in a folder that makes nothing else.
COMMAND_LINE = r'"(?:[^"\\\n]|\\.)*relay-admin (?:--|(?:{words})\b)(?:[^"\\\n]|\\.)*"'
RAW_STRING = re.compile(r'R"(\w*)\(.*?\)\1"', re.DOTALL)
MANUAL = ("cli/manual/", "cli/docgen/", "cli/completion/")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
NAMES_CLI11 = re.compile(r"\bCLI::|\bnamespace CLI\b")
RUNS_SQL = re.compile(r'R"sql\(|\.exec(?:_while|_script)?\(|\bquick_query\(')
TRANSACTS = re.compile(r"\btransact\(")


def parse_table(text):
    """{layer: {column: cell}}"""
    head, *rows = [line.replace("|", " ").split() for line in text.strip().splitlines()]
    assert all(len(row) == len(head) + 1 for row in rows), "each row has a name and a cell for every column"
    return {row[0]: dict(zip(head, row[1:])) for row in rows}


def layer_of(path):
    """The layer of a path below an include root, and the rest of the path; (None, path) if it is in none."""
    parts = Path(path).parts
    if parts[0] == "cli" and len(parts) > 1:
        return "cli", "/".join(parts[1:])
    if parts[0] == "relay" and len(parts) == 3:
        return parts[1] if parts[1] in BASE else "capability", "/".join(parts[2:])
    if path == "relay/version.hpp":
        return "model", "version.hpp"
    return None, path


def is_sql(path):
    return Path(path).stem.endswith("_sql")


def allows(cell, rest):
    if cell in ("x", "-"):
        return cell == "x"
    if cell == ".cpp":
        return rest.endswith(".cpp")
    return rest.startswith(tuple(cell.split(",")))


def column_of(kind, included):
    """Returns the table's column for an included path; None if every file may include it."""
    if kind == '"':
        return layer_of(included)[0] or "nowhere"
    for library, beginnings in LIBRARIES.items():
        if included.startswith(beginnings):
            return library
    if "/" in included and not included.startswith(SYSTEM_FOLDERS):
        return "nowhere"
    return None


def sources(root):
    """(path, path as it would be included) of every source file of library and program."""
    for folder, include_root in (("lib/relay", "lib"), ("cli", ".")):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".cpp", ".hpp"):
                yield path, path.relative_to(root / include_root).as_posix()


def code_of(text):
    return re.sub(r"//.*", "", text)


def first_words():
    """The words that the program's commands begin with, as its files are called."""
    stems = {path.stem for path in (SOURCE / "cli/commands").glob("*.cpp")}
    return sorted({stem.replace("_", "-") for stem in stems} | {stem.split("_")[0] for stem in stems})


def command_violations(name, text):
    if name.startswith("cli/") and not name.startswith(MANUAL):
        for found in re.finditer(COMMAND_LINE.format(words="|".join(first_words())), RAW_STRING.sub('""', code_of(text))):
            yield f"{found.group()} is a command line made by hand: see cli/output/command_text.hpp"
    elif name.startswith("relay/") and NAMES_A_COMMAND in text:
        line = next(line for line in text.splitlines() if NAMES_A_COMMAND in line)
        yield f"the library names no command of the program: {line.strip()}"


def include_violations(root, table, name, text):
    layer, rest = layer_of(name)
    for kind, included in INCLUDE.findall(text):
        column = column_of(kind, included)
        if kind == '"' and not any((root / include_root / included).is_file() for include_root in ("lib", ".")):
            yield f"{included} is not a path below lib/ or the repository"
        elif column is not None and not allows(table[layer].get(column, "-"), rest):
            yield f"{layer} may not include {included}"
        elif layer == "cli" and kind == '"' and column == "capability" and is_sql(included):
            yield f"cli may not include {included}: SQL is below the use cases"


def content_violations(name, text):
    layer, _ = layer_of(name)
    code = code_of(text)
    if layer != "cli" and (found := NOT_IN_LIBRARY.search(text)):
        yield f"{found.group(0)} has no place in the library"
    if layer in ("capability", "cli") and not is_sql(name) and RUNS_SQL.search(code):
        yield "SQL belongs in a file that ends in _sql"
    if layer in ("model", "crypto") or is_sql(name) or name.endswith(".hpp") and layer != "db":
        if TRANSACTS.search(code):
            yield "only the .cpp file of a use case opens a transaction"
    if name != "cli/command_line/cli11_parser.cpp" and NAMES_CLI11.search(code):
        yield "only cli11_parser.cpp knows CLI11"
    if layer == "cli" and TRANSACTS.search(code):
        yield "cli opens no transaction: that is the work of a use case"


def violations(root):
    table = parse_table(TABLE)
    found = []
    for path, name in sources(root):
        if layer_of(name)[0] not in table:
            found.append(f"{name}: in no layer of the table")
            continue
        text = path.read_text()
        found += [f"{name}: {complaint}" for complaint in include_violations(root, table, name, text)]
        found += [f"{name}: {complaint}" for complaint in content_violations(name, text)]
        found += [f"{name}: {complaint}" for complaint in command_violations(name, text)]
    return found


def folder_graph(root):
    """{folder of lib/relay: {other folder of lib/relay that it includes: [file]}}"""
    graph = defaultdict(lambda: defaultdict(list))
    for path, name in sources(root):
        parts = Path(name).parts
        if parts[0] != "relay" or len(parts) < 3:
            continue
        for kind, included in INCLUDE.findall(path.read_text()):
            target = Path(included).parts
            if kind == '"' and target[0] == "relay" and len(target) > 2 and target[1] != parts[1]:
                graph[parts[1]][target[1]].append(name)
    return graph


def circles(graph):
    """The pairs of folders that reach each other, each once."""

    def reach(start):
        seen, rest = set(), [start]
        while rest:
            for following in graph.get(rest.pop(), ()):
                if following not in seen:
                    seen.add(following)
                    rest.append(following)
        return seen

    reached = {folder: reach(folder) for folder in list(graph)}
    return sorted((a, b) for a in reached for b in reached[a] if a < b and a in reached.get(b, ()))


def test_every_include_is_allowed():
    assert list(sources(SOURCE)), "no sources found"
    assert violations(SOURCE) == []


def test_the_folders_of_the_library_include_each_other_in_no_circle():
    graph = folder_graph(SOURCE)
    assert len(graph) > len(BASE), "no capabilities found"
    assert circles(graph) == []


def test_every_folder_of_the_base_is_there():
    assert set(BASE) <= {folder.name for folder in (SOURCE / "lib/relay").iterdir() if folder.is_dir()}


PLANTED = [
    ("lib/relay/model/a.cpp", "#include <sodium.h>", "model may not include sodium.h"),
    ("lib/relay/model/a.cpp", '#include "relay/db/d.hpp"', "model may not include relay/db/d.hpp"),
    ("lib/relay/crypto/a.cpp", "#include <pqxx/pqxx>", "crypto may not include pqxx/pqxx"),
    ("lib/relay/db/a.cpp", '#include "relay/identity/s.hpp"', "db may not include relay/identity/s.hpp"),
    ("lib/relay/identity/a_sql.hpp", "#include <pqxx/pqxx>", "capability may not include pqxx/pqxx"),
    ("lib/relay/identity/a.hpp", "#include <fmt/format.h>", "capability may not include fmt/format.h"),
    ("lib/relay/brand_new/a.cpp", "#  include   <pqxx/pqxx>", "capability may not include pqxx/pqxx"),
    ("lib/relay/brand_new/a.cpp", '#include "cli/c.hpp"', "capability may not include cli/c.hpp"),
    ("lib/relay/identity/a.cpp", 'auto q = R"sql(SELECT 1)sql";', "SQL belongs in a file that ends in _sql"),
    ("lib/relay/identity/a.cpp", "void f() { transaction.exec(q); }", "SQL belongs in a file that ends in _sql"),
    ("lib/relay/identity/a_sql.cpp", "void f() { database.transact(o, b); }", "only the .cpp file of a use case opens a transaction"),
    ("lib/relay/identity/a.hpp", "void f() { database.transact(o, b); }", "only the .cpp file of a use case opens a transaction"),
    ("cli/a.cpp", "void f() { database.transact(o, b); }", "cli opens no transaction: that is the work of a use case"),
    ("cli/a.cpp", '#include "relay/identity/s_sql.hpp"', "cli may not include relay/identity/s_sql.hpp: SQL is below the use cases"),
    ("cli/commands/a.cpp", '#include "relay/db/d.hpp"', "cli may not include relay/db/d.hpp"),
    ("cli/command_line/a.cpp", "#include <CLI/CLI.hpp>", "cli may not include CLI/CLI.hpp"),
    ("cli/command.hpp", "namespace CLI { class App; }", "only cli11_parser.cpp knows CLI11"),
    ("cli/a.cpp", "#include <nlohmann/json.hpp>", "cli may not include nlohmann/json.hpp"),
    ("cli/a.cpp", "#include <boost/asio.hpp>", "cli may not include boost/asio.hpp"),
    ("cli/a.cpp", '#include "c.hpp"', "c.hpp is not a path below lib/ or the repository"),
    ("lib/relay/a.cpp", "", "in no layer of the table"),
    ("lib/relay/db/deep/a.cpp", "", "in no layer of the table"),
    ("lib/relay/db/a.cpp", "#include <iostream>", "#include <iostream> has no place in the library"),
    ("lib/relay/incident/a.cpp", "void f() { std::exit(1); }", "std::exit has no place in the library"),
    ("lib/relay/incident/a.cpp", 'auto next = "relay-admin " + id;',
     'the library names no command of the program: auto next = "relay-admin " + id;'),
    ("lib/relay/model/a.hpp", "/// As relay-admin does.", "the library names no command of the program: /// As relay-admin does."),
    ("cli/a.cpp", 'auto next = "next: relay-admin migrate-legacy status";',
     '"next: relay-admin migrate-legacy status" is a command line made by hand: see cli/output/command_text.hpp'),
    ("cli/a.cpp", 'auto next = "relay-admin --sandbox init";',
     '"relay-admin --sandbox init" is a command line made by hand: see cli/output/command_text.hpp'),
]


def plant(root, file, text):
    for header in ("lib/relay/db/d.hpp", "lib/relay/identity/s.hpp", "lib/relay/identity/s_sql.hpp", "cli/c.hpp", file):
        (root / header).parent.mkdir(parents=True, exist_ok=True)
        (root / header).write_text("#pragma once\n")
    (root / file).write_text(f"#include <vector>\n#include <sys/stat.h>\n{text}\n")


@pytest.mark.parametrize("file, text, complaint", PLANTED)
def test_a_planted_violation_is_found(tmp_path, file, text, complaint):
    plant(tmp_path, file, text)
    assert violations(tmp_path) == [f"{file.removeprefix('lib/')}: {complaint}"]


ALLOWED = [
    ("lib/relay/identity/a_sql.cpp", 'auto q = R"sql(SELECT 1)sql"; void f() { transaction.exec(q); }'),
    ("lib/relay/identity/a.cpp", "void f() { database.transact(o, b); }  // never R\"sql( here"),
    ("lib/relay/brand_new/a.cpp", '#include "relay/identity/s_sql.hpp"'),
    ("cli/context.cpp", '#include "relay/db/d.hpp"'),
    ("cli/sink/file.cpp", "#include <sodium.h>"),
    ("cli/command_line/cli11_parser.cpp", "#include <CLI/CLI.hpp>\nCLI::App app;"),
    ("cli/json/json.cpp", "#include <nlohmann/json.hpp>"),
    ("cli/a.cpp", 'auto doc = R"(Some text.\nEXAMPLES\n  relay-admin rotate-key a "b")"; auto name = "relay-admin";'),
    ("lib/relay/db/a.cpp", 'auto name = "relay-admin";'),
]


@pytest.mark.parametrize("file, text", ALLOWED)
def test_what_is_allowed_is_not_complained_about(tmp_path, file, text):
    plant(tmp_path, file, text)
    assert violations(tmp_path) == []


def test_a_circle_of_folders_is_found(tmp_path):
    plant(tmp_path, "lib/relay/feed/a.hpp", '#include "relay/identity/s.hpp"')
    assert circles(folder_graph(tmp_path)) == []
    plant(tmp_path, "lib/relay/audit/b.hpp", '#include "relay/feed/a.hpp"')
    (tmp_path / "lib/relay/identity/s.hpp").write_text('#include "relay/audit/b.hpp"\n')
    assert circles(folder_graph(tmp_path)) == [("audit", "feed"), ("audit", "identity"), ("feed", "identity")]

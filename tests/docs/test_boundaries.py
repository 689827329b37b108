"""What may include what. Reads the #include lines of lib/relay and cli and holds them against the table."""

import os
import re
from pathlib import Path

import pytest

SOURCE = Path(os.environ.get("RELAY_SOURCE_DIR", Path(__file__).resolve().parents[2]))

# A row says what the files of a layer may include. A cell is
#   x       any file                     -       no file
#   .cpp    .cpp files, no header        a,b     only the files whose path in the layer starts with one of these words
TABLE = """
              model crypto db                store provision cli | pqxx sodium              CLI11 nlohmann      fmt
    model     x     -      -                 -     -         -   | -    -                   -     -             x
    crypto    x     x      -                 -     -         -   | -    x                   -     -             -
    db        x     -      x                 -     -         -   | x    -                   -     -             x
    store     x     x      x                 x     -         -   | .cpp -                   -     -             -
    provision x     x      x                 x     x         -   | -    -                   -     -             x
    cli       x     x      context.,signals. -     x         x   | -    main.,output/,sink/ .cpp  output/,sink/,input/ x
"""

# How the includes of a library begin.
LIBRARIES = {
    "pqxx": ("pqxx/", "libpq-fe.h", "libpq/", "postgresql/"),
    "sodium": ("sodium.h", "sodium/"),
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

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


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
    if parts[0] == "relay" and len(parts) > 2:
        return parts[1], "/".join(parts[2:])
    if path == "relay/version.hpp":
        return "model", "version.hpp"
    return None, path


def allows(cell, rest):
    if cell in ("x", "-"):
        return cell == "x"
    if cell == ".cpp":
        return rest.endswith(".cpp")
    return rest.startswith(tuple(cell.split(",")))


def column_of(kind, included):
    """The table's column for an included path; None for what anybody may include."""
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


def violations(root):
    table = parse_table(TABLE)
    found = []
    for path, name in sources(root):
        layer, rest = layer_of(name)
        text = path.read_text()
        if layer not in table:
            found.append(f"{name}: in no layer of the table")
            continue
        for kind, included in INCLUDE.findall(text):
            column = column_of(kind, included)
            if kind == '"' and not any((root / include_root / included).is_file() for include_root in ("lib", ".")):
                found.append(f"{name}: {included} is not a path below lib/ or the repository")
            elif column is not None and not allows(table[layer].get(column, "-"), rest):
                found.append(f"{name}: {layer} may not include {included}")
        if layer != "cli" and NOT_IN_LIBRARY.search(text):
            found.append(f"{name}: {NOT_IN_LIBRARY.search(text).group(0)} has no place in the library")
    return found


def test_every_include_is_allowed():
    assert list(sources(SOURCE)), "no sources found"
    assert violations(SOURCE) == []


def test_every_layer_of_the_table_has_a_folder():
    layers = set(parse_table(TABLE)) - {"cli"}
    assert layers == {folder.name for folder in (SOURCE / "lib/relay").iterdir() if folder.is_dir()}


PLANTED = [
    ("lib/relay/model/a.cpp", "#include <sodium.h>", "model may not include sodium.h"),
    ("lib/relay/model/a.cpp", '#include "relay/db/d.hpp"', "model may not include relay/db/d.hpp"),
    ("lib/relay/crypto/a.cpp", "#include <pqxx/pqxx>", "crypto may not include pqxx/pqxx"),
    ("lib/relay/db/a.cpp", '#include "relay/store/s.hpp"', "db may not include relay/store/s.hpp"),
    ("lib/relay/store/a.hpp", "#include <pqxx/pqxx>", "store may not include pqxx/pqxx"),
    ("lib/relay/store/a.cpp", "#include <fmt/format.h>", "store may not include fmt/format.h"),
    ("lib/relay/provision/a.cpp", "#  include   <pqxx/pqxx>", "provision may not include pqxx/pqxx"),
    ("lib/relay/provision/a.cpp", '#include "cli/c.hpp"', "provision may not include cli/c.hpp"),
    ("cli/a.cpp", '#include "relay/store/s.hpp"', "cli may not include relay/store/s.hpp"),
    ("cli/commands/a.cpp", '#include "relay/db/d.hpp"', "cli may not include relay/db/d.hpp"),
    ("cli/a.hpp", "#include <CLI/CLI.hpp>", "cli may not include CLI/CLI.hpp"),
    ("cli/a.cpp", "#include <nlohmann/json.hpp>", "cli may not include nlohmann/json.hpp"),
    ("cli/a.cpp", "#include <boost/asio.hpp>", "cli may not include boost/asio.hpp"),
    ("cli/a.cpp", '#include "c.hpp"', "c.hpp is not a path below lib/ or the repository"),
    ("lib/relay/other/a.cpp", "", "in no layer of the table"),
    ("lib/relay/db/a.cpp", "#include <iostream>", "#include <iostream> has no place in the library"),
    ("lib/relay/store/a.cpp", "void f() { std::exit(1); }", "std::exit has no place in the library"),
]


@pytest.mark.parametrize("file, text, complaint", PLANTED)
def test_a_planted_violation_is_found(tmp_path, file, text, complaint):
    for header in ("lib/relay/db/d.hpp", "lib/relay/store/s.hpp", "cli/c.hpp", file):
        (tmp_path / header).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / header).write_text("#pragma once\n")
    (tmp_path / file).write_text(f"#include <vector>\n#include <sys/stat.h>\n{text}\n")
    name = file.removeprefix("lib/")
    assert violations(tmp_path) == [f"{name}: {complaint}"]


ALLOWED = [
    ("lib/relay/store/a.cpp", "#include <pqxx/pqxx>"),
    ("cli/context.cpp", '#include "relay/db/d.hpp"'),
    ("cli/sink/file.cpp", "#include <sodium.h>"),
    ("cli/commands/a.cpp", "#include <CLI/CLI.hpp>"),
    ("cli/output/render_json.cpp", "#include <nlohmann/json.hpp>"),
]


@pytest.mark.parametrize("file, text", ALLOWED)
def test_what_the_table_allows_is_not_complained_about(tmp_path, file, text):
    for header in ("lib/relay/db/d.hpp", file):
        (tmp_path / header).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / header).write_text("#pragma once\n")
    (tmp_path / file).write_text(text)
    assert violations(tmp_path) == []

"""No two files define a type of one name in one namespace. The linker takes either for both, so the program may end one as if it were the
other. Anonymous namespaces are separate."""

import os
import re
from collections import defaultdict
from pathlib import Path

SOURCE = Path(os.environ.get("RELAY_SOURCE_DIR", Path(__file__).resolve().parents[2]))
# The code is formatted: what begins in the first column is in a namespace, and not inside a type or function.
LINE = re.compile(r"^(?:namespace (?P<named>[a-z_:]+) \{$|(?P<anonymous>namespace \{)|(?P<end>\}  // namespace)"
                  r"|(?:struct|class|enum class|union) (?P<type>[A-Z]\w*)(?P<rest>[^;]*)$)", re.MULTILINE)  # fmt: skip

DECLARED = re.compile(r"^namespace [\w:]+ \{\n(?:(?:struct|class) \w+;\n)+\}$", re.MULTILINE)  # what another file defines


def types_of(text):
    """The names of the types that a file defines for others, with their namespaces."""
    inside, found = [], []
    for match in LINE.finditer(DECLARED.sub("", text)):
        if match["end"]:
            inside.pop()
        elif match["type"]:
            is_another = match["rest"].startswith(("<", "::"))  # a template for some arguments, or a type inside this one
            if "" not in inside and not is_another:
                found.append("::".join([*inside, match["type"]]))
        else:
            inside.append(match["named"] or "")
    assert inside == [], "each namespace ends with a comment"
    return found


def twice(files):
    """{name: files} of the types that are defined more than once."""
    places = defaultdict(list)
    for name, text in files.items():
        for one in types_of(text):
            places[one].append(name)
    return {one: found for one, found in places.items() if len(found) > 1}


def test_each_type_is_defined_once():
    paths = [path for folder in ("lib", "cli") for path in (SOURCE / folder).rglob("*.[ch]pp")]
    assert len(paths) > 500
    files = {str(path.relative_to(SOURCE)): path.read_text() for path in paths}
    assert sum(len(types_of(text)) for text in files.values()) > 300
    assert twice(files) == {}


def test_two_of_one_name_are_found():
    def file(text, namespace="relay::cli"):
        return f"namespace {namespace} {{\n{text}\n}}  // namespace {namespace}\n"

    one, hidden = "struct Manifest {\n    int a;\n};", "namespace {\nclass Manifest {\n};\n}  // namespace"
    assert twice({"a": file(one), "b": file("class Manifest final {\n};")}) == {"relay::cli::Manifest": ["a", "b"]}
    assert twice({"a": file(one), "b": file(hidden), "c": file(one, "relay"), "d": file("class Manifest;")}) == {}

"""Reads the texts for people in the sources: comments, docstrings, messages, pages. A text knows the line of each of
its characters."""

import ast
import bisect
import io
import json
import re
import tokenize
from dataclasses import dataclass


@dataclass(frozen=True)
class Text:
    """A paragraph of a file: its lines, joined by blanks, so that a phrase may run over the end of a line.

    `kind`: comment, docstring, message (a literal, or a text of SQL), page, or help. `starts` and `lines`: where each
    line begins in `text`, and its number in the file."""

    file: str
    kind: str
    text: str
    starts: tuple
    lines: tuple

    def line_at(self, offset):
        return self.lines[bisect.bisect_right(self.starts, offset) - 1]


def joined(file, kind, pieces):
    """Returns the Text of (line number, text) pairs."""
    starts, texts, at = [], [], 0
    for _, piece in pieces:
        starts.append(at)
        texts.append(piece.strip())
        at += len(texts[-1]) + 1
    return Text(file, kind, " ".join(texts), tuple(starts), tuple(line for line, _ in pieces))


def paragraphs(file, kind, pieces):
    """Yields a Text for each run of (line number, text) pairs on consecutive lines; a blank line ends a run."""
    part = []
    for line, text in [*pieces, (None, "")]:
        if part and (not text.strip() or line > part[-1][0] + 1):
            yield joined(file, kind, part)
            part = []
        if text.strip():
            part.append((line, text))


def numbered(text, first=1):
    return [(first + n, line) for n, line in enumerate(text.split("\n"))]


def line_counter(text, first=1):
    """Returns a function from an offset in `text` to the number of its line."""
    ends = [match.start() for match in re.finditer("\n", text)]
    return lambda offset: first + bisect.bisect_left(ends, offset)


# C++ ------------------------------------------------------------------------------------------------------------------

_CPP = re.compile(
    r'(?P<comment>//[^\n]*)|R"(?P<tag>\w*)\((?P<raw>.*?)\)(?P=tag)"|(?P<char>\'(?:[^\'\\\n]|\\[^\n]{1,3})\')'
    r'|"(?P<literal>(?:[^"\\\n]|\\.)*)"|(?P<other>[^\s"/\']+)',
    re.DOTALL,
)
_MANUAL = ("", "doc")  # tags of raw strings that hold text for people


def cpp(file, text, literals=True):
    """Yields the comments of C++, and with `literals` its literals of more than one word; parts of a literal are one
    Text."""
    comments, parts = [], []
    line_of = line_counter(text)
    for match in _CPP.finditer(text):
        line = line_of(match.start())
        if match["literal"] is not None:
            parts.append((line, re.sub(r"\\[nt]", " ", match["literal"]).replace('\\"', '"')))
            continue
        if match["comment"] is not None:
            comments.append((line, re.sub(r"^/{2,}[!<]*", "", match["comment"]).strip("-")))
            continue
        if literals and len(" ".join(part for _, part in parts).split()) > 1:
            yield joined(file, "message", parts)
        parts = []
        if match["tag"] == "sql":
            yield from sql(file, match["raw"], line)
        elif literals and match["tag"] in _MANUAL:
            yield from paragraphs(file, "message", numbered(match["raw"], line))
    yield from paragraphs(file, "comment", comments)


def cpp_tests(file, text):
    """Yields the comments of C++ and the titles of its test cases: other literals are what the tests play with."""
    yield from cpp(file, text, literals=False)
    for match in re.finditer(r'TEST_CASE\("((?:[^"\\]|\\.)*)"', text):
        yield joined(file, "docstring", [(line_counter(text)(match.start()), match[1])])


# Other sources --------------------------------------------------------------------------------------------------------


def sql(file, text, first=1):
    """Yields the comments of SQL, the texts of COMMENT ON, and the messages and hints of RAISE."""
    comments = [(n, line.split("--", 1)[1].strip("-")) for n, line in numbered(text, first) if "--" in line]
    yield from paragraphs(file, "comment", comments)
    line_of = line_counter(text, first)
    for match in re.finditer(r"\bCOMMENT ON [^;']*? IS\b|\bRAISE EXCEPTION\b|\bHINT =", text):
        parts, at = [], match.end()
        while found := re.compile(r"\s*'((?:[^']|'')*)'").match(text, at):
            parts.append((line_of(found.start(1)), found[1].replace("''", "'")))
            at = found.end()
        if parts:
            yield joined(file, "message", parts)


def python(file, text):
    """Yields the comments and docstrings of Python."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    comments = [(each.start[0], each.string.strip("#!-: ")) for each in tokens if each.type == tokenize.COMMENT]
    yield from paragraphs(file, "comment", comments)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node):
            yield from paragraphs(file, "docstring", numbered(node.body[0].value.value, node.body[0].lineno))


def hashed(file, text):
    """Yields the comments of a language in which `#` begins a comment: CMake, shell."""
    lines = [(n, line.strip()) for n, line in numbered(text)]
    yield from paragraphs(file, "comment", [(n, line.strip("#!- ")) for n, line in lines if line.startswith("#")])


def slashed(file, text):
    """Yields the comments of a language in which `//` begins a comment: JavaScript."""
    found = [(n, re.search(r"(?:^|\s)//(.*)", line)) for n, line in numbered(text)]
    yield from paragraphs(file, "comment", [(n, match[1]) for n, match in found if match])


def markdown(file, text):
    """Yields the paragraphs, list items, rows and sessions of a Markdown page."""
    pieces = []
    for n, line in numbered(text):
        if re.match(r"\s*(?:[-*]|\d+\.|#+|\||\$) ?", line):
            pieces.append((n, ""))
        pieces.append((n, line))
    yield from paragraphs(file, "page", pieces)


_NEW_PARAGRAPH = ("Pp", "It", "Sh", "Ss", "Bl", "El", "Bd", "Ed", "Nm", "Nd")


def mdoc(file, text):
    """Yields the paragraphs of a manual page as words, without its macros."""
    pieces = []
    for n, line in numbered(text):
        macro = re.match(r"\.(\S+)\s*(.*)", line)
        if macro and macro[1] in _NEW_PARAGRAPH:
            pieces.append((n, ""))
        if not macro or macro[1] not in ("Dd", "Dt", "Os", "Bl", "Bd", '\\"'):
            pieces.append((n, re.sub(r"\\&|\\f.|\\(?=-)|\\e$", "", macro[2] if macro else line)))
    yield from paragraphs(file, "page", pieces)


def json_schema(file, text):
    """Yields the descriptions of a JSON Schema."""
    for n, line in numbered(text):
        for found in re.findall(r'"description": ("(?:[^"\\]|\\.)*")', line):
            yield joined(file, "message", [(n, json.loads(found))])


def screen(name, text):
    """Yields the paragraphs of a help page; a heading, a flag, or a line of two columns begins a new one."""
    pieces = []
    for n, line in numbered(text):
        if re.search(r"\S {2,}\S", line) or re.match(r"  --?\w|\S.*:$", line):
            pieces.append((n, ""))
        pieces.append((n, line))
    yield from paragraphs(name, "help", pieces)


READERS = {".cpp": cpp, ".hpp": cpp, ".sql": sql, ".py": python, ".mjs": slashed, ".cmake": hashed, ".sh": hashed,
           ".txt": hashed, ".md": markdown, ".1": mdoc, ".7": mdoc, ".json": json_schema}  # fmt: skip


def read(root, path):
    """Yields the texts of a file of the repository at `root`, by the kind of the file."""
    file = path.relative_to(root).as_posix()
    reader = READERS[path.suffix]
    if reader is cpp and file.startswith("tests/"):
        reader = cpp_tests
    return reader(file, path.read_text())

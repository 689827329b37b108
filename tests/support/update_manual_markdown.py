"""Writes the manual pages of a folder as Markdown, for readers of the repository.

`cmake --build BUILD --target update-docs` calls it with the folder of the pages and the folder to write to. mandoc
translates. This script then turns references into links, aligned columns into tables, and entities into characters."""

import re
import subprocess
import sys
from pathlib import Path

REFERENCE = re.compile(r"\b(relay-admin[a-z-]*)\(([17])\)")
COMMAND = re.compile(r"^\*\*([a-z-]+(?: [a-z-]+)*)\*\*$", re.MULTILINE)
TABLE = re.compile(r"^\t\*[^*\n]+\*(?: {2,}\*[^*\n]+\*)+ *\n(?:^\t.*\n)+", re.MULTILINE)
# A hyphen at the beginning of a line would begin a list, so it stays an entity.
ENTITY = re.compile(r"&#(34|39|126);|(?<=[^\n>\t ])&#(45);|(?<=\S )&#(45);")


def table(block):
    """Returns a Markdown table for lines that mandoc has aligned; the titles in the first line show where columns begin. Raises
    ValueError if a cell is wider than its column, whose text would be cut in two."""
    lines = [line[1:].rstrip() for line in block.splitlines()]
    starts = [found.start() for found in re.finditer(r"(?<!\S)\*", lines[0])]
    for line in lines:
        if any(line[start - 1 : start].strip() for start in starts[1:]):
            raise ValueError(f"a cell is wider than its column, give .Bl -column its text: {line}")
    columns = list(zip(starts, [*starts[1:], None]))
    rows = [[line[start:end].strip().replace("|", "\\|") for start, end in columns] for line in lines]
    rows.insert(1, ["---"] * len(starts))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def markdown(page, names):
    """Returns a page as Markdown. `names` are the files of all pages, such as `relay-admin-block.1`."""
    run = subprocess.run(["mandoc", "-Tmarkdown", page], check=True, capture_output=True, text=True)
    text = ENTITY.sub(lambda found: chr(int(found[found.lastindex])), run.stdout)
    title, _, body = text.partition("\n")
    body = TABLE.sub(lambda found: table(found[0]), body)
    body = REFERENCE.sub(lambda found: link(found[0], f"{found[1]}.{found[2]}", names), body)
    before, heading, after = body.partition("\n# COMMANDS\n")
    commands, end, rest = after.partition("\n# ")
    commands = COMMAND.sub(lambda found: link(found[0], f"relay-admin-{found[1].replace(' ', '-')}.1", names), commands)
    return f"{title}\n{before}{heading}{commands}{end}{rest}"


def link(text, name, names):
    """Returns a link to a page, or the text alone if there is no such page."""
    return f"[{text}]({name}.md)" if name in names else text


def main(source, target):
    """Writes one file per page of `source` into `target`, and removes files of pages that are gone."""
    pages = sorted(path for path in source.iterdir() if path.suffix in (".1", ".7"))
    names = {path.name for path in pages}
    target.mkdir(parents=True, exist_ok=True)
    for path in pages:
        (target / f"{path.name}.md").write_text(markdown(path, names))
    for path in target.glob("relay-admin*.md"):
        if path.stem not in names:
            path.unlink()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))

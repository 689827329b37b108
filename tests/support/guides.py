"""The guides of section 7: their listings, each marked with its language, as a reader sees them."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from .shell_lines import unescape

SOURCE = Path(os.environ.get("RELAY_SOURCE_DIR", Path(__file__).resolve().parents[2]))
GUIDES = {path.stem.removeprefix("relay-admin-"): path.read_text() for path in sorted((SOURCE / "man").glob("*.7"))}
_PART = re.compile(
    r'^\.S[sh] (?P<title>.*)$|(?:^\.\\" (?P<language>\w+)(?: (?P<code>\d+))?\n)?^\.Bd -literal.*\n(?P<text>(?:.*\n)*?)^\.Ed',
    re.MULTILINE,
)


@dataclass(frozen=True)
class Listing:
    """`title`: the title of its section. `code`: the exit code with which it ends, for shell."""

    title: str
    language: str
    code: int
    text: str


def listings(guide, language=None):
    """The listings of a guide, in order."""
    found, title = [], ""
    for part in _PART.finditer(GUIDES[guide]):
        title = part["title"] or title
        if part["title"] is None:
            found.append(Listing(title, part["language"], int(part["code"] or 0), unescape(part["text"])))
    return [each for each in found if language in (None, each.language)]

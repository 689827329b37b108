"""The test vectors of the API key, which every implementation must pass."""

import json
from pathlib import Path

FILE = Path(__file__).resolve().parents[1] / "vectors" / "api_key.json"


def load():
    """The whole document: `valid`, `accepted_with_one_newline`, `invalid`."""
    return json.loads(FILE.read_text(encoding="utf-8"))

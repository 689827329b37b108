"""The test vectors, which every implementation must pass."""

import json
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "vectors"


def load(name="api_key"):
    """A whole document. api_key: `valid`, `accepted_with_one_newline`, `invalid`; signing: its `about` explains it."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))

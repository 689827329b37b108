"""Writes tests/cli/golden/VERSION: the JSON output of every command of $RELAY_ADMIN, some of each kind and shape.

Only for a version that is not released yet: `cmake --build BUILD --target update-golden`. See tests/cli/golden/README.md."""

import json
import re
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.cluster import Cluster  # noqa: E402
from support.database import Database  # noqa: E402
from support.every_command import play  # noqa: E402

MOST = 4
"""Documents of one kind and form, each with something in it that those before it have not."""


def outline(value, path="$"):
    """Returns the paths of a document with their types: a document with new ones is worth keeping."""
    found = {(path, type(value).__name__)}
    if isinstance(value, dict):
        for key, each in value.items():
            found |= outline(each, f"{path}.{key}")
    elif isinstance(value, list):
        for each in value:
            found |= outline(each, f"{path}.[]")
    return found


def chosen(documents):
    """Returns the fewest documents that show the most, in the order in which they were printed."""
    documents = [document for at, document in enumerate(documents) if document not in documents[:at]]
    kept, shown = [], set()
    while len(kept) < MOST:
        best = max(documents, key=lambda document: len(outline(document) - shown))
        if not outline(best) - shown:
            break
        kept.append(best)
        shown |= outline(best)
    return [document for document in documents if document in kept]


def main(golden):
    with tempfile.TemporaryDirectory(prefix="rly-golden-") as folder, Cluster() as cluster:
        home = Path(folder) / "home"
        home.mkdir()
        shots = play(Database(cluster), home, Path(folder))
    by_kind = {}
    for shot in shots:
        for document in shot.documents:
            anywhere = re.sub(r"/tmp/rly-state-\w+", "/home/ana/.local/state", json.dumps(document))
            by_kind.setdefault((document["kind"], "schema" in document), []).append(json.loads(anywhere))
    (version,) = {document["meta"]["version"] for (_, whole), found in by_kind.items() if whole for document in found
                  if "meta" in document}  # fmt: skip
    target = golden / version
    target.mkdir(exist_ok=True)
    for old in target.glob("*.jsonl"):
        old.unlink()
    for _, found in sorted(by_kind.items()):
        with open(target / f"{found[0]['kind']}.jsonl", "a", encoding="utf-8") as file:
            file.writelines(json.dumps(document, separators=(",", ":")) + "\n" for document in chosen(found))
    print(f"{target}: {len(list(target.iterdir()))} kinds")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

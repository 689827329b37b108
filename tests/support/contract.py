"""Checks the JSON output of the program against its own JSON Schemas: `schema json KIND` is the contract.

A schema alone is tolerant: it lets a later version add keys, and an older one lack them. The output of this build must
also have every key that its own schemas describe, and no other."""

import json
import re
import subprocess
from functools import lru_cache

import jsonschema

from . import binaries, command_table

WHOLE_KEY = re.compile(r"\brelay_[sa][kt]_[0-9a-hjkmnp-tv-z]{12}_[0-9A-Za-z]{49}\b")

seen = set()
"""(kind, "document" or "line") of everything that was checked in this process."""


@lru_cache(maxsize=None)
def schema(kind):
    """The JSON Schema that the program under test has for a kind; None if it has none."""
    command = [binaries.relay_admin(), "schema", "json", kind]
    printed = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return json.loads(printed.stdout) if printed.returncode == 0 else None


@lru_cache(maxsize=None)
def _validator(kind):
    jsonschema.Draft202012Validator.check_schema(schema(kind))
    return jsonschema.Draft202012Validator(schema(kind))


def faults(document):
    """Returns the errors of a document or line by the published schema of its kind, as texts."""
    kind = document.get("kind")
    if not isinstance(kind, str) or schema(kind) is None:
        return [f"kind {kind!r} has no JSON Schema"]
    return [f"{kind}: {error.json_path}: {error.message}" for error in _validator(kind).iter_errors(document)]


def parts(root, node, value):
    """`node` and every schema that it sends `value` to: by $ref, allOf, anyOf, and if on the presence of keys."""
    found = [node]
    if "$ref" in node:
        found += parts(root, root["$defs"][node["$ref"].rpartition("/")[2]], value)
    for inner in (*node.get("allOf", ()), *node.get("anyOf", ())):
        found += parts(root, inner, value)
    if "if" in node:
        branch = "then" if set(node["if"]["required"]) <= set(value) else "else"
        found += parts(root, node[branch], value)
    return found


def gaps(root, nodes, value, path="$"):
    """Returns the keys of `value` that no schema describes, and the described ones that it lacks, as texts."""
    found = []
    if any(node.get("additionalProperties") for node in nodes):
        return found  # documented as keys that users choose
    if isinstance(value, dict):
        described = {}
        for node in nodes:
            for key, inner in node.get("properties", {}).items():
                described.setdefault(key, []).append(inner)
        found += [f"{path}.{key} is not described" for key in value if key not in described]
        found += [f"{path}.{key} is missing" for key in described if key not in value]
        for key in set(value) & set(described):
            inner = [part for node in described[key] for part in parts(root, node, value[key])]
            found += gaps(root, inner, value[key], f"{path}.{key}")
    elif isinstance(value, list):
        items = [node["items"] for node in nodes if "items" in node]
        for at, entry in enumerate(value):
            inner = [part for node in items for part in parts(root, node, entry)]
            found += gaps(root, inner, entry, f"{path}[{at}]")
    return found


def check(document):
    """Fails unless a document or line of this build is exactly as its kind's schema says."""
    found = faults(document)
    if not found:
        root = schema(document["kind"])
        found = [f"{document['kind']}: {gap}" for gap in gaps(root, parts(root, root, document), document)]
    if WHOLE_KEY.search(json.dumps(document)):
        found.append("it holds a whole key")
    assert not found, "against the JSON contract:\n  " + "\n  ".join(found[:10])
    seen.add((document["kind"], "document" if "schema" in document else "line"))


def json_format(words):
    """"json" or "jsonl" if a command line asks for it, else None; the last --output counts."""
    chosen, words = None, [word if isinstance(word, str) else "" for word in words]
    for at, word in enumerate(words):
        if word == "--":
            break
        if word == "--json":
            chosen = "json"
        elif word in ("-o", "--output"):
            chosen = words[at + 1] if at + 1 < len(words) else None
        else:
            match = re.fullmatch(r"(?:-o=?|--output=)(\w+)", word)
            chosen = match.group(1) if match else chosen
    return chosen if chosen in ("json", "jsonl") else None


def _prints(words):
    """Returns what the command of a line prints: "document", "stream" or "text"; "" if it names no command."""
    command = command_table.command_of(words)
    return command.prints if command else ""


def is_plain(words):
    """True if stdout is not for documents: plain commands, help, or a secret alone."""
    texts = [word for word in words if isinstance(word, str)]
    bare = tuple(word for word in texts if not word.startswith("-"))
    if bare[:2] == ("schema", "json"):
        return bool(set(bare[2:]) - {"json", "jsonl"})  # of a KIND, and not the value of -o
    return (
        {"-h", "--help", "--secret-stdout"} & set(texts)
        or (("--admin-token" in texts) and "stdout" in texts)
        or bare[:1] == ("__complete",)
        or _prints(words) == "text"
    )


def is_feed(words):
    """True if the command prints lines for as long as it runs: it has no summary."""
    return _prints(words) == "stream"


def check_run(words, code, stdout, stderr):
    """Checks everything that a run printed in JSON mode against the contract. Fails with the errors found.

    Everything on stdout is documents; a failed run without any ends stderr with an Error of the same exit code.
    """
    chosen = json_format(words)
    if chosen is None or code < 0:
        return
    told = [json.loads(line) for line in stderr.splitlines() if line.startswith('{"')]
    for document in told:
        check(document)
    if not is_plain(words):
        documents = [json.loads(line) for line in stdout.splitlines()]
        chosen_fields = any(isinstance(word, str) and word.startswith("--fields") for word in words)
        for document in documents:
            if not chosen_fields:
                check(document)
            elif "schema" in document:
                check({**document, "items": []} if "items" in document else document)
        if documents and not is_feed(words):
            assert ("schema" in documents[-1]) and (chosen == "jsonl" or len(documents) == 1)
            assert chosen == "json" or documents[-1]["kind"] == "Summary", "the last line is not a Summary"
    if code > 0 and not stdout:
        last = stderr.rstrip("\n").rpartition("\n")[2]
        assert last.startswith("{"), "the last line of stderr is no object"
        error = json.loads(last)
        assert error["kind"] == "Error" and error["error"]["exit"] == code, f"exit code {code}, but {error}"
    else:
        assert not any(document["kind"] == "Error" for document in told), "it told an error, and something else as well"

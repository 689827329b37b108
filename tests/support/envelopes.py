"""The test vectors of message envelopes, which every check of them must pass; and envelopes that nearly keep the rules."""

import base64
import json
from datetime import datetime
from pathlib import Path

from .gateways import Gateway

FILE = Path(__file__).resolve().parents[1] / "vectors" / "envelopes.json"
DOCUMENT = json.loads(FILE.read_text(encoding="utf-8"))
VECTORS = DOCUMENT["vectors"]
NOW = datetime.fromisoformat(DOCUMENT["now"].replace("Z", "+00:00")).timestamp()


def raw(vector):
    """The bytes of a vector, as a receiver gets them."""
    if "base64" in vector:
        return base64.b64decode(vector["base64"])
    if "parts" in vector:
        return "".join(text * times for text, times in vector["parts"]).encode()
    if "text" in vector:
        return vector["text"].encode()
    fields = {**DOCUMENT["good"], **vector.get("with", {})}
    return json.dumps({name: fields[name] for name in fields if name not in vector.get("without", ())}).encode()


def judged(language, envelopes, *, agent=DOCUMENT["agent"], messages="optional"):
    """What the kit says of each envelope (bytes): {ok, reason, problems}."""
    said = []
    with Gateway(language, part="envelope") as checker:
        for start in range(0, len(envelopes), 2000):
            some = [base64.b64encode(one).decode() for one in envelopes[start : start + 2000]]
            said += checker.call("check", envelopes=some, tenant=DOCUMENT["tenant"], agent=agent, window=60, messages=messages, now=NOW)["checks"]
    return said


PIECES = [
    "{", "}", "[", "]", ":", ",", '"', "\\", "\\u0000", "\\ud800", "\\n", "\n", " ", "\0", "null", "1e400", "-0", "1E5", "é", "\u2028",
    "tenantId", "payload", '"timestamp":"2026-02-29T00:00:00Z",', "T", "Z", "+05:30", ".", "60", "0000", "acme", "A", "\ufeff", "[" * 70,
]  # fmt: skip


def mutated(random, times=3):
    """The bytes of a good envelope with up to `times` changes: pieces put in, parts cut out, doubled or replaced."""
    good = {**DOCUMENT["good"], "payload": {"n": [1.5, "x", None]}, "correlationId": "c", "signature": "v1.k.s"}
    good[random.choice(("tenantId", "agentId", "x", "y"))] = random.choice(("globex", "acme"))
    good["timestamp"] = random.choice((good["timestamp"], good["timestamp"], "2024-02-29T23:59:60.5-05:30"))
    names = list(good)
    random.shuffle(names)
    text = json.dumps({name: good[name] for name in names})
    for _ in range(random.randint(1, times)):
        at = random.randrange(len(text) + 1)
        end = min(len(text), at + random.choice((0, 1, 1, 2, 5, 20)))
        text = text[:at] + random.choice((*PIECES, "", text[at:end] * 2, random.choice("0123456789"))) + text[end:]
    return text.encode()

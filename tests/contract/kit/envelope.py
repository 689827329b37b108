"""Checks the envelope of a message before an agent handles it; asks no database. Copy it into your receiver.

`relay-admin schema json message-envelope` has the rules. It checks no signature, so it accepts messages only where they need none.
"""

import json
import math
import re
import time
from datetime import datetime, timezone

MOST_BYTES, MOST_LEVELS = 256 * 1024, 64
MOST_DECIMALS, MOST_EXPONENT = 16383, 2**30 - 1  # of a number in PostgreSQL
UNREADABLE = "/: must be JSON that every reader can hold: at most 64 levels, no name twice"
TEXT = "must be a text"
MESSAGE_TYPE = re.compile(r"[a-z0-9][a-z0-9_-]*(?:[.][a-z0-9][a-z0-9_-]*)*")
# Its days exist: 2026-02-30 is not one. A leap second may be one in any zone.
TIME = re.compile(
    r"(?!0000)(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|02-(?:0[1-9]|1[0-9]|2[0-8]))|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:[.][0-9]{1,9})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
STRINGS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
NOT_EVERYWHERE = re.compile("[\0\ud800-\udfff]")  # not in PostgreSQL; and halves of pairs


def _number(text):
    """0, because the value is not asked for. A double must hold it, and PostgreSQL, which holds 16383 decimals."""
    mantissa, _, exponent = text.lower().partition("e")
    decimals = len(mantissa.partition(".")[2]) - int(exponent or 0)
    if not math.isfinite(float(text)) or decimals > MOST_DECIMALS or int(exponent or 0) >= MOST_EXPONENT:
        raise ValueError("a number that not every reader holds")
    return 0


def _unique(members):
    if len(dict(members)) < len(members):
        raise ValueError("a name is given twice")
    return dict(members)


def _refuse(text):
    raise ValueError(f"{text} is not JSON")


def _read(raw):
    """Returns what the JSON text holds, with 0 for each number. Raises ValueError if not every reader can hold it."""
    text = raw if isinstance(raw, str) else raw.decode("utf-8")
    depth = deepest = 0
    for bracket in re.findall(r"[][{}]", STRINGS.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    if deepest > MOST_LEVELS:
        raise ValueError("too deep")
    value = json.loads(text, parse_float=_number, parse_int=_number, parse_constant=_refuse, object_pairs_hook=_unique)
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += [*one, *one.values()]
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, str) and NOT_EVERYWHERE.search(one):
            raise ValueError("a text with a NUL or half a pair")
    return value


def envelope_problems(raw):
    """All that is wrong with an envelope, whoever sent it: a list of "PATH: what". `raw`: bytes or text, as received."""
    try:
        if len(raw.encode("utf-8") if isinstance(raw, str) else raw) > MOST_BYTES:
            return ["/: must have at most 256 KiB"]
        envelope = _read(raw)
    except ValueError:  # of which errors of JSON and of UTF-8 are kinds
        return [UNREADABLE]
    return _broken_rules(envelope) if isinstance(envelope, dict) else ["/: must be an object"]


def _broken_rules(envelope):
    def matches(name, pattern):
        return isinstance(envelope.get(name), str) and pattern.fullmatch(envelope[name])

    rules = (
        ("tenantId", TEXT, isinstance(envelope.get("tenantId"), str)),
        ("agentId", TEXT, isinstance(envelope.get("agentId"), str)),
        ("messageType", "must be words in lower case, joined by dots", matches("messageType", MESSAGE_TYPE)),
        ("payload", "is missing", "payload" in envelope),
        ("timestamp", "must be a time of RFC 3339 with a zone", matches("timestamp", TIME)),
        *((name, TEXT, isinstance(envelope.get(name, ""), str)) for name in ("correlationId", "causationId", "signature")),
    )
    return [f"/{name}: {what}" for name, what, kept in rules if not kept]


def seconds_of(timestamp):
    """Seconds since 1970 of a time that TIME matches. 23:59:60 is the second after it."""
    minute = datetime.strptime(timestamp[:16], "%Y-%m-%dT%H:%M").replace(tzinfo=timezone.utc)
    digits = timestamp[17:].rstrip("Z") if timestamp.endswith("Z") else timestamp[17:-6]
    east = 0
    if not timestamp.endswith("Z"):
        east = (int(timestamp[-5:-3]) * 60 + int(timestamp[-2:])) * (-60 if timestamp[-6] == "-" else 60)
    return minute.timestamp() + float(digits) - east


def validate_envelope(raw, tenant_id, agent_id, window, messages, now=None):
    """Returns `ok`, `reason` (ok envelope_invalid tenant_mismatch agent_mismatch stale unverified) and `problems`.

    `tenant_id`, `agent_id`: the sender as you know it, not as it says: from authenticate, or the owner of the queue. None as
    agent_id: you know its organization only. `window`: seconds, `window_seconds` of its policy. `messages`: of its policy;
    unless it is optional, a message is unverified. `now`: seconds since 1970. Record every other reason than ok: with
    relay_api.refuse_message, or as an agent with POST /api/registry/agents/ID/refused."""
    problems = envelope_problems(raw)
    reason = "envelope_invalid"
    if not problems:
        envelope = _read(raw)
        if envelope["tenantId"] != tenant_id:
            reason = "tenant_mismatch"
        elif agent_id is not None and envelope["agentId"] != agent_id:
            reason = "agent_mismatch"
        elif abs(seconds_of(envelope["timestamp"]) - (time.time() if now is None else now)) > window:
            reason = "stale"
        elif messages != "optional":
            reason = "unverified"
        else:
            reason = "ok"
    return {"ok": reason == "ok", "reason": reason, "problems": problems}

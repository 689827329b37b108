"""Three judges of agent cards, SQL, the JSON Schema and the program, and cards that chance has changed."""

import copy
import json
import subprocess
import tempfile
from decimal import Decimal
from pathlib import Path

import jsonschema
import psycopg2

from .binaries import built
from .contract import schema
from .own_key import make_key

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "agent_cards.json"
WHOLE = ("/: is larger", "/: is nested", "/: has a number", "/: has a NUL", "/: has a name", "not JSON")  # then a judge looks no further


def vectors():
    """(cards, texts): each with `name` and `text`; the first with `problems`, the others with `ok`."""
    document = json.loads(VECTORS.read_text(encoding="utf-8"))
    for one in document["cards"] + document["texts"]:
        text = one["text"] if "text" in one else json.dumps(one["card"])
        one["text"] = text.replace("FILL", "x" * one.get("fill", 0))
    return document["cards"], document["texts"]


# ---- the judges; each returns the problems, or None for text that it cannot read


def by_sql(database, text):
    """What relay.card_text_problems finds."""
    try:
        return database.value("SELECT relay.card_text_problems(%s::json)", text)
    except psycopg2.DataError:
        return None  # a NUL, half of a surrogate pair, or a number that numeric cannot hold


def many_by_sql(database, texts):
    """The same for many texts."""
    alone = {at for at, text in enumerate(texts) if "\\u0000" in text or "\\ud800" in text}  # what jsonb may refuse would end the statement
    together = [text for at, text in enumerate(texts) if at not in alone]
    rows = database.rows("SELECT relay.card_text_problems(t::json) AS found FROM unnest(%s::text[]) WITH ORDINALITY AS sent (t, n) ORDER BY n", together)
    found = iter(rows)
    return [by_sql(database, text) if at in alone else next(found)["found"] for at, text in enumerate(texts)]


def by_program(relay, text):
    """What registry check finds."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        result = relay("registry", "check", file.name, "-o", "json")
    assert result.code in (0, 2, 10), result
    if result.code == 2:
        return None
    data = json.loads(result.out)["data"]
    assert data["ok"] == (result.code == 0) == (data["problems"] == []), result
    return data["problems"]


def many_by_program(texts):
    """The same for many texts, in one process that has its parts. Where registry check has a problem of the text as a whole, it has None."""
    assert not any("\n" in text for text in texts), "a card per line"
    done = subprocess.run([built("card_judge")], input="\n".join(texts) + "\n", capture_output=True, encoding="utf-8", errors="surrogatepass", check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


class BySchema:
    """The JSON Schema, with what none can say: the size, the depth, long decimals, names given twice, many tags, and ids of skills that differ."""

    def __init__(self):
        self.validator = jsonschema.Draft202012Validator(schema("agent-card"))

    def accepts(self, text):
        """Whether it is a card."""
        card = json.loads(text, parse_int=lambda number: int(number) if len(number) < 300 else float(number))
        if depth(card) > 64 or not names_differ(text) or decimals(text) > 16383 or jsonb_size(text) > 65536:
            return False
        return self.validator.is_valid(card) and ids_differ(card) and tags(card) <= 500


def depth(value):
    """How many objects and lists are inside each other."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


def names_differ(text):
    """Whether no object has a name twice."""
    twice = []
    json.loads(text, object_pairs_hook=lambda members: twice.append(len(dict(members)) < len(members)))
    return not any(twice)


def decimals(text):
    """The most that a number has, as PostgreSQL counts."""
    found = [0]

    def count(number):
        mantissa, _, exponent = number.lower().partition("e")
        found.append(len(mantissa.partition(".")[2]) - int(exponent or 0) if abs(int(exponent or 0)) < 2**30 - 1 else 2**30)

    json.loads(text, parse_float=count)
    return max(found)


def tags(card):
    """How many all skills have together."""
    return sum(len(skill["tags"]) for skill in card["skills"])


class _Exact(str):
    """A number as it was written."""


def jsonb_size(text):
    """How many bytes PostgreSQL writes."""

    def size(value):
        if isinstance(value, _Exact):
            return len(in_full(value))
        if isinstance(value, dict):
            return 2 + sum(size(name) + 2 + size(inner) for name, inner in value.items()) + 2 * max(len(value) - 1, 0)
        if isinstance(value, list):
            return 2 + sum(map(size, value)) + 2 * max(len(value) - 1, 0)
        return len(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))

    return size(json.loads(text, parse_int=_Exact, parse_float=_Exact))


def in_full(number):
    """A number with all its digits, as numeric writes it."""
    value = Decimal(number)
    text = f"{value:f}" if value.as_tuple().exponent < 0 else str(int(value))
    return text.removeprefix("-") if value == 0 else text


def ids_differ(card):
    """Whether no two skills have the same id."""
    skills = card.get("skills") if isinstance(card, dict) else None
    ids = [skill["id"] for skill in skills or () if isinstance(skill, dict) and isinstance(skill.get("id"), str)]
    return len(ids) == len(set(ids))


# ---- cards that chance has changed

URLS = ("https://a.example", "https://a.example/x y", "http://localhost", "http://localhost:80/", "http://localhost:8o/", "http://[::1]:1?x",
        "http://127.0.0.1#x", "http://127.0.0.10", "https://", "https://é.example", "javascript:x", "https://a\n", "http://localhost:80", "https://[",
        "https://_a", "http://LOCALHOST", "https://a\u00a0", "", "https:/a.example", "http://[::1]x", "http://localhost:/", "https://\x7f")  # fmt: skip
LONG = ("n" * 255, "n" * 256, "é" * 255, "é" * 256, "𐌰" * 255, "𐌰" * 256)
NAMES = ("name", "description", "version", "url", "supportedInterfaces", "additionalInterfaces", "protocolVersion", "preferredTransport", "capabilities",
         "defaultInputModes", "defaultOutputModes", "skills", "id", "tags", "uri", "extensions", "transport", "protocolBinding", "x", "", "streaming")  # fmt: skip


def odd_value(chance):
    """Anything that may be where something else should be."""
    kind = chance.randrange(10)
    if kind < 3:
        return chance.choice((None, True, False, 0, -1, 7, 1.5, 10**30, "", "x", [], {}, [[]], {"": None}))
    if kind < 5:
        return chance.choice(URLS)
    if kind == 5:
        return chance.choice(LONG)
    if kind == 6:
        key = make_key()
        return chance.choice((key, f"({key[:21]})", key[:20], key[1:], "\r" + key[1:], key.upper(), "\\" + key, f"relay_dt_{'0' * 12}"))
    if kind == 7:
        return chance.choice(("\u0000", "\ud800", "\u202e", "\u0085", "a\u2028b", '"\\/\b\f\n\r\t', "𐌰", "<b>"))
    if kind == 8:
        return [chance.choice(("t", 1, None, "")) for _ in range(chance.choice((1, 2, 99, 100, 101)))]
    deep = "x"
    for _ in range(chance.choice((1, 60, 61, 62, 63, 64, 65))):
        deep = [deep] if chance.random() < 0.5 else {"d": deep}
    return deep


def places(value, found):
    """All (container, key) in a value."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        found.append((value, key))
        if isinstance(inner, (dict, list)):
            places(inner, found)
    return found


def mutate(chance, cards):
    """A card with one to four changes, as text."""
    card = copy.deepcopy(chance.choice(cards))
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 4))):
        where = places(card, []) if isinstance(card, (dict, list)) else []
        if not where or chance.random() < 0.01:
            card = odd_value(chance)
            continue
        container, key = chance.choice(where)
        what = chance.randrange(8)
        if what == 0:
            del container[key]
        elif what <= 3:
            container[key] = odd_value(chance)
        elif what == 4 and isinstance(container, dict):
            container[chance.choice((*NAMES, *LONG, make_key()[: chance.choice((20, 21))]))] = chance.choice((container[key], odd_value(chance)))
        elif what == 5 and isinstance(container, list):
            container.extend(copy.deepcopy(container[key]) for _ in range(chance.choice((1, 2, 15, 16, 98, 99, 100))))
        elif what == 6 and isinstance(container[key], str):
            container[key] = chance.choice((container[key] + chance.choice(" \n\té"), container[key][:1], container[key] * 40))
        elif what == 7 and isinstance(card, dict) and chance.random() < 0.2:
            text = json.dumps(card | {"pad": ""})
            card["pad"] = "p" * max(65536 - jsonb_size(text) + chance.choice((-1, 0, 1)), 0)
    ascii_only = chance.random() < 0.5
    text = json.dumps(card, ensure_ascii=ascii_only, separators=chance.choice(((",", ":"), (", ", ": "))))
    return text if ascii_only or not any("\ud800" <= c <= "\udfff" for c in text) else json.dumps(card)

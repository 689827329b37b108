"""Ways in which a key hides in a text.

A way is (kind, name, text of the file). `every_way(key)` makes them as data: what is around the key (borders), how it is
written (encodings), how it is cut into lines, and nestings of two of these (key_forms).
"""

import base64
import email.header
import html
import itertools
import json
import quopri
import textwrap
import urllib.parse

from .key_forms import (
    BASE32, BASE64, BORDERS, DUMPS, ESCAPES, HEX, INSIDE, LINE_ENDS, LINES, NUMBERS, WIDE, WORDS, each, put_inside, wrapped,
)  # fmt: skip
from .log_forms import CUT_LINES, LOGGED


def to_bytes(text):
    return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text


def every_way(key):
    """Yields (kind, name, bytes)."""
    for border, (before, after) in BORDERS.items():
        yield "clear text", border, to_bytes(before + key + after)
        for name, escape in ESCAPES.items():
            yield "escapes", f"{name}, {border}", to_bytes(before + escape(key) + after)
        for name, what in INSIDE.items():
            yield "inside the key", f"{name}, {border}", to_bytes(before + put_inside(what, 9)(key) + after)
        for name, end in LINE_ENDS.items():
            yield "line ends", f"{name}, {border}", to_bytes(before + put_inside(end, 16)(key) + after)
        for name, encode in BASE64.items():
            yield "base64", f"{name}, {border}", encode(to_bytes(before + key + after))
        for name, encode in LINES.items():
            yield "base64", f"{name}, {border}", encode(to_bytes(before + key + after))
        for name, encode in BASE32.items():
            yield "base32", f"{name}, {border}", encode(to_bytes(before + key + after))
        rows = {} if border == "binary" else {**WORDS, **LOGGED}  # a row of words begins with a word of text
        for name, encode in {**HEX, **NUMBERS, **DUMPS, **rows}.items():
            yield "hex, numbers and dumps", f"{name}, {border}", encode(to_bytes(before + key + after))
        for name, encode in WIDE.items():
            yield "UTF-16 and 32", f"{name}, {border}", encode(before + key + after)
    for place, (name, what) in itertools.product(range(1, len(key)), (("colour", "\x1b[m"), ("line end", "\n  "), ("zero width", "\u200b"))):
        yield "inside the key", f"{name} at {place}", to_bytes(put_inside(what, place)(key))
    for place, (name, (first, last)) in itertools.product(range(1, len(key)), CUT_LINES.items()):
        text = f"{first[0]}GET /?key={key[:place]}{first[1]}\n{last[0]}{key[place:]} 200{last[1]}\n"
        yield "lines of a log", f"{name} at {place}", to_bytes(f"{first[0]}before\n{text}{first[0]}after\n")
    for width, (name, end) in itertools.product((10, 20, 24, 40, 64, 70), LINE_ENDS.items()):
        yield "line ends", f"every {width}, {name}", to_bytes("key: " + wrapped(key, width, end) + "\n")
    for length, (name, encode) in itertools.product(range(4), BASE64.items()):
        yield "base64", f"alignment {length}, {name}", b'  "key": "' + encode(b"u" * length + to_bytes(key)) + b'"\n'
        yield "base64", f"touched {length}, {name}", b"ab/cd"[:length] + encode(to_bytes(key) + b"ab/cd"[:length])
    yield "inside the key", "keypad", to_bytes(put_inside("\x1b=", 9)(key))
    yield "escapes", "html without semicolons", to_bytes(each("&#{}")(key))
    yield "escapes", "html with more zeros", to_bytes(each("&#x{:012x};")(key))
    yield "escapes", "header in lines", email.header.Header(f"clé: {key} est publique", "utf-8", maxlinelen=60).encode().encode()
    yield "two keys", "without a gap", to_bytes(key + key)
    yield "two keys", "in an attribute after a prefix", to_bytes(f'relay_sk_<a href="?key={key}">')
    yield "two keys", "in a comment that has no end", to_bytes(f"relay_sk_<!-- {key}")
    yield "two keys", "the first one cut", to_bytes(key[:40] + key)
    yield "two keys", "the second one cut", to_bytes(key + key[:40])
    yield from nested(key)


def often(text, again, times):
    for _ in range(times):
        text = again(text)
    return text


def many_levels(key):
    """Text that was escaped again and again, as logs of logs are."""
    for times in (4, 5, 6, 8):
        in_json = lambda text: json.dumps({"log": text})
        for name, text in {"underscores": key.replace("_", "\\u005f"), "line ends": put_inside("\n  ", 16)(key), "base64": base64.encodebytes(to_bytes(key)).decode()}.items():
            yield "nested", f"{name} in JSON, {times} times", to_bytes(often(f"a\n{text}\nb", in_json, times))
        yield "nested", f"percent, {times} times", to_bytes(often(each("%{:02X}")(key), urllib.parse.quote, times))
        yield "nested", f"html, {times} times", to_bytes(often(each("&#{};")(key), html.escape, times))


def nested(key):
    yield from many_levels(key)
    text = f"user:{key}\n"
    data = to_bytes(text)
    for (inner, escape), (outer, encode) in itertools.product(ESCAPES.items(), {**BASE64, **HEX}.items()):
        yield "nested", f"{inner} in {outer}", encode(to_bytes(escape(text)))
    for (inner, escape), (outer, encode) in itertools.product(ESCAPES.items(), WIDE.items()):
        yield "nested", f"{inner} in {outer}", encode(escape(text))
    for (inner, encode), (outer, wide) in itertools.product({**BASE64, **HEX, **DUMPS}.items(), WIDE.items()):
        yield "nested", f"{inner} in {outer}", wide(encode(data).decode("latin-1"))
    for (inner, wide), (outer, encode) in itertools.product(WIDE.items(), {**BASE64, **HEX, **DUMPS}.items()):
        yield "nested", f"{inner} in {outer}", encode(wide(text))
    for (inner, first), (outer, second) in itertools.product({**BASE64, **HEX}.items(), {**BASE64, **HEX}.items()):
        yield "nested", f"{inner} in {outer}", second(first(data))
    for (inner, encode), dump in itertools.product({**BASE64, **HEX}.items(), ("xxd", "hexdump-C", "od")):
        yield "nested", f"{inner} in {dump}", DUMPS[dump](encode(data))
    for inner, what in INSIDE.items():
        for outer in ("base64", "base64-76", "hex", "xxd"):
            yield "nested", f"{inner} in {outer}", {**BASE64, **HEX, **DUMPS}[outer](to_bytes(put_inside(what, 9, 40)(text)))
        yield "nested", f"{inner} in JSON", to_bytes(json.dumps({"log": put_inside(what, 9)(text)}))
        yield "nested", f"{inner} in percent", to_bytes(urllib.parse.quote(put_inside(what, 9)(text)))
    for inner, end in LINE_ENDS.items():
        cut = put_inside(end, 16)(text)
        yield "nested", f"{inner} in JSON", to_bytes(json.dumps({"log": cut}))
        yield "nested", f"{inner} in JSON in JSON", to_bytes(json.dumps({"log": json.dumps({"log": cut})}))
        yield "nested", f"{inner} in base64", base64.b64encode(to_bytes(cut))
    for name, encode in {**BASE64, **HEX, **DUMPS}.items():
        made = encode(data).decode("latin-1")
        yield "nested", f"{name} in JSON", to_bytes(json.dumps({"log": made}))
        yield "nested", f"{name} in percent", to_bytes(urllib.parse.quote(made, safe=""))
        yield "nested", f"{name} in HTML", to_bytes(html.escape(made))
        yield "nested", f"{name} in quoted-printable", quopri.encodestring(to_bytes(made))
        yield "nested", f"{name}, indented", to_bytes(textwrap.indent(made, "      "))
        yield "nested", f"{name}, quoted", to_bytes(textwrap.indent(made, "> "))
    for (inner, first), (outer, second) in itertools.permutations(ESCAPES.items(), 2):
        if not inner.endswith(("-twice", "-thrice")) and not outer.endswith(("-twice", "-thrice")):
            yield "nested", f"{inner} in {outer}", to_bytes(second(first(text)))

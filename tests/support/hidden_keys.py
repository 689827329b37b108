"""Ways in which a key hides in a text, made with other tools than the scanner's: Python's codecs, xxd, od, hexdump.

A way is (kind, name, text of the file). `every_way(key)` makes them as data: what is around the key (borders), how it is
written (encodings), how it is cut into lines, and nestings of two of these.
"""

import base64
import html
import itertools
import json
import quopri
import subprocess
import textwrap
import urllib.parse

# What touches the key. The scanner needs no word border.
BORDERS = {
    "alone": ("", ""),
    "line": ("2026-11-29 INFO header X-Api-Key: ", " end\n"),
    "letters": ("abc", "xyz"),
    "digits": ("123", "456"),
    "underscores": ("__", "__"),
    "json": ('{"key":"', '","n":1}\n'),
    "escaped-line-ends": ("first\\n", "\\nlast"),
    "escaped-return": ("C:\\", "\\r\\n"),
    "escaped-tab": ("a\\t", "\\tb"),
    "env": ("RELAY_API_KEY=", "\n"),
    "url": ("https://h.example/?a=b&key=", "&c=%20"),
    "binary": ("\x01\x02\x7f", "\x00\xff"),
    "colour": ("\x1b[31m", "\x1b[0m"),
    "reset": ("\x1b(B\x1b[m", "\x1b(B\x1b[m"),
    "a-prefix": ("relay_sk_", "relay_sk_"),
}


def each(form):
    """Writes every character by a format of its code."""
    return lambda text: "".join(form.format(ord(c)) for c in text)


def underscores(new):
    return lambda text: text.replace("_", new)


def put_inside(what, *places):
    """Inserts `what` into the middle of the key, which is the longest run of its characters."""

    def insert(text):
        at = max(text.find("relay_sk_0"), text.find("relay_sk_"), 0)
        for place in sorted(places, reverse=True):
            text = text[: at + place] + what + text[at + place :]
        return text

    return insert


ESCAPES = {
    "json-all": each("\\u{:04x}"),
    "json-all-capitals": each("\\u{:04X}"),
    "json-underscore": underscores("\\u005f"),
    "braces-all": each("\\u{{{:x}}}"),
    "long-unicode-all": each("\\U{:08x}"),
    "x-all": each("\\x{:02x}"),
    "x-underscore": underscores("\\x5F"),
    "octal-all": each("\\{:03o}"),
    "markdown": underscores("\\_"),
    "json-twice": lambda text: each("\\u{:04x}")(text).replace("\\", "\\\\"),
    "percent-all": each("%{:02X}"),
    "percent-all-lower": each("%{:02x}"),
    "percent-underscore": underscores("%5F"),
    "percent-twice": lambda text: urllib.parse.quote(each("%{:02X}")(text)),
    "percent-thrice": lambda text: urllib.parse.quote(urllib.parse.quote(underscores("%5f")(text))),
    "percent-u": each("%u{:04X}"),
    "html-decimal-all": each("&#{};"),
    "html-hex-all": each("&#x{:x};"),
    "html-hex-capitals": each("&#X{:X};"),
    "html-padded": underscores("&#0095;"),
    "html-named": underscores("&lowbar;"),
    "html-twice": lambda text: html.escape(each("&#{};")(text)),
    "quoted-printable-all": each("={:02X}"),
    "quoted-printable-underscore": underscores("=5F"),
    "quoted-printable-lower": underscores("=5f"),
}

INSIDE = {
    "colour": "\x1b[01;31m\x1b[K",
    "colour-256": "\x1b[38;5;196m",
    "colour-rgb": "\x1b[38;2;255;100;100m",
    "reset": "\x1b[m",
    "designation": "\x1b(B",
    "colour-without-esc": "[31m",
    "colour-as-cat-v": "^[[31m",
    "colour-as-x": "\\x1b[31m",
    "colour-as-octal": "\\033[31m",
    "colour-as-json": "\\u001b[31m",
    "colour-as-e": "\\e[31m",
    "colour-as-rsyslog": "#033[31m",
    "colour-as-percent": "%1B%5B31m",
    "zero-width-space": "\u200b",
    "zero-width-joiner": "\u200d",
    "word-joiner": "\u2060",
    "byte-order-mark": "\ufeff",
    "soft-hyphen": "\u00ad",
    "direction": "\u202a",
    "mongolian": "\u180e",
    "variation": "\ufe0f",
    "zero-width-as-json": "\\u200b",
    "zero-width-as-html": "&#8203;",
    "zero-width-as-named": "&ZeroWidthSpace;",
    "zero-width-as-percent": "%E2%80%8B",
    "soft-hyphen-as-html": "&shy;",
    "backspace": "\b",
}

LINE_ENDS = {
    "lf": "\n",
    "crlf": "\r\n",
    "cr": "\r",
    "indented": "\n        ",
    "crlf-indented": "\r\n\t",
    "backslash": "\\\n",
    "backslash-indented": "\\\n    ",
    "backslash-crlf": "\\\r\n",
    "quoted": "\n> ",
    "quoted-twice": "\r\n> > ",
    "comment": "\n# ",
    "slashes": "\n// ",
    "star": "\n * ",
    "bar": " |\n| ",
    "diff-added": "\n+",
    "diff-removed": "\n-",
    "string": '"\n  "',
    "string-plus": '" +\n  "',
    "string-single": "'\n  '",
    "soft-break": "=\n",
    "soft-break-crlf": "=\r\n",
    "escaped": "\\n",
    "escaped-crlf": "\\r\\n",
    "escaped-twice": "\\\\n",
    "form-feed": "\n\f\n",
    "heredoc": " \\\n\t\t",
    "blank-line": "\n\n",
}


def wrapped(text, width, end):
    return end.join(text[at : at + width] for at in range(0, len(text), width))


def run(*argv):
    return lambda data: subprocess.run(argv, input=data, stdout=subprocess.PIPE, check=True).stdout


def spaced_hex(data, separator=b" ", prefix=b""):
    return separator.join(prefix + b"%02x" % byte for byte in data)


def wireshark(data):
    return b"".join(
        b"%04x   %s   %s\n" % (at, spaced_hex(data[at : at + 16]), bytes(c if 32 < c < 127 else 46 for c in data[at : at + 16]))
        for at in range(0, len(data), 16)
    )


def tcpdump(data):
    lines = []
    for at in range(0, len(data), 16):
        words = [data[at + i : at + i + 2].hex().encode() for i in range(0, len(data[at : at + 16]), 2)]
        lines.append(b"\t0x%04x:  %-39s  %s\n" % (at, b" ".join(words), bytes(c if 32 < c < 127 else 46 for c in data[at : at + 16])))
    return b"".join(lines)


DUMPS = {
    "xxd": run("xxd"),
    "xxd-capitals": run("xxd", "-u"),
    "xxd-bytes": run("xxd", "-g1"),
    "xxd-words": run("xxd", "-g4"),
    "xxd-long-words": run("xxd", "-g8"),
    "xxd-little": run("xxd", "-e"),
    "xxd-columns": run("xxd", "-c", "24"),
    "hexdump-C": run("hexdump", "-C"),
    "hexdump": run("hexdump"),
    "hexdump-octal": run("hexdump", "-b"),
    "od": run("od"),
    "od-v": run("od", "-v"),
    "od-x": run("od", "-x"),
    "od-tx1": run("od", "-tx1"),
    "od-tx1z": run("od", "-A", "x", "-tx1z", "-v"),
    "od-tx4": run("od", "-tx4"),
    "od-tx8": run("od", "-tx8"),
    "od-b": run("od", "-b"),
    "od-c": run("od", "-c"),
    "wireshark": wireshark,
    "tcpdump": tcpdump,
}

HEX = {
    "hex": lambda data: data.hex().encode(),
    "hex-capitals": lambda data: data.hex().upper().encode(),
    "hex-0x": lambda data: b"0x" + data.hex().encode(),
    "bytea": lambda data: b"\\x" + data.hex().encode(),
    "xxd-p": run("xxd", "-p"),
    "xxd-p-crlf": lambda data: run("xxd", "-p")(data).replace(b"\n", b"\r\n"),
}


def certificate_hex(data):
    """As openssl prints a key."""
    lines = [spaced_hex(data[at : at + 15], b":") for at in range(0, len(data), 15)]
    return b"pub:\n" + b":\n".join(b"    " + line for line in lines) + b"\n"


# Hexadecimal digits with something between two bytes.
PAIRS = {
    "hex-blanks": spaced_hex,
    "hex-blanks-capitals": lambda data: spaced_hex(data).upper(),
    "hex-colons": lambda data: b"fingerprint " + spaced_hex(data, b":") + b"\n",
    "hex-dashes": lambda data: spaced_hex(data, b"-"),
    "hex-commas": lambda data: b"[" + spaced_hex(data, b", ") + b"]",
    "hex-0x-blanks": lambda data: spaced_hex(data, b" ", b"0x"),
    "hex-array": lambda data: b"char key[] = {\n" + run("xxd", "-i")(data) + b"};\n",
    "hex-array-strings": lambda data: json.dumps([f"0x{byte:02X}" for byte in data]).encode(),
    "hex-array-JSON": lambda data: json.dumps({"source": run("xxd", "-i")(data).decode()}).encode(),
    "certificate": certificate_hex,
    "od-without-offsets": run("od", "-An", "-v", "-tx1"),
    "lines-of-eight": lambda data: b"\n".join(spaced_hex(data[at : at + 8]) for at in range(0, len(data), 8)),
}


def base64_of(url=False, padded=True, width=0, end="\n"):
    def encode(data):
        text = (base64.urlsafe_b64encode if url else base64.b64encode)(data).decode()
        text = text if padded else text.rstrip("=")
        return (wrapped(text, width, end) if width else text).encode()

    return encode


BASE64 = {
    "base64": base64_of(),
    "base64-bare": base64_of(padded=False),
    "base64url": base64_of(url=True),
    "base64url-bare": base64_of(url=True, padded=False),
    "base64-64": base64_of(width=64),
    "base64-76": base64_of(width=76),
    "base64-76-crlf": base64_of(width=76, end="\r\n"),
    "base64-64-indented": base64_of(width=64, end="\n    "),
    "base64-76-quoted": base64_of(width=76, end="\n> "),
    "base64-76-escaped": base64_of(width=76, end="\\n"),
    "base64-64-escaped-crlf": base64_of(width=64, end="\\r\\n"),
}

WIDE = {
    "utf-16-le": lambda text: text.encode("utf-16-le"),
    "utf-16-be": lambda text: text.encode("utf-16-be"),
    "utf-16-le-mark": lambda text: b"\xff\xfe" + text.encode("utf-16-le"),
    "utf-16-be-mark": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "utf-32-le": lambda text: text.encode("utf-32-le"),
    "utf-32-be": lambda text: text.encode("utf-32-be"),
}


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
        for name, encode in {**HEX, **PAIRS, **DUMPS}.items():
            yield "hex and dumps", f"{name}, {border}", encode(to_bytes(before + key + after))
        for name, encode in WIDE.items():
            yield "UTF-16 and 32", f"{name}, {border}", encode(before + key + after)
    for place, (name, what) in itertools.product(range(1, len(key)), (("colour", "\x1b[m"), ("line end", "\n  "), ("zero width", "\u200b"))):
        yield "inside the key", f"{name} at {place}", to_bytes(put_inside(what, place)(key))
    for width, (name, end) in itertools.product((10, 20, 24, 40, 64, 70), LINE_ENDS.items()):
        yield "line ends", f"every {width}, {name}", to_bytes("key: " + wrapped(key, width, end) + "\n")
    for length, (name, encode) in itertools.product(range(4), BASE64.items()):
        yield "base64", f"alignment {length}, {name}", b'  "key": "' + encode(b"u" * length + to_bytes(key)) + b'"\n'
        yield "base64", f"touched {length}, {name}", b"ab/cd"[:length] + encode(to_bytes(key) + b"ab/cd"[:length])
    yield "two keys", "without a gap", to_bytes(key + key)
    yield "two keys", "the first one cut", to_bytes(key[:40] + key)
    yield "two keys", "the second one cut", to_bytes(key + key[:40])
    yield from nested(key)


def nested(key):
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
        if inner != "escaped-twice":  # that would be four levels
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

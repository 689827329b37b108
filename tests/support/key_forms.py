"""The forms in which text is written, cut and packed, as data: made with other tools than the scanner's (Python's codecs, xxd, od,
hexdump)."""

import base64
import html
import json
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
    "html-padded-more": underscores("&#x000000000000005F;"),
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
    "colours-rgb": "\x1b[1;38;2;255;100;100;48;2;100;100;100m",
    "colour-c1": "\u009b31m",
    "colour-c1-as-json": "\\u009b31m",
    "cursor-shape": "\x1b[0 q",
    "paste": "\x1b[200~",
    "character-set": "\x1b%G",
    "character-size": "\x1b#8",
    "link": "\x1b]8;;https://h.example/?a=b\x1b\\",
    "title": "\x1b]0;build 17\x07",
    "title-as-json": "\\u001b]0;build 17\\u0007",
    "return-as-cat-v": "^M",
    "tag": "<em>",
    "tag-with-attributes": '<span class="hljs-string" title="a key">',
    "tags": "</mark><mark>",
    "tag-break": "<wbr />",
    "tag-as-html": "&lt;em&gt;",
    "comment": "<!-- -->",
    "encoded-word": "?=\r\n =?utf-8?Q?",
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
    "xxd-bits": run("xxd", "-b"),
    "xxd-threes": run("xxd", "-g3"),
    "xxd-fives": run("xxd", "-c10", "-g5"),
    "xxd-lines": run("xxd", "-g0"),
    "xxd-decimal-offsets": run("xxd", "-d"),
    "hexdump-C": run("hexdump", "-C"),
    "hexdump": run("hexdump"),
    "hexdump-octal": run("hexdump", "-b"),
    "hexdump-x": run("hexdump", "-x"),
    "od-decimal-offsets": run("od", "-Ad", "-tx1"),
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


def separated(form, separator, begin="", end=""):
    """Writes each byte by a format."""
    return lambda data: (begin + separator.join(form.format(byte) for byte in data) + end).encode()


# Numbers with something between two bytes.
NUMBERS = {
    "decimal-JSON": lambda data: json.dumps(list(data)).encode(),
    "decimal-Buffer": lambda data: json.dumps({"type": "Buffer", "data": list(data)}).encode(),
    "decimal-blanks": separated("{}", " ", "[", "]"),
    "decimal-array": separated("{}", ",", "new byte[]{", "}"),
    "decimal-od": run("od", "-An", "-v", "-tu1"),
    "decimal-od-offsets": run("od", "-v", "-td1"),
    "octal-blanks": separated("{:03o}", " "),
    "octal-od": run("od", "-An", "-v", "-to1"),
    "binary-blanks": separated("{:08b}", " "),
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


def words(form, size, order, separator=", ", begin="[", end="]"):
    """As arrays of larger numbers print bytes."""

    def encode(data):
        padded = data + b"\0" * (-len(data) % size)
        numbers = (int.from_bytes(padded[at : at + size], order) for at in range(0, len(padded), size))
        return (begin + separator.join(form.format(number) for number in numbers) + end).encode()

    return encode


def debugger(data):
    """As gdb prints bytes."""
    return b"".join(b"0x7ffe%08x:\t%s\n" % (at, spaced_hex(data[at : at + 8], b"\t", b"0x")) for at in range(0, len(data), 8))


# Numbers of several bytes.
WORDS = {
    **{f"od {form}": run("od", "-v", form) for form in ("-td2", "-tu2", "-to2", "-td4", "-to4", "-td8", "-to8")},
    **{f"od without offsets {form}": run("od", "-An", "-v", form) for form in ("-td2", "-tx2", "-td4", "-tx4", "-to4", "-td8", "-tx8", "-to8")},
    "hexdump-d": run("hexdump", "-v", "-d"),
    **{
        f"{name} of {size}, {order}": words(form.replace("WIDTH", str(2 * size)), size, order, separator, begin, end)
        for size in (2, 4, 8)
        for order in ("big", "little")
        for name, form, separator, begin, end in (
            ("array", "{}", ", ", "[", "]"),
            ("array in lines", "{}", ",\n    ", "[\n    ", "\n]"),
            ("array in C", "0x{:0WIDTHx}", ", ", "{ ", " };"),
            ("description", "{:0WIDTHx}", " ", "<", ">"),
        )
    },
    "code points": separated("U+{:04X}", " "),
    "UTF-16 units": lambda data: json.dumps([number for byte in data for number in (byte, 0)]).encode(),
    "debugger": debugger,
    "bytes in lines": lambda data: "".join(f"{byte}\r\n" for byte in data).encode("utf-16"),
}


def base32_of(lower=False, padded=True, width=0, end="\n"):
    def encode(data):
        text = base64.b32encode(data).decode()
        text = text if padded else text.rstrip("=")
        text = text.lower() if lower else text
        return (wrapped(text, width, end) if width else text).encode()

    return encode


BASE32 = {
    "base32": base32_of(),
    "base32-lower": base32_of(lower=True),
    "base32-bare": base32_of(padded=False),
    "base32-76": base32_of(width=76),
    "base32-64-indented": base32_of(width=64, end="\n    "),
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

def prefixed(*prefixes, width=76):
    """Base64 in lines that have something before them."""
    return lambda data: "".join(
        prefixes[number % len(prefixes)] + line + "\n" for number, line in enumerate(textwrap.wrap(base64.b64encode(data).decode(), width))
    ).encode()


# What logs, diffs, pages and shells make of lines of base64.
LINES = {
    "added": prefixed("+"),
    "removed": prefixed("-", width=64),
    "added, indented": prefixed("+    "),
    "times": prefixed("2026-11-29T10:00:00.1234567Z ", "2026-11-29T10:00:01.7654321Z "),
    "syslog": prefixed("Nov 29 10:00:00 host app[12]: ", "Nov 29 10:00:01 host app[12]: "),
    "numbers": prefixed(*(f"{number:6}\t" for number in range(1, 20))),
    "compose": prefixed("app_1  | "),
    "pod": prefixed("[pod/web-1/app] ", width=64),
    "breaks": base64_of(width=76, end="<br>\n"),
    "breaks in one line": base64_of(width=64, end="<br/>"),
    "blanks": base64_of(width=76, end=" "),
    "concatenated": base64_of(width=60, end='" +\n    "'),
    "words after it": base64_of(width=64, end=" |\n| "),
}

WIDE = {
    "utf-16-le": lambda text: text.encode("utf-16-le"),
    "utf-16-be": lambda text: text.encode("utf-16-be"),
    "utf-16-le-mark": lambda text: b"\xff\xfe" + text.encode("utf-16-le"),
    "utf-16-be-mark": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "utf-32-le": lambda text: text.encode("utf-32-le"),
    "utf-32-be": lambda text: text.encode("utf-32-be"),
}

"""Writes the seeds of the fuzz targets: valid inputs, and inputs of a size and a depth that chance does not reach.

Usage: seeds.py FOLDER. The first bytes of some inputs are choices of the target; see there.
"""

import json
import sys
import zlib
from pathlib import Path

DEEP, LONG = 100_000, 1_000_000
VECTORS = json.loads((Path(__file__).parents[1] / "vectors/signing.json").read_text())
KEY_BODY = "relay_sk_" + "0" * 12 + "_" + "1" * 43


def base62(number, width):
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    text = ""
    for _ in range(width):
        number, digit = divmod(number, 62)
        text = digits[digit] + text
    return text


KEY = KEY_BODY + base62(zlib.crc32(KEY_BODY.encode()), 6)
NESTED = {
    "brackets": "[" * DEEP + "]" * DEEP,
    "open brackets": "[" * DEEP,
    "objects": '{"a":' * DEEP + "1" + "}" * DEEP,
    "both": '[{"a":' * DEEP,
}
LINES = {
    "a long line": "x" * LONG,
    "a long quoted line": '"' + "x" * LONG,
    "long with quotes": '"",' * (LONG // 3),
    "quotes": '"' * LONG,
    "commas": "," * LONG,
    "line ends": "\n" * LONG,
    "backslashes": "\\" * LONG,
    "blanks": " " * LONG,
}


def rows(line):
    """With the two choices of the target, without and with a header."""
    return ["\x40\x01" + line, "\x40\x00" + line]


SEEDS = {
    "key_parse": ["\x00" + KEY, "\x00" + KEY + "\n", "\x01" + "k" * 60, "\x00" + KEY * 10_000],
    "key_scan": ["\x20" + f"a {KEY} b", "\x07" + KEY, "\x00" + (KEY[:-1] + "\n") * 10_000, "\x63" + KEY * 10_000],
    "durations": ["90d", "1d12h", "36h", "0", "3650d", "1d1h1m1s", "9" * LONG],
    "times": ["2026-11-22T01:02:03Z", "2026-11-22 01:02:03.5+00", "0001-01-01T00:00:00.000001-23:59", "2" * LONG],
    "ids": ["\x00acme", "\x01Old.Agent", "\x03" + "0" * 12, "\x04op_" + "0" * 24,
            "\x0500000000-0000-0000-0000-000000000000", "\x06stripe:create_payment", "\x01" + "a" * LONG],
    "names": ["\x50Zahlung \u00e4\u20ac", "\x50a\u200db", "\x50" + KEY, "\x50\U000e0041", "\x50" + "\u200b" * 1000, "\x50" + "a" * LONG],
    "csv": ["\x00\x40" + 'a,"b ""c""",d\r\n1,"2\n3",4\n', "\x01abcdefgh", "\x00\x02\ufeffa,b"],
    "rows": ["\x40\x01" + json.dumps({"agent_id": "a", "permissions": ["x:y"]}) + "\n", "\x40\x00a,b,\"c\"\n", "\x40\x01agent_id\na\n"],
    "env_text": ["export A=1\nB='two\nlines'\n# c\nAGENT_SECRET=\"x\\\"y\" # d\nALLOW_LEGACY_GLOBAL_AGENT_SECRET=true\n", "A=b\\\nc\n"],
    "conninfo": ["host=h port=5432 dbname=relay user='a b' password=$", "postgresql://u:$@h:5432/relay?sslmode=require",
                 "host=a,b port=1,2", "postgresql://u:pa@ss@h/x", "a" * LONG],
    "argv": ["agent\0show\0bot", "org\0create\0--name\0Acme Corp\0--id=acme", "--dsn\0$\0rotate-key\0a\0b\0--grace\0" + "24h",
             "revoke\0--label\0a=b\0--permissions=x,y\0-n\0" + "5\0--until\0" + "2030-01-01T00:00:00Z\0--\0-x", "agent\0delete\0$",
             "--dsn\0--dsn=$", "-o=json\0agent\0rotate-key\0--all\0--state\0blocked", "agent\0" * 60, "x" * LONG],
    "conditions": ['{"max_amount":10000}', '{"a":[1,-2.5e10,true,null,"\\u00e4\\ud83d\\ude00"],"b":{"c":{}}}'],
    "json": ['{"a":[1,"b",null,true,{"c":1.5e300}]}', '["x","y"]', '{"a":1}\0]]}'],
    "seal_key": ["\x00" + json.dumps({"key_id": "1", "key": "CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}),
                 "\x01CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="],
    "text": ["\x20plain text (3 days ago) wraps", "\x08\u65e5\u672c\u8a9e\u306e\u540d\u524d", "\x10\U0001f469\u200d\U0001f469", "\x10" + "\u0301" * 1000],
}  # fmt: skip
SIGNED = (
    "POST /v1/a%2Fb?dry=1 HTTP/1.1\r\nHost: relay.example.com\r\nContent-Length: 2\r\n"
    "Content-Digest: sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:\r\n"
    'Signature-Input: relay=("@method" "@authority" "@path" "@query" "content-digest");created=1796000000;'
    'nonce="k2Jx0Vn8Q1m7";keyid="05nzzk0b4ckt";tag="relay"\r\n'
    "Signature: relay=:eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg=:\r\n\r\n{}"
)
SEEDS["signed_request"] = [
    "\x00" + SIGNED, "\x00" + SIGNED.replace("Content-Length: 2", "Transfer-Encoding: chunked").replace("{}", "2\r\n{}\r\n0\r\n\r\n"),
    "\x00" + SIGNED.replace("relay=:", "other=1, relay=:"), "\x01a=1, b=(\"x\" y :AAEC: ?1 -1.5);c=2;d, e;f=\"\\\"\"",
    "\x01a=" + "(" * DEEP, "\x01" + "a;" * DEEP, "\x01a=(" + "1 " * DEEP + ")", "\x00GET / HTTP/1.1\r\n" + "a: b\r\n" * DEEP,
]  # fmt: skip
SEEDS["json"] += NESTED.values()
SEEDS["conditions"] += ['{"a":' + text + "}" for text in NESTED.values()] + ['{"a":' * 32 + "1" + "}" * 32]
SEEDS["rows"] += [
    seed for text in NESTED.values() for seed in rows('{"agent_id":"x","permissions":' + text + '}\n{"agent_id":"y"}\n')
]
SEEDS["seal_key"] += ["\x00" + '{"key_id":"1","key":' + text + "}" for text in NESTED.values()]
# The headers and targets of the vectors, each where the target puts it.
PLACES = ("Host", "Content-Digest", "Signature-Input", "Signature")
SEEDS["signature"] = ["\x02a=" + "(" * DEEP, "\x02" + "a=1," * 2000 + "b=1", "\x03relay=:" + "A" * LONG, "\x04/" + "a" * LONG,
                      "\x07X-Forwarded-Host:relay.example.com", "\x07authorization:x"]  # fmt: skip
for case in VECTORS["accepted"] + VECTORS["malformed"]:
    SEEDS["signature"].append("\x04" + case["request"]["target"])
    SEEDS["signature"] += [chr(PLACES.index(name)) + value for name, value in case["request"]["headers"] if name in PLACES]
SEEDS["signature"] = sorted(set(SEEDS["signature"]))
for name, head in (("csv", "\x00\x40"), ("rows", "\x40\x01"), ("rows", "\x40\x00"), ("env_text", "A="), ("env_text", "")):
    SEEDS[name] += [head + line + "\na,b\n" for line in LINES.values()]


def main():
    folder = Path(sys.argv[1])
    for target, seeds in SEEDS.items():
        (folder / target).mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(seeds):
            (folder / target / f"{number:02}").write_bytes(seed.encode())


main()

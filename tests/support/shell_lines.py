"""The lines of shell in manual pages, README and guides: readers will paste them, so they must work."""

import json
import re
import shlex

from .cards import card
from .own_key import make_key

# The operators that end a simple command.
_ENDS = {"|", "<", ">", "2>", ">>", "&&", "||", ";", "&"}


def invocations(line):
    """The words of each relay-admin in a line of shell: `gh api ... && relay-admin rotate-key ...` has one."""
    words = shlex.split(line.replace("\\\n", " "), comments=True)
    found = []
    for at, word in enumerate(words):
        if word == "relay-admin":
            tail = words[at + 1 :]
            stop = next((place for place, other in enumerate(tail) if other in _ENDS), len(tail))
            found.append(tail[:stop])
    return found


def markdown_lines(text):
    """Returns the relay-admin commands of a Markdown document: `$ ` lines of console blocks, lines of sh blocks, code
    in running text.

    Code in running text with a placeholder (`relay-admin help COMMAND`) is left out.
    """
    lines = []
    for language, block in re.findall(r"^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        joined = block.replace("\\\n", " ")
        if language in ("console", "shell"):
            lines += [line[2:] for line in joined.splitlines() if line.startswith("$ ")]
        elif language in ("sh", "bash"):
            lines += joined.splitlines()
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`(relay-admin [^`]+)`", prose)
    lines += [" ".join(span.split()) for span in spans if not re.search(r"(?<![\w-])[A-Z][A-Z-]+\b|\.\.\.", span)]
    return [line for line in lines if "relay-admin " in line]


_ESCAPES = {"\\-": "-", "\\(dq": '"', "\\(aq": "'", "\\(ga": "`", "\\(ti": "~", "\\(ha": "^", "\\e": "\\", "\\&": ""}


def unescape(text):
    """Returns mdoc as the reader sees it, without macros."""
    return re.sub(r"\\(?:\(..|.)", lambda found: _ESCAPES[found.group()], text)


def page_lines(mdoc):
    """The commands in the section EXAMPLES of a manual page, as they are shown, line breaks included."""
    examples = mdoc.partition("\n.Sh EXAMPLES\n")[2].partition("\n.Sh ")[0]
    blocks = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", examples, re.MULTILINE | re.DOTALL)
    return [unescape(block).strip() for block in blocks]


EVENT = (
    '{"kind":"Event","event_id":"1","occurred_at":"2026-10-01T00:00:00.000Z","action":"org_created","outcome":"ok","times":1,"org_id":"acme","agent_id":null,'
    '"key_id":null,"ip_address":null,"actor":"ana","db_role":"ana","ticket":null,"reason":null,"trace_id":null,"detail":null,'
    '"severity":"INFO","occurred_at_exact":"2026-10-01T00:00:00.000000Z"}\n'
)


PUBLIC_KEY = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAO2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik=\n-----END PUBLIC KEY-----\n"


def stdin_of(words):
    """What a command line reads from its stdin, if it reads anything."""
    return PUBLIC_KEY if "--public-key" in words else make_key()


def place_files(words, folder):
    """Makes the files that a command line reads; paths that start at / are moved into `folder`."""
    for flag, content in (
        ("--key-from", make_key()),
        ("--scan", make_key()),
        ("--append", "A=b\n"),
        ("-f", "bot\n"),
        ("--file", "bot\n"),
        ("--dsn-file", "host=/nowhere-at-all"),
        ("--agents", "bot\n"),
        ("--match-secret", "an old secret\n"),
        ("--head", "relay-audit-head/1\nseal 1\nhash " + "0" * 64 + "\nup_to 1\nat 2026-01-01T00:00:00Z\n"),
        ("--archive", EVENT),
        ("--sign-key", "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAAA" + "A" * 40 + "\n-----END PRIVATE KEY-----\n"),
        ("--public-key", PUBLIC_KEY),
        ("--request", "GET /v1/run HTTP/1.1\r\nHost: relay.example.com\r\n\r\n"),
        ("--seal-keys", '{"owner":"*","key_id":"1","key":"CQ' + "A" * 41 + '="}\n'),
    ):
        if flag in words and words[words.index(flag) + 1] != "-":
            named = words[words.index(flag) + 1]
            place = folder / named
            if named.endswith("/"):
                place.mkdir(exist_ok=True)
                place = place / "one.log"
            place.write_text(content)
    if words[:2] == ["agent", "keygen"]:
        (folder / words[2]).unlink(missing_ok=True)  # of the line before
    for at, word in enumerate(words):
        if word.startswith("/"):
            words[at] = str(folder / word.rpartition("/")[2])
    for word in words:
        if word.endswith(".csv"):
            (folder / word).write_text("agent_id,org_id,secret_hash\n")
        elif word.endswith(".log") and words[0] == "whois":
            (folder / word).write_text(make_key())
        elif word.endswith(".json") and words[:2] == ["registry", "check"]:
            (folder / word).write_text(json.dumps(card()))
    if "--env-file" in words:
        (folder / words[words.index("--env-file") + 1]).write_text("ALLOW_LEGACY_GLOBAL_AGENT_SECRET=true\n")
    if "--seal-key" in words:
        (folder / words[words.index("--seal-key") + 1]).write_text('{"key_id":"1","key":"' + "A" * 43 + '="}')

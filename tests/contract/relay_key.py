"""Relay API keys, offline: 71 ASCII characters, PREFIX (9) + key id (12) + "_" + secret (43) + checksum (6).

The checksum is the CRC-32 of the 65 characters before it. A key that fails here is never looked up.
"""

import hashlib
import re
import zlib
from typing import NamedTuple, Optional

KEY = re.compile(r"(relay_(?:sk|at)_)([0-9a-hjkmnp-tv-z]{12})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})")
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Key(NamedTuple):
    """What a gateway may pass on: never the key itself."""

    prefix: str
    key_id: str
    digest: bytes


def _from_base62(text: str) -> int:
    value = 0
    for digit in text:
        value = value * 62 + BASE62.index(digit)
    return value


def parse_key(text: str) -> Optional[Key]:
    """Parses a key as it was received; None when it cannot be one. One trailing newline is forgiven."""
    key = text[:-1] if text.endswith("\n") else text
    match = KEY.fullmatch(key)
    if not match:
        return None
    prefix, key_id, secret, checksum = match.groups()
    if _from_base62(checksum) != zlib.crc32(key[:65].encode("ascii")):
        return None
    if _from_base62(secret) >= 1 << 256:
        return None
    return Key(prefix, key_id, hashlib.sha256(key.encode("ascii")).digest())

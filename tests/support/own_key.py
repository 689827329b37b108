"""Keys that a caller makes without the program, as a secret manager would: only the format is shared."""

import secrets
import zlib

KEY_ID_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def base62(number, width):
    """`number` in `width` digits, zero-padded."""
    digits = ""
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits = BASE62[digit] + digits
    return digits


def make_key(prefix="relay_sk_", identity=None):
    """A new well-formed key; `identity`: with that key id."""
    identity = identity or "".join(secrets.choice(KEY_ID_ALPHABET) for _ in range(12))
    body = f"{prefix}{identity}_{base62(int.from_bytes(secrets.token_bytes(32), 'big'), 43)}"
    return body + base62(zlib.crc32(body.encode()), 6)

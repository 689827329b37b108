"""What an agent that signs its calls computes, over SHA-256 of the signature base."""

import hashlib
import hmac

from .agents import digest


def proof_of(inner, message):
    """The proof of whoever knows the SHA-256 of a key, for a message (a digest of 32 bytes)."""
    mac = hmac.new(hashlib.sha256(inner).digest(), message, hashlib.sha256).digest()
    return bytes(left ^ right for left, right in zip(inner, mac, strict=True))


def proof(key, message):
    """The proof of an API key for a message."""
    return proof_of(digest(key), message)


def message(text="a request"):
    """What a signature covers, in the place of a signature base."""
    return hashlib.sha256(text.encode()).digest()

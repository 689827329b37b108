"""Devices as a gateway makes them: codes and tokens with their digests, and the four functions of the contract."""

import hashlib
import os
import secrets
import zlib

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
IP = "192.0.2.9"


def digest(text):
    """What a gateway sends instead of a secret."""
    return hashlib.sha256(text.encode()).digest()


def new_id(length):
    """Random characters of the key id's alphabet."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def base62(number, width):
    """The number in base62, padded with zeros."""
    text = ""
    for _ in range(width):
        number, rest = divmod(number, 62)
        text = BASE62[rest] + text
    return text


def new_token(device_id):
    """A refresh token: the format of a key with another prefix."""
    body = f"relay_dt_{device_id}_{base62(int.from_bytes(os.urandom(32), 'big'), 43)}"
    return body + base62(zlib.crc32(body.encode()), 6)


class Contract:
    """The functions for devices, called over one connection with the rights of a gateway."""

    def __init__(self, connection):
        self.connection = connection

    def row(self, sql, *values):
        """The row of one statement, as a tuple."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchone()

    def start(self, agent="bot", code=None, ttl="10 minutes"):
        """Shows a code: (reason, code)."""
        code = code or new_id(12)
        (reason,) = self.row("SELECT relay_api.pair_start(%s, %s, %s, %s)", agent, code[:4], digest(code[4:]), ttl)
        return reason, code

    def redeem(self, code, device_id=None, token=None, *, name="Ada's browser", ttl="30 days", ip=IP):
        """(reason, device id, token)."""
        device_id = device_id or new_id(12)
        token = token or new_token(device_id)
        (reason,) = self.row("SELECT relay_api.pair_redeem(%s, %s, %s, %s, %s, %s, %s)", code[:4], digest(code[4:]), device_id, name,
                             digest(token), ttl, ip)  # fmt: skip
        return reason, device_id, token

    def status(self, code, agent="bot"):
        """pending, redeemed or gone."""
        return self.row("SELECT relay_api.pair_status(%s, %s)", code[:4], agent)[0]

    def refresh(self, device_id, token, following=None, *, ip=IP):
        """(reason, the next token if there is one, the whole row as a dict)."""
        following = following or new_token(device_id)
        names = ("ok", "reason", "org_id", "agent_id", "expires_at", "rotated")
        row = self.row(f"SELECT {', '.join(names)} FROM relay_api.device_refresh(%s, %s, %s, %s)", device_id, digest(token),
                       digest(following), ip)  # fmt: skip
        answer = dict(zip(names, row, strict=True))
        return answer["reason"], following if answer["rotated"] else None, answer

    def pair(self, agent="bot", **options):
        """A device that was paired just now: (device id, token)."""
        reason, code = self.start(agent)
        assert reason == "ok", reason
        reason, device_id, token = self.redeem(code, **options)
        assert reason == "ok", reason
        return device_id, token


def insert_device(database, device_id="4mz8q0v2h7rk", *, agent="bot", org="acme"):
    """A device that no one can use, for commands that only need one; returns its id."""
    database.execute("INSERT INTO relay.devices (device_id, org_id, agent_id, name, token_hash, token_ttl, expires_at)"
                     " VALUES (%s, %s, %s, 'Browser', sha256('none'), '1 day', now() + interval '1 day')", device_id, org, agent)  # fmt: skip
    return device_id

"""Pairs devices of people with agents, and keeps them logged in: the endpoints below /api/. Copy it into your gateway.

relay-admin-devices(7) explains the rules that it keeps. It makes all secrets, and sends the database only digests of them.

  POST /api/pair/start     with the key of an agent: {code, pairing_id, expires_in}; the agent shows the code to its owner
  POST /api/pair/status    with the key of the agent, {pairing_id}: {status}: pending, redeemed or gone
  POST /api/pair/redeem    {code, name, attempt}: {device_id, refresh_token}; attempt: 32 random hexadecimal digits; if the answer was lost,
                           the same again has the same answer (at the same gateway, and until the token was first refreshed)
  POST /api/device/refresh with the refresh token: {refresh_token, agent_id, org_id, expires_in}; null: keep the one you have;
                           401: the device has ended, delete it; 403: refused for now, keep it and try again later
  POST /api/device/wait    with the token: ends with 401 at the moment in which the device is blocked or revoked, with 204 after 25 s
  GET  /pair               the page of pair.html

Between refreshes the token is also the access token: this gateway remembers its digest for 600 s, never past its end, and forgets it
at the row of the feed that blocks or revokes the device, its agent or its organization.
"""

import base64
import hashlib
import hmac
import json
import re
import secrets
import threading
import time
import zlib
from collections import OrderedDict
from itertools import islice
from pathlib import Path

import psycopg2.errors
from bodies import Refused, read_body
from verifier import DIGITS, WITH_POLICY, allows, networks, number, subjects

START = "SELECT relay_api.pair_start(%s, %s, %s) AS reason"
STATUS = "SELECT relay_api.pair_status(%s, %s) AS status"
REDEEM = "SELECT relay_api.pair_redeem(%s, %s, %s, %s, %s, '30 days', %s) AS reason"
REFRESH = (
    """
    SELECT d.*, policy.*, extract(epoch FROM LEAST(d.expires_at, policy.changes_at))::float8 - extract(epoch FROM now())::float8 AS seconds_left
    FROM relay_api.device_refresh(%s, %s, %s, %s) AS d"""
    + WITH_POLICY
)
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
PUBLIC = 4  # characters of a code that find it; the others are its secret
CODE_LIFE, MAX_KEPT, MAX_WAIT = 600, 600, 25  # seconds
TABS = 10  # seconds in which other tabs still show the token before
LONGEST_BODY = 4096  # bytes
ENDED = ("malformed", "unknown_token", "reused", "revoked", "expired")  # 401: the client deletes the token
FOR_NOW = ("blocked", "over_limit")  # 403: the client keeps it, and tries again later
TOKEN = re.compile(r"(relay_dt_ ([0-9a-hjkmnp-tv-z]{12}) _ ([0-9A-Za-z]{43})) ([0-9A-Za-z]{6})", re.VERBOSE)
BLANKS = re.compile(r"[\s\u2010-\u2015\u2212-]+")
PAGE = Path(__file__).with_name("pair.html")
ATTEMPT = re.compile("[0-9a-f]{32}")


def page_headers(page):
    """What the page may do: run its own script, and ask the server that it comes from. It keeps tokens for 30 days."""
    hashes = {tag: base64.b64encode(hashlib.sha256(text).digest()).decode() for tag, text in re.findall(rb"<(style|script)>(.*?)</", page, re.DOTALL)}
    policy = (f"default-src 'none'; script-src 'sha256-{hashes[b'script']}'; style-src 'sha256-{hashes[b'style']}'; connect-src 'self'; "
              "base-uri 'none'; form-action 'none'; frame-ancestors 'none'")  # fmt: skip
    return {"Content-Security-Policy": policy, "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


def digest(text):
    return hashlib.sha256(text.encode()).digest()


def fold(text):
    """The code that a person has typed, as the database knows it; None for what cannot be one."""
    code = BLANKS.sub("", text).lower().translate(str.maketrans("oil", "011"))
    return code if re.fullmatch(f"[{ALPHABET}]{{12}}", code) else None


def new_code():
    return "".join(secrets.choice(ALPHABET) for _ in range(12))


def shown(code):
    """K7QM-93XR-4TGH"""
    return "-".join(re.findall("....", code.upper()))


def base62(value, width):
    text = ""
    for _ in range(width):
        value, digit = divmod(value, 62)
        text = DIGITS[digit] + text
    return text


def new_token(device_id, secret=None):
    """`secret`: a number below 2^256; None: a random one."""
    body = f"relay_dt_{device_id}_{base62(secrets.randbits(256) if secret is None else secret, 43)}"
    return body + base62(zlib.crc32(body.encode()), 6)


def parse(text):
    """The device id of a refresh token; None for what cannot be one."""
    match = TOKEN.fullmatch(text)
    if not match or number(match[4]) != zlib.crc32(match[1].encode()) or number(match[3]) >= 2**256:
        return None
    return match[2]


class Devices:
    """query(sql, arguments) and a Verifier that follows the feed, as in verifier.py."""

    def __init__(self, query, verifier):
        self.query, self.verifier = query, verifier
        self.lock, self.known = threading.Lock(), OrderedDict()  # digest of a token -> device, the oldest first
        self.present = {}  # device id -> digest of its present token, if that is known
        self.key = secrets.token_bytes(32)

    def start(self, agent_id):
        """(reason, code): a new code of an agent that has shown its key."""
        for _ in range(5):
            code = new_code()
            (row,) = self.query(START, (agent_id, code[:PUBLIC], digest(code[PUBLIC:])))
            if row["reason"] != "id_taken":
                break
        return row["reason"], code

    def status(self, pairing_id, agent_id):
        (row,) = self.query(STATUS, (pairing_id, agent_id))
        return row["status"]

    def redeem(self, typed, name, attempt, ip):
        """(reason, device id, refresh token). `attempt`: what the client has made up for this try, or None. The same try again makes the
        same device, so an answer that was lost leaves none that no one has."""
        code = fold(typed)
        if code is None:
            return "wrong_code", None, None
        made = hmac.digest(self.key, f"{attempt or secrets.token_hex(16)} {code}".encode(), "sha512")
        device_id = "".join(ALPHABET[byte % 32] for byte in made[:12])
        token = new_token(device_id, int.from_bytes(made[32:], "big"))
        (row,) = self.query(REDEEM, (code[:PUBLIC], digest(code[PUBLIC:]), device_id, name, digest(token), ip))
        return row["reason"], device_id, token

    def refresh(self, token, ip):
        """(answer of device_refresh, the next token or None). Remembers the device by the token that its client has now, for
        `expires_in` seconds."""
        device_id = parse(token)
        if device_id is None:
            return {"ok": False, "reason": "malformed"}, None
        asked, now, following = self.verifier.changes.number, time.monotonic(), new_token(device_id)
        (row,) = self.query(REFRESH, (device_id, digest(token), digest(following), ip))
        following = following if row["rotated"] else None
        if row["ok"]:
            most = TABS if row["reason"] == "again" else MAX_KEPT
            row["expires_in"] = max(0, most if row["seconds_left"] is None else min(most, int(row["seconds_left"])))
            about = {"key_id": device_id, "networks": networks(row["addresses"]), "is_device": True}
            device = {**row, **about, "until": now + row["expires_in"], "asked": asked}
            self.remember(digest(token), digest(following) if following else None, device)
        return row, following

    def remember(self, shown, following, device):
        """Remembers a device by the digest of its next token, or of the one that was shown. A token that was replaced is accepted from
        other tabs for a moment; one whose answer was lost is not accepted any more."""
        device["places"] = [self.verifier.changes.place(one) for one in subjects(device)]
        now, device_id = time.monotonic(), device["key_id"]
        with self.lock:
            if following:
                before = self.present.get(device_id)
                if before != shown:
                    self.known.pop(before, None)
                if shown in self.known:
                    self.known[shown] = {**self.known[shown], "until": min(self.known[shown]["until"], now + TABS)}
                self.present[device_id] = following
            self.known[following or shown] = device
            self.known.move_to_end(following or shown)
            for old, oldest in list(islice(self.known.items(), 2)):  # more than come in, and few at a time
                if now >= oldest["until"]:
                    del self.known[old]
                    if self.present.get(oldest["key_id"]) == old:
                        del self.present[oldest["key_id"]]

    def check(self, token, agent_id=None, org_id=None, ip=None, **_):
        """The decision about a call with a token as access token: like Verifier.check, without permissions. The policy of its agent
        holds for it, too."""
        device = self.known.get(digest(token))
        if not device or time.monotonic() >= device["until"] or not self.verifier.hears() or not self.verifier.changes.spare(device):
            return {"ok": False, "reason": "unknown_token"}  # the client refreshes it
        if agent_id not in (None, device["agent_id"]):
            return {"ok": False, "reason": "agent_mismatch"}
        if org_id not in (None, device["org_id"]):
            return {"ok": False, "reason": "org_mismatch"}
        if ip is not None and not allows(device, ip):
            return {"ok": False, "reason": "address_not_allowed"}
        return {**device, "ok": True, "reason": "ok", "permissions": [], "conditions": None}  # the database knows what its agent may do

    def wait(self, token, limit=MAX_WAIT):
        """Returns whether the device is still accepted, at the latest after `limit` seconds, immediately when it is not."""
        ended = threading.Event()
        end = ended.set
        with self.verifier.lock:
            device = self.check(token)
            if not device["ok"]:
                return False
            for one in subjects(device):
                self.verifier.held.setdefault(one, {})[end] = {**device, "digest": digest(token)}
        try:
            return not ended.wait(limit)
        finally:
            self.verifier.release(end)


class Endpoints:
    """Answers the requests below /api/, and the page. `agent_of(request, body)`: the agent whose key a request shows, or None."""

    def __init__(self, devices, agent_of):
        self.devices, self.agent_of = devices, agent_of
        self.ways = {"/api/pair/start": self.start, "/api/pair/status": self.status, "/api/pair/redeem": self.redeem,
                     "/api/device/refresh": self.refresh, "/api/device/wait": self.wait}  # fmt: skip

    def answer(self, request):
        """(status, media type, body) of a POST; None: the path is another one's."""
        way = self.ways.get(request.path)
        if way is None:
            return None
        try:
            said = way(request, self.body_of(request), request.client_address[0])
            return 200, "application/json", json.dumps(said).encode()
        except Refused as refused:
            return refused.status, "application/json", b""

    def body_of(self, request):
        try:
            request.body = read_body(request, LONGEST_BODY)
            body = json.loads(request.body or b"{}")
        except ValueError:
            raise Refused(400) from None
        if not isinstance(body, dict) or not all(isinstance(value, str) for value in body.values()):
            raise Refused(400)
        return body

    def agent(self, request):
        found = self.agent_of(request, request.body)
        if found is None:
            raise Refused(401)
        return found

    def token(self, request):
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer":
            raise Refused(401)
        return token

    def start(self, request, *_):
        reason, code = self.devices.start(self.agent(request))
        if reason != "ok":
            raise Refused(503 if reason == "id_taken" else 403)
        return {"code": shown(code), "pairing_id": code[:PUBLIC], "expires_in": CODE_LIFE}

    def status(self, request, body, _):
        agent = self.agent(request)
        pairing_id = body.get("pairing_id", "")
        if not re.fullmatch(f"[{ALPHABET}]{{{PUBLIC}}}", pairing_id):
            raise Refused(400)
        return {"status": self.devices.status(pairing_id, agent)}

    def redeem(self, _, body, ip):
        name = body.get("name", "").strip() or "a browser"
        attempt = body.get("attempt")
        if not name.isprintable() or len(name.encode()) > 200 or "code" not in body or not (attempt is None or ATTEMPT.fullmatch(attempt)):
            raise Refused(400)
        try:
            reason, device_id, token = self.devices.redeem(body["code"], name, attempt, ip)
        except psycopg2.errors.InvalidParameterValue:  # the database knows more characters that no one can see
            raise Refused(400) from None
        if reason != "ok":
            raise Refused(401 if reason == "wrong_code" else 403)
        return {"device_id": device_id, "refresh_token": token}

    def refresh(self, request, _, ip):
        answer, following = self.devices.refresh(self.token(request), ip)
        if not answer["ok"]:
            raise Refused(401 if answer["reason"] in ENDED else 403 if answer["reason"] in FOR_NOW else 503)
        return {"refresh_token": following, "agent_id": answer["agent_id"], "org_id": answer["org_id"],
                "expires_in": answer["expires_in"]}  # fmt: skip

    def wait(self, request, *_):
        raise Refused(204 if self.devices.wait(self.token(request)) else 401)

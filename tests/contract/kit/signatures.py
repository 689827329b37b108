"""Verifies requests that are signed: form, time, body, signature and nonce, with the decisions of a Verifier. Copy it into your gateway,
beside signing.py, verifier.py and nonces.py.

relay-admin-signing(7) explains the rules that it keeps. The gateway provides:
  query(sql, arguments)   runs one statement, committed, on the primary; returns a list of dicts
"""

import threading
import time
from collections import OrderedDict
from datetime import datetime, timezone
from itertools import islice
from typing import NamedTuple

from nonces import Nonces
from signing import PROOF, Malformed, digest_of, normal, proves, read, verifies
from verifier import WITH_POLICY

COLUMNS = """
    SELECT d.*, policy.*, extract(epoch FROM LEAST(d.expires_at, policy.changes_at))::float8 - extract(epoch FROM now())::float8 AS seconds_left,
           extract(epoch FROM clock_timestamp())::float8 AS now"""
AUTHENTICATE = COLUMNS + " FROM relay_api.authenticate_signed(%s, %s, %s, to_timestamp(%s), %s, %s, %s, %s) AS d" + WITH_POLICY
SIGNER = COLUMNS + " FROM relay_api.signer(%s, to_timestamp(%s), %s, %s, %s, %s) AS d" + WITH_POLICY
ACCEPT = "SELECT ok, reason, report_now FROM relay_api.accept_signed(%s, %s, to_timestamp(%s), %s, %s)"
REPORT = "SELECT relay_api.report_violation(%s, %s, %s, %s)"


class Kept(NamedTuple):
    """A decision, and what verifies the next signature of its key. It is in no log and in no answer: of a proof, it and a request give
    the digest of the key."""

    decision: dict
    verifies_with: bytes
    clock: float  # of the database, minus time.monotonic()


def refusal(reason):
    return {"ok": False, "reason": reason}


class Signatures:
    def __init__(self, query, verifier, names, *, scheme="https", proxies=(), credentials=("authorization",)):
        """`verifier`: a Verifier that follows the feed; `names`, `scheme`, `proxies`, `credentials`: as for `read`."""
        self.query, self.verifier, self.nonces = query, verifier, Nonces(query)
        names = frozenset(normal(name, scheme) for name in names)
        self.place = {"scheme": scheme, "names": names, "proxies": frozenset(proxies), "credentials": credentials}
        self.lock, self.cache = threading.Lock(), OrderedDict()  # (key id, is it a proof) -> Kept, the oldest first
        self.asking = {}  # what is asked about, and the claims -> event of the end

    def check(self, request, agent_id=None, org_id=None, ip=None, trace_id=None):
        """The decision about a request that is signed, with `ok` and `reason`; None: it is not signed. Raises if the database cannot be
        asked: then accept no one. `request`: a Request whose body is not larger than the gateway takes."""
        try:
            signed = read(request, **self.place)
        except Malformed:
            return self.refuse(None, "malformed", ip, trace_id)
        if signed is None:
            return None
        if kept := self.kept(signed, agent_id, org_id, ip):
            return self.decide(request, signed, kept, agent_id, org_id, ip, trace_id)
        return self.share(request, signed, agent_id, org_id, ip, trace_id)

    def share(self, request, signed, agent_id, org_id, ip, trace_id):
        """Asks, unless another thread asks about the same key and claims: then waits, and uses its answer if that is kept."""
        question, mine, claims = (*place_of(signed), agent_id, org_id), threading.Event(), (agent_id, org_id, ip)
        with self.lock:
            kept = self.kept(signed, *claims)
            other = self.asking.get(question)
            if not kept and not other:
                self.asking[question] = mine
        if kept or other:
            if not kept and self.verifier.hears():
                other.wait()
            return self.decide(request, signed, kept or self.kept(signed, *claims), *claims, trace_id)
        try:
            return self.decide(request, signed, None, *claims, trace_id)
        finally:
            with self.lock:
                del self.asking[question]
            mine.set()

    def decide(self, request, signed, kept, agent_id, org_id, ip, trace_id):
        """The decision by what is kept of the key; None: the database is asked."""
        if kept and (reason := untimely(kept, signed.created)):
            return self.refuse(signed.key_id, reason, ip, trace_id)
        if digest_of(request.body) != signed.digest:
            return self.refuse(signed.key_id, "digest_mismatch", ip, trace_id)
        decide = self.decide_proof if len(signed.signature) == PROOF else self.decide_ed25519
        return decide(signed, kept, agent_id, org_id, ip, trace_id)

    def decide_proof(self, signed, kept, agent_id, org_id, ip, trace_id):
        """A proof that does not fit the kept decision is asked about, too: the database records the refusal."""
        if not kept or not proves(kept.verifies_with, signed.message, signed.signature):
            shown = (signed.key_id, signed.message, signed.signature, signed.created, agent_id, org_id, ip, trace_id)
            kept = self.ask(AUTHENTICATE, shown, signed, "verifier")
            if kept.decision["ok"] and not kept.decision["report_now"]:
                self.keep(signed, kept)
        decision = kept.decision
        if decision["ok"] and decision["require_nonce"]:
            at = datetime.fromtimestamp(signed.created, timezone.utc).isoformat()
            used = self.nonces.use(decision, signed.nonce.encode(), at)
            if not used["ok"]:
                return self.refuse(signed.key_id, used["reason"], ip, trace_id)
        return decision

    def decide_ed25519(self, signed, kept, agent_id, org_id, ip, trace_id):
        """`signer` records nothing, because a key id is public. So a use is recorded, and the decision kept, once a signature is verified."""
        is_new = kept is None
        kept = kept or self.ask(SIGNER, (signed.key_id, signed.created, agent_id, org_id, ip, trace_id), signed, "public_key")
        if kept.verifies_with and not verifies(kept.verifies_with, signed.base, signed.signature):  # first: a stranger learns nothing else
            return self.refuse(signed.key_id, "bad_signature", ip, trace_id)
        if not kept.decision["ok"]:
            return self.refuse(signed.key_id, kept.decision["reason"], ip, trace_id)
        if is_new or kept.decision["require_nonce"]:
            (accepted,) = self.query(ACCEPT, (signed.key_id, signed.nonce.encode(), signed.created, ip, trace_id))
            if not accepted["ok"]:
                return refusal(accepted["reason"])
            if is_new and not kept.decision["report_now"] and not accepted["report_now"]:
                self.keep(signed, kept)
        return kept.decision

    def kept(self, signed, agent_id, org_id, ip):
        """Returns what is kept of a key if it may answer a call, else None."""
        kept = self.cache.get(place_of(signed))
        return kept if kept and self.verifier.may_answer(kept.decision, agent_id, org_id, ip) else None

    def keep(self, signed, kept):
        """Keeps an answer. Neither a refusal is kept, nor an answer to a use that is not recorded yet."""
        place, now = place_of(signed), time.monotonic()
        with self.lock:
            self.cache[place] = kept
            self.cache.move_to_end(place)
            for old, oldest in list(islice(self.cache.items(), 2)):  # more than come in, and few at a time
                if now >= oldest.decision["until"]:
                    del self.cache[old]

    def ask(self, sql, question, signed, secret):
        """What the database says, to be kept."""
        before, asked = time.monotonic(), self.verifier.changes.number
        (row,) = self.query(sql, question)
        clock = row.pop("now") - (before + time.monotonic()) / 2
        secrets = {name: row.pop(name) for name in ("verifier", "public_key")}
        return Kept(self.verifier.decision(row, before, asked, key_id=signed.key_id), bytes(secrets[secret] or b""), clock)

    def refuse(self, key_id, reason, ip, trace_id):
        """Records what the database has not seen."""
        self.query(REPORT, (key_id, reason, ip, trace_id))
        return refusal(reason)


def place_of(signed):
    """Of what is kept: the signatures of the two kinds of keys have two lengths."""
    return signed.key_id, len(signed.signature) == PROOF


def untimely(kept, created):
    """too_old or too_early for a request that was signed outside the window of its agent, by the clock of the database; else None."""
    late = time.monotonic() + kept.clock - created
    window = kept.decision["window_seconds"]
    return "too_old" if late > window else "too_early" if late < -window else None

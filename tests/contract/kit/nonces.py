"""Accepts each signed call of an agent once. Copy it into your gateway, beside verifier.py.

relay-admin-gateway(7) explains the rules that it keeps. The gateway provides:
  query(sql, arguments)   runs one statement, committed, on the primary; returns a list of dicts
"""

USE = "SELECT ok, reason FROM relay_api.use_nonce(%s, %s, %s::timestamptz, make_interval(secs => %s))"


class Nonces:
    def __init__(self, query):
        self.query = query

    def use(self, decision, nonce, signed_at):
        """Returns `ok` and `reason`. Call it after the signature was verified, or strangers can fill the table.

        `nonce`: 8 to 64 bytes, or None; `signed_at`: RFC 3339, both as they were signed. Without a nonce a call is
        accepted only if the policy does not require one. Raises if the database cannot be asked: then refuse."""
        if nonce is None and not decision["require_nonce"]:
            return {"ok": True, "reason": "ok"}
        (row,) = self.query(USE, (decision["agent_id"], nonce, signed_at, decision["window_seconds"]))
        return dict(row)

"""Random calls of the functions for devices, also with codes and tokens that people and thieves make up: no error but those of bad
arguments, and what holds for every device holds after each call."""

from contextlib import closing

import psycopg2
import pytest

from support.devices import ALPHABET, Contract, new_id, new_token
from support.sampling import dice

CALLS = 400
KNOWN = {"ok", "wrong_code", "over_limit", "blocked", "revoked", "expired", "again", "replaced", "reused", "unknown_token", "bad_next",
         "id_taken", "unknown_agent"}  # fmt: skip
ODD = ("", "a", "abcd", "ABCD", "abcdefghjkmn", "\u202e", "x" * 300, "'; --", "relay_dt_", "\n", "\\x00", "%", "é" * 4, "abcdefghjkmnp", None)
# Whatever was called: a device has one present token and at most one before it, and neither is spent, except the one before.
BROKEN = """
SELECT count(*) FROM relay.devices AS d
WHERE EXISTS (SELECT FROM relay.spent_tokens AS s WHERE s.token_hash = d.token_hash)
   OR (d.last_hash IS NOT NULL AND NOT EXISTS (SELECT FROM relay.spent_tokens AS s WHERE s.token_hash = d.last_hash AND s.device_id = d.device_id))
   OR d.token_hash = d.last_hash"""


@pytest.mark.parametrize("number", range(3))
def test_no_call_breaks_what_holds_for_every_device(database, key, number):
    chance = dice(f"calls for devices {number}")
    codes, devices = [], []  # devices: [id, every token that it ever had]

    def odd_code():
        return "".join(chance.choice(ALPHABET) for _ in range(12)) if chance.random() < 0.5 else (chance.choice(ODD) or "") + new_id(8)

    with closing(database.connect(user=database.gateway_login())) as connection:
        api = Contract(connection)
        for _ in range(CALLS):
            try:
                what = chance.choice(("start", "redeem", "redeem", "refresh", "refresh", "refresh", "block", "time"))
                reason = "ok"
                if what == "start":
                    reason, code = api.start(chance.choice(("bot", "bot", "bot", "stranger", "", "x" * 300)))
                    codes.append(code)
                elif what == "redeem":
                    code = chance.choice(codes[-2:]) if codes and chance.random() < 0.7 else odd_code()
                    name = "Browser" if chance.random() < 0.8 else chance.choice(ODD)
                    reason, device_id, token = api.redeem(code, name=name)
                    devices += [[device_id, [token]]] if reason == "ok" else []
                elif what == "refresh":
                    device = chance.choice(devices) if devices else [new_id(12), [new_token(new_id(12))]]
                    token = device[1][-1] if chance.random() < 0.8 else chance.choice(device[1] + [new_token(device[0])])
                    following = chance.choice(device[1]) if chance.random() < 0.1 else None
                    shown_id = device[0] if chance.random() < 0.9 else chance.choice(ODD)
                    reason, received, _ = api.refresh(shown_id, token, following)
                    device[1] += [received] if received else []
                elif what == "block" and devices and chance.random() < 0.3:
                    database.execute("INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor, until) VALUES"
                                     " ('device', %s, 'block', 'test', now() + interval '20 ms')", chance.choice(devices)[0])  # fmt: skip
                elif what == "time":
                    database.execute("UPDATE relay.devices SET token_at = token_at - interval '11 seconds'")
                assert reason in KNOWN, (what, reason)
            except psycopg2.errors.InvalidParameterValue:
                pass
            except (psycopg2.DataError, ValueError) as error:  # psycopg2 itself: a NUL, a lone surrogate
                assert "NUL" in str(error), error
            assert database.value(BROKEN) == 0, what
    assert database.value("SELECT count(*) FROM relay.devices") == len(devices) > 0

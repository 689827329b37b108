"""Spends what an organization may use, from blocks that it takes from the database. Copy it into your gateway.

relay-admin-gateway(7) explains the rules that it keeps. The gateway provides:
  query(sql, arguments)   runs one statement, committed, on the primary, with time-outs; returns a list of dicts
  on_error(error)         is called if a block could not be given back: log it
"""

import contextlib
import math
import os
import threading
import time
from concurrent.futures import Future

# Only the database's clock counts, so it says in how many seconds the day ends.
TAKE = """
    SELECT granted, reason, remaining, to_char(resets_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS day,
           extract(epoch FROM resets_at - clock_timestamp())::float8 AS seconds_left
    FROM relay_api.take(%s, %s, %s, %s)"""
GIVE_BACK = "SELECT relay_api.give_back(%s, %s, %s, %s::timestamptz)"
BLOCK = 500  # units of one take
IDLE = 60  # seconds without a call, after which a block is given back
REFUSED = 1  # seconds for which a refusal counts
LIMIT = 5  # seconds that `close` takes at most


class Block:
    """What is left of the blocks of one organization and meter."""

    def __init__(self):
        self.left, self.remaining = 0, None  # here, and in the database when it was last asked (None: no limit)
        self.day, self.until = None, 0  # when the day ends: as the database said it, and by time.monotonic()
        self.used_at = time.monotonic()
        self.asking = None  # the question that is under way
        self.refused, self.refused_until = 0, 0  # the units that were refused last, and until when that counts


class Quota:
    """Takes blocks, spends from memory, and gives back what no one used.

    A question to the database is asked by one thread, and the others wait for its answer. A refusal counts for a second,
    so a flood of calls over the limit costs one question per second. If the database is away, calls are accepted until
    the block is used up, and then `spend` raises. A process that dies leaves at most one block charged for each
    organization and meter. A block is never given back twice, because the first time may have worked."""

    def __init__(self, query, block=BLOCK, blocks=None, idle=IDLE, on_error=lambda error: None):
        """`blocks`: {meter: units of one take}, for meters that count in thousands, such as ai_tokens."""
        self.query, self.block, self.sizes, self.idle, self.on_error = query, block, blocks or {}, idle, on_error
        self.reset()
        os.register_at_fork(after_in_child=self.reset)

    def reset(self):
        """Begins anew: the blocks of a process that was forked belong to its parent."""
        self.lock, self.blocks, self.thread, self.closed = threading.Lock(), {}, None, threading.Event()

    def spend(self, org_id, meter, amount=1):
        """Spends all of `amount`, or nothing. Returns a dict: `ok`, `reason` (ok over_quota), `remaining` (about what is
        left of the day; None: no limit), `retry_after` (seconds to the end of the day) and `day`, for `give`.

        `org_id`: as authenticate returned it. Raises if the database must be asked and cannot be."""
        while True:
            with self.lock:
                block = self.blocks.setdefault((org_id, meter), Block())
                now = block.used_at = time.monotonic()
                if now >= block.until:
                    block.left = 0  # of a day that is over
                if block.left >= amount:
                    block.left -= amount
                    return self.answer(block, True, "ok")
                missing = amount - block.left
                if missing >= block.refused and now < block.refused_until:
                    return self.answer(block, False, "over_quota")
                asking, mine = block.asking, None
                if not asking:
                    mine = block.asking = Future()
                    self.start()
            if asking:
                asking.result()  # raises what that question raised; its answer may be that to this call, too
            elif answer := self.refill(block, mine, org_id, meter, amount, missing):
                return answer

    def refill(self, block, asking, org_id, meter, amount, missing):
        """Takes the next block, of which `missing` units are needed, and spends `amount`, before another thread does. Returns
        the answer, or None: others have spent what was left here, so ask again."""
        now, size = time.monotonic(), 0 if self.closed.is_set() else self.sizes.get(meter, self.block)
        try:
            (row,) = self.query(TAKE, (org_id, meter, max(size, missing), missing))
        except BaseException as error:
            with self.lock:
                block.asking = None
            asking.set_exception(error)
            raise
        with self.lock:
            block.asking = None
            block.left = row["granted"] + (block.left if row["day"] == block.day else 0)
            block.day, block.until, block.remaining = row["day"], now + row["seconds_left"], row["remaining"]
            answer = None
            if not row["granted"]:
                block.refused, block.refused_until = missing, min(time.monotonic() + REFUSED, block.until)
                answer = self.answer(block, False, row["reason"])
            elif block.left >= amount:
                block.left -= amount
                answer = self.answer(block, True, "ok")
        asking.set_result(None)
        return answer

    def answer(self, block, ok, reason):
        """An answer, for a thread that holds the lock."""
        remaining = None if block.remaining is None else block.remaining + block.left
        retry_after = max(1, math.ceil(block.until - time.monotonic()))
        return {"ok": ok, "reason": reason, "remaining": remaining, "retry_after": retry_after, "day": block.day}

    def give(self, org_id, meter, amount, day):
        """Returns what was spent and not needed, such as an estimate of tokens. `day`: of the answer of `spend`."""
        with self.lock:
            block = self.blocks.get((org_id, meter))
            if block and block.day == day:
                block.left += amount
                return
        self.give_back(org_id, meter, amount, day)

    def start(self):
        """Starts the thread if it does not run yet, for a thread that holds the lock."""
        if self.thread is None and not self.closed.is_set():
            self.thread = threading.Thread(target=self.run, daemon=True)
            self.thread.start()

    def run(self):
        while not self.closed.wait(self.idle / 4):
            self.give_back_all(before=time.monotonic() - self.idle)
        self.give_back_all(before=math.inf)

    def give_back_all(self, before):
        """Gives back the blocks that no call has used since `before`."""
        with self.lock:
            unused = {key: block for key, block in self.blocks.items() if block.used_at < before and not block.asking}
            for key in unused:
                del self.blocks[key]
        for (org_id, meter), block in unused.items():
            if block.left and time.monotonic() < block.until:
                self.give_back(org_id, meter, block.left, block.day)

    def give_back(self, org_id, meter, amount, day):
        try:
            self.query(GIVE_BACK, (org_id, meter, amount, day))
        except Exception as error:
            with contextlib.suppress(Exception):  # else the thread would end
                self.on_error(error)

    def close(self, limit=LIMIT):
        """Gives all blocks back, but takes at most `limit` seconds. Call it when the gateway stops, and has no call under way."""
        self.closed.set()
        if self.thread:
            self.thread.join(limit)

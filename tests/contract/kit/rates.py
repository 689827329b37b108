"""Lets the calls of an agent through as fast as its policy allows, over all gateways together. Copy it into your gateway,
beside verifier.py.

relay-admin-gateway(7) explains the rules that it keeps. The gateway provides:
  query(sql, arguments)   runs one statement, committed, on the primary; returns a list of dicts
"""

import threading
import time
from collections import OrderedDict

LEASE = """
    SELECT rate, burst, retry_after, extract(epoch FROM ends_at - clock_timestamp())::float8 AS seconds
    FROM relay_api.lease_rate(%s, %s, %s, %s, %s)"""
QUIET = 1 / 8  # of its limit, at one gateway: an agent that stays below it needs no lease
LENGTH = 5  # seconds that a lease lasts
AGAIN = 1  # seconds from a lease that failed to the next try
IDLE = 60  # seconds after which an agent that does not call is forgotten


class Bucket:
    """What one agent may do at this gateway: tokens, which come back at a rate."""

    def __init__(self, limit, unleased, now):
        """`unleased`: its rate without a lease."""
        self.limit, self.unleased, self.leasing = limit, unleased, False
        self.lease_at, self.until = now, now + LENGTH  # when a lease may be asked for, and when the rate is old
        self.be_quiet(now)
        self.tokens, self.filled = self.burst, now

    def be_quiet(self, now):
        """Without a lease. Its share goes to the other gateways."""
        self.rate, self.leased = self.unleased, False
        self.burst = min(max(1, self.rate), self.limit)
        self.count_anew(now)

    def count_anew(self, now, refused=0, retry_after=1):
        self.seen, self.since = 0, now  # calls since then: the demand
        self.refused, self.retry_after = refused, retry_after

    def demand(self, now):
        """Calls per second, whether they passed or not."""
        return self.seen / max(now - self.since, 1)

    def fill(self, now):
        self.tokens = min(self.burst, self.tokens + self.rate * max(0, now - self.filled))
        self.filled = max(now, self.filled)

    def needs_lease(self, now):
        """Returns whether it needs one now: the first, or the next. An agent that has become quiet gives its share back."""
        if self.leasing or now < self.lease_at:
            return False
        if not self.leased:
            return self.tokens < 1
        if now >= self.until and self.demand(now) < self.limit * QUIET:
            self.be_quiet(now)
        return self.leased and now >= self.until


class Rates:
    def __init__(self, query, gateway_id):
        self.query, self.gateway_id = query, gateway_id
        self.lock, self.buckets = threading.Lock(), OrderedDict()  # (agent, whether it has shown its key) -> Bucket, the longest idle first

    def refuse(self, decision):
        """Counts a call. Returns None if it may pass; else the seconds to send as Retry-After, with status 429.

        A caller without a key only claims to be the agent. It spends nothing of the agent's share: it may call at the agent's
        rate at each gateway, and asks for no lease."""
        if decision.get("qps") is None:
            return None
        now, proven = time.monotonic(), decision["reason"] != "unauthenticated"
        with self.lock:
            bucket = self.bucket(decision["agent_id"], proven, decision["qps"], now)
            bucket.seen += 1
            bucket.fill(now)
            asks = proven and bucket.needs_lease(now)
            bucket.leasing = bucket.leasing or asks
            demand, refused = bucket.demand(now), bucket.refused
        if asks:
            self.lease(decision, bucket, demand, refused, now)
        with self.lock:
            if bucket.tokens >= 1:
                bucket.tokens -= 1
                return None
            bucket.refused += 1
            return bucket.retry_after

    def bucket(self, agent, proven, limit, now):
        """Returns the bucket of an agent; another limit begins a new one. For a thread that holds the lock."""
        key = (agent, proven)
        found = self.buckets.get(key)
        if found is None or found.limit != limit:
            found = self.buckets[key] = Bucket(limit, limit * QUIET if proven else limit, now)
        self.buckets.move_to_end(key)
        while now > next(iter(self.buckets.values())).filled + IDLE and len(self.buckets) > 1:
            self.buckets.popitem(last=False)
        return found

    def lease(self, decision, bucket, demand, refused, now):
        """Asks for a share. Without the database the last rate remains for as long as a lease, and then the quiet one."""
        row = None
        try:
            (row,) = self.query(LEASE, (decision["agent_id"], decision["org_id"], self.gateway_id, demand, refused))
        except Exception:  # whatever it was, the agent may call at the rate that is known
            pass
        with self.lock:
            bucket.leasing = False
            if row is None or row["rate"] is None:
                bucket.lease_at = now + AGAIN
                if bucket.leased and now >= bucket.until + LENGTH:
                    bucket.be_quiet(now)
                return
            begins = not bucket.leased
            bucket.rate, bucket.burst, bucket.leased = row["rate"], row["burst"], True
            bucket.tokens = bucket.burst if begins else min(bucket.tokens, bucket.burst)
            bucket.until = bucket.lease_at = now + row["seconds"]
            bucket.count_anew(now, bucket.refused - refused, max(1, row["retry_after"]))

"""Counts the uses of keys, and reports them to the database in batches. Copy it into your gateway, beside verifier.py.

relay-admin-gateway(7) explains the rules that it keeps. The gateway provides:
  query(sql, arguments)   runs one statement, committed, on the primary, with a time-out; returns a list of dicts
"""

import socket
import threading
import time

# Only the database's clock counts, so a report says how long ago each use was.
REPORT = """
    SELECT again FROM relay_api.report_uses(%s::text[], %s::inet[], ARRAY(
        SELECT clock_timestamp() - age * interval '1 second' FROM unnest(%s::float8[]) WITH ORDINALITY AS said (age, place)
        ORDER BY place), %s::integer[])"""
INTERVAL = 10  # seconds from report to report
PAGE = 1000  # entries of one call, which takes far less than a time-out
MOST = 100_000  # entries that are kept, one for each key and address: about 30 MB
MOST_REPEATS = 1000  # calls that wait to be repeated
LATE = 1  # seconds after which a call is not repeated any more
MOST_USES = 2**31 - 1  # of one entry: what an integer holds


def address(text):
    """Returns what the database takes as an address: None for any other text, which must not spoil a report."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, text or "")
            return text
        except (OSError, ValueError):
            continue
    return None


class Uses:
    """Counts, in one entry for each key and address, and reports in its own thread.

    No check waits for a report, and none fails because of one. Entries that could not be reported are part of the next
    report. `lost` counts the uses that had no room, and those that the last report did not deliver."""

    def __init__(self, query, interval=INTERVAL):
        self.query, self.interval = query, interval
        self.lock, self.wake = threading.Lock(), threading.Event()
        self.gathered = {}  # (key id, address) -> [uses, when it was last used]
        self.repeats = {}  # (key id, digest) -> (sql, arguments, when the call was)
        self.lost, self.closed = 0, False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def count(self, key_id, ip):
        """Counts one accepted call."""
        with self.lock:
            self.add((key_id, ip), 1, time.monotonic())

    def add(self, entry, uses, at):
        """Adds uses to an entry, for a thread that holds the lock."""
        if known := self.gathered.get(entry):
            known[0], known[1] = known[0] + uses, max(known[1], at)
        elif len(self.gathered) < MOST:
            self.gathered[entry] = [uses, at]
        else:
            self.lost += uses

    def repeat(self, sql, arguments):
        """Repeats a call of authenticate on the primary, immediately: its use changes something, which a standby cannot
        record. Not later, and not again after an error: it says that the key is used now. The next call will say so."""
        with self.lock:
            if len(self.repeats) < MOST_REPEATS:
                self.repeats.setdefault(arguments[:2], (sql, arguments, time.monotonic()))
        self.wake.set()

    def run(self):
        report_at = time.monotonic() + self.interval
        while not self.closed:
            self.wake.wait(max(0, report_at - time.monotonic()))
            self.wake.clear()
            self.send_repeats()
            if time.monotonic() >= report_at:
                report_at = time.monotonic() + self.interval
                self.report()

    def send_repeats(self):
        with self.lock:
            repeats, self.repeats = self.repeats, {}
        for sql, arguments, at in repeats.values():
            if time.monotonic() < at + LATE:
                try:
                    self.query(sql, arguments)
                except Exception:  # the answer is not kept, so the next call with the key asks again
                    pass

    def report(self):
        """Reports what was gathered, and keeps what could not be recorded for the next report."""
        with self.lock:
            batch, self.gathered = list(self.gathered.items()), {}
        left, again = batch, []
        try:
            while left:
                again += self.send(left[:PAGE])
                left = left[PAGE:]
        except Exception:  # of the network or of the database: the next report may work
            again += left
        with self.lock:
            for entry, (uses, at) in again:
                self.add(entry, uses, at)

    def send(self, batch):
        """Reports some entries in one call; returns those to report again."""
        now = time.monotonic()
        key_ids = [key_id for (key_id, _), _ in batch]
        addresses = [address(ip) for (_, ip), _ in batch]
        ages = [now - at for _, (_, at) in batch]
        uses = [min(uses, MOST_USES) for _, (uses, _) in batch]
        (row,) = self.query(REPORT, (key_ids, addresses, ages, uses))
        return [batch[place - 1] for place in row["again"]]

    def close(self):
        """Reports the last uses. Call it when the gateway stops, and has no call under way."""
        self.closed = True
        self.wake.set()
        self.thread.join()
        self.report()
        with self.lock:
            self.lost += sum(uses for uses, _ in self.gathered.values())
            self.gathered.clear()

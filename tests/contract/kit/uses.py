"""Counts the uses of keys, and reports them to the database in batches. Copy it into your gateway, beside verifier.py.

relay-admin-gateway(7) explains the rules that it keeps. The gateway provides:
  query(sql, arguments)   runs one statement, committed, on the primary, with time-outs, on a connection that no check
                          needs; returns a list of dicts
  on_error(error)         is called by the reporting thread if a report fails: log it
"""

import os
import socket
import threading
import time

# Only the database's clock counts, so a report says how long ago each use was.
REPORT = """
    SELECT again FROM relay_api.report_uses(%s::text[], %s::inet[], ARRAY(
        SELECT clock_timestamp() - age * interval '1 second' FROM unnest(%s::float8[]) WITH ORDINALITY AS said (age, place)
        ORDER BY place), %s::integer[])"""
INTERVAL = 10  # seconds from report to report
LIMIT = 5  # seconds that `close` takes at most
PAGE = 1000  # entries of one call, which takes far less than a time-out
MOST = 100_000  # entries that are kept, one for each key and address: about 40 MB
MOST_ADDRESSES = 1000  # entries with an address, of one key
MOST_REPEATS = 1000  # calls that wait to be repeated
LATE = 1  # seconds after which a call is not repeated any more
MOST_USES = 2**31 - 1  # of one entry: what an integer holds
REFUSED = ("22", "23")  # the classes of SQLSTATE that are about an entry, and not about the database or the login


def address(ip):
    """Returns what the database takes as an address: None for anything else, which must not spoil a report."""
    text = str(ip)
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, text)
            return text
        except (OSError, ValueError):
            continue
    return None


class Uses:
    """Counts, in one entry for each key and address, and reports in its own thread, which the first use starts.

    No check waits for a report, and none fails because of one. Entries that could not be reported are part of the next
    report. A key with too many addresses does not take the room of others: the rest is counted without an address, and
    so is each new entry when half of the room is taken."""

    def __init__(self, query, interval=INTERVAL, most=MOST, on_error=lambda error: None):
        self.query, self.interval, self.most, self.on_error = query, interval, most, on_error
        self.reset()
        os.register_at_fork(after_in_child=self.reset)

    def reset(self):
        """Begins anew: a process that was forked has neither its parent's thread nor its uses."""
        self.lock, self.wake, self.thread = threading.Lock(), threading.Event(), None
        self.gathered = {}  # key id -> {address: [uses, when it was last used]}
        self.size = self.sending = 0  # entries that were gathered, and that a report has taken
        self.repeats = {}  # (key id, digest) -> (sql, arguments, when the call was)
        self.counted = self.delivered = self.dropped = 0  # uses
        self.failures, self.last_error, self.last_success = 0, None, None
        self.closing = self.closed = False

    def count(self, key_id, ip):
        """Counts one accepted call."""
        ip, now = address(ip), time.monotonic()
        with self.lock:
            self.counted += 1
            self.add(key_id, ip, 1, now)
            self.start()

    def add(self, key_id, ip, uses, at):
        """Adds uses to an entry, for a thread that holds the lock."""
        addresses, size = self.gathered.get(key_id, {}), self.size + self.sending
        if ip not in addresses and (len(addresses) >= MOST_ADDRESSES or size >= self.most // 2):
            ip = None
        if known := addresses.get(ip):
            known[0], known[1] = known[0] + uses, max(known[1], at)
        elif size < self.most:
            self.gathered.setdefault(key_id, addresses)[ip] = [uses, at]
            self.size += 1
        else:
            self.dropped += uses

    def repeat(self, sql, arguments):
        """Repeats a call of authenticate on the primary, immediately: its use changes something, which a standby cannot
        record. Not later, and not again after an error: it says that the key is used now. The next call will say so."""
        with self.lock:
            if len(self.repeats) < MOST_REPEATS:
                self.repeats.setdefault(arguments[:2], (sql, arguments, time.monotonic()))
            self.start()
        self.wake.set()

    def start(self):
        """Starts the thread if it does not run yet, for a thread that holds the lock."""
        if self.thread is None and not self.closing:
            thread = threading.Thread(target=self.run, daemon=True)
            try:
                thread.start()
                self.thread = thread
            except RuntimeError as error:  # the system allows no more threads: the next use tries again
                self.last_error = str(error)

    def run(self):
        report_at = time.monotonic() + self.interval
        while not self.closing:
            self.wake.wait(max(0, report_at - time.monotonic()))
            self.wake.clear()
            self.send_repeats()
            if time.monotonic() >= report_at:
                report_at = time.monotonic() + self.interval
                self.report()
        self.report()

    def send_repeats(self):
        with self.lock:
            repeats, self.repeats = self.repeats, {}
        for sql, arguments, at in repeats.values():
            if time.monotonic() < at + LATE:
                try:
                    self.query(sql, arguments)
                except Exception:  # it may quote the digest. The answer is not kept: the next call with the key asks again
                    pass

    def report(self):
        """Reports what was gathered, and keeps what could not be recorded for the next report."""
        with self.lock:
            gathered, self.gathered = self.gathered, {}
            self.sending, self.size = self.size, 0
        try:
            batch = [(key_id, ip, *count) for key_id, counts in gathered.items() for ip, count in counts.items()]
            again = self.send_all(batch)
            for begin in range(0, len(again), PAGE):  # in slices, because checks wait for the lock
                with self.lock:
                    for entry in again[begin : begin + PAGE]:
                        self.sending -= 1
                        self.add(*entry)
        except Exception as error:
            self.fail(error)
        finally:
            self.sending = 0

    def send_all(self, batch):
        """Reports page by page; returns the entries to report again. A page that the database refuses is sent in
        halves, so that only the entry that it refuses is lost."""
        pages, again = [batch[begin : begin + PAGE] for begin in range(0, len(batch), PAGE)], []
        while pages:
            page = pages.pop()
            try:
                left = self.send(page)
            except Exception as error:
                if (getattr(error, "pgcode", None) or "")[:2] not in REFUSED:  # the next report may work
                    self.fail(error)
                    return again + page + [entry for other in pages for entry in other]
                if len(page) > 1:
                    pages += [page[: len(page) // 2], page[len(page) // 2 :]]
                else:
                    self.fail(error)
                    with self.lock:
                        self.dropped += page[0][2]
                continue
            self.delivered += sum(entry[2] for entry in page) - sum(entry[2] for entry in left)
            again += left
            if len(left) < len(page):
                self.failures, self.last_success = 0, time.time()
        return again

    def send(self, page):
        """Reports some entries in one call; returns those to report again."""
        now = time.monotonic()
        key_ids, addresses, uses, at = zip(*page)
        ages = [now - one for one in at]
        (row,) = self.query(REPORT, (list(key_ids), list(addresses), ages, [min(one, MOST_USES) for one in uses]))
        return [page[place - 1] for place in row["again"]]

    def fail(self, error):
        self.failures, self.last_error = self.failures + 1, str(error)
        try:
            self.on_error(error)
        except Exception:  # it must not end the reports
            pass

    def status(self):
        """Returns what to watch. `lost`: uses that had no room or were refused, and after `close` all that were not
        delivered; `waiting`: uses for the next report; `failures` since `last_success`, a time.time(), when a report
        recorded something; `last_error`: the text of the last failure. If `failures` grows, keys look unused that are not."""
        with self.lock:
            lost = self.counted - self.delivered if self.closed else self.dropped
            return {
                "lost": lost,
                "waiting": self.counted - self.delivered - lost,
                "failures": self.failures,
                "last_error": self.last_error,
                "last_success": self.last_success,
            }

    def close(self, limit=LIMIT):
        """Reports the last uses, but takes at most `limit` seconds: after that, a database that does not answer does
        not keep the gateway from stopping. Call it when the gateway stops, and has no call under way."""
        self.closing = True
        self.wake.set()
        if self.thread:
            self.thread.join(limit)
        self.closed = True

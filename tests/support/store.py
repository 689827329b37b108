"""A secret store that is not a file of the program: a command of --deliver puts a key into it. It replaces its value whole, and
is at its worst otherwise: it takes a key late, twice, in the wrong order, although it reports a failure, or not at all.

And the time that passes: all times of the keys move into the past."""

import threading
from contextlib import closing, contextmanager

from .agents import digest, key_id

PUT = 'cat > ".in-$RELAY_KEY_ID" && cp ".in-$RELAY_KEY_ID" .new && mv .new store'
"""Takes the key, and keeps it on its way, so that it can arrive once more."""
PUT_AND_FAIL = PUT + "; echo the store is slow >&2; exit 3"
REFUSE = "cat > /dev/null; echo the store is full >&2; exit 3"
LATE = 'cat > ".in-$RELAY_KEY_ID"'
"""Answers before it has taken the key: it arrives with Store.arrive()."""
LATE_AND_FAIL = LATE + "; exit 3"
PUT_AND_HANG = PUT + "; touch stored; while :; do sleep 1; done"
READ_BACK = "cat store"

TIMES = "created_at due_at expires_at deliver_until settle_until first_used_at retired_at revoked_at".split()


class Store:
    """What the store in `folder` holds, and whether it works in `database`."""

    def __init__(self, folder, database):
        self.folder, self.database = folder, database

    def put(self, key):
        """The store holds `key`: a person put it there."""
        (self.folder / ".new").write_text(key)
        (self.folder / ".new").rename(self.folder / "store")

    def held(self):
        """The key that it holds."""
        return (self.folder / "store").read_text()

    def arrive(self, key):
        """A key that is on its way arrives, for the first time or again. `key`: its id."""
        self.put((self.folder / f".in-{key}").read_text())

    def use(self):
        """A client reads the key and uses it; returns the answer."""
        return use(self.database, self.held())

    @contextmanager
    def watched(self):
        """Asks all the time whether what it holds works; what it may hold at each instant must."""
        refused, stopped = [], threading.Event()

        def watch():
            with closing(self.database.connect()) as connection, connection.cursor() as cursor:
                while not stopped.is_set():
                    key = self.held()
                    cursor.execute("SELECT (relay.verify_key(%s, %s)).reason", (key_id(key), digest(key)))
                    (answer,) = cursor.fetchone()
                    if answer != "ok":
                        refused.append((key_id(key), answer))
                    stopped.wait(0.01)

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join()
        assert not refused, refused


def use(database, key):
    """A client uses a key; returns the answer of the gateway."""
    return database.value("SELECT (relay_api.authenticate(%s, %s)).reason", key_id(key), digest(key))


def states(database, agent="bot"):
    """The states of an agent's keys, in the order in which they were made."""
    rows = database.rows("SELECT status FROM relay.key_status WHERE agent_id = %s ORDER BY made_order", agent)
    return [row["status"] for row in rows]


def pass_time(database, **length):
    """Lets time pass, for the keys: `minutes=11`."""
    seconds = 60 * length.get("minutes", 0) + 3600 * length.get("hours", 0) + 86400 * length.get("days", 0)
    moves = ", ".join(f"{name} = {name} - make_interval(secs => {seconds})" for name in TIMES)
    database.execute(f"UPDATE relay.agent_keys SET {moves}")
    database.execute(
        f"UPDATE relay.key_sightings SET last_used_at = last_used_at - make_interval(secs => {seconds}),"
        f" first_used_at = first_used_at - make_interval(secs => {seconds})"
    )

"""A delivery to a store, struck at one of its steps: what the store holds is asked all the time, and must work.

What a store did not take at first arrives later: before the next run, after it, and in the wrong order."""

import sys

from support import sampling
from support.store import LATE, LATE_AND_FAIL, PUT, PUT_AND_FAIL, READ_BACK, REFUSE, Store, pass_time, states

TRY = f'cat > ".try-$RELAY_KEY_ID"; {sys.executable} use.py ".try-$RELAY_KEY_ID"; exit 3'
"""Uses the key, and then fails to store it."""
USE = """import hashlib, psycopg2, sys
key = open(sys.argv[1]).read()
link = psycopg2.connect({dsn!r}); link.autocommit = True
link.cursor().execute("SELECT relay_api.authenticate(%s, %s)", (key[9:21], hashlib.sha256(key.encode()).digest()))
open("tried", "a").write(key[9:21] + "\\n")
"""

STORES = {
    "takes it": PUT,
    "takes it and fails": PUT_AND_FAIL,
    "answers and takes it late": LATE,
    "fails and takes it late": LATE_AND_FAIL,
    "does not take it": REFUSE,
    "tries it": TRY,
}
"""All but the last two also take a key twice, and in the wrong order: see `Struck`."""

LOOK = ("--read-back", READ_BACK)
NOW = ("--grace", "0", "--yes")
WAYS = {"plain": (), "read-back": LOOK, "grace 0": NOW, "both": (*LOOK, *NOW), "revert": LOOK}
"""How the command is given. "revert" takes the rotation back: an operator has put the old key into the store."""

COMBINATIONS = [(store, way) for store in STORES for way in WAYS if way != "revert" or store == "takes it"]
CODES = (0, 5, 8, 12)
"""0: confirmed; 5: it may not act now; 8: nothing was changed; 12: not confirmed. Never 9: the fence settles a lost COMMIT."""


def combinations(name):
    """The combinations of which a test records the steps: all, or a sample with each store and each way."""
    return sampling.sample(f"stores and ways: {name}", COMBINATIONS, lambda combination: combination)


class Struck:
    """Deliveries of the agent `bot` to one store, one after the other, each of which may be struck."""

    def __init__(self, relay, database, folder, old):
        self.relay, self.database = relay, database
        self.store = Store(folder, database)
        self.store.put(old)
        (folder / "use.py").write_text(USE.format(dsn=database.dsn(user=database.gateway_login())))

    def words(self, store, way):
        """The command line."""
        if way == "revert":
            return ("rotate-key", "bot", "--revert", *WAYS[way])
        return ("rotate-key", "bot", "--force", "--deliver", STORES[store], *WAYS[way])

    def prepare(self, way):
        """Lets settle what was staged; for a revert, rotates, and puts the old key back."""
        pass_time(self.database, minutes=12)
        self._forget()
        if way == "revert":
            old = self.store.held()
            self._run(self.words("takes it", "plain"))
            pass_time(self.database, minutes=12)
            self._forget()
            self.store.put(old)

    def strike(self, store, way, run):
        """Prepares, then calls `run(words)`, which may be killed, cut or held up, and lets arrive what is on its way. Returns
        what `run` returned."""
        self.prepare(way)
        with self.store.watched():
            before = states(self.database)
            result = run(self.words(store, way))
            told = f"{store}, {way}\n{result}"
            if result.code == 8:
                assert states(self.database) == before, told
            assert self.store.use() == "ok", told
            early = self._arrive(told)
            self._run(self.words("takes it", "plain"), told)
            self._arrive(told)
            for key in reversed(early):
                self._arrive(told, [key])
            pass_time(self.database, minutes=12)
            assert self.store.use() == "ok", told
            self._run(self.words("takes it", "plain"), told)
            assert self.store.use() == "ok" and states(self.database)[-1] == "active", told
        return result

    def _run(self, words, told=""):
        done = self.relay(*words)
        assert done.code == 0, f"{told}\n=== after\n{done}"

    def _on_their_way(self):
        """The ids of the keys that commands have received whole since the last `prepare`, in the order in which they were made."""
        made = [row["key_id"] for row in self.database.rows("SELECT key_id FROM relay.agent_keys ORDER BY made_order")]
        there = {path.name.removeprefix(".in-") for path in self.store.folder.glob(".in-*") if path.stat().st_size == 71}
        return [key for key in made if key in there]

    def _arrive(self, told, keys=None):
        keys = self._on_their_way() if keys is None else keys
        for key in keys:
            self.store.arrive(key)
            assert self.store.use() == "ok", f"{key} arrived\n{told}"
        return keys

    def _forget(self):
        for path in self.store.folder.glob(".in-*"):
            path.unlink()

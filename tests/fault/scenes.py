"""Scenes: a command that a fault will hit, the agent and the folder that it works on, and what must be true of them
afterwards.

Safe: every live key is in a file of the folder, or was given out before; and an agent that had a working key has one.
Converged: the same command, run again, ends with 0; the file holds the agent's live key; nothing unfinished is left;
and the change was made once, not twice.
"""

import itertools
import re
import uuid
from pathlib import Path

from support import agents
from support.database import Database

KEY = re.compile(rb"relay_sk_[0-9a-hjkmnp-tv-z]{12}_[0-9A-Za-z]{49}")

CREATE = ("create", "create into a folder")
ROTATE = ("rotate", "rotate at once", "rotate when due", "rotate in a folder")
INIT = ("init", "init on an empty database")
BATCH = ("issue into a folder", "issue as lines")  # of three agents, of the list of a legacy migration
ISSUING = (*CREATE, *ROTATE, *INIT, *BATCH)
INCIDENTS = ("block", "revoke")
LIFTS = ("unblock",)


class Scene:
    """One command. `words` is its command line, `file` where its key goes (None: it makes none), `old` the agent's key
    before it."""

    def __init__(self, kind, relay, database, agent, words, folder, *, file=None, old=None):
        self.kind = kind
        self.relay = relay
        self.database = database
        self.agent = agent
        self.words = tuple(words)
        self.folder = folder
        self.file = file
        self.old = old
        self.verdict_before = "blocked" if kind in LIFTS else "ok"  # not asked: the digest would be in the server's log
        self.content_before = file.read_bytes() if file and file.exists() else None

    def run(self, *, prefix=(), dsn=None, timeout=60, flags=(), env=None):
        """Runs the command, perhaps under a tracer or by way of a proxy."""
        return self.relay.with_(prefix=prefix, dsn=dsn or self.relay.dsn)(*self.words, *flags, timeout=timeout, env=env)

    # The state -----------------------------------------------------------------------------------------------------

    def files(self):
        """All files of the folder, also in folders below it."""
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    def unfinished(self):
        """Files that a later run must settle."""
        return [path for path in self.files() if path.name.endswith((".new", ".batch"))]

    def keys_on_disk(self):
        """Every key in any file of the folder."""
        return {key.decode() for path in self.files() for key in KEY.findall(path.read_bytes())}

    def live(self):
        """The ids of the agent's keys that a gateway would accept; empty without a schema."""
        if self.database.value("SELECT to_regclass('relay.key_status')::text") is None:
            return set()
        rows = self.database.rows(
            "SELECT key_id FROM relay.key_status"
            " WHERE status IN ('staged', 'active', 'retiring') AND NOT blocked AND agent_id = %s",
            self.agent,
        )
        return {row["key_id"] for row in rows}

    def times_done(self):
        """How many times the change was made, by the audit trail, which is written with it."""
        if self.database.value("SELECT to_regclass('relay.auth_events')::text") is None:
            return 0
        action = {"block": "agent_blocked", "revoke": "agent_revoked", "unblock": "agent_unblocked"}.get(self.kind)
        action = action or ("key_rotated" if self.kind in ROTATE else "key_issued")
        sql = "SELECT count(*) FROM relay.auth_events WHERE agent_id = %s AND action = %s"
        return self.database.value(sql, self.agent, action)

    def verdict(self, operation):
        """Returns what `recover` says of an operation: "done" or "aborted"."""
        (item,) = self.relay.json("recover", operation)["items"]
        return item["verdict"]

    # The promises --------------------------------------------------------------------------------------------------

    def assert_safe(self, result):
        """At this moment no agent is locked out, and every live key was delivered."""
        held = {agents.key_id(key) for key in self.keys_on_disk()}
        if self.old:
            held.add(agents.key_id(self.old))
        live = self.live()
        assert live <= held, f"live keys that nobody holds: {live - held}\n{result}"
        if self.old and self.kind in ROTATE:
            assert live, f"the agent had a working key and has none\n{result}"
        assert self.times_done() <= 1, f"{result}"

    def assert_converges(self, harmed=None, times=2):
        """The same command again, without a fault, succeeds; and then once more, with nothing left to do."""
        for _ in range(times):
            result = self.run()
            report = f"{result}\n=== after\n{harmed}"
            assert result.code == 0, report
            assert self.times_done() == 1, report
            if self.file:
                self.assert_delivered(report)

    def assert_delivered(self, report):
        """The file is whole, private and the only one, and its key is live."""
        assert not self.unfinished(), f"{self.unfinished()}\n{report}"
        (key,) = KEY.findall(self.file.read_bytes())
        assert agents.decide(self.database, key.decode()) == "ok", report
        allowed = {agents.key_id(key.decode())} | ({agents.key_id(self.old)} if self.old else set())
        assert self.live() <= allowed, report
        assert self.file.stat().st_mode & 0o777 == 0o600 and self.file.stat().st_nlink == 1, report

    def assert_told_truly(self, result, refusals=(8, 12)):
        """The exit code of a command that was not killed says what is in the database and on the disk. `refusals`: the
        codes that say that nothing was changed."""
        self.assert_safe(result)
        done = self.times_done()
        if result.code == 0:
            assert done == 1, f"{result}"
            if self.file:
                self.assert_delivered(result)
        elif result.code == 9:
            assert "relay-admin recover op_" in result.err, f"{result}"
            if self.file:
                assert self.unfinished(), f"the file is gone, and the key may be live\n{result}"
        else:
            assert result.code in refusals, f"{result}"
            assert "nothing was changed" in result.err, f"{result}"
            assert done == 0, f"{result}"
            self.assert_untouched(result)

    def assert_untouched(self, result):
        """The command left no trace on the disk, and the old key is what it was before."""
        if self.file:
            left = self.file.read_bytes() if self.file.exists() else None
            assert left == self.content_before and not self.unfinished(), f"{self.files()}\n{result}"
        if self.old:
            assert agents.decide(self.database, self.old) == self.verdict_before, f"{result}"


class BatchScene(Scene):
    """Several agents that get their first key together: all of them or none. `agents`: their ids."""

    def __init__(self, kind, relay, database, members, words, folder, *, file):
        super().__init__(kind, relay, database, members[0], words, folder, file=file)
        self.members = members

    def live(self):
        rows = self.database.rows(
            "SELECT agent_id, key_id FROM relay.key_status WHERE status IN ('staged', 'active', 'retiring') AND agent_id = ANY (%s)",
            self.members,
        )
        assert len({row["agent_id"] for row in rows}) == len(rows), "an agent has two keys"
        return {row["key_id"] for row in rows}

    def times_done(self):
        """Returns 1 if each agent was issued its key once, and a fraction if only some of them were."""
        sql = "SELECT count(*) FROM relay.auth_events WHERE action = 'key_issued' AND agent_id = ANY (%s)"
        told = self.database.value(sql, self.members)
        assert told == len(self.live()), "what is told is not what is live"
        return told / len(self.members)

    def assert_delivered(self, report):
        """The files hold the live key of each agent and no other, and nothing is unfinished."""
        assert not self.unfinished(), f"{self.unfinished()}\n{report}"
        found = [key.decode() for path in self.files() for key in KEY.findall(path.read_bytes())]
        assert {agents.key_id(key) for key in found} == self.live(), report
        assert len(found) == len(self.members) and all(agents.decide(self.database, key) == "ok" for key in found), report
        for path in self.files():
            assert path.stat().st_mode & 0o777 == 0o600 and path.stat().st_nlink == 1, report

    def assert_told_truly(self, result, refusals=(8, 12)):
        if f"{len(self.members)} keys were issued before it" in result.err:  # what failed came after the batch
            assert result.code in refusals and self.times_done() == 1, f"{result}"
            self.assert_delivered(result)
        else:
            super().assert_told_truly(result, refusals)

    def assert_untouched(self, result):
        assert not self.keys_on_disk() and not self.unfinished() and not self.live(), f"{self.files()}\n{result}"


class Stage:
    """Makes scenes: each with an agent, a folder and, for `init`, a separate database."""

    def __init__(self, cluster, database, relay, folder):
        self.cluster = cluster
        self.database = database
        self.relay = relay
        self.folder = Path(folder)
        self._numbers = itertools.count(1)
        self._made = []
        relay("org", "create", "acme", "--name", "Acme", "--plan", "paid", check=0)

    def scene(self, kind):
        """A new scene of a kind."""
        number = next(self._numbers)
        folder = self.folder / f"scene{number}"
        folder.mkdir()
        agent = f"a{number}"
        if kind in INIT:
            return self._init(kind, agent, folder)
        if kind in BATCH:
            return self._batch(kind, agent, folder)
        create = ("agent", "create", agent, "--org", "acme", "--name", "A")
        if kind == "create":
            words, file = (*create, "--secret-file", folder / "key"), folder / "key"
            return Scene(kind, self.relay, self.database, agent, words, folder, file=file)
        if kind == "create into a folder":
            words, file = (*create, "--secrets-dir", folder / "keys"), folder / "keys" / f"{agent}.key"
            return Scene(kind, self.relay, self.database, agent, words, folder, file=file)
        self.relay(*create, "--secret-file", folder / "old", check=0)
        old = agents.read_key(folder / "old")
        if kind in LIFTS:
            self.relay("block", agent, check=0)
        if kind in (*INCIDENTS, *LIFTS):
            words = (kind, agent, *(["--yes"] if kind in LIFTS else []))
            return Scene(kind, self.relay, self.database, agent, words, folder, old=old)
        return self._rotate(kind, agent, folder, old)

    def _rotate(self, kind, agent, folder, old):
        rotate = ("rotate-key", agent)
        once = ("--request-id", str(uuid.uuid4()))
        file = folder / "key"
        if kind == "rotate":
            words = (*rotate, *once, "--secret-file", file)
        elif kind == "rotate at once":
            (folder / "old").rename(file)
            words = (*rotate, *once, "--grace", "0", "--replace", "--secret-file", file)
        elif kind == "rotate when due":
            (folder / "old").rename(file)
            self.database.execute(
                "UPDATE relay.agent_keys SET created_at = created_at - interval '2 days' WHERE agent_id = %s", agent
            )
            words = (*rotate, "--if-older-than", "1d", "--replace", "--secret-file", file)
        else:
            file = folder / f"{agent}.key"
            (folder / "old").rename(file)
            words = (*rotate, *once, "--replace", "--secrets-dir", folder)
        return Scene(kind, self.relay, self.database, agent, words, folder, file=file, old=old)

    def _batch(self, kind, agent, folder):
        """Three agents of the list, in a window that is opened with the first of these scenes."""
        members = [f"{agent}.{number}" for number in range(3)]
        self.database.execute(
            "INSERT INTO relay.legacy_migrations (deadline, opened_by) SELECT now() + interval '9 days', 'test'"
            " WHERE NOT EXISTS (SELECT FROM relay.legacy_migrations)"
        )
        self.database.execute(
            "WITH made AS (INSERT INTO relay.agents (agent_id, org_id, name, created_by)"
            "  SELECT id, 'acme', id, 'test' FROM unnest(%s) AS id RETURNING agent_id)"
            " INSERT INTO relay.legacy_agents (agent_id, org_id, imported_by) SELECT agent_id, 'acme', 'test' FROM made",
            members,
        )
        self.database.execute(
            "UPDATE relay.legacy_agents SET wave = 1, migration_id = (SELECT migration_id FROM relay.legacy_migrations)"
            " WHERE agent_id = ANY (%s)",
            members,
        )
        if kind == "issue as lines":
            file, sink = folder / "keys.jsonl", ("--secret-file", folder / "keys.jsonl", "--secret-format", "json")
        else:
            file, sink = folder / "keys" / f"{members[0]}.key", ("--secrets-dir", folder / "keys")
        words = ("migrate-legacy", "issue", *members, *sink)
        return BatchScene(kind, self.relay, self.database, members, words, folder, file=file)

    def _init(self, kind, agent, folder):
        template = "template0" if kind == "init on an empty database" else "relay_template"
        database = Database(self.cluster, template=template)
        self._made.append(database)
        words = ("init", "--org-id", "first", "--org-name", "First", "--agent-id", agent, "--agent-name", "A")
        file = folder / "key"
        relay = self.relay.with_(dsn=database.dsn())
        return Scene(kind, relay, database, agent, (*words, "--secret-file", file), folder, file=file)

    def strike(self, scene):
        """Removes what a scene left, so that hundreds of scenes take no space."""
        if scene.database is not self.database:
            scene.database.drop()

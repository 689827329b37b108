"""The drill: a recipe runs daily for 400 days over a small fleet, while the clock of the database moves and clients call all the time
with the key that they read from their store. Runs are killed, and the store has bad days. No call may fail.

The whole drill has 50 agents and runs every day; a tenth of the runs are killed, a tenth meet a bad store. A sample has two agents, leaves
out most of the days on which nothing is due, and has more of both kinds of trouble. The dice decide all of it, by the seed of sampling.py;
left to the machine are the instants of the clients' calls, and whether a run gets as far as the call at which it would be killed."""

import os
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg2

from . import sampling, strace
from .agents import digest, key_id
from .binaries import tool
from .recipes import DRILLED
from .web_store import ARRIVING, FAULTS

DAYS, EVERY, LATEST = 400, 80, 86  # days: how long, the age in the recipes, the highest age of an active key
AT_ONCE = 4
"""As many agents are rotated at the same time."""
IN_A_ROW = 3
"""As many runs of an agent may meet trouble in a row: with five staged keys, a person must look."""
ASK = """SELECT CASE WHEN called.reason = 'ok' AND policy.require_nonce
                     THEN (relay_api.use_nonce(called.agent_id, %s, clock_timestamp(), policy."window")).reason ELSE called.reason END
FROM relay_api.authenticate(%s, %s, ip_address => '192.0.2.7') AS called
LEFT JOIN LATERAL (SELECT p.require_nonce, p."window" FROM relay_api.policy(called.org_id, called.agent_id) AS p
                   WHERE called.reason = 'ok' OFFSET 0) AS policy ON true"""
"""A signed call, by the policies of the drill: from an address on the list, with a nonce, of an agent of which there is no seat too many."""


class Drill:
    """`refused`: the calls that failed, as (day, agent, key id, reason). `counts`: what happened."""

    def __init__(self, relay, database, clock, folder, web, name, *, whole=sampling.FULL):
        self.database, self.clock, self.whole = database, clock, whole
        self.dice = sampling.dice(f"drill: {name}")
        self.recipe = DRILLED[name](database, folder / "runner", web)
        self.agents = [f"agent-{number}" for number in range(50 if whole else 2)]
        self.kills, self.bad_days = (0.1, 0.1) if whole else (0.2, 0.6)  # the share of runs; most of them deliver nothing
        order = sampling.dice("drill: faults").sample(FAULTS, len(FAULTS))
        first = list(DRILLED).index(name)
        self.faults = (*order[first:], *order[:first])
        """What a bad store does, in turn. Each recipe begins elsewhere, so that all together meet all of it, in a sample too."""
        self.repeats = 0.5
        """How many of the keys that are late arrive after another run only."""
        self.refused, self.counts, self.day = [], Counter(), 0
        self.trouble = Counter()  # agent: how many of its runs met trouble in a row
        self.yesterday = {}
        self.after_run = lambda: None
        """Called after the runs of a day."""
        self._lock = threading.Lock()  # the clock does not move between a client's look and its call
        self.gateway = database.dsn(user=database.gateway_login())
        relay("org", "create", "acme", "--name", "Acme", "--plan", "paid", "--max-agents", str(len(self.agents)), check=0)
        relay("policy", "set", "--org", "acme", "--allow", "192.0.2.0/24", "--window", "30s", "--require-nonce", "yes", check=0)
        database.execute("SELECT relay.keep_nonces()")  # as a gateway does at its start
        for agent in self.agents:
            relay("agent", "create", agent, "--org", "acme", "--name", agent, "--secret-file", folder / agent, check=0)
            self.recipe.put(agent, (folder / agent).read_text())
            age = self.dice.randrange(EVERY)
            database.execute(
                "UPDATE relay.agent_keys SET created_at = created_at - make_interval(days => %s) WHERE agent_id = %s", age, agent
            )

    # The parts --------------------------------------------------------------------------------------------------------------

    def _move(self, **length):
        seconds = 86400 * length.get("days", 0) + 60 * length.get("minutes", 0)
        with self._lock:
            self.clock.move(self.clock.ahead + seconds)

    def _call(self, cursor, agent, key=None):
        """A client calls with the key that its store holds, or with one that it read before."""
        with self._lock:
            key = key or self.recipe.held(agent)
            cursor.execute(ASK, (os.urandom(16), key_id(key), digest(key)))
            (answer,) = cursor.fetchone()
            self.counts["calls"] += 1
        if answer != "ok":
            self.refused.append((self.day, agent, key_id(key), answer))

    def _clients(self, stopped):
        """Calls for one agent after the other, until `stopped`."""
        with closing(psycopg2.connect(self.gateway)) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            while not stopped.is_set():
                for agent in self.agents:
                    self._call(cursor, agent)
                    stopped.wait(0.02)

    def _points(self):
        """The places at which a run can be killed: each call of a run that delivers. The agent is ready for the drill again then."""
        agent = self.agents[0]
        before = self.recipe.held(agent)
        tracer = strace.Tracer()
        self.database.execute("UPDATE relay.agent_keys SET created_at = created_at - interval '90 days' WHERE agent_id = %s", agent)
        ran, calls = tracer.record(lambda prefix: self.recipe.run(agent, prefix=prefix))
        assert ran.code == 0 and self.recipe.held(agent) != before, ran.log
        return tracer.points(calls)

    def _plan(self, agent, points):
        """What today's run of an agent meets: (what the store does with a key, what is put before the program to kill it)."""
        if self.trouble[agent] >= IN_A_ROW:
            return None, ()
        fault = self.faults[0] if self.dice.random() < self.bad_days else None
        if self.dice.random() >= self.kills:
            return fault, ()
        point = self.dice.choice(points)
        # Only the program itself: its commands end with it.
        return fault, (tool("strace"), "-qq", "-o", "/dev/null", "-e", f"trace={point.name}", "-e", point.kill())

    def _note(self, agent, fault, prefix, ran):
        """Counts a run, and checks that it failed only if it had to. Returns True if its key is still on its way."""
        killed = ran.code in (137, -9)
        self.counts["runs"] += 1
        self.counts["killed"] += killed
        self.counts["bad stores"] += ran.met
        if ran.met and fault == self.faults[0]:
            self.faults = (*self.faults[1:], fault)
        assert ran.code == 0 or killed and prefix or ran.code == 12 and ran.met, f"day {self.day}, {agent}, {fault}\n{ran.log}"
        assert "relay_sk_" not in ran.log
        self.trouble[agent] = self.trouble[agent] + 1 if ran.code else 0
        return ran.met and fault in ARRIVING

    def _late(self, agents):
        """Keys are on their way: they arrive a few minutes later, some of them after another run."""
        self._move(minutes=self.dice.randrange(1, 6))
        for agent in agents:
            if self.dice.random() < self.repeats:
                self._note(agent, None, (), self.recipe.run(agent))
                self.after_run()
        for agent in agents:
            self.counts["late"] += self.recipe.arrive(agent)

    def _next(self):
        """How many days pass until the next run."""
        if self.whole or any(self.trouble.values()):
            return 1
        due = self.database.value(
            "SELECT min(CASE state WHEN 'staged' THEN 0 ELSE %s - extract(day FROM now() - created_at) END)::int"
            " FROM relay.agent_keys WHERE state IN ('staged', 'active')",
            EVERY,
        )
        return max(1, min(due - 1, self.dice.randrange(1, 60)))

    # The whole --------------------------------------------------------------------------------------------------------------

    def play(self):
        """Runs all days. Raises AssertionError with the first calls that failed."""
        begin = self.database.value("SELECT clock_timestamp()")
        points = self._points()
        stopped = threading.Event()
        clients = threading.Thread(target=self._clients, args=(stopped,), daemon=True)
        clients.start()
        try:
            with closing(psycopg2.connect(self.gateway)) as connection, connection.cursor() as cursor:
                connection.autocommit = True
                while self.day < DAYS and not self.refused:
                    self._play_day(cursor, points)
        finally:
            stopped.set()
            clients.join()
        assert not self.refused, f"refused calls (day, agent, key, reason): {self.refused[:5]}\n{dict(self.counts)}"
        assert (self.database.value("SELECT clock_timestamp()") - begin).days >= DAYS, "the clock of the database did not move"
        rotations = self.database.rows("SELECT agent_id, count(*) AS n FROM relay.auth_events WHERE action = 'key_rotated' GROUP BY 1")
        assert len(rotations) == len(self.agents) and all(row["n"] >= DAYS // EVERY - 1 for row in rotations), rotations
        due = len(self.agents) * (DAYS // EVERY + 1)
        troubles = self.counts["killed"] + self.counts["bad stores"] + self.counts["late"]
        assert sum(row["n"] for row in rotations) <= due + troubles, f"keys are rotated too often: {rotations}"
        return self.counts

    def _play_day(self, cursor, points):
        passed = self._next()
        self._move(days=passed)
        self.day += passed
        # A client that read its key a day ago, and keeps it.
        for agent, key in self.yesterday.items() if passed == 1 and self.recipe.graces_a_day else ():
            self._call(cursor, agent, key)
        self.yesterday = {agent: self.recipe.held(agent) for agent in self.agents}
        plans = {agent: self._plan(agent, points) for agent in self.dice.sample(self.agents, len(self.agents))}
        with ThreadPoolExecutor(AT_ONCE) as pool:
            started = {
                agent: pool.submit(self.recipe.run, agent, fault=fault, prefix=prefix) for agent, (fault, prefix) in plans.items()
            }
        late = [agent for agent, (fault, prefix) in plans.items() if self._note(agent, fault, prefix, started[agent].result())]
        self.after_run()
        if late:
            self._late(late)
        for agent in self.agents:
            self._call(cursor, agent)
        age = self.database.value("SELECT max(extract(day FROM now() - created_at))::int FROM relay.agent_keys WHERE state = 'active'")
        assert age <= LATEST, f"day {self.day}: a key is {age} days old"

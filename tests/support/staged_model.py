"""The delivery of keys to a store that is not a file, as a model: a search over all interleavings of three runs.

Each run stages a key, its command may or may not write it into the store, and the run confirms it, or fails, or is killed. A write
lands at any time before the store has settled, any number of times, in any order; one that the store acknowledged lands at least once.
Clients read the store and use what it holds. In between, the next run confirms what was used, someone looks into the store, or an
operator puts an old key back and reverts. At every instant, what the store holds must work.

Time is counted in ticks, and has no end: a world remembers only how long ago things were, as far as it matters. Grace is 0, the worst
case. A rule of lib/relay/identity/confirm_key.hpp can be left out: then the search must find a hole."""

from typing import NamedTuple

RULES = {
    "what may still arrive stays": "a confirmation leaves each key staged that could still arrive when the confirmed one was staged",
    "no end before settle": "no key ends before the confirmed key has settled, without grace too",
    "only earlier keys retire": "a confirmation does not touch keys that were staged later",
    "uses count from deliver_until": "the command may try the key before it stores it",
    "the deadline counts from the commit": "the command is ended then, however late it was started",
    "read-back never ends a key": "a write may land after the look",
    "revert needs the old key in the store": "otherwise it ends the key that clients read",
    "a revert voids what was proved": "a client may have used the new key, or its run may have heard from the store, before that",
}

TIMEOUT, SETTLE, RUNS = 1, 1, 3
SETTLED = TIMEOUT + SETTLE
ACTIVE, STAGED, RETIRING, RETIRED = "active", "staged", "retiring", "retired"
WAITING, STAGING, RUNNING, ANSWERED, OVER = range(5)


class Key(NamedTuple):
    """A row of relay.agent_keys. Its number is the order in which it was made."""

    state: str = RETIRED
    age: int = 0  # ticks since it was staged, at most SETTLED
    left: int = 0  # ticks until a retiring key ends
    used: bool = False
    replaced: bool = False
    rivals: frozenset = frozenset()  # the keys that could still arrive when it was staged


class Run(NamedTuple):
    """A run and its writes."""

    phase: int = WAITING
    left: int = 0  # ticks until its command has been ended
    window: int = 0  # ticks until the store has settled
    written: bool = False
    landed: bool = False
    acknowledged: bool = False


class World(NamedTuple):
    store: int
    keys: tuple  # of Key; 0 is the key before all runs
    runs: tuple  # of Run; run i makes key i + 1
    reverted: bool = False


START = World(0, (Key(ACTIVE, SETTLED),) + (Key(),) * RUNS, (Run(),) * RUNS)


def put(values, at, value):
    return values[:at] + (value,) + values[at + 1 :]


def works(key):
    return key.state in (ACTIVE, STAGED) or (key.state == RETIRING and key.left > 0)


def plain_key(key):
    """The key without what no step asks about."""
    if key.state == RETIRED or (key.state == RETIRING and key.left == 0):
        return Key()
    if key.state == STAGED and not key.replaced:
        return key
    return key._replace(used=False, rivals=frozenset())


def plain_run(run):
    return Run(run.phase) if run.phase > RUNNING and run.window == 0 else run


def plain(world):
    return world._replace(keys=tuple(map(plain_key, world.keys)), runs=tuple(map(plain_run, world.runs)))


def later(world):
    """The world after a tick."""
    keys = tuple(key._replace(age=min(key.age + 1, SETTLED), left=max(key.left - 1, 0)) for key in world.keys)
    runs = []
    for run in world.runs:
        run = run._replace(left=max(run.left - 1, 0), window=max(run.window - 1, 0))
        runs.append(run._replace(phase=OVER) if run.phase == RUNNING and run.left == 0 else run)
    return world._replace(keys=keys, runs=tuple(runs))


class Protocol:
    """The protocol without the rule `without`."""

    def __init__(self, without=None):
        assert without is None or without in RULES
        self.without = without

    def has(self, rule):
        assert rule in RULES
        return rule != self.without

    def active(self, keys):
        return next((i for i, key in enumerate(keys) if key.state == ACTIVE), None)

    def let_go(self, keys, number, by):
        """The key when `by` is confirmed."""
        key = keys[number]
        if number in keys[by].rivals and number < by and self.has("what may still arrive stays"):
            return key._replace(state=STAGED, replaced=True)
        left = SETTLED - keys[by].age if self.has("no end before settle") else 0
        return key._replace(state=RETIRING, left=left, replaced=True)

    def confirm(self, world, number):
        keys = world.keys
        active = self.active(keys)
        if keys[number].state != STAGED or keys[number].replaced or (active or 0) > number:
            return world
        for other, key in enumerate(keys):
            is_earlier = other < number or other == active or not self.has("only earlier keys retire")
            if other != number and is_earlier and key.state in (ACTIVE, STAGED):
                keys = put(keys, other, self.let_go(keys, other, number))
        return world._replace(keys=put(keys, number, keys[number]._replace(state=ACTIVE)))

    def settle(self, world):
        """What each run does first: confirms the newest staged key that was used."""
        for number in reversed(range(len(world.keys))):
            if world.keys[number].state == STAGED and world.keys[number].used:
                return self.confirm(world, number)
        return world

    def steps(self, world):
        """All worlds that can come next, each with the name of the step."""
        for i, run in enumerate(world.runs):
            yield from self.steps_of_run(world, i, run)
        yield from self.steps_of_others(world)
        if all(run.landed or not run.acknowledged or run.window > 1 for run in world.runs):
            yield "tick", later(world)

    def steps_of_run(self, world, i, run):
        number = i + 1
        key = world.keys[number]

        def after(**changes):
            return world._replace(runs=put(world.runs, i, run._replace(**changes)))

        if run.phase == WAITING and (i == 0 or world.runs[i - 1].phase != WAITING):
            begun = self.settle(world)
            rivals = frozenset(j for j, other in enumerate(begun.keys) if other.state in (ACTIVE, STAGED) and other.age < SETTLED)
            keys = put(begun.keys, number, Key(STAGED, rivals=rivals))
            yield f"stage {number}", begun._replace(keys=keys, runs=put(begun.runs, i, Run(STAGING, TIMEOUT)))
        if run.phase == STAGING:
            left = run.left if self.has("the deadline counts from the commit") else TIMEOUT
            yield f"run {number}", after(phase=RUNNING if left else OVER, left=left, window=left + SETTLE if left else 0)
        if run.phase == RUNNING:
            if not run.written:
                yield f"write {number}", after(written=True)
                if not key.used and not self.has("uses count from deliver_until"):
                    yield f"try {number}", world._replace(keys=put(world.keys, number, key._replace(used=True)))
            else:
                yield f"answer {number}", after(phase=ANSWERED, acknowledged=True)
            yield f"fail {number}", after(phase=OVER)
        if run.phase == ANSWERED:
            yield f"confirm {number}", self.confirm(after(phase=OVER), number)
        if run.written and run.window > 0 and (world.store != number or not run.landed):
            yield f"land {number}", after(landed=True)._replace(store=number)

    def steps_of_others(self, world):
        keys, held = world.keys, world.store
        if held > 0 and keys[held].age >= TIMEOUT:
            yield f"use {held}", world._replace(keys=put(keys, held, keys[held]._replace(used=True)))
        yield "next run", self.settle(world)
        yield f"look {held}", self.confirm(world, held)
        if not self.has("read-back never ends a key"):
            for other, staged in enumerate(keys):
                if staged.state == STAGED and other != held and other > (self.active(keys) or 0):
                    yield f"look ends {other}", world._replace(keys=put(keys, other, staged._replace(state=RETIRED)))
        if not world.reverted:
            yield from self.reverts(world)

    def reverts(self, world):
        """An operator puts an earlier key back that still works, and reverts in the same moment."""
        active = self.active(world.keys)
        for old in range(active or 0):
            if not works(world.keys[old]):
                continue
            fate = STAGED if world.keys[active].age < SETTLED else RETIRED
            keys = put(world.keys, active, world.keys[active]._replace(state=fate))
            if self.has("a revert voids what was proved"):
                keys = tuple(key._replace(replaced=True) if key.state == STAGED else key for key in keys)
            keys = put(keys, old, keys[old]._replace(state=ACTIVE, replaced=False, left=0))
            held = old if self.has("revert needs the old key in the store") else world.store
            yield f"revert to {old}", world._replace(keys=keys, store=held, reverted=True)


def search(without=None):
    """Returns the shortest way to a world in which what the store holds does not work (None: there is none), and how many worlds were
    looked at."""
    protocol = Protocol(without)
    came_from = {START: None}
    frontier = [START]
    while frontier:
        following = []
        for world in frontier:
            for name, raw in protocol.steps(world):
                then = plain(raw)
                if then in came_from:
                    continue
                came_from[then] = (name, world)
                if not works(then.keys[then.store]):
                    return way_to(then, came_from), len(came_from)
                following.append(then)
        frontier = following
    return None, len(came_from)


def way_to(world, came_from):
    way = []
    while came_from[world]:
        name, world = came_from[world]
        way.append(name)
    return way[::-1]

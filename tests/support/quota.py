"""Organizations with limits, and processes that take from them until they are killed."""

import subprocess
import sys

import psycopg2
import psycopg2.extras

DAY_NOW = "(clock_timestamp() AT TIME ZONE 'UTC')::date"


def make_org(database, org="acme", **limits):
    """Inserts an organization with its own limits; returns its id."""
    database.execute("INSERT INTO relay.organizations (org_id, name, plan, created_by) VALUES (%s, %s, 'paid', 'test')", org, org)
    for meter, amount in limits.items():
        set_limit(database, org, meter, amount)
    return org


def set_limit(database, org, meter, amount):
    """Sets an organization's own limit; None: no limit."""
    database.execute(
        "INSERT INTO relay.limits (owner_kind, owner_id, meter, org_id, amount) VALUES ('org', %s, %s, %s, %s)"
        " ON CONFLICT (owner_kind, owner_id, meter) DO UPDATE SET amount = excluded.amount",
        org, meter, org, amount,
    )  # fmt: skip


def used(database, org="acme", meter="messages", day=DAY_NOW):
    """What is used on a day (in SQL); 0 without a row."""
    return database.value(f"SELECT COALESCE(sum(used), 0)::bigint FROM relay.usage WHERE org_id = %s AND meter = %s AND day = {day}", org, meter)


class Account:
    """Calls the functions of a gateway on its own connection."""

    def __init__(self, database, **where):
        self.connection = database.connect(user=database.gateway_login(), **where)
        self.connection.autocommit = True

    def _one(self, call, *arguments):
        with self.connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
            cursor.execute(f"SELECT * FROM relay_api.{call}", arguments)
            return cursor.fetchone()

    def take(self, amount, at_least=None, *, org="acme", meter="messages"):
        return self._one("take(%s, %s, %s, %s)", org, meter, amount, at_least)

    def give_back(self, amount, until, *, org="acme", meter="messages"):
        return self._one("give_back(%s, %s, %s, %s)", org, meter, amount, until)["give_back"]

    def hold(self, hold_id, amount=1, provider=None, *, org="acme", meter="vms"):
        return self._one("hold(%s, %s, %s, %s, %s)", org, meter, hold_id, amount, provider)

    def release(self, hold_id, *, org="acme", meter="vms"):
        return self._one("release(%s, %s, %s)", org, meter, hold_id)["release"]

    def close(self):
        self.connection.close()


TAKER = """
import random, sys, psycopg2
dsn, seed = sys.argv[1], int(sys.argv[2])
dice = random.Random(seed)
held, until, connection = 0, None, None
def say(*words):
    print(*words, flush=True)
for number in range(int(sys.argv[3])):
    back = held and dice.random() < 0.25
    amount = dice.randint(1, held) if back else dice.randint(1, 60)
    try:
        if connection is None:
            connection = psycopg2.connect(dsn)
            connection.autocommit = True
        with connection.cursor() as cursor:
            if back:
                say("giving", amount)
                cursor.execute("SELECT relay_api.give_back('acme', 'messages', %s, %s)", (amount, until))
                held -= amount
                say("gave", amount)
            else:
                say("taking", amount)
                least = dice.choice([None, 1, amount])
                cursor.execute("SELECT granted, resets_at FROM relay_api.take('acme', 'messages', %s, %s)", (amount, least))
                granted, until = cursor.fetchone()
                held += granted
                say("took", granted)
    except psycopg2.Error:
        connection = None  # what was asked for last may have been done or not
say("end")
"""


class Taker:
    """A process that takes and gives back random amounts through `dsn`, and says what it does before and after."""

    def __init__(self, folder, dsn, seed, rounds):
        self.said = folder / f"taker-{seed}"
        self.process = subprocess.Popen([sys.executable, "-B", "-c", TAKER, dsn, str(seed), str(rounds)], stdout=self.said.open("wb"))

    def balance(self):
        """(taken and not given back, the most that it may have taken more, the most that it may have given back more)"""
        surely = taken = given = 0
        asked = None
        said = self.said.read_text()
        for line in said[: said.rfind("\n") + 1].splitlines():  # a kill can cut the last line
            word, _, amount = line.partition(" ")
            if word in ("taking", "giving", "end") and asked:  # the answer to the question before never came
                taken, given = taken + asked.get("taking", 0), given + asked.get("giving", 0)
            asked = {word: int(amount)} if word in ("taking", "giving") else None
            surely += int(amount) if word == "took" else -int(amount) if word == "gave" else 0
        if asked:
            taken, given = taken + asked.get("taking", 0), given + asked.get("giving", 0)
        return surely, taken, given

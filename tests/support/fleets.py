"""A small fleet for completion: two organizations, agents in each state, a name that is hostile to shells."""

import time

from .database import Database, make_template
from .relay import Runner

HOSTILE_NAME = "$(touch owned) `touch owned` Pay: 'n' \"Go\" %F{red}; touch owned"

TRIES = 8
OUT_OF_TIME = 0.3  # seconds; the program itself gives up a little later


class Fleet:
    """`relay` runs against it; `keys` has the key id of each agent."""

    def __init__(self, cluster, home):
        self.database = Database(cluster, template=make_template(cluster))
        self.home = home
        self.relay = Runner(dsn=self.database.dsn(), home=home, cwd=home)
        for org, name in (("acme-corp", 'Acme: the "Corp"'), ("acme-labs", "Acme Labs"), ("zeta", "Zeta")):
            self.relay("org", "create", org, "--name", name, "--plan", "paid", check=0)
        self.keys = {}
        for agent, org, name in (
            ("pay-bot", "acme-corp", HOSTILE_NAME),
            ("pay-desk", "acme-corp", "Pay Desk"),
            ("shut-bot", "acme-corp", "Shut Bot"),
            ("mail-bot", "acme-labs", "Mail Bot"),
            ("dead-bot", "acme-labs", "Dead Bot"),
        ):
            secret = ("--secret-file", home / f"{agent}.key")
            made = self.relay.json("agent", "create", agent, "--org", org, "--name", name, *secret)
            self.keys[agent] = made["data"]["key_id"]
        self.relay("block", "shut-bot", "--ticket", "INC-42", check=0)
        self.relay("revoke", "dead-bot", check=0)

    @property
    def env(self):
        """Where a shell finds the program."""
        return {"RELAY_ADMIN_DSN": self.database.dsn()}

    def complete(self, *words, relay=None, once=False, **options):
        """{word: meaning} of `__complete`, which must succeed and say nothing else.

        An answer that comes too late is not offered, and on a busy machine that happens: then it asks again, except
        with `once`."""
        for _ in range(1 if once else TRIES):
            began = time.monotonic()
            result = (relay or self.relay)("__complete", *words, check=0, **options)
            assert result.err == ""
            if result.out or time.monotonic() - began < OUT_OF_TIME:
                break
        rows = [(line.split("\t") + [""])[:2] for line in result.out.splitlines()]
        assert len(dict(rows)) == len(rows), f"a word twice: {result.out}"
        return dict(rows)

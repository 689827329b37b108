"""A line that works, of each command that only reads. A new command that reads gets its line here, and nowhere else in the tests."""

import json
from datetime import datetime, timezone

from . import command_table
from .agents import key_id
from .cards import card
from .devices import insert_device

LINES = {
    "agent env": ("bot", "--registry-url", "https://relay.example.com"),
    "agent keygen": ("pair.pem",),
    "agent list": (),
    "agent show": ("bot",),
    "audit anomalies": (),
    "audit export": (),
    "audit list": (),
    "audit show": ("1",),
    "audit tail": ("--lines", "3", "--until-idle", "--quiet"),
    "audit verify": (),
    "completion": ("bash",),
    "config show": (),
    "device list": (),
    "device show": ("4mz8q0v2h7rk",),
    "doctor": (),
    "explain": ("blocked",),
    "gateway list": (),
    "help": (),
    "incident list": (),
    "incident show": ("INC-0",),
    "key due": (),
    "key list": (),
    "key show": ("{key}",),
    "key verify": ("--agent", "bot"),
    "metrics": (),
    "migrate-legacy status": (),
    "org list": (),
    "org seats": ("acme",),
    "org show": ("acme",),
    "plan list": (),
    "plan show": ("free",),
    "policy history": (),
    "policy list": ("--org", "acme"),
    "policy show": ("bot",),
    "queue list": ("acme",),
    "queue name": ("acme", "bot"),
    "queue owner": ("acme.bot",),
    "registry check": ("card.json",),
    "registry list": (),
    "registry show": ("bot",),
    "role list": (),
    "role show": ("ops", "--org", "acme"),
    "sandbox status": (),
    "schema json": (),
    "schema print": (),
    "schema status": (),
    "schema verify": (),
    "subscription list": (),
    "subscription show": ("acme",),
    "usage holds": ("acme",),
    "usage report": ("--month", f"{datetime.now(timezone.utc):%Y-%m}"),
    "usage show": ("acme",),
    "version": (),
    "whoami": (),
    "whois": ("bot",),
}
WAITING = {"key wait", "watch"}
"""They have no line, because they wait for something to happen."""


def make_readable(relay, database):
    """Makes what the lines name beside organization acme with agent bot and role ops."""
    insert_device(database)
    database.execute("SELECT relay_api.register('bot', %s)", json.dumps(card()))
    (relay.cwd / "card.json").write_text(json.dumps(card()))
    relay("org", "update", "acme", "--key-max-age", "80d", "--ticket", "INC-0", check=0)


def line(name, key):
    """The words of the line of a command; `key` is the one of agent bot, which `key verify` reads from stdin."""
    return [*name.split(), *(word.format(key=key_id(key)) for word in LINES[name])]


def assert_each_has_a_line():
    reading = {" ".join(command.path) for command in command_table.commands() if command.effect == "reads"}
    assert reading == {*LINES, *WAITING}, reading ^ {*LINES, *WAITING}

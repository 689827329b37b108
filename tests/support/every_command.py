"""Every command, run in every way that its documents can differ: as a dry run, with and without effect, with and without rows.

A new command is played by its own test: a function `play(scene)` in its tests/cli/test_*.py is found by its name. The story below
has run before it."""

import importlib.util
import json
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .audit_months import make_old_month
from .own_key import make_key
from .relay import Runner

NOWHERE = "host=/nowhere-at-all dbname=none"
UNKNOWN_OPERATION = "op_0123456789abcdefghjkmnpq"
ACME = ("--confirm", "acme")


@dataclass(frozen=True)
class Shot:
    """One run in JSON mode. `documents`: what it printed, parsed; for a failed run its error object."""

    words: tuple
    form: str
    documents: tuple

    @property
    def document(self):
        """The one document of -o json; of -o jsonl the Summary."""
        return self.documents[-1]


class Scene:
    """Runs commands one after the other against one database, and keeps what they print."""

    def __init__(self, relay, folder, shots, database=None):
        self.relay = relay
        self.database = database
        self.folder = folder
        self.shots = shots

    def shoot(self, *words, form="json", code=0, relay=None, stdin=None):
        """Runs a command in one format; returns its (last) document."""
        result = (relay or self.relay)(*words, "-o", form, check=code, stdin=stdin)
        text = result.out or result.err.rstrip("\n").rpartition("\n")[2]
        documents = tuple(json.loads(line) for line in text.splitlines())
        self.shots.append(Shot(tuple(words), form, documents))
        return documents[-1]

    def read(self, *words, code=0, stdin=None):
        """A command that changes nothing: in both formats."""
        for form in ("jsonl", "json"):
            found = self.shoot(*words, form=form, code=code, stdin=stdin)
        return found

    def write(self, *words, again=True, code=0):
        """A command that changes something: as a dry run, for real, and as lines when there is nothing left to do."""
        for form in ("json", "jsonl"):
            self.shoot(*words, "--dry-run", form=form, code=code)
        done = self.shoot(*words, code=code)
        if again:
            self.shoot(*words, form="jsonl", code=code)
        return done

    def fail(self, code, *words, relay=None):
        """A command that ends in an error."""
        for form in ("jsonl", "json"):
            self.shoot(*words, form=form, code=code, relay=relay)


def _set_up(scene):
    scene.read("version")
    scene.read("schema", "json")
    scene.read("config", "show")
    scene.read("whoami")
    scene.read("schema", "status", code=11)
    scene.fail(11, "org", "list")
    scene.write("schema", "apply")
    scene.read("schema", "verify")
    scene.read("schema", "status")
    scene.read("whoami")
    scene.read("doctor", code=10)  # fsync is off
    for kind in ("org", "agent", "key", "role"):
        scene.read(kind, "list")
    scene.write("init", "--org-id", "acme", "--org-name", "Acme Corp", "--agent-id", "bot", "--agent-name", "Bot",
                "--permissions", "stripe:create_payment", "--plan", "paid", "--secret-file", "bot.key")  # fmt: skip


def _organizations_and_agents(scene):
    scene.write("org", "create", "small", "--name", "Small", "--admin-token", "small.token", again=False)
    scene.write("org", "create", "tiny", "--name", "Tiny")
    scene.write("org", "update", "tiny", "--name", "Tiny Ltd", "--max-agents", "1", "--key-max-age", "30d")
    scene.write("org", "update", "small", "--admin-token", "second.token", again=False)
    scene.write("org", "update", "small", "--auth-mode", "optional")
    scene.database.execute("SELECT relay_api.authenticate_anonymous('nobody', 'small')")
    scene.read("org", "show", "small")
    scene.write("org", "update", "small", "--auth-mode", "required")
    scene.write("agent", "create", "crm", "--org", "acme", "--name", "CRM", "--key-max-age", "30d", "--expires",
                "2100-01-01T00:00:00Z", "--secret-file", "crm.key")  # fmt: skip
    scene.write("agent", "update", "crm", "--add-permission", "crm:*", "--name", "CRM 2")
    scene.write("agent", "create", "one", "--org", "tiny", "--name", "One", "--secret-file", "one.key")


def _permissions(scene):
    in_acme = ("--org", "acme")
    scene.write("role", "create", "ops", *in_acme, "--name", "Operations", "--permissions", "crm:*,stripe:refund")
    scene.write("role", "create", "empty", *in_acme, "--name", "Nothing")
    scene.read("role", "show", "empty", *in_acme)
    scene.write("role", "grant", "ops", "stripe:create_payment", *in_acme, "--conditions", '{"max_amount": 500, "to": ["eu"]}')
    scene.write("role", "revoke-permission", "ops", "stripe:refund", *in_acme)
    scene.write("agent", "assign-role", "bot", "ops", "empty")
    scene.write("agent", "grant", "bot", "ledger:read", "--conditions", '{"max_amount": 10000}')
    scene.read("role", "show", "ops", *in_acme)
    scene.read("agent", "show", "bot")
    scene.read("key", "verify", stdin=(scene.folder / "bot.key").read_text())
    scene.write("agent", "revoke-permission", "bot", "stripe:create_payment")
    scene.write("agent", "unassign-role", "bot", "empty")
    scene.write("role", "delete", "empty", *in_acme, "--yes")
    scene.write("role", "create", "brief", *in_acme, "--name", "Brief")
    scene.write("agent", "assign-role", "bot", "brief")
    scene.write("role", "delete", "brief", *in_acme, "--yes", "--force")
    scene.write("role", "create", "desk", *in_acme, "--name", "Desk")


def _keys(scene):
    scene.write("rotate-key", "bot", "--grace", "2h", "--secret-file", "bot.2", again=False)
    scene.read("rotate-key", "bot", "--if-older-than", "1d", "--secret-file", "bot.3")
    scene.write("rotate-key", "bot", "--revert", again=False)
    scene.shoot("rotate-key", "bot", "--grace", "2h", "--request-id", "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
                "--secret-file", "bot.4")  # fmt: skip
    scene.shoot("rotate-key", "bot", "--grace", "0", "--secret-file", "bot.5", form="jsonl")
    done = scene.shoot("rotate-key", "bot", "--grace", "2h", "--secret-file", "bot.6")
    old = done["data"]["previous"]["key_id"]
    scene.write("key", "retire", old, "--yes")
    scene.read("key", "show", old)
    scene.read("key", "verify", stdin=(scene.folder / "bot.6").read_text())
    scene.read("key", "verify", stdin=make_key(), code=10)
    scene.read("key", "verify", stdin="relay_sk_nonsense", code=10)
    for kind in ("org", "agent", "key", "role"):
        scene.read(kind, "list", "--limit", "1")
        scene.read(kind, "list")


def _incidents(scene):
    why = ("--reason", "key seen in a log", "--ticket", "INC-42")
    scene.write("block", "bot", "nobody", *why, code=7)
    scene.read("agent", "show", "bot")
    scene.write("unblock", "bot", "--yes")
    scene.write("block", "--org", "acme", *ACME, "--until", "2h")
    scene.read("org", "show", "acme")
    scene.write("unblock", "--org", "acme", "--yes")
    scene.write("block", "stranger", "--force")
    scene.write("revoke", "bot", *why)
    scene.write("restore", "bot", "--yes", "--secret-file", "fresh.key")
    key = (scene.folder / "crm.key").read_text()[9:21]
    scene.write("revoke", "--key", key)
    scene.read("key", "show", key)
    (scene.folder / "build.log").write_text("nothing")
    scene.read("revoke", "--scan", "build.log")
    (scene.folder / "build.log").write_text((scene.folder / "fresh.key").read_text())
    scene.write("revoke", "--scan", "build.log", *why)
    scene.write("revoke", "--org", "acme", *ACME)
    scene.write("restore", "--org", "acme", *ACME)


def _recovery(scene):
    scene.read("recover", UNKNOWN_OPERATION)
    folder = scene.folder / "keys"
    folder.mkdir(mode=0o700)
    scene.read("recover", "--dir", "keys")
    (folder / "foreign.new").write_text("not a secret of ours")
    scene.read("recover", "--dir", "keys", code=7)


def _gateways(scene):
    """A gateway begins with the feed, then a change, then what it missed."""
    begin = "SELECT relay_api.acknowledge('gw-1', next_cursor), next_cursor FROM relay_api.changes_since(NULL)"
    cursor = scene.database.one(begin)["next_cursor"]
    scene.read("gateway", "list")
    for form in ("json", "jsonl"):
        scene.shoot("block", "crm", "--until", "1h", "--wait-ack", "0", "--durable", form=form, code=10)
        scene.shoot("revoke", "crm", "--wait-ack", "0", "--durable", form=form, code=10)
    for form in ("json", "jsonl"):
        scene.shoot("watch", "--since", cursor, "--until-idle", form=form)
    scene.read("gateway", "list")


def _legacy(scene):
    """A fleet of three and a row that is broken: one wave, and the end."""
    off = ("--confirm", "legacy-off")
    scene.read("migrate-legacy", "status")
    (scene.folder / "old.csv").write_text("agent_id,org_id,owner\nOld.One,acme,team a\nold-two,fresh,\nnot good,acme,\n")
    scene.write("migrate-legacy", "import", "old.csv", "--create-orgs", code=7)
    scene.write("migrate-legacy", "start", "--deadline", "14d")
    scene.write("migrate-legacy", "extend", "--deadline", "7d", "--reason", "a holiday")
    scene.database.execute("SELECT relay_api.authenticate_legacy('Old.One', 'acme', '192.0.2.1')")
    lines = ("--secret-file", "legacy.jsonl", "--secret-format", "json")
    scene.write("migrate-legacy", "issue", "Old.One", "stranger", *lines, code=7)
    scene.write("migrate-legacy", "issue", "--all", *lines)
    scene.read("migrate-legacy", "status", "--exit-code", code=10)
    scene.write("migrate-legacy", "finish", "--quiet-for", "0", "--allow-never-seen", "1", *off)
    scene.shoot("migrate-legacy", "start", "--deadline", "1d", form="jsonl")
    scene.write("migrate-legacy", "abort")
    scene.write("migrate-legacy", "abort", "--deny-all", *off)


def _audit(scene):
    scene.write("audit", "maintain", "--ahead", "4")
    make_old_month(scene.database, 3, 2)
    scene.write("audit", "maintain", "--ahead", "4", "--keep-months", "1", "--yes")


def _sandbox(scene):
    """Uses a separate folder, open to the user of the servers: a sandbox of this machine must not be touched."""
    with tempfile.TemporaryDirectory(prefix="rly-state-") as state:
        os.chmod(state, 0o755)
        scene = Scene(scene.relay.with_(env={"XDG_STATE_HOME": state}), scene.folder, scene.shots)
        assert scene.read("sandbox", "status")["data"]["folder"].startswith(state)
        try:
            for verb in ("start", "stop"):
                scene.write("sandbox", verb)
                scene.read("sandbox", "status")
        finally:
            scene.write("sandbox", "destroy", "--yes")


def _errors(scene):
    scene.fail(2, "org", "show", "acme", "--no-such-flag")
    scene.fail(3, "agent", "show", "bott")
    scene.fail(5, "org", "create", "acme", "--name", "Another")
    scene.fail(6, "agent", "create", "two", "--org", "tiny", "--name", "Two", "--secret-file", "two.key")
    scene.fail(8, "org", "list", relay=scene.relay.with_(dsn=NOWHERE))
    scene.fail(12, "rotate-key", "one", "--secret-file", "no/such/folder/one.key")


def _parts_of_tests():
    """The functions `play` of the tests of commands, in the order of the files."""
    for path in sorted((Path(__file__).resolve().parents[1] / "cli").glob("test_*.py")):
        if re.search(r"^def play\(scene\):", path.read_text(), re.MULTILINE):
            spec = importlib.util.spec_from_file_location(path.stem, path)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            yield module.play


def play(database, home, folder):
    """Runs all of it against an empty database, in `folder`; returns the shots in their order."""
    scene = Scene(Runner(dsn=database.dsn(), home=home, cwd=folder), folder, [], database)
    for part in (_set_up, _organizations_and_agents, _permissions, _keys, _incidents, _recovery, _gateways, _legacy, _audit, _sandbox,
                 *_parts_of_tests(), _errors):  # fmt: skip
        part(scene)
    return scene.shots

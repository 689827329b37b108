"""relay-admin-migration(7) is played: a fleet of forty, its listings in the order of the page, and the events between
the days."""

import base64
import hashlib
import json
import subprocess

import pytest
from nacl.public import PrivateKey, SealedBox
from support.agents import digest, key_id
from support.binaries import relay_admin
from support.guides import listings
from support.legacy_past import grow_old
from support.relay import clean_environment
from support.sound import durable, sound_cluster, sound_database

SECRET = "an old secret that everybody knows"
HASH = hashlib.sha256(SECRET.encode()).hexdigest()
VAULT = """#!/bin/sh
[ "$1 $2" = "kv put" ] && [ "$4" = "key=-" ] && cat > "vault/${3##*/}.key" && test "$3" = "secret/$RELAY_OWNER/$RELAY_AGENT_ID"
"""
FLEET = [f"agent-{number:02}" for number in range(40)]
SWITCH = "ALLOW_LEGACY_GLOBAL_AGENT_SECRET"


@pytest.fixture(scope="module")
def cluster():
    with sound_cluster() as running:
        yield running


class Fleet:
    """The agents: each calls with the key that it received, or else with the shared secret; no call may ever be
    refused."""

    def __init__(self, database, folder):
        self.database = database
        self.folder = folder
        self.keys = {}
        self.owner = PrivateKey.generate()
        programs = folder / "programs"
        programs.mkdir()
        (programs / "relay-admin").symlink_to(relay_admin())
        (programs / "vault").write_text(VAULT)
        (programs / "vault").chmod(0o755)
        (folder / "vault").mkdir()
        public = base64.b64encode(bytes(self.owner.public_key)).decode()
        (folder / "owners.csv").write_text(f"owner,key_id,key\n*,1,{public}\n")

    def fetch(self, agents):
        """Takes each agent its key from where it was delivered, and deletes it there."""
        for agent in agents:
            name = next(self.folder.glob(f"*/{agent}.*"))
            text = name.read_text()
            if name.parent.name == "keys":
                values = dict(line.split("=", 1) for line in text.splitlines())
                assert values["RELAY_AGENT_ID"] == agent
                text = values["RELAY_API_KEY"]
            elif name.parent.name == "sealed":
                text = SealedBox(self.owner).decrypt(base64.b64decode(json.loads(text)["encrypted_value"])).decode()
            self.keys[agent] = text
            name.unlink()

    def call(self, agents):
        for agent in agents:
            key = self.keys.get(agent)
            reason = (
                self.database.value("SELECT (relay_api.authenticate(%s, %s)).reason", key_id(key), digest(key))
                if key
                else self.database.value(
                    "SELECT (relay_api.authenticate_legacy(%s, 'acme', '192.0.2.7')).reason", agent
                )
            )
            assert reason == "ok", agent

    def inventory(self, *more):
        rows = [f"{agent},acme,team-{agent[-1]},{HASH}" for agent in FLEET]
        (self.folder / "agents.csv").write_text("\n".join(["agent_id,org_id,owner,secret_hash", *rows, *more]) + "\n")

    def settings(self, text):
        path = self.folder / "relay.env"
        path.write_text(text)
        path.chmod(0o600)


@pytest.fixture
def fleet(cluster, tmp_path):
    database = sound_database(cluster)
    made = Fleet(database, tmp_path)
    made.inventory(f"not an id,acme,,{HASH}", f"{FLEET[3]},umbrella,,{HASH}")
    (tmp_path / "agent-secret.txt").write_text(SECRET + "\n")
    made.settings(f"AGENT_SECRET={SECRET}\n{SWITCH}=true\n")
    yield made
    database.drop()


def run(listing, fleet, user):
    """Runs a listing in a shell, as its reader would."""
    programs = fleet.folder / "programs"
    dsn = fleet.database.dsn(user=user)
    environment = clean_environment(fleet.folder, {"RELAY_ADMIN_DSN": dsn, "PATH": f"{programs}:/usr/bin:/bin"})
    text = listing.text if listing.language == "sh" else listing.text.split(None, 5)[5]
    done = subprocess.run(["/bin/bash", "-ec", text], cwd=fleet.folder, env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, check=False, encoding="utf-8")  # fmt: skip
    assert (
        done.returncode == listing.code
    ), f"{listing.title}: {text}\nexit {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def status(fleet):
    rows = fleet.database.rows("SELECT state, count(*) AS n FROM relay.legacy_agent_status GROUP BY 1")
    return {row["state"]: row["n"] for row in rows}


def test_the_way_of_a_fleet(fleet, cluster):
    """Runs each listing of the days; the code between them plays the fleet."""
    days = {}
    for each in listings("migration"):
        days.setdefault(each.title, []).append(each)
    days.pop("EXAMPLES")
    assert len(days) >= 8

    def play(day, *, since=0, until=None):
        printed = ""
        for each in days[day][since:until]:
            if each.language != "sql":
                printed += run(each, fleet, "ana" if "ana" in made else "postgres")
            elif "relay_api." not in each.text:
                fleet.database.execute(each.text)
                made.update(word for word in ("ana",) if f"CREATE ROLE {word} " in each.text)
        return printed

    made = set()
    titles = iter(days)
    with durable(cluster):
        assert "0 error" not in play(next(titles))
        inventory = next(titles)
        told = play(inventory, until=1)
        assert "'not an id': has a space" in told and "conflicts with line 5" in told and status(fleet) == {}
        fleet.inventory()
        assert FLEET[-1] in play(inventory, since=1) and status(fleet) == {"imported": 40}
        play(next(titles))
        assert status(fleet) == {"listed": 40}
        fleet.call(FLEET[:38])
        assert "192.0.2.7" in play(next(titles))

        play(next(titles))
        assert status(fleet) == {"listed": 30, "issued": 10}
        fleet.call(FLEET)
        fleet.fetch(FLEET[:10])
        fleet.call(FLEET)
        assert status(fleet) == {"listed": 30, "proven": 10}
        play(next(titles))
        assert status(fleet) == {"issued": 30, "proven": 10}
        assert [len(list((fleet.folder / place).iterdir())) for place in ("vault", "sealed", "keys")] == [10, 10, 10]
        assert "agent-39" in (fleet.folder / "legacy.html").read_text()
        fleet.call(FLEET)
        fleet.fetch(FLEET[10:38])
        fleet.call(FLEET)
        assert "agent-39" in play(next(titles)) and status(fleet) == {"issued": 2, "proven": 38}

        fleet.fetch(FLEET[39:])
        fleet.call(FLEET)
        fleet.database.execute(
            "UPDATE relay.legacy_agents SET last_seen_at = now() - interval '4 days' WHERE agent_id = 'agent-38'"
        )
        grow_old(fleet.database, "10 days")
        finish = next(titles)
        assert f"{SWITCH}=false" in play(finish, until=1)
        fleet.call(set(FLEET) - {"agent-38"})
        fleet.settings(f"{SWITCH}=false\n")
        assert "the end state" in play(finish, since=1)
    assert list(titles) == []


def test_the_examples_run(fleet):
    """With a fleet that is listed, and beside the tables of an old relay."""
    fleet.inventory()
    fleet.database.cluster.login("bo", member_of="relay_provisioner")
    for day in ("Day 1: the inventory", "Day 2: the window"):
        for each in listings("migration", "sh"):
            if each.title == day and each.code == 0:
                run(each, fleet, "bo")
    fleet.database.execute(
        "CREATE TABLE public.agents (agent_id text, org_id text, name text, api_key_hash text, revoked_at timestamptz);"
        "CREATE TABLE public.organizations (org_id text, name text);"
        "INSERT INTO agents VALUES ('old-1', 'old', 'Old', NULL, NULL); INSERT INTO organizations VALUES ('old', 'Old Ltd');"
        "GRANT SELECT ON public.agents, public.organizations TO relay_provisioner"
    )
    for each in listings("migration", "sh"):
        if each.title == "EXAMPLES":
            run(each, fleet, "bo")
    assert fleet.database.value("SELECT name FROM relay.organizations WHERE org_id = 'old'") == "Old Ltd"
    reason = "SELECT (relay_api.authenticate_legacy('agent-01')).reason"
    assert fleet.database.value(reason) == "legacy_closed"

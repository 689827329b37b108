"""relay-admin-incident(7) is played: the listings of each section run in their order, in the scene that the section is about."""

import subprocess

import pytest
from support.agents import digest, first_agent, key_id
from support.binaries import relay_admin, tool
from support.database import Database, make_template
from support.guides import listings
from support.relay import Runner, clean_environment

SECTIONS = {}
for listing in listings("incident"):
    SECTIONS.setdefault(listing.title, []).append(listing)


class Scene:
    """acme-corp with three agents, in the middle of an incident of `payments`."""

    def __init__(self, database, folder):
        self.database, self.folder = database, folder
        self.relay = Runner(dsn=database.dsn(), home=folder, cwd=folder)
        self.key = first_agent(self.relay, folder / "payments.key", org="acme-corp", agent="payments")
        for agent in ("billing-bot", "crm"):
            self.relay("agent", "create", agent, "--org", "acme-corp", "--name", agent, "--secret-file", f"{agent}.key", check=0)
        self.use()
        self.lea = database.cluster.login("lea", member_of="relay_provisioner")
        self.gateway = database.cluster.login("gateway_old", member_of="relay_gateway")
        (folder / "build.log").write_text(f"export KEY={self.key}\n")
        programs = folder / "programs"
        programs.mkdir()
        (programs / "relay-admin").symlink_to(relay_admin())
        subprocess.run([tool("openssl"), "genpkey", "-algorithm", "ed25519", "-out", folder / "sign.pem"], check=True)
        subprocess.run([tool("openssl"), "pkey", "-in", folder / "sign.pem", "-pubout", "-out", folder / "sign.pub.pem"], check=True)
        (folder / "sign.pem").chmod(0o600)

    def use(self, secret=None):
        self.database.execute("SELECT relay_api.authenticate(%s, %s, NULL, NULL, '203.0.113.7')", key_id(self.key), secret or digest(self.key))

    def decide(self):
        return self.database.value("SELECT (relay.verify_key(%s, %s)).reason", key_id(self.key), digest(self.key))

    def run(self, listing):
        if listing.language == "sql":
            for statement in filter(str.strip, listing.text.split(";")):
                self.database.execute(statement)
            return ""
        environment = clean_environment(self.folder, {"RELAY_ADMIN_DSN": self.database.dsn(), "PATH": f"{self.folder}/programs:/usr/bin:/bin"})
        text = listing.text.replace("9fq2mzx1b81k", key_id(self.key))
        done = subprocess.run(["/bin/bash", "-ec", text], cwd=self.folder, env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, check=False, encoding="utf-8")  # fmt: skip
        assert done.returncode == listing.code, f"{listing.title}: {text}\nexit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def play(self, title):
        return [self.run(each) for each in SECTIONS[title]]


@pytest.fixture
def scene(cluster, tmp_path):
    database = Database(cluster, template=make_template(cluster))
    made = Scene(database, tmp_path)
    yield made
    made.relay.close()
    database.drop()
    with cluster.connect() as connection, connection.cursor() as cursor:
        cursor.execute("DROP ROLE IF EXISTS gateway_new; ALTER ROLE lea LOGIN; ALTER ROLE gateway_old LOGIN")


def test_every_section_is_played():
    played = {"A leaked key", "A compromised agent", "A compromised organization", "Replay or abuse", "A leaked dump",
              "A lost laptop of an operator", "A compromised gateway login", "AFTERWARDS"}  # fmt: skip
    assert set(SECTIONS) == played


def test_a_leaked_key(scene):
    found, revoked, _, looked = scene.play("A leaked key")
    assert key_id(scene.key) in found and "payments" in found
    assert key_id(scene.key) in revoked and scene.decide() == "revoked"
    assert "203.0.113.7" in looked
    scene.use()
    assert "auth_failed" in scene.run(SECTIONS["A leaked key"][-1])


def test_a_compromised_agent(scene):
    first, *rest = SECTIONS["A compromised agent"]
    scene.run(first)
    assert scene.decide() == "blocked"
    scene.use()
    looked = scene.run(rest[0])
    assert "auth_failed" in looked and "INC-42" in looked
    scene.run(rest[1])
    assert scene.decide() == "retired" and scene.relay.json("agent", "show", "payments")["data"]["status"] == "active"


def test_a_compromised_organization(scene):
    scene.relay("agent", "update", "payments", "--add-permission", "stripe:refund", check=0)
    first, *rest = SECTIONS["A compromised organization"]
    scene.run(first)
    assert scene.decide() == "blocked"
    assert "billing-bot" in scene.run(rest[0])
    for listing in rest[1:]:
        scene.run(listing)
    assert scene.decide() == "retired"
    assert {file.name for file in (scene.folder / "keys").iterdir()} == {"crm.key", "payments.key"}, "none for the agent of the intruder"
    agent = scene.relay.json("agent", "show", "payments")["data"]
    assert agent["status"] == "active" and "stripe:refund" not in str(agent["permissions"])
    assert scene.relay.json("agent", "show", "billing-bot")["data"]["status"] == "revoked"


def test_replay_or_abuse(scene):
    for _ in range(25):
        scene.use(secret=b"x" * 32)
    *listings, undo = SECTIONS["Replay or abuse"]
    found, looked, _, tightened = [scene.run(each) for each in listings]
    assert "failures_of_key" in found and "203.0.113.7" in looked and scene.decide() == "blocked"
    policy = "SELECT \"window\"::text AS length, require_nonce FROM relay_api.policy('acme-corp', 'payments')"
    assert "INC-42" in tightened and scene.database.one(policy) == {"length": "00:00:30", "require_nonce": True}
    scene.run(undo)
    assert scene.database.one(policy) == {"length": "00:01:00", "require_nonce": False}


def test_a_leaked_dump(scene):
    scene.relay("audit", "seal", "--out", "head.txt", "--sign-key", "sign.pem", check=0)
    assert "ok: every sealed event is as it was" in scene.play("A leaked dump")[-1]


def test_a_lost_laptop(scene):
    session = scene.database.connect(user=scene.lea)
    scene.relay.with_(dsn=scene.database.dsn(user=scene.lea))("org", "update", "acme-corp", "--name", "Acme 2", "--actor", "ana", check=0)
    _, looked, _ = scene.play("A lost laptop of an operator")
    assert "org_updated" in looked and "org_updated" in (scene.folder / "last-month.csv").read_text()
    assert scene.decide() == "retired"
    for attempt in (lambda: scene.database.connect(user="lea"), lambda: session.cursor().execute("SELECT 1")):
        with pytest.raises(Exception, match="not permitted to log in|terminating|closed"):
            attempt()


def test_a_compromised_gateway_login(scene):
    scene.play("A compromised gateway login")
    with pytest.raises(Exception, match="not permitted to log in"):
        scene.database.connect(user="gateway_old")
    assert scene.database.value("SELECT count(*) FROM relay.agent_keys WHERE state = 'active'") == 3
    assert scene.decide() == "ok", "within the grace"


def test_afterwards(scene):
    scene.relay("block", "crm", "--ticket", "INC-42", check=0)
    listed, sealed, left = scene.play("AFTERWARDS")
    assert "INC-42" in listed and "</html>" in (scene.folder / "INC-42.html").read_text()
    assert '"agent_blocked"' in (scene.folder / "INC-42.jsonl").read_text()
    assert "ok: every sealed event" in sealed and "crm" in left

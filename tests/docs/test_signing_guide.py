"""relay-admin-signing(7) is played: its listings run in the order of the page, against a database with the agent that it names."""

import subprocess

import pytest
from support.agents import digest, first_agent, key_id, read_key
from support.binaries import relay_admin
from support.database import Database, make_template
from support.guides import GUIDES, SOURCE, listings
from support.relay import Runner, clean_environment
from support.signed_requests import Call, proof, signing

GUIDE = GUIDES["signing"].replace("\\-", "-")
BEARER = "SELECT reason FROM relay_api.authenticate(%s, %s, ip_address => '192.0.2.7')"


class Scene:
    def __init__(self, cluster, folder):
        self.database, self.folder = Database(cluster, template=make_template(cluster)), folder
        relay = Runner(dsn=self.database.dsn(), home=folder, cwd=folder)
        self.key = first_agent(relay, folder / "payments.old", org="acme-corp", agent="payments")
        programs = folder / "programs"
        programs.mkdir()
        (programs / "relay-admin").symlink_to(relay_admin())
        self.environment = clean_environment(folder, {"RELAY_ADMIN_DSN": self.database.dsn(), "PATH": f"{programs}:/usr/bin:/bin"})
        self.listings = listings("signing", "sh")

    def play(self):
        """What the next listing prints."""
        listing = self.listings.pop(0)
        done = subprocess.run(["/bin/bash", "-ec", listing.text], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False, encoding="utf-8")  # fmt: skip
        assert done.returncode == listing.code, f"{listing.title}: {listing.text}\nexit {done.returncode}\n{done.stdout}"
        return done.stdout

    def bearer(self):
        """The answer to a call with the first key."""
        return self.database.value(BEARER, key_id(self.key), digest(self.key))

    def signed(self, signer):
        """The answer to a call that is signed now, as a gateway gets it."""
        request = Call(signer).request()
        request["body"] = request["body"].encode()
        read = signing.read(signing.Request(**request), {"relay.example.com"})
        if len(read.signature) == signing.PROOF:
            sql = "SELECT reason FROM relay_api.authenticate_signed(%s, %s, %s, to_timestamp(%s))"
            return self.database.value(sql, read.key_id, read.message, read.signature, read.created)
        found = self.database.one("SELECT reason, public_key FROM relay_api.signer(%s, to_timestamp(%s))", read.key_id, read.created)
        if found["reason"] != "ok" or not signing.verifies(bytes(found["public_key"]), read.base, read.signature):
            return found["reason"]
        return self.database.value(
            "SELECT reason FROM relay_api.accept_signed(%s, %s, to_timestamp(%s))", read.key_id, read.nonce.encode(), read.created
        )


@pytest.fixture
def scene(cluster, tmp_path):
    made = Scene(cluster, tmp_path)
    yield made
    made.database.drop()


def test_the_guide_is_played(scene):
    database, folder = scene.database, scene.folder
    assert scene.bearer() == "ok"

    scene.play()  # a key pair, whose public key is registered
    staged = database.value("SELECT key_id FROM relay.agent_keys WHERE hash_algorithm = 'ed25519'")
    pair = signing.Ed25519(staged, signing.seed_of((folder / "payments.pem").read_text()))
    assert (folder / "payments.pem").stat().st_mode & 0o777 == 0o600 and scene.bearer() == "ok"

    scene.play()  # --signing either
    assert scene.signed(proof(scene.key)) == scene.bearer() == "ok"
    assert "payments" in scene.play()  # it still shows its key
    assert "required" in scene.play()
    assert scene.bearer() == "signature_required" and scene.signed(proof(scene.key)) == "ok"
    scene.play()  # the devices, which keep their tokens
    scene.play()  # the agent is left out
    assert scene.bearer() == "ok"
    scene.play()  # back to the beginning
    assert scene.bearer() == "ok" and database.value("SELECT count(*) FROM relay.policy_changes WHERE lifted_at IS NULL") == 0
    database.execute("SELECT relay.keep_nonces()")
    assert scene.signed(pair) == "ok" and scene.bearer() == "ok", "the old key is in its grace"

    scene.play()  # an incident
    assert scene.bearer() == "blocked" and scene.signed(pair) in ("blocked", "retired")
    window = database.one("SELECT require_nonce, signing, \"window\"::text AS time_window FROM relay_api.policy('acme-corp', 'payments')")
    assert window == {"require_nonce": True, "signing": "required", "time_window": "00:00:30"}
    scene.play()
    assert scene.signed(proof(read_key(folder / "payments.key"))) == "ok" and scene.signed(pair) == "retired"
    assert "signature_required" in scene.play()

    captured = Call(proof(read_key(folder / "payments.key"))).changed(target="/stripe/other")
    (folder / "call.http").write_bytes(captured.bytes())
    assert "bad_signature" in scene.play() and scene.listings == []


def test_python_is_the_text_of_the_kit():
    shown = listings("signing", "python")
    kit = (SOURCE / "tests/contract/kit/signing.py").read_text()
    assert shown and all(f"    {line}\n" in kit for each in shown for line in each.text.splitlines())


def test_it_names_every_reason_of_a_signed_call(database):
    abouts = database.rows("SELECT obj_description(oid, 'pg_proc') AS about FROM pg_proc WHERE proname IN ('authenticate_signed', 'report_violation')")
    reasons = {"malformed", "too_old", "too_early", "bad_signature", "digest_mismatch", "replayed", "signature_required"}
    for reason in reasons:
        assert reason == "signature_required" or any(reason in row["about"] for row in abouts), reason
        assert f".It {reason}" in GUIDE or f", {reason}" in GUIDE, reason


def test_the_files_that_it_names_are_in_the_kit():
    names = [word for line in GUIDE.partition("\n.Sh FILES\n")[2].splitlines() if line.startswith(".It Pa") for word in line[6:].split(" , ")]
    assert len(names) >= 10
    for name in names:
        assert (SOURCE / "tests/contract/kit" / name.strip().rpartition("/")[2]).is_file(), name

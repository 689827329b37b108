"""audit seal --out and --sign-key: what a copy of the head, kept elsewhere, shows about the chain."""

import base64
import subprocess

import pytest

from support import binaries
from support.seals import INSERT, VERIFY, an_event, fault, sealed, tamper  # noqa: F401


@pytest.fixture
def keys(tmp_path):
    """A pair of keys as OpenSSL makes it: (private, public)."""
    private, public = tmp_path / "sign.pem", tmp_path / "sign.pub.pem"
    openssl = binaries.tool("openssl")
    subprocess.run([openssl, "genpkey", "-algorithm", "ed25519", "-out", private], check=True)
    subprocess.run([openssl, "pkey", "-in", private, "-pubout", "-out", public], check=True)
    private.chmod(0o600)
    return private, public


def test_a_head_shows_an_end_that_was_removed_and_a_chain_that_was_written_anew(relay, database, sealed, tmp_path):
    head = tmp_path / "head.txt"
    relay.json("audit", "seal", "--out", head)
    assert head.read_text().startswith("relay-audit-head/1\nseal 2\nhash ") and head.stat().st_mode & 0o777 == 0o600
    assert relay.json(*VERIFY, "--head", head)["data"]["ok"] is True
    database.execute(INSERT, "more", None)
    relay("audit", "seal", check=0)
    assert relay.json(*VERIFY, "--head", head)["data"]["ok"] is True, "the chain has grown since"
    tamper(database, "DELETE FROM relay.event_seals WHERE seal_no > 1")
    tamper(database, "DELETE FROM relay.auth_events WHERE event_id > (SELECT up_to_event_id FROM relay.event_seals)")
    assert relay.json(*VERIFY)["data"]["ok"] is True, "the chain alone cannot show it"
    assert fault(relay, "--head", head) == ("seal_missing", 2)
    assert "events " in relay(*VERIFY, "--head", head, check=10).out
    database.execute(INSERT, "other", None)
    relay("audit", "seal", check=0)
    assert fault(relay, "--head", head) == ("head_differs", 2)


def test_a_signature_is_one_that_openssl_accepts(relay, database, sealed, keys, tmp_path):
    private, public = keys
    head = tmp_path / "head.txt"
    document = relay.json("audit", "seal", "--out", head, "--sign-key", private)
    assert relay.json(*VERIFY, "--head", head, "--public-key", public)["data"]["signature_valid"] is True
    text, _, signature = head.read_text().partition("signature ")
    assert document["data"]["signature"] == signature.strip()
    (tmp_path / "text").write_text(text)
    (tmp_path / "signature").write_bytes(base64.b64decode(signature))
    subprocess.run([binaries.tool("openssl"), "pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin", "-in", tmp_path / "text",
                    "-sigfile", tmp_path / "signature"], check=True)  # fmt: skip
    head.write_text(head.read_text().replace("seal 2", "seal 3"))
    assert fault(relay, "--head", head, "--public-key", public)[0] == "signature_invalid"
    head.write_text(text)
    assert fault(relay, "--head", head, "--public-key", public)[0] == "signature_invalid", "it has none"


def test_a_chain_that_is_gone_is_named_by_its_head(relay, database, sealed, tmp_path):
    head = tmp_path / "head.txt"
    relay.json("audit", "seal", "--out", head)
    tamper(database, "DELETE FROM relay.event_seals")
    result = relay(*VERIFY, "--head", head, check=10)
    assert "the whole chain is missing: seal 1 to 2, events 1 to " in result.out and "next:" not in result.err
    assert fault(relay, "--head", head) == ("seal_missing", 1)


def test_a_forged_head_hides_no_altered_row(relay, database, sealed, keys, tmp_path):
    head, number = tmp_path / "head.txt", an_event(database)
    relay.json("audit", "seal", "--out", head)
    tamper(database, "UPDATE relay.auth_events SET reason = 'x' WHERE event_id = %s", number)
    data = relay(*VERIFY, "--head", head, "--public-key", keys[1], "-o", "json", check=10).json()["data"]
    assert data["signature_valid"] is False and (data["fault"]["what"], data["fault"]["event_id"]) == ("altered", str(number))


def test_out_without_a_seal_says_that_there_is_no_file(relay, tmp_path):
    assert "wrote no file" in relay("audit", "seal", "--out", "head", check=0).err and not (tmp_path / "head").exists()


@pytest.mark.parametrize(
    "text",
    ["", "relay-audit-head/1\n", f"relay-audit-head/1\nseal 0\nhash {'0' * 64}\nup_to 1\nat 2026-01-01T00:00:00Z\n", "relay-audit-head/2\nseal 1\n", "relay-audit-head/1\nseal x\nhash 0\nup_to 1\nat 2026-01-01T00:00:00Z\n",
     "relay-audit-head/1\nseal 1\nhash zz\nup_to 1\nat 2026-01-01T00:00:00Z\n"],
)  # fmt: skip
def test_what_is_no_head_and_no_key_is_refused(relay, database, tmp_path, text):
    file = tmp_path / "file"
    file.write_text(text)
    assert "is not the head" in relay.error(*VERIFY, "--head", file, check=2)["message"]
    assert "PEM" in relay.error("audit", "seal", "--sign-key", file, check=2)["message"]
    relay.error(*VERIFY, "--public-key", file, check=2)
    assert database.value("SELECT count(*) FROM relay.event_seals") == 0


def test_another_file_is_not_replaced_by_a_head(relay, sealed, tmp_path):
    (tmp_path / "notes").write_text("mine")
    relay("audit", "seal", "--out", "notes", check=5)
    assert (tmp_path / "notes").read_text() == "mine"

"""revoke --scan: keys are found wherever they are written; what could not be read is named, never called empty."""

import binascii
import bz2
import collections
import gzip
import json
import lzma
import os
import subprocess
import tarfile
import zipfile

import pytest

from support.agents import decide, first_agent, key_id, read_key
from support.hidden_keys import every_way
from support.own_key import make_key
from support.prepared import prepared

# The first vector of the key format has many equal characters: a dump prints fewer lines of it, and its id looks like an offset.
ZEROS = "relay_sk_000000000000_00000000000000000000000000000000000000000001Zf200"


@prepared
def key(relay, tmp_path):
    """The key of the agent `bot`, in organization acme."""
    return first_agent(relay, tmp_path / "bot.key")


def scan(relay, path, *words, check=0, **given):
    return relay("revoke", "--scan", str(path), "-o", "json", *words, check=check, **given)


# --- every way in which a key hides


# Its id could be the end of a control sequence, or of two.
LIKE_ESCAPES = make_key(identity="31m0k1m2k3m4")
# After an ESC that is left over, its id looks like a sequence of two characters.
LIKE_CURSOR = make_key(identity="78cdehmz0123")


@pytest.mark.parametrize("which", ["zeros", "like escapes", "like a cursor"])
def test_a_key_is_found_in_every_way_in_which_it_can_be_written(relay, database, key, tmp_path, which):
    given = {"zeros": ZEROS, "like escapes": LIKE_ESCAPES, "like a cursor": LIKE_CURSOR}[which]
    relay("rotate-key", "bot", "--key-from", "-", "--grace", "0", stdin=given, check=0)
    folder = tmp_path / "ways"
    folder.mkdir()
    ways = {}
    for number, (kind, name, data) in enumerate(every_way(given)):
        path = folder / f"{number:05}"
        path.write_bytes(data)
        ways[str(path)] = (kind, name)
    assert len(ways) >= 3000
    document = scan(relay, folder, "--dry-run").json()
    found = {place["file"] for item in document["items"] if item["subject_id"] == key_id(given) for place in item["places"]}
    tried, seen = (collections.Counter(kind for kind, _ in some) for some in (ways.values(), [ways[file] for file in found]))
    print(f"\n{'kind':20} {'tried':>6} {'found':>6}")
    for kind in tried:
        print(f"{kind:20} {tried[kind]:6} {seen[kind]:6}")
    missed = [ways[file] for file in ways if file not in found]
    assert not missed, "\n".join(map(", ".join, missed))
    assert document["scan"]["files"] == len(ways)
    assert decide(database, given) == "ok"


FIELD = {
    "a coloured log": ("\x1b[31m{}\x1b[0m", []),
    "grep --color": ("\x1b[01;31m\x1b[Krelay_sk_\x1b[m\x1b[K{rest}", ["ansi"]),
    "a container's log": ('{{"log":"first\\n{}\\nlast"}}', []),
    "eighty columns": ("x-api-key: {head}\n{tail} end", ["line-ends"]),
    "a chat": ("{markdown}", ["backslash"]),
}


@pytest.mark.parametrize("case", FIELD)
@pytest.mark.parametrize("way", ["file", "stdin"])
def test_cases_from_the_field(relay, database, key, tmp_path, case, way):
    form, encodings = FIELD[case]
    text = form.format(key, rest=key[9:], head=key[:30], tail=key[30:], markdown=key.replace("_", "\\_"))
    (tmp_path / "leak").write_text(text)
    result = scan(relay, "leak" if way == "file" else "-", **({"stdin": text} if way == "stdin" else {}))
    (item,) = result.json()["items"]
    assert (item["subject_id"], item["agent_id"], item["changed"]) == (key_id(key), "bot", True)
    (place,) = item["places"]
    assert place["file"] == ("leak" if way == "file" else "stdin")
    assert [one for one in place["encodings"] if one != "ansi" or encodings] == encodings
    assert decide(database, key) == "revoked"
    assert key[22:] not in result.out + result.err


def test_places_are_exact(relay, key, tmp_path):
    (tmp_path / "a.log").write_text(f"one\ntwo {key}\nBasic\t" + __import__("base64").b64encode(f"me:{key}".encode()).decode() + "\n")
    (item,) = scan(relay, "a.log").json()["items"]
    clear, hidden = item["places"]
    assert clear == {"file": "a.log", "line": 2, "column": 5, "offset": 8, "encodings": []}
    assert (hidden["line"], hidden["column"], hidden["encodings"]) == (3, 11, ["base64"])
    assert "a.log:2:5, a.log:3:11 (base64)" in relay("revoke", "--scan", "a.log", check=0).out


def test_it_says_what_it_has_read_and_how(relay, key, tmp_path):
    (tmp_path / "empty.log").write_text("nothing\n" * 1000)
    result = relay("revoke", "--scan", "empty.log", check=0)
    assert "no API key found in empty.log" in result.err and "read 8.0 kB; looked for keys in clear text and behind ansi," in result.err
    document = scan(relay, "empty.log").json()
    assert document["scan"]["files"] == 1 and document["scan"]["bytes"] == 8000 and "utf-16" in document["scan"]["encodings"]
    assert document["scan"]["cut"] == document["scan"]["not_read"] == document["items"] == []
    assert relay.json("revoke", "bot")["scan"] is None


# --- what is cut


def test_a_cut_key_is_named_with_its_place_and_the_command(relay, database, key, tmp_path):
    (tmp_path / "cut.log").write_text(f"first\nkey {key[:40]}...\n")
    result = relay("revoke", "--scan", "cut.log", check=0)
    assert f"key {key_id(key)} is cut or damaged at cut.log:2:5" in result.err
    assert f"revoke --key {key_id(key)}" in result.err and "no whole API key found" in result.err
    assert decide(database, key) == "ok"
    (cut,) = scan(relay, "cut.log").json()["scan"]["cut"]
    assert cut["key_id"] == key_id(key) and cut["places"][0]["line"] == 2


def test_a_key_that_is_whole_in_another_file_is_not_called_cut(relay, key, tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "a").write_text(key[:40])
    (folder / "b").write_text(key)
    document = scan(relay, "logs").json()
    assert document["scan"]["cut"] == [] and document["changed"] is True


# --- what cannot be read


def packed(folder, key):
    """{file name: the word that its refusal must have}"""
    text = f"{key}\n".encode()
    (folder / "a.gz").write_bytes(gzip.compress(text))
    (folder / "a.bz2").write_bytes(bz2.compress(text))
    (folder / "a.xz").write_bytes(lzma.compress(text))
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a", text)
    (folder / "a.zst").write_bytes(b"\x28\xb5\x2f\xfd" + os.urandom(40))
    (folder / "a.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + os.urandom(40))
    (folder / "a.age").write_bytes(b"age-encryption.org/v1\n-> X25519 x\n" + os.urandom(40))
    (folder / "a.pgp").write_bytes(b"-----BEGIN PGP MESSAGE-----\n\nhQEM\n")
    lines = b"".join(binascii.b2a_uu(text[at : at + 45]) for at in range(0, len(text), 45))
    (folder / "a.uu").write_bytes(b"begin 644 keys.txt\n" + lines + b"`\nend\n")
    subprocess.run(["openssl", "enc", "-aes-256-cbc", "-pbkdf2", "-k", "x", "-out", folder / "a.enc"], input=text, check=True)
    return {"a.gz": "zcat", "a.bz2": "bzcat", "a.xz": "xzcat", "a.zip": "unzip -p", "a.zst": "zstdcat", "a.7z": "7z x -so",
            "a.age": "age --decrypt", "a.pgp": "gpg --decrypt", "a.enc": "openssl enc -d",
            "a.uu": "uudecode -o -"}  # fmt: skip


def test_a_compressed_or_encrypted_file_is_refused_with_the_command_that_opens_it(relay, database, key, tmp_path):
    for name, command in packed(tmp_path, key).items():
        error = relay.error("revoke", "--scan", name, check=2)
        assert name in error["message"] and error["changed"] == "no"
        assert error["next"].startswith(command) and " | relay-admin " in error["next"] and "--scan -" in error["next"]
        assert relay("revoke", "--scan", "-", stdin=(tmp_path / name).read_bytes(), check=2).out == ""
    assert decide(database, key) == "ok"


def test_the_command_that_opens_it_works(relay, database, key, tmp_path):
    packed(tmp_path, key)
    command = relay.error("revoke", "--scan", "a.gz", check=2)["next"]
    argv = relay.argv(())
    env = relay.environment()
    env["PATH"] = f"{os.path.dirname(argv[0])}:{env['PATH']}"
    subprocess.run(command, shell=True, check=True, env=env, cwd=relay.cwd)
    assert decide(database, key) == "revoked"


def test_in_a_folder_the_others_are_read_and_the_exit_code_says_partly(relay, database, key, tmp_path):
    folder = tmp_path / "logs"
    (folder / "deep").mkdir(parents=True)
    names = packed(folder, make_key())
    (folder / "deep" / "build.log").write_text(f"x {key} y")
    os.mkfifo(folder / "pipe")
    os.symlink(tmp_path / "bot.key", folder / "link")
    result = scan(relay, "logs", check=7)
    document = result.json()
    assert document["changed"] is True and decide(database, key) == "revoked"
    assert document["items"][0]["places"][0]["file"] == "logs/deep/build.log"
    not_read = {os.path.basename(one["file"]): one for one in document["scan"]["not_read"]}
    assert set(not_read) == {*names, "pipe", "link"}
    assert not_read["a.gz"]["next"].startswith("zcat logs/a.gz | relay-admin ")
    assert "logs/a.gz was not fully read" in result.err


def test_a_text_without_a_key_has_no_time_of_the_database(relay, tmp_path):
    (tmp_path / "empty.log").write_text("nothing here\n")
    assert scan(relay, tmp_path / "empty.log").json()["meta"]["at"] is None


def test_nothing_found_is_never_said_of_what_was_not_read(relay, key, tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "a.gz").write_bytes(gzip.compress(key.encode()))
    result = relay("revoke", "--scan", "logs", check=7)
    assert "no API key found" not in result.err and "a.gz was not fully read: gzip" in result.err


def test_compressed_text_inside_base64_is_named(relay, key, tmp_path):
    release = __import__("base64").b64encode(gzip.compress(key.encode())).decode()
    (tmp_path / "helm.yaml").write_text(f"data:\n  release: {release}\n")
    (one,) = scan(relay, "helm.yaml", check=7).json()["scan"]["not_read"]
    assert one["why"] == "gzip in base64, at line 2, column 12"


def test_a_compressed_file_with_its_name_inside_base64_is_named(relay, key, tmp_path):
    """As the program gzip writes it, with a flag that changes the fifth character."""
    (tmp_path / "build.log").write_text(key)
    subprocess.run(["gzip", "build.log"], cwd=tmp_path, check=True)
    encoded = __import__("base64").b64encode((tmp_path / "build.log.gz").read_bytes()).decode()
    (tmp_path / "mail.txt").write_text(encoded + "\n")
    (one,) = scan(relay, "mail.txt", check=7).json()["scan"]["not_read"]
    assert one["why"].startswith("gzip in base64")


def archive(folder, key, members):
    """A tar archive of files that `packed` made, with a text that has a key."""
    (folder / "plain.log").write_text(f"x {key} y")
    with tarfile.open(folder / "all.tar", "w") as tar:
        for name in ("plain.log", *members):
            tar.add(folder / name, name)


@pytest.mark.parametrize("member", ["a.gz", "a.bz2", "a.xz", "a.zip", "a.7z", "a.age", "a.pgp", "a.enc"])
def test_a_packed_member_of_an_archive_is_named_and_the_others_are_read(relay, database, key, tmp_path, member):
    packed(tmp_path, make_key())
    archive(tmp_path, key, [member])
    document = scan(relay, "all.tar", check=7).json()
    assert decide(database, key) == "revoked" and document["items"][0]["places"][0]["file"] == "all.tar"
    (one,) = document["scan"]["not_read"]
    assert one["file"] == "all.tar" and "open it" in one["next"]


def test_a_member_that_is_only_stored_can_be_read(relay, database, key, tmp_path):
    with zipfile.ZipFile(tmp_path / "inner.zip", "w", zipfile.ZIP_STORED) as file:
        file.writestr("a", f"x {key} y")
    (tmp_path / "mail.txt").write_bytes(b"attached:\n" + (tmp_path / "inner.zip").read_bytes())
    assert scan(relay, "mail.txt").json()["scan"]["not_read"] == [] and decide(database, key) == "revoked"


def test_random_bytes_and_texts_about_encryption_hold_no_packed_part(relay, key, tmp_path):
    (tmp_path / "random").write_bytes(os.urandom(8_000_000) + b"-----BEGIN PGP MESSAGE----- begins such a part, Salted_ and BZh, too")
    assert scan(relay, "random").json()["scan"]["not_read"] == []


def test_an_empty_pipe_is_pointed_out(relay, key):
    result = relay("revoke", "--scan", "-", stdin="", check=0)
    assert "there was nothing to read: did the command before the pipe fail?" in result.err and "read 0 B" in result.err


def test_more_cut_keys_than_are_named(relay, key, tmp_path):
    (tmp_path / "cut.log").write_text("".join(f"{make_key()[:40]}\n" for _ in range(1001)))
    found = scan(relay, "cut.log", check=7).json()["scan"]
    assert len(found["cut"]) == 1000 and "more than 1000 keys in it are cut" in found["not_read"][0]["why"]


def test_an_unreadable_file_is_an_error(relay, key, tmp_path):
    relay.error("revoke", "--scan", "gone", check=2)
    (tmp_path / "empty").mkdir()
    assert scan(relay, "empty").json()["items"] == []


# --- what else


def test_a_large_json_log_through_a_pipe(relay, database, key):
    line = json.dumps({"ts": "2026-11-29T01:02:03Z", "msg": "a\tb \u00e9", "path": "/v1/a?b=%20c", "trace": "0af7651916cd43dd8448eb211c80319c"})
    text = (line + "\n") * 20_000 + json.dumps({"log": json.dumps({"key": key})}) + "\n" + (line + "\n") * 100
    (item,) = scan(relay, "-", stdin=text).json()["items"]
    assert item["places"][0]["line"] == 20_001 and decide(database, key) == "revoked"


def test_a_forged_key_does_not_hide_the_warnings(relay, database, key):
    forged = make_key(identity=key_id(key))
    result = relay("revoke", "--scan", "-", stdin=f"{forged} {make_key()[:40]}", check=3)
    assert f"no key with the id {key_id(key)} and this secret" in result.err
    assert "is cut or damaged at stdin:1:" in result.err and decide(database, key) == "ok"


def test_a_person_is_asked_before_the_keys_of_a_folder_end(relay, database, key, tmp_path):
    session = relay.terminal("revoke", "--scan", "bot.key")
    session.expect_exact(f"Revoke key {key_id(key)} permanently? [y/N] ")
    session.sendline("n")
    session.expect(pytest.importorskip("pexpect").EOF)
    assert decide(database, read_key(tmp_path / "bot.key")) == "ok"

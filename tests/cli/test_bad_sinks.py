"""Places where a secret cannot go: a clear error with the right code, nothing changed in the database, nothing left on disk."""

import os
import stat

import pytest

from support import tmpfs
from support.agents import decide
from support.prepared import prepared
from support.untouched import files, offline, rows  # noqa: F401

PROGRAM = "dev"  # hostile input
QUICK = True

SECRET_LINES = {
    "init": ["init", "--org-id", "new", "--org-name", "New", "--agent-name", "New"],
    "agent create": ["agent", "create", "new", "--org", "acme", "--name", "New"],
    "rotate-key": ["rotate-key", "bot"],
    "restore": ["restore", "gone", "--yes"],
}
EACH_SECRET = pytest.mark.parametrize("words", SECRET_LINES.values(), ids=SECRET_LINES)
# The commands that get as far as the delivery with the database of `scene`; `init` needs another one: see test_init.py.
DELIVERED = {name: words for name, words in SECRET_LINES.items() if name != "init"}
EACH_DELIVERED = pytest.mark.parametrize("words", DELIVERED.values(), ids=DELIVERED)

NO_TERMINAL = """relay-admin: error: this command creates a secret, but standard output is not a terminal
  why:  the secret could end up in a CI log or a file
  next: add --secret-file FILE, --secret-fd N, or --secret-stdout if the secret is for the reader of this pipe
"""


@prepared
def scene(relay, database, key):
    """Org `acme` with the agents `bot`, live, and `gone`, revoked."""
    relay("agent", "create", "gone", "--org", "acme", "--name", "Gone", "--secret-file", "gone.key", check=0)
    relay("revoke", "gone", check=0)
    return rows(database)


@EACH_SECRET
def test_without_a_terminal_and_a_sink_nobody_is_asked_at_all(offline, tmp_path, words):
    before = files(tmp_path)
    assert offline(*words, check=2).err == NO_TERMINAL
    assert offline(*words, "--dry-run", check=2).err == NO_TERMINAL
    assert offline(*words, stdout="/dev/full", check=2).err == NO_TERMINAL
    assert offline(*words, closed=[1], check=2).err == NO_TERMINAL
    assert offline(*words, closed=[0, 1, 2]).code == 2
    assert offline.listener.accepted == 0 and files(tmp_path) == before


def fifo(path):
    os.mkfifo(path)


TAKEN = {
    "file": lambda path: path.write_text("mine"),
    "empty file": lambda path: path.write_text(""),
    "symlink": lambda path: path.symlink_to("elsewhere"),
    "symlink to a file": lambda path: path.symlink_to("bot.key"),
    "symlink to itself": lambda path: path.symlink_to(path.name),
    "FIFO": fifo,
    "folder": lambda path: path.mkdir(),
    "device": lambda path: path.symlink_to("/dev/null"),
}


def identity(path):
    """Describes what is at `path`, without following links: everything that lstat reports except the access time, which
    reading changes."""
    found = os.lstat(path)
    return found.st_ino, found.st_mode, found.st_nlink, found.st_uid, found.st_gid, found.st_size, found.st_mtime_ns


@EACH_DELIVERED
@pytest.mark.parametrize("occupy", TAKEN.values(), ids=TAKEN)
def test_a_name_that_is_taken_stays_as_it_is(scene, relay, database, key, tmp_path, words, occupy):
    occupy(tmp_path / "k")
    before = files(tmp_path), identity(tmp_path / "k"), (tmp_path / "bot.key").read_text()
    result = relay(*words, "--secret-file", "k", check=12)
    assert " k" in result.err and "nothing was changed" in result.err, result
    assert (files(tmp_path), identity(tmp_path / "k"), (tmp_path / "bot.key").read_text()) == before
    assert rows(database) == scene and decide(database, key) == "ok"


@pytest.mark.parametrize("kind", ["symlink", "symlink to a file", "FIFO", "folder", "device"])
def test_replace_replaces_files_only(scene, relay, database, key, tmp_path, kind):
    TAKEN[kind](tmp_path / "k")
    before = identity(tmp_path / "k"), (tmp_path / "bot.key").read_text()
    relay("rotate-key", "bot", "--secret-file", "k", "--replace", check=12)
    assert (identity(tmp_path / "k"), (tmp_path / "bot.key").read_text()) == before
    assert not [name for name in files(tmp_path) if name.startswith("k.")] and rows(database) == scene


@EACH_DELIVERED
def test_a_full_disk_leaves_nothing(scene, relay, database, key, words):
    with tmpfs.small_disk("16k") as disk:
        tmpfs.fill(disk)
        error = relay.error(*words, "--secret-file", disk / "k", check=12)
        assert "No space left on device" in error["message"] and error["changed"] == "no"
        assert files(disk) == ["filler"]
    assert rows(database) == scene and decide(database, key) == "ok"


@pytest.mark.parametrize(
    "place, code",
    [
        ("no/folder/k", 12),
        ("bot.key/k", 12),
        ("/proc/k", 12),
        ("x" * 300, 2),
        (".", 2),
        ("..", 2),
        ("/", 2),
        ("keys/", 2),
    ],
)
def test_a_place_that_cannot_be_leaves_nothing(scene, relay, database, tmp_path, place, code):
    before = files(tmp_path)
    result = relay("rotate-key", "bot", "--secret-file", place, check=code)
    assert code == 2 or "nothing was changed" in result.err
    assert files(tmp_path) == before and rows(database) == scene


@EACH_DELIVERED
@pytest.mark.parametrize("where", ["/dev/full", "closed"])
def test_a_stdout_that_takes_nothing_leaves_nothing(scene, relay, database, key, words, where):
    options = {"closed": [1]} if where == "closed" else {"stdout": where}
    result = relay(*words, "--secret-stdout", check=12, **options)
    assert "nothing was changed" in result.err
    assert rows(database) == scene and decide(database, key) == "ok"


@pytest.mark.parametrize(
    "flags, fault",
    [(["--secret-file", "k", "--secret-stdout"], "exclude each other"), (["--secret-file=k", "--secret-fd=3"],
    "exclude each other"),
     (["--secret-fd", "1"], "standard streams"), (["--secret-fd", "2"], "standard streams"), (["--secret-fd", "-1"],
     "--secret-fd"),
     (["--secret-fd", "99999999999999"], "--secret-fd"), (["--replace"], "--replace"), (["--secret-file=k",
     "--secret-format=xml"], "--secret-format"),
     (["--secret-file=k", "--secret-format=sealed"], "--seal-key"), (["--secret-file=k", "--env-prefix=A_"],
     "--env-prefix"),
     (["--secret-file=k", "--secret-format=env", "--env-prefix=1-"], "1-"), (["--secret-file=k", "--k8s-name=x"],
     "--k8s-name"),
     (["--secret-file=k", "--secret-format=sealed", "--seal-key=missing"], "missing"), (["--secret-format", "env"],
     "not a terminal")],
)  # fmt: skip
def test_flags_of_the_secret_that_do_not_fit(offline, tmp_path, flags, fault):
    before = files(tmp_path)
    result = offline("rotate-key", "bot", *flags)
    assert result.code in (2, 12) and fault in result.err, result
    assert offline.listener.accepted == 0 and files(tmp_path) == before


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"not json",
        b'{"key_id":"1","key":"AAAA"}',
        b'{"key_id":"1","key":"!!"}',
        b'{"key":"' + b"A" * 43 + b'="}',
        b"\0" * 99,
    ],
)
def test_a_seal_key_that_is_none(offline, tmp_path, content):
    (tmp_path / "pk.json").write_bytes(content)
    words = ["rotate-key", "bot", "--secret-file", "k", "--secret-format", "sealed", "--seal-key"]
    assert "pk.json" in offline(*words, "pk.json", check=2).err
    offline(*words, "-", stdin=content, check=2)
    assert offline.listener.accepted == 0 and not (tmp_path / "k").exists()


def test_nothing_is_left_open_for_others(relay, key, tmp_path):
    assert stat.S_IMODE((tmp_path / "bot.key").stat().st_mode) == 0o600

"""One rule for every door: no secret goes to, or is decided by, a place in which another user could replace the file."""

import base64
import json
import os

import pytest
from support.agents import first_agent, read_key
from support.legacy_issue import enlist, live_keys
from support.own_key import make_key

PROGRAM = "dev"  # who may write where is hostile input
STRANGER = 65_534
SINK, USAGE = 12, 2

# The folder's mode and owner, and whether it is safe.
FOLDERS = {
    "private": (0o700, None, True),
    "readable": (0o755, None, True),
    "sticky, as /tmp": (0o1777, None, True),
    "for a group": (0o770, None, False),
    "for a group, setgid": (0o2775, None, False),
    "for all": (0o777, None, False),
    "for all to write only": (0o722, None, False),
}
if os.geteuid() == 0:  # only root can give a folder away
    FOLDERS["a stranger's"] = (0o755, STRANGER, False)
    FOLDERS["a stranger's, for all"] = (0o777, STRANGER, False)
    FOLDERS["a stranger's, sticky"] = (0o1777, STRANGER, False)


class Place:
    """A folder, with what the doors need in it, and the way to run a command."""

    def __init__(self, relay, database, folder):
        self.relay = relay
        self.database = database
        self.folder = folder

    def write(self, name, content):
        path = self.folder / name
        path.write_text(content)
        path.chmod(0o600)
        return path


def new_agent(*sink):
    return ("agent", "create", "one", "--org", "acme", "--name", "One", *sink)


def key_file(place):
    return new_agent("--secret-file", place.folder / "one.key")


def replaced_file(place):
    place.write("bot.key", place.own_key)
    return ("rotate-key", "bot", "--grace", "0", "--replace", "--secret-file", place.folder / "bot.key")


def unfinished_file(place):
    """A FILE.new that a killed run left: the key in it is live, and the next run puts it in place."""
    place.write("bot.key.new", place.own_key)
    return ("rotate-key", "bot", "--if-older-than", "1d", "--replace", "--secret-file", place.folder / "bot.key")


def folder_of_files(place):
    return new_agent("--secrets-dir", place.folder)


def lines(place):
    return ("migrate-legacy", "issue", "--all", "--secret-file", place.folder / "keys.jsonl", "--secret-format", "json")


def manifest(place):
    return ("migrate-legacy", "issue", "--all", "--secrets-dir", "own", "--manifest", place.folder / "issued.csv")


def folder_to_settle(place):
    return ("recover", "--dir", place.folder)


def connection_string(place):
    return ("org", "list", "--dsn-file", place.write("dsn", place.relay.dsn))


def own_key(place):
    return ("rotate-key", "bot", "--grace", "0", "--key-from", place.write("mine", make_key()))


def public_key(place):
    content = json.dumps({"key_id": "1", "key": base64.b64encode(bytes(31) + b"\x09").decode()})
    return new_agent("--secret-file", "one.sealed", "--secret-format", "sealed", "--seal-key", place.write("pk.json", content))


def page(place):
    return ("migrate-legacy", "status", "--html", place.folder / "status.html")


# Each door, the exit code if it is not safe, and the file that a safe run leaves or changes in the folder.
DOORS = {
    "--secret-file": (key_file, SINK, "one.key"),
    "--secret-file --replace": (replaced_file, SINK, "bot.key"),
    "FILE.new": (unfinished_file, SINK, "bot.key"),
    "--secrets-dir": (folder_of_files, SINK, "one.key"),
    "--secret-file of JSON lines": (lines, SINK, "keys.jsonl"),
    "--manifest": (manifest, SINK, "issued.csv"),
    "recover --dir": (folder_to_settle, SINK, None),
    "--dsn-file": (connection_string, USAGE, None),
    "--key-from": (own_key, USAGE, None),
    "--seal-key": (public_key, USAGE, None),
    "--html": (page, 0, "status.html"),  # no secret; written beside and renamed, so no one else's file is touched
}


STRICT = ("--secrets-dir",)  # every file in the folder is taken for one of ours: no one else may even add one


def snapshot(database):
    keys = database.rows("SELECT key_id, state FROM relay.agent_keys ORDER BY key_id")
    return keys, database.rows("SELECT agent_id FROM relay.agents ORDER BY agent_id")


@pytest.fixture
def place(relay, database, tmp_path):
    first_agent(relay, tmp_path / "first.key")
    enlist(relay, tmp_path, 2)
    made = Place(relay, database, tmp_path / "place")
    made.own_key = read_key(tmp_path / "first.key")
    made.folder.mkdir()
    return made


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("door", DOORS)
def test_a_place_that_others_may_change_is_refused_at_every_door(place, door, folder):
    words_for, refusal, file = DOORS[door]
    mode, owner, is_safe = FOLDERS[folder]
    is_safe = is_safe and not (door in STRICT and mode & 0o1000)
    words = words_for(place)
    if owner is not None:
        os.chown(place.folder, owner, owner)
    place.folder.chmod(mode)
    before, files_before = snapshot(place.database), {path.name: path.read_bytes() for path in place.folder.iterdir()}
    if is_safe or refusal == 0:
        place.relay(*words, check=0)
        if file:
            assert (place.folder / file).stat().st_mode & 0o777 == 0o600
        return
    error = place.relay.error(*words, check=refusal)
    assert ("other users may write to the folder" if owner is None else "another user") in error["message"], error
    harm = "add files" if owner is None and mode & 0o1000 else "replace the files"
    assert harm in error["why"] and error["next"] and error["changed"] == "no"
    assert snapshot(place.database) == before and len(live_keys(place.database)) == len(before[0])
    assert {path.name: path.read_bytes() for path in place.folder.iterdir()} == files_before


PARENTS = {name: given for name, given in FOLDERS.items() if name != "for all to write only"}


@pytest.mark.parametrize("door", [door for door, (_, refusal, _) in DOORS.items() if refusal])
def test_a_parent_that_others_may_change_is_refused_at_every_door(place, door):
    """A user who may write to a folder above could put another one in place of ours. A sticky one is safe."""
    words_for, refusal, _ = DOORS[door]
    parent, kept = place.folder, snapshot(place.database)
    place.folder = parent / "between" / "own"
    place.folder.mkdir(parents=True, mode=0o700)
    words = words_for(place)
    (parent.parent / "link").symlink_to(place.folder)
    for name, (mode, owner, is_safe) in PARENTS.items():
        if is_safe:
            continue
        os.chown(parent, owner or -1, owner or -1)
        parent.chmod(mode)
        through_link = [str(word).replace(str(place.folder), str(parent.parent / "link")) for word in words]
        for line in (words, through_link):
            error = place.relay.error(*line, check=refusal)
            assert str(parent) in error["message"] and "in place of " + str(parent / "between") in error["why"], (name, error)
            assert error["changed"] == "no" and snapshot(place.database) == kept
    os.chown(parent, os.geteuid(), os.getegid())
    parent.chmod(0o1777)
    place.relay(*words, check=0)


@pytest.mark.parametrize("door", ["--dsn-file", "--key-from", "--seal-key"])
@pytest.mark.parametrize("mode, owner", [(0o620, None), (0o602, None), (0o600, STRANGER)])
def test_a_file_that_others_may_change_is_refused(place, door, mode, owner):
    if owner is not None and os.geteuid() != 0:
        owner, mode = None, 0o666
    words_for, refusal, _ = DOORS[door]
    words = words_for(place)
    file = next(word for word in words if isinstance(word, os.PathLike))
    file.chmod(mode)
    if owner is not None:
        os.chown(file, owner, owner)
    error = place.relay.error(*words, check=refusal)
    assert "could change it" in error["why"] and file.name in error["message"], error


def test_a_pipe_has_no_place(place):
    """What a process passes as /dev/fd/N was opened by whoever started it."""
    place.relay("org", "list", "--dsn-file", "/dev/stdin", stdin=place.relay.dsn, check=0)
    place.relay("rotate-key", "bot", "--grace", "0", "--key-from", "/dev/stdin", stdin=make_key(), check=0)

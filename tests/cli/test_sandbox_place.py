"""Where the sandbox is: a place that was asked for is used or refused; if a default is used instead, the program says
so."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from support.box import AS_ROOT, NOBODY, box, each_user  # noqa: F401

VERBS = (["start"], ["start", "--dry-run"], ["status"], ["stop"], ["destroy", "--yes"], ["run", "-o", "json", "--", "true"])
as_root_only = pytest.mark.skipif(not AS_ROOT, reason="only root hands the server to another user")


def refused(box, variable, why, *, verbs=VERBS):
    """Runs commands that must all refuse the place that a variable names, and create nothing; returns the last
    error."""

    def there():
        return sorted(str(path) for path in box.top.rglob("*")), Path("/var/lib/relay-admin").exists()

    before = there()
    for verb in verbs:
        error = box.json(*verb, expect=2)["error"]
        assert error["code"] == "usage" and error["changed"] == "no"
        assert variable in error["message"] and box.env[variable] in error["message"], error
        assert why in error["why"] and variable in error["next"], error
    assert there() == before
    return error


@each_user
@pytest.mark.parametrize("name", ["it's $(id) `x`", 'com,ma "quoted" \\', "l" * 120])
def test_any_path_will_do(box, name):
    home = box.state / name
    home.mkdir()
    if box.user is not None:
        os.chown(home, box.user, box.user)
    box.env["XDG_STATE_HOME"] = str(home)
    said = box.run("sandbox", "start").stderr
    data = box.status()
    assert data["folder"] == str(home / "relay-admin/sandbox") and data["why_here"] is None
    assert box.query("SELECT current_user::text") == [("relay",)]
    assert box.run("sandbox", "run", "--", "psql", "-Atc", "SELECT 1").stdout == "1\n"
    elsewhere = data["socket_dir"] != str(home / "relay-admin/sandbox/socket")
    assert elsewhere == (f"its socket is in {data['socket_dir']}" in said)
    box.run("sandbox", "stop")
    box.run("sandbox", "start")
    assert box.query("SELECT 1") == [(1,)]


def test_spellings_of_one_place_are_one_sandbox(box):
    pid = box.json("start")["data"]["pid"]
    for spelling in (f"{box.state}/", f"{box.top}/./state//", f"{box.top}/state/x/.."):
        assert box.with_(XDG_STATE_HOME=spelling).status()["pid"] == pid


# --- a requested place that cannot be used


@each_user
@pytest.mark.parametrize("variable", ["XDG_STATE_HOME", "HOME"])
@pytest.mark.parametrize("path", ["state", "./state", "~/state", " /state"])
def test_a_relative_path_is_refused(box, variable, path):
    names = {"XDG_STATE_HOME": None, variable: path}
    refused(box.with_(**names), variable, "the path is relative")


@each_user
def test_a_file_in_the_way_is_refused(box):
    (box.top / "file").touch()
    refused(box.with_(XDG_STATE_HOME=box.top / "file"), "XDG_STATE_HOME", f"{box.top}/file is not a folder")
    refused(box.with_(XDG_STATE_HOME=box.top / "file/below"), "XDG_STATE_HOME", f"{box.top}/file is not a folder")
    (box.top / "link").symlink_to("nowhere")
    refused(box.with_(XDG_STATE_HOME=box.top / "link"), "XDG_STATE_HOME", f"{box.top}/link cannot be reached")


@each_user
def test_a_place_where_no_folder_can_be_made_is_refused(box):
    refused(box.with_(XDG_STATE_HOME="/proc/relay"), "XDG_STATE_HOME", "cannot create the folder /proc/relay", verbs=VERBS[:1])


@pytest.mark.skipif(not AS_ROOT, reason="it takes a folder of somebody else")
def test_a_folder_of_somebody_else_is_refused(box):
    theirs = box.top / "theirs"
    theirs.mkdir()
    theirs.chmod(0o755)
    refused(box.with_(XDG_STATE_HOME=theirs), "XDG_STATE_HOME", f"cannot create the folder {theirs}/relay-admin", verbs=VERBS[:1])
    theirs.chmod(0o700)
    refused(box.with_(XDG_STATE_HOME=theirs), "XDG_STATE_HOME", f"cannot enter {theirs}")


@as_root_only
@pytest.mark.parametrize("box", ["root"], indirect=True)
@pytest.mark.parametrize("closed", ["chosen", "chosen/state", "chosen/state/relay-admin"])
def test_root_is_not_taken_elsewhere_when_the_servers_user_cannot_enter(box, closed):
    asking = box.with_(XDG_STATE_HOME=box.top / "chosen/state")
    (box.top / closed).mkdir(parents=True)
    (box.top / closed).chmod(0o700)
    error = refused(asking, "XDG_STATE_HOME", f"who cannot enter {box.top / closed}")
    assert "that the user " in error["next"]
    (box.top / closed).chmod(0o711)
    assert asking.status()["folder"] == str(box.top / "chosen/state/relay-admin/sandbox")


@as_root_only
@pytest.mark.parametrize("box", ["root"], indirect=True)
def test_a_place_that_is_closed_after_the_start_is_not_exchanged_either(box):
    box.run("sandbox", "start")
    box.state.chmod(0o700)
    refused(box, "XDG_STATE_HOME", f"cannot enter {box.state}")
    box.state.chmod(0o711)
    assert box.status()["state"] == "running"


# --- no place was requested


def test_an_empty_variable_asks_for_nothing(box):
    home = box.state / "home"
    asking = box.with_(XDG_STATE_HOME="", HOME=home)
    assert asking.status()["folder"] == str(home / ".local/state/relay-admin/sandbox")
    assert asking.status()["why_here"] is None


@as_root_only
@pytest.mark.parametrize("box", ["root"], indirect=True)
@pytest.mark.parametrize("how", ["closed", "somebody's"])
def test_root_with_a_home_that_will_not_do_uses_the_systems_folder_and_says_so(box, how):
    """Runs in a mount namespace with its own /var/lib, so that a real sandbox there is not visible."""
    home = box.top / "home"
    home.mkdir()
    if how == "closed":
        home.chmod(0o700)
        why = f"the server runs as the user {box.status()['server_user']}, who cannot enter {home}"
    else:
        home.chmod(0o755)
        os.chown(home, NOBODY, NOBODY)
        why = f"{home}/.local/state does not belong to root"
    script = (
        "set -e; mount -t tmpfs -o mode=0755 tmpfs /var/lib; trap '\"$0\" sandbox destroy --yes >/dev/null' EXIT;"
        '"$0" sandbox start -o id; "$0" sandbox status; "$0" sandbox status -o json >/dev/null'
    )
    env = {name: value for name, value in box.env.items() if name != "XDG_STATE_HOME"} | {"HOME": str(home)}
    done = subprocess.run(["unshare", "-m", "sh", "-c", script, box.program], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done
    assert done.stdout.startswith("host=/var/lib/relay-admin/sandbox/socket ")
    assert "in /var/lib/relay-admin/sandbox\n" in done.stderr and f"it is there because {why}\n" in done.stderr
    assert f"{why}\n" in done.stdout, "sandbox status says it, too"
    assert list(home.iterdir()) == []


# --- the socket, when its path would be too long


def long(box, **env):
    return box.with_(XDG_STATE_HOME=box.state / ("l" * 120), **env)


def folder_of(box, name, mode):
    folder = box.top / name
    folder.mkdir()
    folder.chmod(mode)
    if box.user is not None:
        os.chown(folder, box.user, box.user)
    return folder


def test_a_short_socket_folder_that_was_cleaned_away_is_made_again(box):
    box.env = long(box).env
    sockets = Path(box.json("start")["data"]["socket_dir"])
    assert not sockets.is_relative_to(box.folder) and sockets.is_relative_to(box.short)
    shutil.rmtree(sockets)
    assert box.json("start")["changed"] is True
    assert box.query("SELECT 1") == [(1,)]


def test_the_runtime_folder_of_the_session_comes_first(box):
    box.env = long(box, XDG_RUNTIME_DIR=folder_of(box, "runtime", 0o700)).env
    assert Path(box.json("start")["data"]["socket_dir"]).is_relative_to(box.top / "runtime")


@each_user
def test_a_folder_for_the_socket_that_will_not_do_is_refused(box):
    box.env = long(box).env
    for value, why in (
        ("tmp", "the path is relative"),
        (str(folder_of(box, "t" * 100, 0o711)), "would be too long"),
        (str(folder_of(box, "a,comma", 0o711)), "a comma"),
        ("/dev/null", "/dev/null is not a folder"),
    ):
        error = box.with_(TMPDIR=value).json("start", expect=2)["error"]
        assert "TMPDIR" in error["message"] and why in error["why"] and "set" in error["next"], error
    assert list(box.short.iterdir()) == []


def test_a_runtime_folder_that_is_not_private_is_refused(box):
    box.env = long(box).env
    for name, mode, why in (("open", 0o711, "with mode 0700"), ("r" * 100, 0o700, "would be too long")):
        error = box.with_(XDG_RUNTIME_DIR=folder_of(box, name, mode)).json("start", expect=2)["error"]
        assert "XDG_RUNTIME_DIR" in error["message"] and why in error["why"]
    assert stat.S_IMODE((box.top / "open").stat().st_mode) == 0o711 and list((box.top / "open").iterdir()) == []


@as_root_only
@pytest.mark.parametrize("box", ["root"], indirect=True)
def test_for_root_a_runtime_folder_is_not_used_and_a_closed_temporary_one_refused(box):
    box.env = long(box, XDG_RUNTIME_DIR=folder_of(box, "runtime", 0o700)).env
    error = box.with_(TMPDIR=folder_of(box, "closed", 0o700)).json("start", expect=2)["error"]
    assert "TMPDIR" in error["message"] and f"cannot enter {box.top}/closed" in error["why"]
    assert Path(box.json("start")["data"]["socket_dir"]).is_relative_to(box.short)

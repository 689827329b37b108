"""The sandbox: a private PostgreSQL that starts on demand, keeps to itself, outlives a kill, and leaves nothing behind."""

import concurrent.futures
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from support import processes
from support.box import AS_ROOT, box, each_user, server_user  # noqa: F401

SECONDS = 200


def inode_of_sockets(pid):
    targets = (os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir())
    return {target[8:-1] for target in targets if target.startswith("socket:[")}


def kill_hard(pid):
    """Also waits until its workers have noticed."""
    workers = processes.children_of(pid)
    os.kill(pid, signal.SIGKILL)
    processes.wait_until(lambda: not any(map(processes.is_alive, (pid, *workers))), what="the server and its workers to be gone")


def test_status_changes_nothing(box):
    data = box.status()
    assert data["state"] == "absent"
    assert data["dsn"] is None and data["pid"] is None
    assert not box.folder.parent.exists()


@each_user
def test_start_stop_destroy_say_whether_they_changed_anything(box):
    assert box.json("start")["changed"] is True
    again = box.json("start")
    assert again["changed"] is False and again["kind"] == "Sandbox" and again["data"]["state"] == "running"
    assert box.json("stop")["changed"] is True
    assert box.json("stop")["changed"] is False
    assert box.status()["state"] == "stopped"
    assert box.json("destroy", "--yes")["changed"] is True
    assert box.json("destroy", "--yes")["changed"] is False
    assert box.status()["state"] == "absent"


def test_dry_run_changes_nothing(box):
    made = box.json("start", "--dry-run")
    assert made["changed"] is True and made["dry_run"] is True
    assert not box.folder.parent.exists()
    box.run("sandbox", "start")
    assert box.json("stop", "--dry-run")["changed"] is True
    assert box.json("destroy", "--dry-run")["changed"] is True
    assert box.status()["state"] == "running"


def test_the_database_is_as_promised(box):
    box.run("sandbox", "start")
    assert box.query("SELECT current_user::text, current_database()::text") == [("relay", "relay")]
    assert box.query("SHOW server_encoding") == [("UTF8",)]
    assert box.query("SHOW data_checksums") == [("on",)]
    assert box.query("SHOW fsync") == [("on",)]
    assert box.query("SELECT 'é' < 'z'") == [(False,)], "not the order of code points"


@each_user
def test_nobody_else_can_reach_it(box):
    box.run("sandbox", "start")
    data = box.status()
    sockets = os.stat(data["socket_dir"])
    assert sockets.st_mode & 0o777 == 0o700
    assert os.stat(data["data_dir"]).st_mode & 0o777 == 0o700
    expected = server_user() if AS_ROOT and box.user is None else (box.user or os.geteuid())
    assert sockets.st_uid == os.stat(f"/proc/{data['pid']}").st_uid == expected
    tables = [Path(f"/proc/net/{name}") for name in ("tcp", "tcp6", "udp", "udp6")]
    listening = {line.split()[9] for table in tables if table.exists() for line in table.read_text().splitlines()[1:]}
    assert not inode_of_sockets(data["pid"]) & listening
    assert box.query("SHOW listen_addresses") == [("",)]


@each_user
def test_server_holds_nothing_of_its_starter(box):
    read_end, write_end = os.pipe()
    os.set_inheritable(write_end, True)
    done = box.run("sandbox", "start", pass_fds=[write_end])  # if this returns, everyone has closed stdout and stderr
    os.close(write_end)
    assert os.read(read_end, 1) == b"", done.stderr
    os.close(read_end)
    pid = box.status()["pid"]
    assert os.getsid(pid) != os.getsid(0)
    fields = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    assert int(fields["PPid"]) != os.getpid()
    if AS_ROOT:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        assert not [entry for entry in variables if entry.startswith((b"HOME", b"XDG", b"PGHOST"))]


def test_starts_also_with_closed_standard_streams(box):
    words = f"exec {box.program} sandbox start <&- >&- 2>&-"
    process = subprocess.run(["/bin/sh", "-c", words], env=box.env, cwd="/", check=False, **box._identity())
    assert process.returncode in (0, 14)  # 14: the result could not be printed
    assert box.status()["state"] == "running"
    assert box.query("SELECT 1") == [(1,)]


def test_data_outlive_a_stop(box):
    box.run("sandbox", "start")
    box.query("CREATE TABLE kept AS SELECT 42 AS answer")
    box.run("sandbox", "stop")
    box.run("sandbox", "start")
    assert box.query("SELECT answer FROM kept") == [(42,)]


@each_user
def test_many_starters_make_one_server(box):
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        documents = list(pool.map(lambda _: box.json("start"), range(6)))
    assert [document["changed"] for document in documents].count(True) == 1
    assert len({document["data"]["pid"] for document in documents}) == 1


def test_starters_and_destroyers_at_once_do_not_break_it(box):
    words = [("start",), ("destroy", "--yes"), ("start",), ("stop",), ("destroy", "--yes"), ("start",)]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda more: box.run("sandbox", *more), words))
    box.run("sandbox", "start")
    assert box.query("SELECT 1") == [(1,)]


@each_user
def test_a_killed_server_is_started_again(box):
    first = box.json("start")["data"]["pid"]
    box.query("CREATE TABLE kept AS SELECT 42 AS answer")
    kill_hard(first)
    assert box.status()["state"] == "stopped"
    second = box.json("start")
    assert second["changed"] is True and second["data"]["pid"] != first
    assert box.query("SELECT answer FROM kept") == [(42,)]


@each_user
def test_a_killed_server_is_removed_without_a_trace(box):
    pid = box.json("start")["data"]["pid"]
    segment = (box.folder / "data" / "postmaster.pid").read_text().splitlines()[6].split()[1]
    kill_hard(pid)
    box.run("sandbox", "destroy", "--yes")
    assert segment not in {line.split()[1] for line in Path("/proc/sysvipc/shm").read_text().splitlines()}


@each_user
def test_a_stale_process_number_of_another_process_does_no_harm(box):
    pid = box.json("start")["data"]["pid"]
    kill_hard(pid)
    owner = os.stat(box.folder / "data").st_uid
    with subprocess.Popen(["sleep", "60"], **({"user": owner, "group": owner} if AS_ROOT else {})) as other:
        file = box.folder / "data" / "postmaster.pid"
        lines = file.read_text().splitlines(keepends=True)
        file.write_text("".join([f"{other.pid}\n", *lines[1:]]))
        assert box.json("stop")["changed"] is False
        assert box.json("start")["changed"] is True
        assert other.poll() is None
        other.kill()


@pytest.mark.parametrize("delay", [0.05, 0.3, 0.7])
def test_a_start_that_was_killed_is_begun_anew(box, delay):
    process = box.popen("sandbox", "start")
    time.sleep(delay)
    process.kill()
    process.communicate()
    assert box.json("start")["data"]["state"] == "running"
    assert box.query("SELECT 1") == [(1,)]
    assert not (box.folder / "data.tmp").exists()


@each_user
def test_destroy_asks_first(box):
    box.run("sandbox", "start")
    refused = box.json("destroy", expect=2)
    assert "--yes" in refused["error"]["next"]
    assert box.status()["state"] == "running"


@each_user
def test_a_folder_that_is_not_ours_is_left_alone(box):
    box.folder.mkdir(parents=True)
    (box.folder / "thesis.txt").write_text("years of work")
    if box.user is not None:
        for path in (box.folder, box.folder.parent, box.folder / "thesis.txt"):
            os.chown(path, box.user, box.user)
    for words in (("start",), ("status",), ("stop",), ("destroy", "--yes")):
        assert box.json(*words, expect=5)["error"]["code"] == "conflict"
    assert (box.folder / "thesis.txt").read_text() == "years of work"
    shutil.rmtree(box.folder.parent)


def test_a_link_is_not_followed(box):
    elsewhere = box.top / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "RELAY-ADMIN-SANDBOX").write_text("looks like one")
    box.folder.parent.mkdir(parents=True)
    box.folder.symlink_to(elsewhere)
    assert box.json("destroy", "--yes", expect=5)["error"]["code"] == "conflict"
    assert (elsewhere / "RELAY-ADMIN-SANDBOX").exists()
    shutil.rmtree(box.folder.parent)


def test_destroy_keeps_what_someone_else_put_there(box):
    box.run("sandbox", "start")
    (box.folder / "notes.txt").write_text("mine")
    error = box.json("destroy", "--yes", expect=5)["error"]
    assert error["changed"] == "no" and "notes.txt" in error["message"]
    assert box.status()["state"] == "running"
    assert (box.folder / "notes.txt").read_text() == "mine"
    (box.folder / "notes.txt").unlink()


@each_user
def test_links_inside_are_removed_not_followed(box):
    precious = box.top / "precious"
    precious.mkdir()
    (precious / "file").write_text("keep me")
    precious.chmod(0o777)
    box.run("sandbox", "start")
    (box.folder / "data" / "link").symlink_to(precious)
    box.run("sandbox", "destroy", "--yes")
    assert (precious / "file").read_text() == "keep me"


@each_user
def test_run_becomes_the_command(box):
    script = 'test -z "$PGPORT$PGSERVICE" && echo "$PGHOST|$PGUSER|$PGDATABASE|$RELAY_ADMIN_DSN"; exit 42'
    box.env |= {"PGPORT": "1", "PGSERVICE": "nowhere"}
    done = box.run("sandbox", "run", "--", "sh", "-c", script, expect=42)
    data = box.status()
    assert done.stdout == f"{data['socket_dir']}|relay|relay|{data['dsn']}\n"
    assert box.run("sandbox", "run", "--", "psql", "-Atc", "SELECT 1 + 1").stdout == "2\n"
    assert box.run("sandbox", "run", "--", "printf", "%s,", "--", "-x", "a b").stdout == "--,-x,a b,"
    box.run("sandbox", "run", "--", "sh", "-c", "kill -TERM $$", expect=-signal.SIGTERM)
    box.run("sandbox", "run", "--", "sh", "-c", "kill -PIPE $$", expect=-signal.SIGPIPE)
    assert "no-such-program" in box.run("sandbox", "run", "--", "no-such-program", expect=2).stderr


def test_the_environment_cannot_lead_elsewhere(box):
    box.env |= {"PGHOST": "192.0.2.1", "PGPORT": "1", "PGUSER": "x", "PGOPTIONS": "-c nonsense=1", "PGDATA": "/nowhere"}
    dsn = box.json("start")["data"]["dsn"]
    for name in ("dbname=relay", "user=relay", "port=5432"):
        assert name in dsn
    assert box.run("sandbox", "status", "-o", "id").stdout.strip() == dsn


def test_data_of_another_major_version_are_not_touched(box):
    box.run("sandbox", "start")
    box.run("sandbox", "stop")
    (box.folder / "data" / "PG_VERSION").write_text("12\n")
    error = box.json("start", expect=8)["error"]
    assert "PostgreSQL 12" in error["message"] and error["next"] == "apt-get install postgresql-12"
    assert "next: relay-admin sandbox destroy  # to make a new one\n" in box.run("sandbox", "start", expect=8).stderr
    assert (box.folder / "data" / "PG_VERSION").read_text() == "12\n"


def test_a_failing_start_shows_the_servers_own_words(box):
    box.run("sandbox", "start")
    box.run("sandbox", "stop")
    with open(box.folder / "data" / "postgresql.conf", "a") as settings:
        settings.write("shared_buffers = 'plenty'\n")
    error = box.json("start", expect=8)["error"]
    assert "shared_buffers" in error["why"]
    assert "server.log" in error["next"]

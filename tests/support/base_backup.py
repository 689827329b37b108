"""A copy of a running server's data, for a standby.

It takes the steps of PostgreSQL's "low-level API" itself: pg_basebackup does so only for servers that are not newer than it."""

import os
import shutil

from .account import as_server_account

# Whatever belongs to the running server, or is sent by it: a standby streams the WAL from the start of the copy on.
LEFT_OUT = {"postmaster.pid", "postmaster.opts", "standby.signal", "pg_wal", "pg_replslot", "pg_stat_tmp"}
NEW_NAMES = 150000


def copy_running(primary, target):
    """Copies the data of `primary` to the folder `target`, which a standby can then start from."""
    with primary.connect() as connection, connection.cursor() as cursor:
        if connection.server_version >= NEW_NAMES:
            begin, end = "pg_backup_start('standby', true)", "pg_backup_stop(false)"
        else:
            begin, end = "pg_start_backup('standby', true, false)", "pg_stop_backup(false, false)"
        cursor.execute(f"SELECT {begin}")
        _copy(primary.data, target)
        cursor.execute(f"SELECT labelfile FROM {end}")
        (label,) = cursor.fetchone()
    connection.close()
    for name in ("pg_wal/archive_status", "pg_wal/summaries", "pg_replslot", "pg_stat_tmp"):
        (target / name).mkdir(parents=True)
    (target / "backup_label").write_text(label, encoding="utf-8")
    _give(target)


def _copy(source, target):
    def left_out(folder, names):
        return LEFT_OUT & set(names) if folder == str(source) else {name for name in names if name.startswith("pgsql_tmp")}

    def copy(one, other):
        try:
            shutil.copy2(one, other)
        except FileNotFoundError:
            pass  # dropped meanwhile: the WAL says so, too

    shutil.copytree(source, target, ignore=left_out, copy_function=copy)


def _give(target):
    """To the account of the servers, as PostgreSQL requires."""
    target.chmod(0o700)
    account = as_server_account()
    if account:
        for folder, _, files in os.walk(target):
            for name in (folder, *(os.path.join(folder, file) for file in files)):
                os.chown(name, account["user"], account["group"])

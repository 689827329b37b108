"""The account of the servers: PostgreSQL refuses to run as root, so root uses another account."""

import os
import pwd
import subprocess
import tempfile
from pathlib import Path


def server_account():
    """The account that runs our servers: our own, or `postgres` (else `nobody`) when we are root."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("no unprivileged account to run PostgreSQL as: tried postgres and nobody")


def as_server_account():
    """Arguments for subprocess that make the child run as `server_account()`."""
    if os.geteuid() != 0:
        return {}
    account = server_account()
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def server_environment():
    """A small, separate environment: none of the caller's PG* settings reach a server or its tools."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8", "HOME": "/nonexistent", "TZ": "UTC"}


def run_as_server(argv, *, timeout=120, cwd="/", env=None):
    """Runs `argv` to its end as the server account; returns its stdout, raises with its whole output when it fails."""
    done = subprocess.run(
        [os.fspath(word) for word in argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=timeout,
        cwd=cwd,
        env={**server_environment(), **(env or {})},
        check=False,
        **as_server_account(),
    )
    output = done.stdout.decode("utf-8", "replace")
    if done.returncode != 0:
        raise RuntimeError(f"{argv[0]} failed with {done.returncode}:\n{output}")
    return output


MEMORY = "/dev/shm"
ROOM = 4 << 30  # bytes that must be free in it, and twice that in the machine


def quick_place():
    """The folder for data that need not survive: memory, if there is enough of it.

    ext4 does not give a deleted file's inode to another one for minutes, and searches past all of them. A test makes and
    drops a database of 465 files: on such a disk that soon takes 0.4 s of CPU, in memory 0.02 s."""
    try:
        room = os.statvfs(MEMORY)
        with open("/proc/meminfo", encoding="ascii") as file:
            available = next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return "/tmp"
    enough = room.f_bavail * room.f_frsize >= ROOM and available >= 2 * ROOM and os.access(MEMORY, os.W_OK | os.X_OK)
    return MEMORY if enough else "/tmp"


def short_folder(prefix="rly-", place="/tmp"):
    """A new folder with a path short enough for a unix socket (107 bytes), owned by the account of the servers."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
    folder.chmod(0o755)
    if os.geteuid() == 0:
        account = server_account()
        os.chown(folder, account.pw_uid, account.pw_gid)
    return folder

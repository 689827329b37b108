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


def short_folder(prefix="rly-"):
    """A new folder with a path short enough for a unix socket (107 bytes), owned by the account of the servers."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
    folder.chmod(0o755)
    if os.geteuid() == 0:
        account = server_account()
        os.chown(folder, account.pw_uid, account.pw_gid)
    return folder

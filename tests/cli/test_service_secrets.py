"""Secrets that a service manager made: their mode is what it should be, and the advice to change it would not help.

Needs root, which makes files of root and runs the program as the account of the servers.
"""

import os
import shutil
import subprocess

import pytest
from support.account import server_account, short_folder

PROGRAM = "dev"
QUICK = True


@pytest.fixture
def folder():
    made = short_folder("rly-sec-")
    yield made
    shutil.rmtree(made)


def run_as_service(relay, *words, groups=(), env=None, prefix=()):
    """Runs the program as the account of the servers, with `groups`, as systemd and Kubernetes run a service."""
    account = server_account()
    ids = ["--groups", ",".join(map(str, groups))] if groups else ["--clear-groups"]
    runner = relay.with_(prefix=(*prefix, "setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", *ids), env=env or {})
    return runner(*words)


GROUP = 4711
CASES = [
    # what, owner, group, mode, groups of the process, in $CREDENTIALS_DIRECTORY, accepted
    ("systemd with User=", 0, 0, 0o440, (), True, True),
    ("a Kubernetes Secret with fsGroup", 0, GROUP, 0o440, (GROUP,), False, True),
    ("the same, writable for root", 0, GROUP, 0o640, (GROUP,), False, True),
    ("root's, for a group that is not ours but in the folder", 0, 0, 0o444, (), True, True),
    ("writable for the group", 0, GROUP, 0o460, (GROUP,), False, False),
    ("readable for everyone, elsewhere", 0, GROUP, 0o444, (GROUP,), False, False),
    ("ours, but open to a group", None, GROUP, 0o640, (GROUP,), False, False),
    ("writable for everyone, in the folder", 0, 0, 0o446, (), True, False),
]


@pytest.mark.parametrize("owner, group, mode, groups, in_folder, accepted", [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_a_service_manager_made_private_is_private(relay, database, folder, owner, group, mode, groups, in_folder, accepted):
    file = folder / "dsn"
    file.write_text(f"{database.dsn()} password=not-needed")
    os.chown(folder, 0, 0)
    os.chown(file, server_account().pw_uid if owner is None else owner, group)
    file.chmod(mode)
    if in_folder and not mode & 0o004:
        subprocess.run(["setfacl", "-m", f"u:{server_account().pw_uid}:r", file], check=True) if shutil.which("setfacl") else file.chmod(mode | 0o004)
    env = {"CREDENTIALS_DIRECTORY": folder} if in_folder else {}
    result = run_as_service(relay, "org", "list", "--dsn-file", file, groups=groups, env=env)
    assert result.code == (0 if accepted else 2), result
    assert "not-needed" not in result.err


def test_a_secret_of_a_container_is_accepted(relay, database, folder):
    """Docker gives secrets the mode 0444 in /run/secrets. The folder is made in a separate mount namespace."""
    (folder / "dsn").write_text(f"{database.dsn()} password=not-needed")
    os.chown(folder / "dsn", 0, 0)
    (folder / "dsn").chmod(0o444)
    os.chown(folder, 0, 0)
    outside = run_as_service(relay, "org", "list", "--dsn-file", folder / "dsn")
    assert outside.code == 2 and "other users may read it" in outside.err
    prefix = ("unshare", "--mount", "sh", "-c", f'mount -t tmpfs none /run && mkdir -p /run/secrets && mount --bind {folder} /run/secrets && exec "$@"', "sh")
    inside = run_as_service(relay, "org", "list", "--dsn-file", "/run/secrets/dsn", prefix=prefix)
    assert inside.code == 0, inside

"""Hides from the tests what belongs to the person who starts them: home folder, sandbox, databases, services,
passwords, settings.

`isolate()` changes the environment of this process, so that every child has it, even one that is started without an
explicit environment. Each program that runs tests calls it first: tests/conftest.py, with_cluster.py. Tests in C++ do
the same themselves (tests/unit/main.cpp). A home folder alone is not enough: for root, whose home is closed to the user
that a server runs as, the default place of a sandbox is /var/lib, and that is the same for all."""

import atexit
import os
import tempfile
from pathlib import Path

from . import processes

# By their beginnings. ctest sets RELAY_ADMIN itself and RELAY_BUILD_DIR: they stay.
FOREIGN_PREFIXES = ("RELAY_ADMIN_", "XDG_", "GITHUB_", "GITLAB_", "CI_", "SUDO_", "PSQL", "CLICOLOR")
FOREIGN = (
    "RELAY_AGENT_ID", "RELAY_ORG_ID", "RELAY_API_KEY", "AGENT_SECRET", "ALLOW_LEGACY_GLOBAL_AGENT_SECRET", "GATEWAY_ID", "FEED_HOST",
    "FEED_PORT", "CI", "TRACEPARENT", "NO_COLOR", "PAGER", "MANPAGER", "LESS", "LV", "COLUMNS", "LINES",
)  # fmt: skip

_own = None


def is_foreign(name):
    """Returns whether a variable could lead a test to something outside it."""
    libpq = name.startswith("PG") and name[2:3].isupper()
    return libpq or name in FOREIGN or name.startswith(FOREIGN_PREFIXES)


def _own_folder():
    """This process's folder, with `home` and `state`. The account of the servers must pass through: each is 0711."""
    global _own
    if _own is None:
        _own = Path(tempfile.mkdtemp(prefix="rly-own-", dir="/tmp"))
        for folder in (_own, _own / "home", _own / "state"):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o711)
        # The watchdog also ends the server of a sandbox that a test has left there, and works even if we are killed.
        dog = processes.watchdog(_own / "state/relay-admin/sandbox/data", _own)
        atexit.register(processes.let_bite, dog)
    return _own


def home():
    """A home folder that belongs to no one."""
    return _own_folder() / "home"


def state_home():
    """Where a sandbox of this process's tests would be."""
    return _own_folder() / "state"


def isolate():
    """Hides from this process and its children everything of the person who started them. Safe to call twice."""
    theirs = Path(os.environ.get("HOME", "/nonexistent"))
    if theirs != home():
        # Only the global settings of git can allow reading a folder of another user (safe.directory).
        os.environ.setdefault("GIT_CONFIG_GLOBAL", str(theirs / ".gitconfig"))
    for name in [name for name in os.environ if is_foreign(name)]:
        del os.environ[name]
    os.environ["HOME"] = str(home())
    os.environ["XDG_STATE_HOME"] = str(state_home())

"""Keeps what belongs to whoever starts the tests away from them: home folder, sandbox, databases, services, passwords, settings.

`isolate()` changes the environment of this process, so that every child has it, also one that is started without a word about its
environment. Each program that runs tests calls it first: tests/conftest.py, with_cluster.py. What is written in C++ does the same for itself
(tests/unit/main.cpp). A home folder alone would not do: for root, whose home is closed to the user that a server runs as, the default
place of a sandbox is /var/lib, and that is the same for all.
"""

import atexit
import os
import tempfile
from pathlib import Path

from . import processes

# By how they begin. RELAY_ADMIN itself and RELAY_BUILD_DIR are ctest's: they stay.
FOREIGN_PREFIXES = ("RELAY_ADMIN_", "XDG_", "GITHUB_", "GITLAB_", "CI_", "SUDO_", "PSQL", "CLICOLOR")
FOREIGN = (
    "RELAY_AGENT_ID", "RELAY_ORG_ID", "RELAY_API_KEY", "AGENT_SECRET", "ALLOW_LEGACY_GLOBAL_AGENT_SECRET", "GATEWAY_ID", "FEED_HOST",
    "FEED_PORT", "CI", "TRACEPARENT", "NO_COLOR", "PAGER", "MANPAGER", "LESS", "LV", "COLUMNS", "LINES",
)  # fmt: skip

_own = None


def is_foreign(name):
    """Whether a variable could lead a test to something that is not its own."""
    libpq = name.startswith("PG") and name[2:3].isupper()
    return libpq or name in FOREIGN or name.startswith(FOREIGN_PREFIXES)


def _own_folder():
    """This process's own folder, with `home` and `state`. Who runs a server for us must pass through: each is 0711."""
    global _own
    if _own is None:
        _own = Path(tempfile.mkdtemp(prefix="rly-own-", dir="/tmp"))
        for folder in (_own, _own / "home", _own / "state"):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o711)
        # It also ends the server of a sandbox that a test has left there, and comes when we are killed.
        dog = processes.watchdog(_own / "state/relay-admin/sandbox/data", _own)
        atexit.register(processes.let_bite, dog)
    return _own


def home():
    """A home folder that is nobody's."""
    return _own_folder() / "home"


def state_home():
    """Where a sandbox of this process's tests would be."""
    return _own_folder() / "state"


def isolate():
    """From now on, this process and its children see nothing of whoever started them. Safe to call twice."""
    theirs = Path(os.environ.get("HOME", "/nonexistent"))
    if theirs != home():
        # That a folder of another user may be read (safe.directory) is known there only.
        os.environ.setdefault("GIT_CONFIG_GLOBAL", str(theirs / ".gitconfig"))
    for name in [name for name in os.environ if is_foreign(name)]:
        del os.environ[name]
    os.environ["HOME"] = str(home())
    os.environ["XDG_STATE_HOME"] = str(state_home())

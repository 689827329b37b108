"""The result of initdb, made once and copied into each cluster: initdb takes a second of CPU, a copy a tenth.

It is kept in the build tree, so that a hundred tests share one; without a build tree it lives as long as this process.
"""

import atexit
import fcntl
import os
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

from . import processes
from .account import run_as_server, short_folder
from .binaries import postgres_bin

OPTIONS = ("-N", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--wal-segsize=1")


def copy_to(data):
    """Makes the data folder of a new cluster."""
    _copy(template(), data)


def _copy(source, target):
    subprocess.run(["cp", "-a", source, target], check=True)  # as root with its owner, the account of the servers


@lru_cache(maxsize=None)
def template():
    """The folder that is copied."""
    build = os.environ.get("RELAY_BUILD_DIR")
    if not build or not os.access(build, os.W_OK):
        return _initdb()
    version = run_as_server([postgres_bin() / "initdb", "--version"]).split()[2]
    kept = Path(build) / "tests" / f"initdb-{version}-{os.geteuid()}"
    kept.parent.mkdir(exist_ok=True)
    with open(f"{kept}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # ends with the process: a test that is killed holds up no other
        if not kept.exists():
            half = Path(f"{kept}.new")
            shutil.rmtree(half, ignore_errors=True)
            _copy(_initdb(), half)
            half.rename(kept)
    return kept


def _initdb():
    folder = short_folder("rly-initdb-")
    dog = processes.watchdog(folder / "data", folder)
    atexit.register(processes.dismiss, dog)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    run_as_server([postgres_bin() / "initdb", "-D", folder / "data", *OPTIONS])
    return folder / "data"

"""The result of initdb, made once and copied into each cluster: initdb takes a second of CPU, a copy a tenth of it."""

import atexit
import os
import shutil
from functools import lru_cache

from . import kept, processes
from .account import run_as_server, short_folder
from .binaries import postgres_bin

OPTIONS = ("-N", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--wal-segsize=1")


def version():
    """What `initdb --version` says: "15.10"."""
    return _version(postgres_bin())


@lru_cache(maxsize=None)
def _version(folder):
    return run_as_server([folder / "initdb", "--version"]).split()[2]


@lru_cache(maxsize=None)
def template():
    """What is copied: an archive, or without a build tree a folder that lives as long as this process."""
    return kept.kept(f"initdb-{version()}-{os.geteuid()}", _initdb) if kept.is_possible() else _initdb()


def _initdb():
    folder = short_folder("rly-initdb-")
    dog = processes.watchdog(folder / "data", folder)
    atexit.register(processes.dismiss, dog)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    run_as_server([postgres_bin() / "initdb", "-D", folder / "data", *OPTIONS])
    return folder / "data"

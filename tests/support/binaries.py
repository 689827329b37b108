"""Finds the programs that the tests run. A missing one is an error, never a skipped test."""

import os
import re
import shutil
from functools import lru_cache
from pathlib import Path


def _version(path):
    match = re.search(r"/(\d+)/bin$", str(path))
    return int(match.group(1)) if match else 0


@lru_cache(maxsize=None)
def postgres_bin():
    """The folder with initdb and postgres: $RELAY_PG_BIN, else client_bin()."""
    given = os.environ.get("RELAY_PG_BIN")
    return Path(given) if given else client_bin()


@lru_cache(maxsize=None)
def client_bin():
    """The folder with psql, pg_dump and the like: the newest of Debian's, else where PATH says."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version)
    found = [folder for folder in found if (folder / "initdb").exists()]
    if found:
        return found[-1]
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    raise RuntimeError("no PostgreSQL server found: install the package postgresql")


def client_version():
    """The major version of what client_bin() has; 0: unknown."""
    return _version(client_bin())


def relay_admin():
    """The program under test: $RELAY_ADMIN."""
    given = os.environ.get("RELAY_ADMIN")
    if not given:
        raise RuntimeError("RELAY_ADMIN is not set: it must name the built relay-admin")
    path = Path(given).resolve()
    if not os.access(path, os.X_OK):
        raise RuntimeError(f"RELAY_ADMIN={given} is not an executable file")
    return path


def tool(name):
    """The full path of a program that the tests need."""
    found = shutil.which(name)
    if not found:
        raise RuntimeError(f"the tests need the program {name}")
    return found


def built(name):
    """A program of the tests, in the build tree: $RELAY_BUILD_DIR."""
    path = Path(os.environ.get("RELAY_BUILD_DIR", "/nonexistent")) / "tests" / name
    if not os.access(path, os.X_OK):
        raise RuntimeError(f"{path} is not there: build the target {name}")
    return path

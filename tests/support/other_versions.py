"""Servers of other major versions of PostgreSQL than Debian's. They are modules of npm."""

import contextlib
import os
import subprocess
from pathlib import Path

import pytest

from . import initdb
from .binaries import postgres_bin, tool
from .cluster import Cluster


def binaries_of(major):
    """npm cannot hold symbolic links: a script of each module makes them."""
    folder = Path(os.environ["RELAY_NODE_MODULES"]) / f"postgres-{major}"
    subprocess.run([tool("node"), "scripts/hydrate-symlinks.js"], cwd=folder, check=True, timeout=60)
    return folder / "native" / "bin"


@contextlib.contextmanager
def running(major):
    """A cluster of this major version."""
    patch = pytest.MonkeyPatch()
    patch.setenv("RELAY_PG_BIN", str(binaries_of(major)))
    postgres_bin.cache_clear()
    initdb.template.cache_clear()
    try:
        with Cluster() as cluster:
            assert cluster.query("SHOW server_version")[0][0].startswith(major)
            yield cluster
    finally:
        patch.undo()
        postgres_bin.cache_clear()
        initdb.template.cache_clear()

"""Debian packages that would start a server when they are installed, or that only one test needs: they are downloaded and
unpacked in the build tree, not installed."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path


def unpacked(name, *packages):
    """The folder into which these packages are unpacked; made once for a build tree."""
    kept = Path(os.environ["RELAY_BUILD_DIR"]) / "tests" / name
    kept.parent.mkdir(exist_ok=True)
    with open(f"{kept}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            half = Path(f"{kept}.new")
            shutil.rmtree(half, ignore_errors=True)
            half.mkdir()
            subprocess.run(["apt-get", "download", "-qq", *packages], cwd=half, check=True, timeout=300)
            for package in half.glob("*.deb"):
                subprocess.run(["dpkg-deb", "--extract", package, half], check=True, timeout=300)
                package.unlink()
            half.rename(kept)
    return kept

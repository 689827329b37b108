"""What many test processes need and one makes: folders in the build tree.

Without a build tree, the process that needs one makes it for itself."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path


def copy(source, target):
    """Copies a folder; as root with its owner, the account of the servers."""
    subprocess.run(["cp", "-a", source, target], check=True)


def is_possible():
    """True if there is a build tree to keep folders in."""
    build = os.environ.get("RELAY_BUILD_DIR")
    return bool(build) and os.access(build, os.W_OK)


def kept(name, make, *, made_from=""):
    """The folder NAME, a copy of the one that `make` returns. It is made again when `made_from` has changed."""
    folder = Path(os.environ["RELAY_BUILD_DIR"]) / "tests" / name
    stamp = Path(f"{folder}.from")
    folder.parent.mkdir(exist_ok=True)
    with open(f"{folder}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # ends with the process: a test that is killed holds up no other
        if not folder.exists() or not stamp.exists() or stamp.read_text("utf-8") != made_from:
            half = Path(f"{folder}.new")
            for old in (half, folder):
                shutil.rmtree(old, ignore_errors=True)
            copy(make(), half)
            stamp.write_text(made_from, "utf-8")
            half.rename(folder)
    return folder

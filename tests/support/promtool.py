"""promtool, which checks metrics and alert rules.

It is a part of Debian's package prometheus, which would also start a server when it is installed. So the package is only
downloaded, and unpacked in the build tree."""

import fcntl
import os
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=None)
def promtool():
    """The path of the program: that of this machine if it has one."""
    here = shutil.which("promtool")
    if here:
        return Path(here)
    kept = Path(os.environ["RELAY_BUILD_DIR"]) / "tests" / "prometheus"
    kept.parent.mkdir(exist_ok=True)
    with open(f"{kept}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            half = Path(f"{kept}.new")
            shutil.rmtree(half, ignore_errors=True)
            half.mkdir()
            subprocess.run(["apt-get", "download", "-qq", "prometheus"], cwd=half, check=True, timeout=300)
            (package,) = half.glob("prometheus_*.deb")
            subprocess.run(["dpkg-deb", "--extract", package, half], check=True, timeout=300)
            package.unlink()
            half.rename(kept)
    return kept / "usr" / "bin" / "promtool"

"""promtool, which checks metrics and alert rules. It is in Debian's package prometheus, which would also start a server, and from
Debian 13 on in a separate one."""

import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

from .unpacked import unpacked


@lru_cache(maxsize=None)
def promtool():
    """The path of the program: that of this machine if it has one."""
    here = shutil.which("promtool")
    if here:
        return Path(here)
    is_separate = subprocess.run(["apt-cache", "show", "promtool"], capture_output=True, check=False).returncode == 0
    package = "promtool" if is_separate else "prometheus"
    return unpacked(package, package) / "usr" / "bin" / "promtool"

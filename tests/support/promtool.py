"""promtool, which checks metrics and alert rules. Debian's package prometheus would also start a server."""

import shutil
from functools import lru_cache
from pathlib import Path

from .unpacked import unpacked


@lru_cache(maxsize=None)
def promtool():
    """The path of the program: that of this machine if it has one."""
    here = shutil.which("promtool")
    return Path(here) if here else unpacked("prometheus", "prometheus") / "usr" / "bin" / "promtool"

"""A machine whose clock is wrong: for one program, by a library that is loaded before all others."""

import os
import subprocess

from . import binaries

WRONG_CLOCK = r"""
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
extern "C" int clock_gettime(clockid_t id, timespec *at) {
    long const result = syscall(SYS_clock_gettime, id, at);
    at->tv_sec += id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE ? SHIFT : 0;
    return static_cast<int>(result);
}
extern "C" time_t time(time_t *at) {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return at != nullptr ? *at = now.tv_sec : now.tv_sec;
}
extern "C" int gettimeofday(timeval *at, void *) {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    *at = {now.tv_sec, now.tv_nsec / 1000};
    return 0;
}
"""


def wrong_clock(seconds, folder):
    """The environment in which a program's clock is `seconds` ahead; the library is made in `folder`."""
    source = folder / "clock.cpp"
    shim = folder / f"clock{seconds}.so"
    source.write_text(WRONG_CLOCK)
    compiler = [binaries.tool("g++"), "-shared", "-fPIC", f"-DSHIFT={seconds}", source, "-o", shim]
    subprocess.run(compiler, check=True)
    asan = os.environ.get("ASAN_OPTIONS", "")
    return {"LD_PRELOAD": str(shim), "ASAN_OPTIONS": f"{asan}:verify_asan_link_order=0"}

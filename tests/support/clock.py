"""A clock that is wrong, or that moves while a program runs: as after an NTP step, or a failover to a machine that is behind."""

import mmap
import os
import struct
import subprocess

from . import binaries

# Plain system calls: the address sanitizer asks for the time before its own open and mmap are ready.
SHIM = r"""
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static long long shift() {
    static long long volatile const *const at = [] {
        long const file = syscall(SYS_openat, AT_FDCWD, CLOCK, O_RDONLY | O_CLOEXEC);
        long const mapped = syscall(SYS_mmap, nullptr, sizeof(long long), PROT_READ, MAP_SHARED, file, 0);
        syscall(SYS_close, file);
        return reinterpret_cast<long long const *>(mapped);
    }();
    return *at;
}
extern "C" int clock_gettime(clockid_t id, timespec *at) {
    long const result = syscall(SYS_clock_gettime, id, at);
    at->tv_sec += id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE ? shift() : 0;
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


class MovedClock:
    """A clock for the programs that run with `environment`: right at first, or ahead by `base`, and then ahead of that by what
    `move` says. Its library is made in `folder`, which becomes readable for everyone."""

    def __init__(self, folder, base=0):
        folder.chmod(0o755)
        place = folder / "clock"
        place.write_bytes(struct.pack("q", base))
        place.chmod(0o644)
        source, shim = folder / "clock.cpp", folder / "clock.so"
        source.write_text(SHIM)
        compiler = [binaries.tool("g++"), "-shared", "-fPIC", f'-DCLOCK="{place}"', source, "-o", shim]
        subprocess.run(compiler, check=True)
        shim.chmod(0o755)
        asan = os.environ.get("ASAN_OPTIONS", "")
        self.environment = {"LD_PRELOAD": str(shim), "ASAN_OPTIONS": f"{asan}:verify_asan_link_order=0"}
        with open(place, "r+b") as file:
            self._shift = mmap.mmap(file.fileno(), 8)
        self._base = base
        self.ahead = 0

    def move(self, seconds):
        """From now on the clock is `seconds` ahead of its base."""
        self.ahead = seconds
        self._shift[:] = struct.pack("q", self._base + seconds)

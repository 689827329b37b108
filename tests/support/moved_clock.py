"""A server whose clock can be moved while it runs, forth and back, as by an NTP step or a failover to a machine that is behind."""

import mmap
import struct
import subprocess

from . import binaries

MOVED_CLOCK = r"""
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static long long shift() {
    static long long volatile const *const at = [] {
        int const file = open(CLOCK, O_RDONLY);
        return static_cast<long long const *>(mmap(nullptr, sizeof(long long), PROT_READ, MAP_SHARED, file, 0));
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
    """`environment` is for the server; `move(seconds)` says by how much its clock is ahead from now on."""

    def __init__(self, folder):
        folder.chmod(0o755)
        place = folder / "clock"
        place.write_bytes(struct.pack("q", 0))
        place.chmod(0o644)
        source, shim = folder / "moved_clock.cpp", folder / "moved_clock.so"
        source.write_text(MOVED_CLOCK)
        compiler = [binaries.tool("g++"), "-shared", "-fPIC", f'-DCLOCK="{place}"', source, "-o", shim]
        subprocess.run(compiler, check=True)
        shim.chmod(0o755)
        self.environment = {"LD_PRELOAD": str(shim)}
        with open(place, "r+b") as file:
            self._shift = mmap.mmap(file.fileno(), 8)

    def move(self, seconds):
        self._shift[:] = struct.pack("q", seconds)

"""Small disks: a tmpfs of a few kilobytes that is soon full, and a limit on the size of files.

Root mounts one. An ordinary user gets one inside a user and mount namespace of its own, held by a sleeping process, and
reaches it from outside by way of /proc/PID/root.
"""

import os
import resource
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

from . import binaries


@contextmanager
def small_disk(size="64k", *, inodes=None):
    """A new empty file system of `size` (at least 4k) as a Path; `inodes`: how many files fit, its root included."""
    options = f"size={size},mode=0700" + (f",nr_inodes={inodes}" if inodes else "")
    maker = _mounted if os.geteuid() == 0 else _in_namespace
    with maker(options) as folder:
        yield folder


@contextmanager
def _mounted(options):
    folder = Path(tempfile.mkdtemp(prefix="rly-fs-", dir="/tmp"))
    try:
        subprocess.run([binaries.tool("mount"), "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
        try:
            yield folder
        finally:
            subprocess.run([binaries.tool("umount"), "-l", folder], check=True)
    finally:
        folder.rmdir()


@contextmanager
def _in_namespace(options):
    folder = Path(tempfile.mkdtemp(prefix="rly-fs-", dir="/tmp"))
    script = 'mount -t tmpfs -o "$1" tmpfs "$0" && echo mounted && exec cat'
    holder = subprocess.Popen(
        [binaries.tool("unshare"), "-rm", "sh", "-c", script, folder, options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        if holder.stdout.readline() != b"mounted\n":
            raise RuntimeError("no small disk can be made: neither root nor user namespaces are allowed here")
        yield Path(f"/proc/{holder.pid}/root{folder}")
    finally:
        holder.stdin.close()
        holder.wait(timeout=10)
        holder.stdout.close()
        folder.rmdir()


def fill(folder, *, leave=0):
    """Fills a small disk with one file, `filler`, but for `leave` bytes (in pages of 4096)."""
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    with open(Path(folder) / "filler", "wb") as filler:
        filler.write(b"\0" * max(0, free - leave))


def limit_file_size(size):
    """For subprocess's preexec_fn: no file may grow past `size` bytes (EFBIG, as SIGXFSZ is ignored)."""

    def run():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return run

"""Small disks: a tmpfs of a few kilobytes that is soon full, and a limit on the size of files.

Root mounts one. An ordinary user gets one inside a separate user and mount namespace, held by a sleeping process, and
reaches it from outside by way of /proc/PID/root; where namespaces are not allowed (in a chroot, say), by sudo.
"""

import os
import re
import resource
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from . import binaries


@contextmanager
def small_disk(size="64k", *, inodes=None):
    """A new empty file system of `size` (at least 4k) as a Path; `inodes`: how many files fit, its root included."""
    options = f"size={size},mode=0700" + (f",nr_inodes={inodes}" if inodes else "")
    if os.geteuid() == 0:
        maker = _mounted
    else:
        maker = _in_namespace if namespaces_are_allowed() else _mounted_by_sudo
    with maker(options) as folder:
        yield folder


@lru_cache(maxsize=None)
def namespaces_are_allowed():
    """Returns whether this user may be root in a new user namespace."""
    return subprocess.run(["unshare", "-rm", "true"], check=False, capture_output=True).returncode == 0


@contextmanager
def _mounted(options, by=()):
    folder = Path(tempfile.mkdtemp(prefix="rly-fs-", dir="/tmp"))
    try:
        subprocess.run([*by, "mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
        try:
            yield folder
        finally:
            subprocess.run([*by, "umount", "-l", folder], check=True)
    finally:
        folder.rmdir()


def _mounted_by_sudo(options):
    return _mounted(f"{options},uid={os.getuid()},gid={os.getgid()}", by=("sudo", "-n"))


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
            raise RuntimeError("no small disk could be mounted in a namespace")
        yield Path(f"/proc/{holder.pid}/root{folder}")
    finally:
        holder.stdin.close()
        holder.wait(timeout=10)
        holder.stdout.close()
        folder.rmdir()


def let_write(folder, may):
    """Sets whether anything can be written to a small disk from now on."""
    in_namespace = re.fullmatch(r"/proc/(\d+)/root(/.*)", str(folder))
    if in_namespace:
        holder, folder = in_namespace.groups()
        by = ["nsenter", f"--target={holder}", "--user", "--mount", "--preserve-credentials"]
    else:
        by = [] if os.geteuid() == 0 else ["sudo", "-n"]
    subprocess.run([*by, "mount", "-o", f"remount,bind,{'rw' if may else 'ro'}", folder], check=True)


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

"""A Debian root with a few packages and nothing else, made of what is installed here, without network or containers."""

import os
import subprocess

from .package import run

# As root, who owns the files of a package; without privileges, as root of a user namespace.
AS_ROOT = () if os.geteuid() == 0 else ("unshare", "--map-root-user")


def with_dependencies(names):
    """These packages and all that they depend on, as far as it is installed."""
    leave_out = ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")
    shown = run("apt-cache", "depends", "--recurse", "--installed", *(f"--no-{kind}" for kind in leave_out), *names)
    return [line for line in shown.decode().splitlines() if not line.startswith((" ", "|"))]


class CleanRoot:
    """`folder`, with the files of `packages` and of what they depend on; dpkg knows them, so it checks Depends."""

    def __init__(self, folder, *packages):
        self.folder = folder
        (folder / "var/lib/dpkg/info").mkdir(parents=True)
        (folder / "var/lib/dpkg/updates").mkdir()
        for name in ("bin", "sbin", "lib", "lib64"):
            (folder / "usr" / name).mkdir(parents=True)
            (folder / name).symlink_to(f"usr/{name}")
        self.packages = with_dependencies(packages) if packages else []
        status = run("dpkg-query", "--status", *self.packages) if self.packages else b""
        (folder / "var/lib/dpkg/status").write_bytes(status + b"\n" if status else b"")
        if self.packages:
            self._copy_files()

    def _copy_files(self):
        listed = run("dpkg-query", "--listfiles", *self.packages).decode().splitlines()
        # Through the links of the root: /lib/x and /usr/lib/x are one file.
        paths = {path.lstrip("/") for path in listed if os.path.isfile(path) or os.path.islink(path)}
        paths = sorted(path for path in paths if path not in ("bin", "sbin", "lib", "lib64") and "/doc/" not in path)
        packing = ["tar", "--create", "--directory=/", "--null", "--files-from=-"]
        packed = subprocess.run(packing, input="\0".join(paths).encode(), capture_output=True, check=True).stdout
        unpacking = ["tar", "--extract", "--keep-directory-symlink", "--no-same-owner", f"--directory={self.folder}"]
        subprocess.run(unpacking, input=packed, capture_output=True, check=True)

    def dpkg(self, *words):
        """dpkg with its database and all files in this root."""
        environment = {**os.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        return run(*AS_ROOT, "dpkg", f"--root={self.folder}", "--log=/dev/null", *words, env=environment)

    def inside(self, user=None):
        """The words before a command that runs it in this root; as `user` (uid:gid), which only root can choose."""
        as_user = [f"--userspec={user}"] if user and os.geteuid() == 0 else []
        return (*AS_ROOT, "/usr/sbin/chroot", *as_user, os.fspath(self.folder))

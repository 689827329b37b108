"""Makes the .deb of a build tree and looks into it."""

import io
import os
import subprocess
import tarfile

from .binaries import tool


def run(*command, timeout=600, **options):
    """Runs a command that must succeed; returns its stdout."""
    done = subprocess.run([os.fspath(word) for word in command], capture_output=True, timeout=timeout, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout.decode()}\n{done.stderr.decode()}"
    return done.stdout


def make_package(build, folder, **options):
    """Runs cpack on the build tree `build`; returns the path of the package, in `folder`."""
    run(tool("cpack"), "--config", build / "CPackConfig.cmake", "-B", folder, **options)
    (package,) = folder.glob("*.deb")
    return package


def fields(package):
    """The control file as a dict; lines of a folded field are joined by newlines."""
    found = {}
    for line in run("dpkg-deb", "--field", package).decode().splitlines():
        if line.startswith(" "):
            found[name] += "\n" + line
        else:
            name, _, found[name] = line.partition(": ")
    return found


class Archive:
    """The files of a package: their names without `./`, the entry of tar for each, and their bytes."""

    def __init__(self, package):
        self._tar = tarfile.open(fileobj=io.BytesIO(run("dpkg-deb", "--fsys-tarfile", package)))
        self.members = {member.name.removeprefix("./").rstrip("/"): member for member in self._tar}
        self.members.pop("", None)
        self.members.pop(".", None)
        self.files = {name: member for name, member in self.members.items() if not member.isdir()}

    def read(self, name):
        """The bytes of one file."""
        return self._tar.extractfile(self.files[name]).read()

    def under(self, folder):
        """The names of the files below a folder, without it."""
        return {name.removeprefix(folder + "/") for name in self.files if name.startswith(folder + "/")}

"""What `cli/package` made of the release build: ctest runs it before the tests that say PROGRAM = "package"."""

import io
import json
import os
import subprocess
import tarfile
from pathlib import Path


def run(*command, timeout=600, **options):
    """Runs a command that must succeed; returns its stdout."""
    done = subprocess.run([os.fspath(word) for word in command], capture_output=True, timeout=timeout, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout.decode()}\n{done.stderr.decode()}"
    return done.stdout


def source():
    """The repository."""
    return Path(os.environ["RELAY_SOURCE_DIR"])


def release():
    """The release build tree."""
    return Path(os.environ["RELAY_RELEASE_DIR"])


def packed():
    """The folder with all that was made."""
    return source() / "build/package"


def only(pattern, folder=None):
    """The one file of the folder that fits."""
    found = sorted((folder or packed()).glob(pattern))
    assert len(found) == 1, f"{pattern}: {found}"
    return found[0]


def debian_package(name):
    """The path of one .deb."""
    return only(f"{name}_*.deb")


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
    """The files of an archive: their names without `./`, what tar says of each, and their bytes."""

    def __init__(self, file):
        self._tar = tarfile.open(fileobj=file)
        self.members = {member.name.removeprefix("./").rstrip("/"): member for member in self._tar}
        self.members.pop("", None)
        self.members.pop(".", None)
        self.files = {name: member for name, member in self.members.items() if not member.isdir()}

    @classmethod
    def of_package(cls, package):
        """The files of a .deb."""
        return cls(io.BytesIO(run("dpkg-deb", "--fsys-tarfile", package)))

    @classmethod
    def of_tarball(cls, path):
        """The files of a .tar.gz or .tar.xz."""
        return cls(io.BytesIO(path.read_bytes()))

    def read(self, name):
        """The bytes of one file."""
        return self._tar.extractfile(self.files[name]).read()

    def under(self, folder):
        """The names of the files below a folder, without it."""
        return {name.removeprefix(folder + "/") for name in self.files if name.startswith(folder + "/")}


def bill_of_materials(path_or_bytes):
    """An SPDX document: the own package, and the others by kind of link and name."""
    text = path_or_bytes if isinstance(path_or_bytes, bytes) else path_or_bytes.read_bytes()
    document = json.loads(text)
    by_id = {package["SPDXID"]: package for package in document["packages"]}
    linked = {"STATIC_LINK": {}, "DYNAMIC_LINK": {}}
    for relation in document["relationships"]:
        if relation["relationshipType"] in linked:
            assert relation["spdxElementId"] == "SPDXRef-Program"
            package = by_id[relation["relatedSpdxElement"]]
            linked[relation["relationshipType"]][package["name"]] = package
    return document, linked["STATIC_LINK"], linked["DYNAMIC_LINK"]

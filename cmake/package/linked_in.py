"""Lists whose code is in a program, by what the linker took and what the compiler inlined; no list is kept by hand.

    linked_in.py --program BUILD/relay-admin --map BUILD/relay-admin.map --shipped FILE --name NAME --version V FOLDER

The map of the linker names each archive that it took a member from, and each object of the C library that starts a
program. The line table of the program (-g1) names each header that a function or a template was compiled from. dpkg
knows which package owns each of these files.

Writes FOLDER/NOTICES, the copyright files of those packages one after the other, and FOLDER/relay-admin.spdx.json, a
software bill of materials (SPDX 2.3): the same packages with their versions, the libraries that stay dynamic, and the
checksum of FILE, the program as it is shipped.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import quote

from elftools.elf.elffile import ELFFile


def archives_and_objects(map_file):
    """The files of other packages that the linker took code from: archives that gave a member, and lone objects."""
    text = Path(map_file).read_text()
    members = text.split("Discarded input sections", 1)[0].split("As-needed library", 1)[0]
    taken = re.findall(r"^(/\S+\.a)\(\S+\)", members, re.MULTILINE)
    lone = re.findall(r"^LOAD (/\S+\.o)$", text, re.MULTILINE)
    return {os.path.realpath(path) for path in (*taken, *lone)}


def text_of(value):
    return value.decode() if isinstance(value, bytes) else value


def headers(elf):
    """The headers whose code is in the program: files in its line tables with absolute paths (ours are relative)."""
    found = set()
    dwarf = elf.get_dwarf_info()
    for unit in dwarf.iter_CUs():
        table = dwarf.line_program_for_CU(unit)
        if table is None:
            continue
        assert table.header.version >= 5, "the folders of older line tables are counted in another way"
        folders = [text_of(folder) for folder in table["include_directory"]]
        for entry in table["file_entry"]:
            path = os.path.join(folders[entry.dir_index], text_of(entry.name))
            if path.startswith("/"):
                found.add(os.path.realpath(path))
    return found


def query(*words):
    return subprocess.run(["dpkg-query", *words], check=True, capture_output=True, text=True).stdout


def owners(paths):
    """The package of each file, with its architecture where dpkg names one. A file that no package owns is an error."""
    found = {}
    for line in query("--search", *sorted(paths)).splitlines():
        if line.startswith("diversion by "):
            continue
        package, path = line.split(": ", 1)
        found[path] = package
    missing = paths - set(found)
    assert not missing, f"no Debian package owns {sorted(missing)}"
    return found


class Package:
    """One Debian package, as it is installed here."""

    def __init__(self, name, files):
        fields = "${Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}"
        shown = query("--show", "--showformat", fields, name)
        self.name, self.version, self.architecture, self.source, self.source_version = shown.split("\t")
        self.libraries = sorted(os.path.basename(path) for path in files if re.search(r"\.(a|o|so[.0-9]*)$", path))

    def notice(self):
        return Path(f"/usr/share/doc/{self.name}/copyright").read_text()

    def spdx(self):
        distribution = os_release()
        url = f"pkg:deb/{distribution['ID']}/{self.name}@{quote(self.version, safe='')}"
        release = f"{distribution['ID']}-{distribution['VERSION_ID']}"
        url += f"?arch={self.architecture}&distro={release}&upstream={self.source}"
        return {
            "SPDXID": identifier(self.name),
            "name": self.name,
            "versionInfo": self.version,
            "supplier": f"Organization: {distribution['NAME']}",
            "downloadLocation": "NOASSERTION",
            "filesAnalyzed": False,
            "sourceInfo": f"built from the source package {self.source} {self.source_version}",
            "licenseConcluded": "NOASSERTION",
            "licenseDeclared": "NOASSERTION",
            "copyrightText": "NOASSERTION",
            "comment": ", ".join(self.libraries) or "headers",
            "externalRefs": [
                {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": url}
            ],
        }


def packages(paths):
    """The packages that own these files, in order of their names."""
    owned = owners(paths)
    grouped = {name: [path for path in owned if owned[path] == name] for name in set(owned.values())}
    return sorted((Package(name, files) for name, files in grouped.items()), key=lambda package: package.name)


def shared_libraries(elf):
    """The libraries that stay dynamic, as files of this machine."""
    needed = {tag.needed for tag in elf.get_section_by_name(".dynamic").iter_tags("DT_NEEDED")}
    cache = subprocess.run(["/sbin/ldconfig", "-p"], check=True, capture_output=True, text=True).stdout
    known = dict(re.findall(r"^\t(\S+) \(.*\) => (\S+)$", cache, re.MULTILINE)[::-1])
    return {owned_path(known[name]) for name in needed}


def owned_path(path):
    """The path as dpkg knows it: /lib is a link into /usr/lib, but the packages of Debian 12 still say /lib."""
    path = os.path.realpath(path)
    short = path.removeprefix("/usr")
    known = subprocess.run(["dpkg-query", "--search", path], capture_output=True).returncode == 0
    return path if known else short


def os_release():
    """The fields of /etc/os-release."""
    lines = Path("/etc/os-release").read_text().splitlines()
    return {name: value.strip('"') for name, _, value in (line.partition("=") for line in lines)}


def identifier(name):
    return "SPDXRef-Package-" + re.sub(r"[^A-Za-z0-9.-]", "-", name)


def own_package(arguments, digest):
    return {
        "SPDXID": "SPDXRef-Program",
        "name": arguments.name,
        "versionInfo": arguments.version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "primaryPackagePurpose": "APPLICATION",
        "checksums": [{"algorithm": "SHA256", "checksumValue": digest}],
        "licenseConcluded": "Apache-2.0",
        "licenseDeclared": "Apache-2.0",
        "copyrightText": "NOASSERTION",
    }


def bill_of_materials(arguments, static, dynamic):
    """The SPDX document as a dict."""
    digest = hashlib.sha256(Path(arguments.shipped).read_bytes()).hexdigest()
    time = datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), timezone.utc)
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Program")]
    relations += [("SPDXRef-Program", "STATIC_LINK", identifier(package.name)) for package in static]
    relations += [("SPDXRef-Program", "DYNAMIC_LINK", identifier(package.name)) for package in dynamic]
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"{arguments.name}-{arguments.version}",
        # A name, not an address: the checksum makes it unique, as SPDX demands.
        "documentNamespace": f"https://example.org/spdx/{arguments.name}-{arguments.version}-{digest}",
        "creationInfo": {"created": time.strftime("%Y-%m-%dT%H:%M:%SZ"), "creators": ["Tool: linked_in.py"]},
        "packages": [own_package(arguments, digest), *(package.spdx() for package in (*static, *dynamic))],
        "relationships": [
            {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
            for one, kind, other in relations
        ],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True, help="with its line tables")
    parser.add_argument("--map", required=True, help="what the linker wrote about it")
    parser.add_argument("--shipped", required=True, help="the same program, stripped")
    parser.add_argument("--name", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("folder", type=Path, help="where to write")
    arguments = parser.parse_args()

    with open(arguments.program, "rb") as file:
        elf = ELFFile(file)
        dynamic = packages(shared_libraries(elf))
        static = packages(archives_and_objects(arguments.map) | headers(elf))
    # The headers of a library that stays dynamic only declare it.
    outside = {package.source for package in dynamic}
    static = [package for package in static if package.libraries or package.source not in outside]
    notices = [f"---- in the program: {package.name} {package.version}\n\n{package.notice()}\n" for package in static]
    (arguments.folder / "NOTICES").write_text("".join(notices))
    bill = json.dumps(bill_of_materials(arguments, static, dynamic), indent=2)
    (arguments.folder / "relay-admin.spdx.json").write_text(bill + "\n")


main()

"""The lists of what is linked in: SPDX, with the installed versions, and just what the programs contain."""

import gzip
import hashlib
import re

import pytest
from support.package import Archive, bill_of_materials, debian_package, only, release, run

PROGRAM = "package"  # the packages of the release build are the subject

DOCUMENTS = "usr/share/doc/relay-admin"


def in_the_package():
    archive = Archive.of_package(debian_package("relay-admin"))
    notices = gzip.decompress(archive.read(f"{DOCUMENTS}/NOTICES.gz"))
    inside = archive.read(f"{DOCUMENTS}/relay-admin.spdx.json")
    return only("relay-admin_*.spdx.json"), inside, archive.read("usr/bin/relay-admin"), notices


def in_the_tarball():
    tarball = only("relay-admin-*-linux-*.tar.gz")
    archive, top = Archive.of_tarball(tarball), tarball.name.removesuffix(".tar.gz")
    inside = archive.read(f"{top}/relay-admin.spdx.json")
    return only(f"{top}.spdx.json"), inside, archive.read(f"{top}/bin/relay-admin"), archive.read(f"{top}/NOTICES")


@pytest.fixture(scope="module", params=[in_the_package, in_the_tarball])
def shipped(request):
    """The list beside, the list inside, the program, the notices."""
    return request.param()


def test_it_is_spdx(shipped):
    document, static, dynamic = bill_of_materials(shipped[0])
    assert (document["spdxVersion"], document["dataLicense"]) == ("SPDX-2.3", "CC0-1.0")
    assert document["SPDXID"] == "SPDXRef-DOCUMENT" and document["documentNamespace"].startswith("https://")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", document["creationInfo"]["created"])
    assert document["creationInfo"]["creators"]
    ids = [package["SPDXID"] for package in document["packages"]]
    assert len(ids) == len(set(ids)) and all(re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", found) for found in ids)
    for package in document["packages"]:
        assert {"name", "versionInfo", "downloadLocation", "licenseConcluded"} <= set(package)
    named = {relation["relatedSpdxElement"] for relation in document["relationships"]}
    assert named == set(ids), "each package has a relation"
    assert document["relationships"][0]["relationshipType"] == "DESCRIBES" and static and dynamic


def test_it_is_with_the_program_and_names_it_by_its_checksum(shipped):
    beside, inside, program, _ = shipped
    assert beside.read_bytes() == inside
    document, _, _ = bill_of_materials(inside)
    (own,) = [package for package in document["packages"] if package["SPDXID"] == "SPDXRef-Program"]
    assert own["checksums"] == [{"algorithm": "SHA256", "checksumValue": hashlib.sha256(program).hexdigest()}]
    assert own["licenseDeclared"] == "Apache-2.0"


def test_versions_are_those_that_are_installed(shipped):
    _, static, dynamic = bill_of_materials(shipped[0])
    for name, package in {**static, **dynamic}.items():
        version = run("dpkg-query", "--show", "--showformat", "${Version}", name).decode()
        assert package["versionInfo"] == version
        (reference,) = package["externalRefs"]
        assert reference["referenceLocator"].startswith(f"pkg:deb/debian/{name}@")


def test_the_notices_are_those_of_all_that_is_linked_in(shipped):
    _, static, _ = bill_of_materials(shipped[0])
    notices = shipped[3].decode()
    headings = set(re.findall(r"^---- in the program: (\S+) (\S+)$", notices, re.MULTILINE))
    assert headings == {(name, package["versionInfo"]) for name, package in static.items()}
    assert notices.count("Permission") >= 4


# A function of each library, and the package that it is from.
LINKED_IN = {
    "sodium_init": "libsodium-dev",
    "crypt_r": "libcrypt-dev",
    "utf8proc_get_property": "libutf8proc-dev",
    "PQconnectStartParams": "libpq-dev",
    "SSL_connect": "libssl-dev",
}
# What templates and inline functions leave, where there is no library.
INLINED = {
    "fmt::v": "libfmt-dev",
    "nlohmann::": "nlohmann-json3-dev",
    "CLI::App": "libcli11-dev",
    "pqxx::": "libpqxx-dev",
}


@pytest.mark.parametrize("program", ["relay-admin", "relay-admin-static"])
def test_a_library_is_in_the_list_if_its_functions_are_in_the_program(program):
    """By the symbols of the program before it was stripped, which the list does not look at."""
    path = {"relay-admin": "relay-admin_*.spdx.json", "relay-admin-static": "relay-admin-*-linux-*.spdx.json"}[program]
    _, static, dynamic = bill_of_materials(only(path))
    symbols = run("nm", "--demangle", "--defined-only", release() / program).decode()
    functions = {line.split(" ", 2)[2] for line in symbols.splitlines()}
    for function, package in LINKED_IN.items():
        assert (package in static) == (function in functions), (function, package)
    for name, package in INLINED.items():
        assert package in static and name in symbols
    assert any(re.fullmatch(r"libstdc\+\+-\d+-dev", name) for name in static)
    assert ("libpq5" in dynamic) == (program == "relay-admin") and "libc6" in dynamic


def test_a_package_that_is_only_compiled_against_is_not_in_the_list():
    """Headers that only declare contain no code: those of libpq where it is shared, those of the kernel."""
    _, static, _ = bill_of_materials(only("relay-admin_*.spdx.json"))
    assert not {"libpq-dev", "linux-libc-dev", "libssl-dev"} & set(static)

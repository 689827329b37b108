"""How the programs that are shipped resist an attacker who has found a bug: read from the files themselves."""

import os
import platform
import re
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from support.package import Archive, debian_package, only, release, run

PROGRAM = "package"  # the packages of the release build are the subject

# What of each translation unit can be seen in the finished program only by what the compiler wrote down about itself
# (DW_AT_producer).
FLAGS = ["-O2", "-fstack-protector-strong", "-fstack-clash-protection"]
if platform.machine() == "x86_64":
    FLAGS.append("-fcf-protection=full")


@pytest.fixture(scope="module")
def program(request, tmp_path_factory):
    """A shipped program as a file."""
    path = tmp_path_factory.mktemp("program") / "relay-admin"
    if request.param == "package":
        content = Archive.of_package(debian_package("relay-admin")).read("usr/bin/relay-admin")
    else:
        tarball = only("relay-admin-*-linux-*.tar.gz")
        content = Archive.of_tarball(tarball).read(f"{tarball.name.removesuffix('.tar.gz')}/bin/relay-admin")
    path.write_bytes(content)
    return path


each_program = pytest.mark.parametrize("program", ["package", "tarball"], indirect=True)


def folders(of):
    """The folders with sources, each of which is compiled as one unit or more."""
    source = Path(os.environ["RELAY_SOURCE_DIR"])
    return {path.parent.relative_to(source).as_posix() for path in (source / of).rglob("*.cpp")} - {"cli/docgen"}


def readelf(*words):
    return run("readelf", "--wide", *words).decode()


@each_program
def test_it_has_no_symbols(program):
    sections = readelf("--section-headers", program)
    assert not re.search(r"\.(symtab|debug_\w+)\b", sections)


@each_program
def test_it_is_loaded_at_a_random_address(program):
    assert "DYN (Position-Independent Executable file)" in readelf("--file-header", program)


@each_program
def test_the_table_of_foreign_functions_is_read_only(program):
    """Full RELRO: everything is bound at the start, and then made read only."""
    dynamic = readelf("--dynamic", program)
    assert "BIND_NOW" in dynamic and re.search(r"\(FLAGS_1\) .*\bNOW\b", dynamic)
    assert "GNU_RELRO" in readelf("--program-headers", program)
    assert not re.search(r"\((RPATH|RUNPATH|TEXTREL)\)", dynamic)


@each_program
def test_nothing_is_both_writable_and_executable(program):
    headers = readelf("--program-headers", program)
    flags = re.findall(r"^  (LOAD|GNU_STACK) +(?:0x\w+ +){5}([RWE ]{3})", headers, re.MULTILINE)
    assert len(flags) >= 4 and ("GNU_STACK", "RW ") in flags
    assert not [found for found in flags if "W" in found[1] and "E" in found[1]]


@each_program
def test_buffers_are_checked(program):
    symbols = readelf("--dyn-syms", program)
    assert "__stack_chk_fail" in symbols
    assert len(set(re.findall(r"\b__\w+_chk@", symbols))) >= 3


def test_every_file_of_ours_was_compiled_with_all_protections():
    """The static program has all objects of the other one, and one more."""
    with open(release() / "relay-admin-static", "rb") as file:
        units = [unit.get_top_DIE().attributes for unit in ELFFile(file).get_dwarf_info().iter_CUs()]
    producers = {unit["DW_AT_name"].value.decode(): unit["DW_AT_producer"].value.decode() for unit in units}
    assert not [path for path in producers if path.startswith("/")]
    names = " ".join(producers)
    assert not [folder for folder in folders("lib") | folders("cli") if f"/unity_{folder.replace('/', '_')}_" not in names]
    assert not [(path, flag) for path, made in producers.items() for flag in FLAGS if flag not in made.split()]


# Control-flow enforcement (CET) on x86: indirect branches land on ENDBR only (IBT), and returns go where the call came
# from (SHSTK). The linker marks a program with what all of its parts can. Debian's static libraries and the start of a
# C program cannot, so far; ours can.
if platform.machine() == "x86_64":
    FEATURES = "x86 feature: IBT, SHSTK"

    def marked_and_all(path):
        """How many objects of an archive are marked, and how many there are."""
        return readelf("--notes", path).count(FEATURES), readelf("--file-header", path).count("ELF Header:")

    def is_marked(path):
        marked, every = marked_and_all(path)
        return marked == every

    @pytest.mark.parametrize("archive, of", [("librelay.a", "lib"), ("librelay_cli.a", "cli")])
    def test_each_object_of_ours_is_marked_for_control_flow_enforcement(archive, of):
        marked, every = marked_and_all(release() / archive)
        assert marked == every >= len(folders(of))

    @pytest.mark.parametrize("name", ["relay-admin", "relay-admin-static"])
    def test_the_program_is_marked_as_soon_as_what_is_linked_in_allows_it(name):
        text = (release() / f"{name}.map").read_text()
        archives = re.findall(r"^(/\S+\.a)\(", text.split("Discarded input sections")[0], re.MULTILINE)
        starting = re.findall(r"^LOAD (/\S+\.o)$", text, re.MULTILINE)
        unmarked = [path for path in {*archives, *starting} if not is_marked(path)]
        assert (FEATURES in readelf("--notes", release() / name)) == (not unmarked), unmarked

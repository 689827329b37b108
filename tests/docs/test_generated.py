"""Generated files in the repository are up to date and well-formed, and agree with the help in both directions."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import binaries, command_line
from support.command_line import commands, globals_, page

SOURCE = Path(os.environ.get("RELAY_SOURCE_DIR", Path(__file__).resolve().parents[2]))
DOCGEN = Path(os.environ["RELAY_BUILD_DIR"]) / "relay-admin-docgen"
MAN = SOURCE / "man"
PAGES = sorted(MAN.glob("*.1"))
GUIDES = sorted(MAN.glob("*.7"))  # written by hand; test_guide.py looks at their content
EACH_PAGE = pytest.mark.parametrize("path", PAGES, ids=[path.stem for path in PAGES])
EACH_PAGE_AND_GUIDE = pytest.mark.parametrize("path", PAGES + GUIDES, ids=[path.name for path in PAGES + GUIDES])
EACH_COMMAND = pytest.mark.parametrize("found", commands(), ids=[" ".join(found.path) for found in commands()])

KINDS = ["completions", "man"]  # of relay-admin-docgen, each in a folder of the same name

# The folders with generated files, and the command that writes each; the target update-docs runs the same commands.
WRITERS = {kind: [DOCGEN, kind] for kind in KINDS} | {
    "man/md": [sys.executable, SOURCE / "tests/support/update_manual_markdown.py", MAN]
}


def contents(folder):
    """The texts of a folder's generated files, by name. The guides of section 7 are written by hand."""
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file() and path.suffix != ".7"}


def page_file(path):
    """The page of a command; one that is also spelled otherwise has its page under one of the two."""
    names = [path, page(*path).alias] if path else [path]
    files = [MAN / f"{'-'.join(('relay-admin', *name))}.1" for name in names]
    return next((file for file in files if file.exists()), files[0])


def rendered(path):
    """A page as text, in lines so long that nothing is wrapped."""
    run = subprocess.run(
        [binaries.tool("mandoc"), "-Tutf8", "-Owidth=1000", path], check=True, capture_output=True, text=True
    )
    return re.sub(".\b", "", run.stdout)  # bold is a letter, a backspace, and the letter again


def section(text, title):
    found = re.search(rf"^{title}\n(.*?)(?=^[A-Z]|\Z)", text, re.MULTILINE | re.DOTALL)
    return found.group(1) if found else ""


def flags_of_page(path):
    """{(names, type of the value)} of the flags in section OPTIONS, described or in brackets."""
    options = section(rendered(path), "OPTIONS")
    name = r"-{1,2}[a-zA-Z][\w-]*"
    described = re.findall(rf"^ {{5}}({name}(?:, {name})*)(?: (\S+))?(?: {{2}}|$)", options, re.MULTILINE)
    bracketed = re.findall(rf"\[({name}(?: \| {name})*)(?: (\S+))?\]", options)
    return {(tuple(re.split(r", | \| ", names)), value) for names, value in [*described, *bracketed]}


def as_set(flags):
    return {(flag.names, flag.type) for flag in flags}


@pytest.mark.parametrize("folder", WRITERS)
def test_the_folder_is_fresh(folder, tmp_path):
    subprocess.run([*WRITERS[folder], tmp_path], check=True)
    made, kept = contents(tmp_path), contents(SOURCE / folder)
    stale = [name for name in sorted(made.keys() | kept.keys()) if made.get(name) != kept.get(name)]
    assert not stale, f"out of date; cmake --build BUILD --target update-docs writes {folder}/ anew: {stale}"


def test_each_page_and_guide_is_there_as_markdown_with_links_that_lead_somewhere():
    assert set(contents(MAN / "md")) == {f"{path.name}.md" for path in PAGES + GUIDES}
    for name, text in contents(MAN / "md").items():
        targets = re.findall(r"\]\(([^)]+)\)", text)
        assert targets, f"{name} leads nowhere"
        assert not [target for target in targets if not (MAN / "md" / target).is_file()], name


def test_markdown_of_a_page_that_is_gone_is_removed_and_nothing_else(tmp_path):
    for name in ("relay-admin-gone.1.md", "notes.md"):
        (tmp_path / name).write_text("x")
    subprocess.run([*WRITERS["man/md"], tmp_path], check=True)
    assert not (tmp_path / "relay-admin-gone.1.md").exists() and (tmp_path / "notes.md").exists()


def test_docgen_removes_what_is_no_longer_made_and_nothing_else(tmp_path):
    for name in ("relay-admin-gone.1", "notes.txt", "relay-admin-guide.7"):
        (tmp_path / name).write_text("x")
    subprocess.run([DOCGEN, "man", tmp_path], check=True)
    assert not (tmp_path / "relay-admin-gone.1").exists() and (tmp_path / "notes.txt").exists()
    assert (tmp_path / "relay-admin-guide.7").exists(), "guides are written by hand"


def test_docgen_says_what_it_can_make(tmp_path):
    run = subprocess.run([DOCGEN, "poems", tmp_path], capture_output=True, text=True)
    assert run.returncode == 1 and run.stderr.startswith("usage: ") and all(kind in run.stderr for kind in KINDS)


def test_there_is_one_page_for_each_command_and_group():
    paths = [(), *[found.path for found in commands()]]
    paths += [(word,) for word in command_line.words() if page(word).is_group]
    assert {path.name for path in PAGES} == {page_file(path).name for path in paths}


@EACH_PAGE_AND_GUIDE
def test_mandoc_has_nothing_to_say(path):
    run = subprocess.run([binaries.tool("mandoc"), "-Tlint", "-Wwarning", path], capture_output=True, text=True)
    assert run.stdout + run.stderr == ""


@EACH_PAGE_AND_GUIDE
def test_groff_has_nothing_to_say(path):
    """But for the lines that it cannot fill, because the names of other pages are long."""
    run = subprocess.run(
        [binaries.tool("groff"), "-mandoc", "-Tutf8", "-ww", "-W", "break", "-z", path], capture_output=True, text=True
    )
    assert run.stdout + run.stderr == ""


@EACH_PAGE
def test_sections_stand_in_the_usual_order(path):
    usual = ["NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "OPTIONS", "SECRETS", "OUTPUT", "DATABASE", "ENVIRONMENT",
             "FILES", "EXIT STATUS", "EXAMPLES", "SEE ALSO"]  # fmt: skip
    titles = re.findall(r"^\.Sh (.*)$", path.read_text(), re.MULTILINE)
    assert titles == [title for title in usual if title in titles]
    assert titles[:3] == usual[:3] and titles[-1] == "SEE ALSO"


@EACH_PAGE_AND_GUIDE
def test_cross_references_lead_somewhere(path):
    for name, number in re.findall(r"^\.Xr (\S+) (\d)", path.read_text(), re.MULTILINE):
        name = name.replace("\\-", "-")
        assert name == "psql" or (MAN / f"{name}.{number}").exists(), name


@EACH_COMMAND
def test_page_and_help_have_the_same_flags(found):
    assert flags_of_page(page_file(found.path)) == as_set(found.flags) | as_set(globals_())


def test_the_page_of_the_program_has_the_global_flags():
    assert flags_of_page(page_file(())) == as_set(globals_())


@EACH_COMMAND
def test_page_and_help_tell_the_same(found):
    """Summary, arguments, the text of each flag, and exit codes."""
    text = " ".join(rendered(page_file(found.path)).split())
    assert f"– {found.summary} SYNOPSIS" in text
    told = [line.split(maxsplit=1)[1] for line in command_line.sections(found.text).get("Exit codes", ())
            if re.match(r" +\d+ ", line)]  # fmt: skip
    for wanted in (*[flag.text for flag in found.flags], *[what for _, what in found.arguments], *told):
        assert wanted.replace("`", "") in text, wanted


def test_the_page_of_the_program_names_each_command_and_exit_code():
    text = rendered(page_file(()))
    for found in commands():
        spellings = "|".join(" ".join(path) for path in (found.path, found.alias) if path)
        assert re.search(rf"^ +(?:{spellings}) +{re.escape(found.summary)}", text, re.MULTILINE), found.path
    codes = re.findall(r"^ {5}(\d+) (\w+)", section(text, "EXIT STATUS"), re.MULTILINE)
    assert [int(code) for code, _ in codes] == [*range(15), 130, 143]


def test_the_environment_is_the_one_that_the_program_reads():
    """Both ways: every variable that the source reads is documented, and every documented one is read."""
    source = "\n".join(
        path.read_text() for folder in ("cli", "lib") for path in (SOURCE / folder).rglob("*.cpp")
        if path.name != "program_manual.cpp"
    )  # fmt: skip
    entries = section(rendered(page_file(())), "ENVIRONMENT")
    items = re.findall(r"^ {5}([A-Z][A-Z_*, ]+?)(?: {2}|$)", entries, re.MULTILINE)
    told = {name for item in items for name in item.split(", ") if not name.endswith("*")}
    asked = set(re.findall(r'(?:getenv|environment|is_set|absolute_folder|ci_run)\(\s*"([A-Z_]{3,})"', source))
    asked = {name for name in asked if not name.startswith("PG")}
    assert asked <= told, f"read, but not documented: {asked - told}"
    assert all(f'"{name}"' in source for name in told), [name for name in told if f'"{name}"' not in source]


def test_the_readme_lists_the_same_exit_codes():
    rows = re.findall(r"^\| ([\d, ]+) \|", (SOURCE / "README.md").read_text(), re.MULTILINE)
    codes = [int(code) for row in rows for code in row.split(",")]
    assert codes == [*range(15), 130, 143]

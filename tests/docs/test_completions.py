"""The completion scripts: checked by their shells; and with them every command, flag and choice of the help is offered, and no other."""

import os
import re
import subprocess
from functools import lru_cache
from pathlib import Path

import pytest
from support import shells
from support.command_line import commands, globals_, page, words
from support.relay import Runner

FOLDER = Path(os.environ.get("RELAY_SOURCE_DIR", Path(__file__).resolve().parents[2])) / "completions"
SHELLS = {"bash": "relay-admin.bash", "zsh": "_relay-admin", "fish": "relay-admin.fish"}
SPELLINGS = [
    (found, path) for found in commands() for path in ((found.path, found.alias) if found.alias else (found.path,))
]
EACH_SPELLING = pytest.mark.parametrize("found, path", SPELLINGS, ids=[" ".join(path) for _, path in SPELLINGS])
GROUPS = [page(word) for word in words() if page(word).is_group]


def flag_names(found):
    """Every name of every flag that the help shows for a command."""
    return {name for flag in (*found.flags, *globals_()) for name in flag.names}


def choices(flag):
    """The words of a value that is a choice."""
    return set(flag.type.split("|")) if re.fullmatch(r"[a-z0-9]+(\|[a-z0-9]+)+", flag.type) else set()


CHOICES = [
    (path, flag, name)
    for found, path in SPELLINGS
    for flag in (*found.flags, *(globals_() if path == ("org", "list") else ()))
    for name in flag.names
    if choices(flag)
]


def in_program(*line):
    return {row.split("\t")[0] for row in Runner()("__complete", *line, check=0).out.splitlines()}


@lru_cache(maxsize=1)
def lines():
    """Every line that the tests ask about, for one run of a shell."""
    asked = [f"{' '.join(path)} -" for _, path in SPELLINGS]
    asked += [f"{' '.join(path)} {name} " for path, flag, name in CHOICES]
    asked += [f"{' '.join(path)} {name}=" for path, flag, name in CHOICES if name.startswith("--")]
    return ["", *[f"{' '.join(group.path)} " for group in GROUPS], *asked]


@lru_cache(maxsize=1)
def in_bash():
    """{line: words} by calling the script's function as bash does."""
    ask = r"""
set -u
. "$1"
while IFS= read -r line; do
    COMP_LINE="relay-admin $line" COMP_POINT=$((${#line} + 12))
    _relay_admin
    printf '%s\n' "${COMPREPLY[@]}" ''
done
"""
    argv = ["bash", "--norc", "-c", ask, "bash", str(FOLDER / SHELLS["bash"])]
    return _answers(argv)


@lru_cache(maxsize=1)
def in_fish():
    ask = r"""
source $argv[1]
while read -l line
    complete -C "relay-admin $line" | string replace -r '\t.*' ''
    echo
end
"""
    return _answers(["fish", "--no-config", "-c", ask, str(FOLDER / SHELLS["fish"])])


def _answers(argv):
    asked = "".join(f"{line}\n" for line in lines())
    env = shells.environment("/nonexistent")
    run = subprocess.run(argv, input=asked, env=env, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0 and run.stderr == "", run.stderr
    blocks = run.stdout.split("\n\n")
    assert len(blocks) == len(lines()) + 1, "one block of words a line"
    return {line: set(block.split()) for line, block in zip(lines(), blocks)}


@pytest.fixture(scope="module")
def zsh(tmp_path_factory):
    shell = shells.zsh(tmp_path_factory.mktemp("home"), folder=FOLDER)
    yield shell
    shell.close()


def in_zsh(zsh, line):
    """The words that zsh lists for a line when Tab is pressed, or the one that it completes; words with one meaning share a row."""
    completed = zsh.tab(f"relay-admin {line}")
    if completed.endswith(" ") and completed.rstrip() != f"relay-admin {line}".rstrip():
        return {completed.split()[-1]}
    zsh.tab(f"relay-admin {line}", times=2)  # the first Tab may only add what all words have in common
    listed = re.search(r"\x1b\[J(.*?)\x1b\[\d*A", zsh.shown, re.DOTALL)  # below the line; then the cursor goes up to it again
    return {word for row in listed[1].splitlines() for word in row.partition(" -- ")[0].split()}


# --- the files


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_is_fresh(shell):
    checked_in = (FOLDER / SHELLS[shell]).read_text()
    assert checked_in == shells.script(shell), "build the target update-docs"


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_can_read_its_script(shell):
    script = FOLDER / SHELLS[shell]
    run = subprocess.run([shell, "-n", script], capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_shellcheck_finds_nothing_in_the_script_of_bash():
    script = FOLDER / SHELLS["bash"]
    run = subprocess.run(["shellcheck", script], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize("shell", SHELLS)
def test_nothing_is_evaluated(shell):
    code = [line for line in shells.script(shell).splitlines() if not line.lstrip().startswith("#")]
    assert not re.search(r"\beval\b|_call_program|compgen -W", "\n".join(code))


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_knows_no_command_and_no_flag(shell):
    """Only the program knows them: a script that lists them would be wrong after each new one."""
    code = "\n".join(line for line in shells.script(shell).splitlines() if not line.lstrip().startswith("#"))
    flags = {name for found in commands() for flag in (*found.flags, *globals_()) for name in flag.names if len(name) > 2}
    assert not [name for name in flags if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", code)]
    assert not [word for word in words() if re.search(rf"(?<![\w_-]){re.escape(word)}(?![\w-])", code)]


def test_another_shell_is_named():
    error = Runner().error("completion", "zhs", check=2)
    assert error["suggestions"] == ["zsh"]


# --- their words


def test_the_first_words_are_offered(zsh):
    assert in_program("") == in_bash()[""] == in_fish()[""] == in_zsh(zsh, "") == set(words())


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: " ".join(group.path))
def test_the_words_of_a_group_are_offered(zsh, group):
    expected = {name.split()[-1] for name, _ in group.commands}
    line = f"{' '.join(group.path)} "
    assert in_program(*group.path, "") == expected == in_bash()[line] == in_fish()[line] == in_zsh(zsh, line)


@EACH_SPELLING
def test_every_flag_of_the_help_is_offered_and_no_other(zsh, found, path):
    expected = flag_names(found)
    line = f"{' '.join(path)} -"
    assert in_program(*path, "-") == expected
    assert in_bash()[line] == expected
    assert in_fish()[line] == expected
    assert in_zsh(zsh, line) == expected


@pytest.mark.parametrize("path, flag, name", CHOICES, ids=[f"{' '.join(path)} {name}" for path, _, name in CHOICES])
def test_every_choice_of_the_help_is_offered_and_no_other(zsh, path, flag, name):
    line = f"{' '.join(path)} {name}"
    assert in_program(*path, name, "") == choices(flag)
    assert in_bash()[f"{line} "] == choices(flag)
    assert in_fish()[f"{line} "] == choices(flag)
    assert in_zsh(zsh, f"{line} ") == choices(flag)
    if name.startswith("--"):
        assert in_program(*path, f"{name}=") == choices(flag) == in_bash()[f"{line}="]
        assert in_fish()[f"{line}="] == {f"{name}={choice}" for choice in choices(flag)}

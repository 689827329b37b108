"""The completion scripts: checked by their shells, and every command, flag and choice of the help is in them, both ways."""

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
    """The words of a value that is one of few."""
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
    """Every line that the tests ask about: asked of a shell all at once."""
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
    run = subprocess.run(argv, input=asked, env=env, capture_output=True, text=True, timeout=100)
    assert run.returncode == 0 and run.stderr == "", run.stderr
    blocks = run.stdout.split("\n\n")
    assert len(blocks) == len(lines()) + 1, "one block of words a line"
    return {line: set(block.split()) for line, block in zip(lines(), blocks)}


def in_zsh(path):
    """The names of the flags that the function of a command describes: of its own and of the globals."""
    text = (FOLDER / SHELLS["zsh"]).read_text()
    name = "_".join(("_relay_admin", *path)).replace("-", "_")
    own = re.search(rf"^{name}\(\) \{{\n(.*?)^\}}", text, re.MULTILINE | re.DOTALL).group(1)
    shared = re.search(r"_relay_admin_globals=\(\n(.*?)^    \)", text, re.MULTILINE | re.DOTALL).group(1)
    return {found for found in re.findall(r"^ +'(?:\*|\([^)]*\))?(--?[a-zA-Z][a-z0-9-]*)[=+]?\[", own + shared, re.MULTILINE)}


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


def test_another_shell_is_named():
    error = Runner().error("completion", "zhs", check=2)
    assert error["suggestions"] == ["zsh"]


# --- what is in them


def test_the_first_words_are_offered():
    assert in_program("") == in_bash()[""] == in_fish()[""] == set(words())


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: " ".join(group.path))
def test_the_words_of_a_group_are_offered(group):
    expected = {name.split()[-1] for name, _ in group.commands}
    line = f"{' '.join(group.path)} "
    assert in_program(*group.path, "") == expected == in_bash()[line] == in_fish()[line]


@EACH_SPELLING
def test_every_flag_of_the_help_is_offered_and_no_other(found, path):
    expected = flag_names(found)
    line = f"{' '.join(path)} -"
    assert in_program(*path, "-") == expected
    assert in_bash()[line] == expected
    assert in_fish()[line] == expected
    assert in_zsh(path) == expected


@pytest.mark.parametrize("path, flag, name", CHOICES, ids=[f"{' '.join(path)} {name}" for path, _, name in CHOICES])
def test_every_choice_of_the_help_is_offered_and_no_other(path, flag, name):
    line = f"{' '.join(path)} {name}"
    assert in_program(*path, name, "") == choices(flag)
    assert in_bash()[f"{line} "] == choices(flag)
    assert in_fish()[f"{line} "] == choices(flag)
    if name.startswith("--"):
        assert in_program(*path, f"{name}=") == choices(flag) == in_bash()[f"{line}="]
        assert in_fish()[f"{line}="] == {f"{name}={choice}" for choice in choices(flag)}

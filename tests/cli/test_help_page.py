"""`help` at a terminal opens the installed manual page; everywhere else, and without one, it prints the same in plain text."""

import os
import re
import shutil
from pathlib import Path

import pytest
from support.relay import finish_terminal

MAN = Path(os.environ["RELAY_SOURCE_DIR"]) / "man"


@pytest.fixture
def relay(relay_without_database):
    return relay_without_database


@pytest.fixture
def installed(tmp_path):
    """The environment of a machine that has the pages."""
    shutil.copytree(MAN, tmp_path / "share/man/man1")
    return {"MANPATH": str(tmp_path / "share/man"), "MANPAGER": "cat"}


@pytest.fixture
def not_installed(tmp_path):
    (tmp_path / "empty/man1").mkdir(parents=True)
    return {"MANPATH": str(tmp_path / "empty"), "MANPAGER": "cat", "PAGER": "cat"}


def at_terminal(relay, *words, env):
    code, text = finish_terminal(relay.terminal(*words, env=env))
    return code, re.sub("\x1b\\[[0-9;]*m|.\b|\r", "", text)  # bold, in both of its ways


@pytest.mark.parametrize(
    "words, page",
    [
        (["rotate-key"], "RELAY-ADMIN-ROTATE-KEY(1)"),
        (["agent", "rotate-key"], "RELAY-ADMIN-ROTATE-KEY(1)"),
        (["org"], "RELAY-ADMIN-ORG(1)"),
        (["schema", "apply"], "RELAY-ADMIN-SCHEMA-APPLY(1)"),
    ],
    ids=str,
)
def test_the_page_is_opened_at_a_terminal(relay, installed, words, page):
    code, text = at_terminal(relay, "help", *words, env=installed)
    assert code == 0 and text.lstrip().startswith(page), text
    assert "SEE ALSO" in text and "Usage:" not in text


def test_without_an_installed_page_the_help_is_printed(relay, not_installed):
    code, text = at_terminal(relay, "help", "rotate-key", env=not_installed)
    assert code == 0 and "Usage: relay-admin rotate-key [AGENT]" in text and "SEE ALSO" not in text


def test_without_man_the_help_is_printed(relay, installed, tmp_path):
    (tmp_path / "bin").mkdir()
    code, text = at_terminal(relay, "help", "rotate-key", env={**installed, "PAGER": "cat", "PATH": tmp_path / "bin"})
    assert code == 0 and "Usage: relay-admin rotate-key [AGENT]" in text


def test_a_man_that_is_a_stub_is_not_believed(relay, tmp_path):
    """Containers that leave out manuals have a `man` that prints an apology, exit 0."""
    (tmp_path / "bin").mkdir()
    stub = tmp_path / "bin/man"
    stub.write_text("#!/bin/sh\necho This system has been minimized\n")
    stub.chmod(0o755)
    env = {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "PAGER": "cat"}
    code, text = at_terminal(relay, "help", "rotate-key", env=env)
    assert code == 0 and "Usage: relay-admin rotate-key [AGENT]" in text and "minimized" not in text


def test_a_pipe_gets_the_text(relay, installed):
    assert relay("help", "rotate-key", env=installed, check=0).out == relay("rotate-key", "--help", check=0).out


def test_help_of_the_program_is_printed_at_a_terminal_too(relay, installed):
    code, text = at_terminal(relay, "help", env={**installed, "PAGER": "cat", "RELAY_ADMIN_PAGER": "cat"})
    assert code == 0 and "Usage: relay-admin [GLOBAL FLAGS]" in text


@pytest.mark.parametrize("words, meant", [(["rotate-kye"], "rotate-key"), (["org", "crate"], "org create"), (["create"], "org create")], ids=str)  # fmt: skip
def test_an_unknown_command_is_exit_2_with_what_was_meant(relay, installed, words, meant):
    failed = relay("help", *words, check=2)
    assert failed.out == "" and meant in failed.err.partition("did you mean:")[2]
    code, text = at_terminal(relay, "help", *words, env=installed)
    assert code == 2 and "did you mean" in text

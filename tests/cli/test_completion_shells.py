"""Tab pressed in real shells: bash and zsh on a pseudo-terminal, fish by its own `complete -C`."""

import os
import socket
import subprocess

import pytest
from support import shells
from support.fleets import HOSTILE_NAME, TRIES, Fleet

RUNS = "$(touch owned)"


@pytest.fixture(scope="module")
def fleet(cluster, tmp_path_factory):
    made = Fleet(cluster, tmp_path_factory.mktemp("home"))
    (made.home / "a secret.key").touch()
    (made.home / "a folder").mkdir()
    yield made
    made.database.drop()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("scripts")
    for shell, name in (("bash", "relay-admin.bash"), ("zsh", "_relay-admin"), ("fish", "relay-admin.fish")):
        (made / name).write_text(shells.script(shell))
    return made


@pytest.fixture(scope="module")
def bash(fleet, folder):
    shell = shells.bash(fleet.home, script_path=folder / "relay-admin.bash", **fleet.env)
    yield shell
    shell.close()


@pytest.fixture(scope="module")
def zsh(fleet, folder):
    shell = shells.zsh(fleet.home, folder=folder, **fleet.env)
    yield shell
    shell.close()


@pytest.fixture
def fish(fleet, folder):
    def complete(line, tries=TRIES // 2, **env):
        return shells.fish(fleet.home, line, folder=folder, tries=tries, **{**fleet.env, **env})

    return complete


def nothing_was_run(fleet):
    try:
        os.unlink(fleet.home / "owned")
    except FileNotFoundError:
        return True
    return False


# A line, and what it is after one Tab: in both shells, but for the blank that zsh may still take away.
COMPLETED = [
    ("relay-admin unb", "relay-admin unblock "),
    ("relay-admin agent rot", "relay-admin agent rotate-key "),
    ("relay-admin -q --dsn x agent rot", "relay-admin -q --dsn x agent rotate-key "),
    ("relay-admin help sandb", "relay-admin help sandbox "),
    ("relay-admin completion z", "relay-admin completion zsh "),
    ("relay-admin org list --no-in", "relay-admin org list --no-input "),
    ("relay-admin org list --output js", "relay-admin org list --output json"),
    ("relay-admin org list --color=ne", "relay-admin org list --color=never "),
    ("relay-admin agent list --state re", "relay-admin agent list --state revoked "),
    ("relay-admin unblock ", "relay-admin unblock shut-bot "),
    ("relay-admin restore ", "relay-admin restore dead-bot "),
    ("relay-admin org show acme", "relay-admin org show acme-"),
    ("relay-admin org show acme-c", "relay-admin org show acme-corp "),
    ("relay-admin agent list --org=acme-l", "relay-admin agent list --org=acme-labs "),
    ("relay-admin key list --org acme-corp --agent pay-d", "relay-admin key list --org acme-corp --agent pay-desk "),
    ("relay-admin block pay-bot p", "relay-admin block pay-bot pay-desk "),
    ("relay-admin block --reason 'it \"is' m", "relay-admin block --reason 'it \"is' mail-bot "),
    ('relay-admin block --reason "a \\" b" m', 'relay-admin block --reason "a \\" b" mail-bot '),
    ("relay-admin block --reason a\\ b\\' m", "relay-admin block --reason a\\ b\\' mail-bot "),
    ("relay-admin agent 'cr", "relay-admin agent 'create' "),
    ('relay-admin agent "cr', 'relay-admin agent "create" '),
    ("relay-admin org list -oi", "relay-admin org list -oid "),
    ("relay-admin org list -qoi", "relay-admin org list -qoid "),
]

# Values that the shell completes without us: a file, a folder, or the command line of another program.
COMPLETED_BY_THE_SHELL = [
    ("relay-admin init --secret-file a\\ s", "relay-admin init --secret-file a\\ secret.key "),
    ("relay-admin init --secret-file=a\\ s", "relay-admin init --secret-file=a\\ secret.key "),
    ("relay-admin init --secrets-dir a", "relay-admin init --secrets-dir a\\ folder/"),
    ("relay-admin init --secrets-dir=a", "relay-admin init --secrets-dir=a\\ folder/"),
    ("relay-admin sandbox run -- cat a\\ s", "relay-admin sandbox run -- cat a\\ secret.key "),
]


def tab(shell, typed, completed):
    """Returns the line after Tab. Presses again while the line is not the expected one: on a busy machine, an id may be
    late."""
    for _ in range(TRIES):
        line = shell.tab(typed)
        if line.rstrip() == completed.rstrip():
            break
    return line


def listed(shell, typed, word):
    """Returns what the shell displays at two Tabs; presses again until `word` is shown."""
    for _ in range(TRIES):
        shell.tab(typed, times=2)
        if word in shell.listing:
            break
    return shell.listing


@pytest.mark.parametrize("typed, completed", COMPLETED + COMPLETED_BY_THE_SHELL)
def test_bash(bash, typed, completed):
    assert tab(bash, typed, completed) == completed


@pytest.mark.parametrize("typed, completed", COMPLETED + COMPLETED_BY_THE_SHELL)
def test_zsh(zsh, typed, completed):
    assert tab(zsh, typed, completed).rstrip() == completed.rstrip()


@pytest.mark.parametrize("typed, completed", COMPLETED)
def test_fish(fish, typed, completed):
    """fish adds the blank itself, and offers each word as a replacement for the typed one."""
    last = completed.rstrip().split(" ")[-1].strip("'\"")
    if last == "acme-":
        assert fish(typed, tries=TRIES) == {"acme-corp": 'Acme: the "Corp"', "acme-labs": "Acme Labs"}
    else:
        assert last in fish(typed, tries=TRIES)


def test_fish_offers_file_names(fish):
    assert "a secret.key" in fish("relay-admin init --secret-file a")
    assert "--secret-file=a secret.key" in fish("relay-admin init --secret-file=a")
    assert list(fish("relay-admin init --secrets-dir a")) == ["a folder/"]
    assert list(fish("relay-admin init --secrets-dir=a")) == ["--secrets-dir=a folder/"]
    assert "a secret.key" in fish("relay-admin sandbox run -- cat a")
    assert "sha256sum" in fish("relay-admin sandbox run -- sha256su")
    assert fish("relay-admin block --until a") == {}, "neither a file nor an id"


def test_ids_are_listed_with_their_names(zsh, bash, fish):
    listing = listed(zsh, "relay-admin agent show pay-", "pay-desk")
    assert "pay-desk  -- Pay Desk (acme-corp)" in listing
    assert f"pay-bot   -- {HOSTILE_NAME} (acme-corp)" in listing
    assert fish("relay-admin agent show pay-b") == {"pay-bot": f"{HOSTILE_NAME} (acme-corp)"}
    assert fish("relay-admin unblock ")["shut-bot"].endswith(", INC-42")
    listing = listed(bash, "relay-admin agent show pay-", "pay-desk")
    assert "pay-bot" in listing and "pay-desk" in listing


def test_commands_and_flags_are_listed_with_their_meaning(zsh, fish):
    zsh.tab("relay-admin org ", times=2)
    assert "create  -- create an organization" in zsh.listing
    zsh.tab("relay-admin agent list --o", times=2)
    assert "--org" in zsh.listing and "only agents of this organization" in zsh.listing
    assert fish("relay-admin agent list --or") == {
        "--org": "only agents of this organization",
        "--org-id": "only agents of this organization",
    }
    assert "table" in fish("relay-admin --output=").__str__()


@pytest.mark.parametrize(
    "line",
    [
        f"relay-admin {RUNS} ",
        f"relay-admin block {RUNS} ",
        f"relay-admin block {RUNS} m",
        f'relay-admin block "{RUNS}" m',
        f"relay-admin --dsn {RUNS} block m",
        f'relay-admin --dsn "host={RUNS}" block m',
        f"relay-admin block --org {RUNS}",
        f"relay-admin block --org={RUNS} m",
        f"relay-admin block {RUNS}",
        "relay-admin block `touch owned` m",
        "relay-admin agent list --state $(touch owned)",
        "relay-admin block <(touch owned) m",
        "relay-admin block ${x:=$(touch owned)} m",
        "relay-admin agent show pay-b",
    ],
)
def test_nothing_that_stands_on_the_line_is_run(fleet, bash, zsh, fish, line):
    bash.tab(line, times=2)
    assert nothing_was_run(fleet), "bash"
    zsh.tab(line, times=2)
    assert nothing_was_run(fleet), "zsh"
    fish(line)
    assert nothing_was_run(fleet), "fish"


def test_the_line_says_which_database(fleet, folder, fish):
    dsn = fleet.database.dsn()
    line = f"relay-admin --dsn '{dsn}' unblock "
    nowhere = {"RELAY_ADMIN_DSN": "host=/nowhere"}
    assert list(fish(line, tries=TRIES, **nowhere)) == ["shut-bot"]
    bash = shells.bash(fleet.home, script_path=folder / "relay-admin.bash", **nowhere)
    zsh = shells.zsh(fleet.home, folder=folder, **nowhere)
    for shell in (bash, zsh):
        assert tab(shell, line, f"{line}shut-bot").rstrip() == f"{line}shut-bot"
        assert shell.tab("relay-admin unblock ") == "relay-admin unblock "
        shell.close()


# Seconds from Tab to the line behind it, beyond the start of the program.
PATIENCE = 0.45
AT_ONCE = 0.3


def timed_tab(home, shell, line, limit):
    """Returns the line after a Tab within `limit`, if any of several tries was (the machine may be busy), and what was
    displayed."""
    shell.tab(line)  # the first Tab loads the script
    took = []
    for _ in range(TRIES):
        start = shells.start_of_program(home)
        result = shell.tab(line)
        took.append(shell.took - start)
        if took[-1] < limit:
            return result, shell.listing
    raise AssertionError(f"each of these seconds is too long: {took}")


def test_a_silent_server_and_none_at_all(fleet, folder, fish):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        silent = f"host=127.0.0.1 port={listener.getsockname()[1]} sslmode=disable"
        for dsn in (silent, "host=127.0.0.1 port=1 sslmode=disable"):
            env = {"RELAY_ADMIN_DSN": dsn}
            bash = shells.bash(fleet.home, script_path=folder / "relay-admin.bash", **env)
            zsh = shells.zsh(fleet.home, folder=folder, **env)
            for shell in (bash, zsh):
                line, listing = timed_tab(fleet.home, shell, "relay-admin unblock ", PATIENCE)
                assert line == "relay-admin unblock "
                assert "error" not in listing and "fail" not in listing
                shell.close()
            assert fish("relay-admin unblock ", **env) == {}


def test_what_is_no_id_needs_no_database(fleet, folder, fish):
    """Words and values of the program come immediately, whatever the server does."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        env = {"RELAY_ADMIN_DSN": f"host=127.0.0.1 port={listener.getsockname()[1]} sslmode=disable"}
        bash = shells.bash(fleet.home, script_path=folder / "relay-admin.bash", **env)
        zsh = shells.zsh(fleet.home, folder=folder, **env)
        for typed, completed in (
            ("relay-admin unbl", "relay-admin unblock "),
            ("relay-admin agent list --st", "relay-admin agent list --state "),
            ("relay-admin agent list --state re", "relay-admin agent list --state revoked "),
        ):
            for shell in (bash, zsh):
                line, _ = timed_tab(fleet.home, shell, typed, AT_ONCE)
                assert line.rstrip() == completed.rstrip()
            assert completed.split()[-1] in fish(typed, **env)
        for shell in (bash, zsh):
            shell.close()
        listener.settimeout(0.1)
        with pytest.raises(TimeoutError):
            listener.accept()


def test_without_the_program_nothing_is_said(fleet, folder):
    bash = shells.bash(fleet.home, script_path=folder / "relay-admin.bash")
    zsh = shells.zsh(fleet.home, folder=folder)
    for shell in (bash, zsh):
        shell.run("PATH=/usr/bin:/bin")
        for line in ("relay-admin unblock ", "relay-admin unbl", "relay-admin org list --out", "relay-admin init --secret-file "):
            assert shell.tab(line, times=2) == line
            assert "not found" not in shell.listing and "command" not in shell.listing
        shell.close()
    ask = "set PATH /usr/bin /bin; set -p fish_complete_path $argv[1]; complete -C 'relay-admin unbl'"
    argv = ["fish", "--no-config", "-c", ask, os.fspath(folder)]
    run = subprocess.run(argv, env=shells.environment(fleet.home), capture_output=True, text=True, timeout=30)
    assert (run.stdout, run.stderr) == ("", "")


def test_bash_without_the_equals_sign_among_its_word_breaks(bash):
    bash.run("SAVED=$COMP_WORDBREAKS; COMP_WORDBREAKS=${COMP_WORDBREAKS//=}")
    assert bash.tab("relay-admin agent list --org=acme-l") == "relay-admin agent list --org=acme-labs "
    bash.run("COMP_WORDBREAKS=$SAVED")


def test_zsh_in_the_middle_of_a_line_and_behind_others(zsh):
    assert zsh.tab("true; relay-admin unb").rstrip() == "true; relay-admin unblock"
    assert zsh.tab("echo x | FOO=1 relay-admin unb").rstrip() == "echo x | FOO=1 relay-admin unblock"
    zsh.session.send("relay-admin unblo shut-bot" + "\x1b[D" * 9)
    assert zsh.tab("").split() == ["relay-admin", "unblock", "shut-bot"]


def test_bash_in_the_middle_of_a_line_and_behind_others(bash):
    assert bash.tab("true; relay-admin unb") == "true; relay-admin unblock "
    assert bash.tab("echo x | FOO=1 relay-admin unb") == "echo x | FOO=1 relay-admin unblock "
    bash.session.send("relay-admin unblo shut-bot" + "\x1b[D" * 9)
    assert bash.tab("") == "relay-admin unblock shut-bot"


def test_the_words_of_another_program_are_completed_as_its_own(bash, zsh):
    assert bash.tab("relay-admin sandbox run -- sha256su") == "relay-admin sandbox run -- sha256sum "
    assert zsh.tab("relay-admin sandbox run -- sha256su").rstrip() == "relay-admin sandbox run -- sha256sum"


def test_zsh_can_also_source_it(fleet):
    shell = shells.Shell(
        ["/bin/zsh", "-f", "-i"],
        "autoload -U compinit; compinit -u -D; show() { print -rn -- \"LINE<$BUFFER>ENIL\" }; zle -N show; bindkey -e;"
        " bindkey '^T' show; source <(relay-admin completion zsh)",
        fleet.home,
        **fleet.env,
    )
    assert shell.tab("relay-admin unblock ").rstrip() == "relay-admin unblock shut-bot"
    shell.close()


def test_a_responder_blocks_an_agent_with_tab_alone(fleet, bash):
    assert bash.tab("relay-admin blo") == "relay-admin block "
    line = bash.tab("relay-admin block m")
    bash.run(line + " --reason leaked >/dev/null 2>&1")
    assert fleet.complete("unblock", "m").keys() == {"mail-bot"}
    assert bash.tab("relay-admin unblock m") == "relay-admin unblock mail-bot "
    fleet.relay("unblock", "mail-bot", "--yes", check=0)
    assert os.listdir(fleet.home)

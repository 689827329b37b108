"""Places in which a file cannot be replaced, linked or grow: exit 12 before the commit, nothing changed, nothing left behind."""

import os
import subprocess
from contextlib import contextmanager

import pytest

from support import strace
from support.agents import decide, first_agent
from support.prepared import prepared

PROGRAM = "dev"  # hostile input

BY = [] if os.geteuid() == 0 else ["sudo", "-n"]


@prepared
def key(relay, tmp_path):
    (tmp_path / "keys").mkdir(mode=0o700)
    return first_agent(relay, tmp_path / "keys" / "bot.key")


@contextmanager
def mounted(*options, source, target):
    subprocess.run([*BY, "mount", *options, source, target], check=True)
    try:
        yield
    finally:
        subprocess.run([*BY, "umount", "-l", target], check=True)


@contextmanager
def attribute(letter, path):
    subprocess.run([*BY, "chattr", f"+{letter}", path], check=True)
    try:
        yield
    finally:
        subprocess.run([*BY, "chattr", f"-{letter}", path], check=True)


def refused(relay, database, key, folder, words, *command):
    """The rotation is refused with these words, and changes neither the agent nor the folder."""
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    keys = database.value("SELECT count(*) FROM relay.agent_keys")
    command = command or ("rotate-key", "bot", "--secret-file", folder / "bot.key", "--replace", "--grace", "0")
    result = relay(*command, check=12)
    assert words in result.err and "nothing was changed" in result.err, result
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
    assert database.value("SELECT count(*) FROM relay.agent_keys") == keys and decide(database, key) == "ok"


def test_a_mount_point_is_not_replaced(relay, database, key, tmp_path):
    folder = tmp_path / "keys"
    (tmp_path / "outside.key").write_text(key)
    with mounted("--bind", source=tmp_path / "outside.key", target=folder / "bot.key"):
        refused(relay, database, key, folder, "is a mount point")
    relay("rotate-key", "bot", "--secret-file", folder / "bot.key", "--replace", "--grace", "0", check=0)


def test_a_mount_point_in_a_folder_of_keys_is_not_replaced(relay, database, key, tmp_path):
    folder = tmp_path / "keys"
    words = ("rotate-key", "bot", "--secrets-dir", folder, "--replace", "--grace", "0")
    (tmp_path / "outside").write_text(key)
    with mounted("--bind", source=tmp_path / "outside", target=folder / "bot.key"):
        refused(relay, database, key, folder, "is a mount point", *words)


@pytest.mark.parametrize("letter, words", [("i", "is immutable"), ("a", "is append-only")])
def test_a_file_with_an_attribute_is_not_replaced(relay, database, key, tmp_path, letter, words):
    with attribute(letter, tmp_path / "keys" / "bot.key"):
        refused(relay, database, key, tmp_path / "keys", words)


@pytest.mark.parametrize("letter, words", [("i", "cannot create a file in the folder"), ("a", "is append-only")])
@pytest.mark.parametrize("name", ["bot.key", "new.key"])
def test_a_folder_with_an_attribute_gets_no_file(relay, database, key, tmp_path, letter, words, name):
    folder = tmp_path / "keys"
    replace = ("--replace",) if name == "bot.key" else ()
    with attribute(letter, folder):
        refused(relay, database, key, folder, words, "rotate-key", "bot", "--secret-file", folder / name, *replace, "--grace", "0")


def test_a_folder_that_is_mounted_read_only_gets_no_file(relay, database, key, tmp_path):
    folder = tmp_path / "keys"
    with mounted("--bind", source=folder, target=folder):
        subprocess.run([*BY, "mount", "-o", "remount,bind,ro", folder], check=True)
        refused(relay, database, key, folder, "Read-only file system")


@pytest.mark.parametrize("error", ["ENOSYS", "EXDEV", "EPERM", "EOPNOTSUPP", "EMLINK", "EDQUOT"])
def test_a_file_system_without_links_leaves_nothing(relay, database, key, tmp_path, error):
    folder = tmp_path / "keys"
    words = ("rotate-key", "bot", "--secret-file", folder / "new.key", "--grace", "0")

    def run(prefix):
        return relay.with_(prefix=[*prefix])(*words)

    result, happened = strace.Tracer().inject(run, f"inject=linkat:error={error}")
    assert happened and result.code == 12 and "nothing was changed" in result.err, result
    assert [path.name for path in folder.iterdir()] == ["bot.key"] and decide(database, key) == "ok"
    assert error == "EDQUOT" or "--replace" in result.err


@pytest.mark.parametrize("size", [0, 10])
def test_a_limit_on_the_size_of_files_is_an_error_not_a_death(relay, database, key, tmp_path, size):
    """As a shell's ulimit -f leaves it: SIGXFSZ has its default action, which is to end the program."""
    folder = tmp_path / "keys"
    shell = ["prlimit", f"--fsize={size}:{size}"]
    for words in (("--secret-file", folder / "new.key"), ("--secret-file", folder / "bot.key", "--replace"), ("--secrets-dir", folder, "--secret-format", "env")):
        refused(relay.with_(prefix=shell), database, key, folder, "File too large", "rotate-key", "bot", *words, "--grace", "0")


# Names in Kubernetes ------------------------------------------------------------------------------------------------------------------------


@prepared
def fleet(relay, tmp_path):
    (tmp_path / "fleet.csv").write_text("agent_id,org_id\n" + "".join(f"{agent},acme\n" for agent in ("pay_bot", "pay-bot", "Pay-Bot", "other")))
    relay("migrate-legacy", "import", "fleet.csv", "--create-orgs", check=0)
    relay("migrate-legacy", "start", "--deadline", "14d", check=0)
    return relay


def names(folder):
    return sorted(line.split('"')[1] for path in folder.glob("*.yaml") for line in path.read_text().splitlines() if line.startswith("  name:"))


@pytest.mark.parametrize("which", [("pay_bot", "pay-bot", "other"), ("--all",)])
def test_agents_whose_names_fall_together_are_refused_in_one_batch(fleet, database, tmp_path, which):
    words = ("migrate-legacy", "issue", *which, "--secrets-dir", "k", "--secret-format", "k8s")
    dry = fleet.json(*words, "--dry-run", check=7)["data"]
    done = fleet.json(*words, check=7)["data"]
    assert done["issued"] == dry["issued"] == 1 and names(tmp_path / "k") == ["other"]
    assert {fault["agent_id"] for fault in done["faults"]} >= {"pay_bot", "pay-bot"}
    assert all("Kubernetes name pay-bot is also that of agent" in fault["reason"] for fault in done["faults"])
    assert database.value("SELECT count(*) FROM relay.agent_keys WHERE agent_id <> 'other'") == 0


def test_an_agent_whose_name_is_in_the_folder_is_refused(fleet, database, tmp_path):
    fleet("migrate-legacy", "issue", "pay_bot", "--secrets-dir", "k", "--secret-format", "k8s", check=0)
    fault = fleet.json("migrate-legacy", "issue", "pay-bot", "--secrets-dir", "k", "--secret-format", "k8s", check=7)["data"]["faults"][0]
    assert "also that of agent pay_bot" in fault["reason"] and names(tmp_path / "k") == ["pay-bot"]
    result = fleet("rotate-key", "pay-bot", "--secrets-dir", "k", "--secret-format", "k8s", check=12)
    assert "also that of agent pay_bot" in result.err and names(tmp_path / "k") == ["pay-bot"]
    fleet("migrate-legacy", "issue", "pay-bot", "--secrets-dir", "other", "--secret-format", "k8s", check=0)


def test_batches_of_one_and_commands_do_not_overwrite_either(fleet, tmp_path):
    words = ("migrate-legacy", "issue", "pay_bot", "pay-bot", "--secret-format", "k8s")
    done = fleet.json(*words, "--deliver", "cat >> all.yaml", check=7)["data"]
    assert done["issued"] == 1 and (tmp_path / "all.yaml").read_text().count("name: ") == 1


def test_folders_of_their_own_do_not_fall_together(fleet, tmp_path):
    (tmp_path / "more.csv").write_text("agent_id,org_id\na_b,one\na-b,two\n")
    fleet("migrate-legacy", "import", "more.csv", "--create-orgs", check=0)
    fleet("migrate-legacy", "start", check=0)
    words = ("migrate-legacy", "issue", "a_b", "a-b", "--secrets-dir", "k", "--group-by", "org", "--secret-format", "k8s")
    assert fleet.json(*words)["data"]["issued"] == 2

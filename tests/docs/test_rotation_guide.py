"""relay-admin-rotation(7) is played: its listings in the order of the page, on one agent whose key is in a vault, with the events between
them. The recipes that it names are there."""

import re
import subprocess

import pytest
from support.agents import key_id
from support.binaries import relay_admin
from support.guides import GUIDES, SOURCE, listings
from support.relay import clean_environment
from support.store import Store, pass_time, states

GUIDE = GUIDES["rotation"].replace("\\-", "-")
VAULT = """#!/bin/sh
[ ! -e down ] || { cat > /dev/null; echo "vault: connection refused" >&2; exit 2; }
case "$1 $2" in
"kv put") [ "$3 $4" = "secret/billing-bot key=-" ] && cat > .new && mv .new store ;;
"kv get") [ "$3 $4" = "-field=key secret/billing-bot" ] && cat store ;;
esac
"""
AGENT = "billing-bot"


class Reader:
    """Runs listings in a shell, as a reader of the page would."""

    def __init__(self, database, folder):
        self.folder = folder
        programs = folder / "programs"
        programs.mkdir()
        (programs / "relay-admin").symlink_to(relay_admin())
        (programs / "vault").write_text(VAULT)
        (programs / "vault").chmod(0o755)
        path = {"RELAY_ADMIN_DSN": database.dsn(), "PATH": f"{programs}:/usr/bin:/bin"}
        self.environment = clean_environment(folder, path)

    def __call__(self, listing, code=None, **replaced):
        text = listing.text
        for old, new in replaced.items():
            assert old in text
            text = text.replace(old, new)
        done = subprocess.run(["/bin/bash", "-ec", text], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False, encoding="utf-8")  # fmt: skip
        expected = listing.code if code is None else code
        assert done.returncode == expected, f"{listing.title}: {text}\nexit {done.returncode}\n{done.stdout}"
        assert "relay_sk_" not in done.stdout
        return done.stdout


@pytest.fixture
def store(relay, database, tmp_path):
    """The vault, which is empty, and an organization."""
    relay("init", "--org-id", "acme-corp", "--org-name", "Acme", "--agent-id", "other", "--agent-name", "Other",
          "--plan", "paid", "--secret-file", tmp_path / "other.key", check=0)  # fmt: skip
    return Store(tmp_path, database)


def test_the_page_is_played(relay, database, store, tmp_path):
    run = Reader(database, tmp_path)
    left = {}
    for each in listings("rotation", "sh"):
        left.setdefault(each.title, []).append(each)

    left.pop("FLEETS")  # below
    run(left.pop("Before the first run")[0])
    assert store.use() == "ok"
    pass_time(database, days=81)
    daily, grace = left.pop("THE DAILY RUN")[0], left.pop("The grace")[0]
    first = store.held()
    run(daily)
    assert states(database, AGENT) == ["retiring", "active"] and store.held() != first
    assert "retiring" in run(grace) and "unchanged" not in run(daily)
    assert states(database, AGENT) == ["retiring", "active"]

    fails, staged = left.pop("The store is down")
    pass_time(database, days=81)
    (tmp_path / "down").touch()
    assert "all keys that may have arrived work" in run(fails)
    assert store.use() == "ok" and " staged " in run(staged)
    (tmp_path / "down").unlink()
    run(daily)
    assert store.use() == "ok" and states(database, AGENT)[-1] == "active"

    ids, retire = split(left.pop("Five staged keys"))
    pass_time(database, days=81)
    (tmp_path / "down").touch()
    for _ in range(5):
        run(fails)
    assert "has 5 staged keys that no delivery has confirmed" in run(fails, code=5)
    (tmp_path / "down").unlink()
    found = run(ids).split()
    assert len(found) >= 5 and key_id(store.held()) not in found
    for key in found:
        run(retire, **{"4v2k8m1xq7zt": key})
    run(fails, code=0)
    assert store.use() == "ok"

    (broken,) = left.pop("The store holds a key that does not work")
    for mend in (daily, broken):
        store.put(first)
        assert store.use() != "ok"
        run(mend)
        assert store.use() == "ok"

    (revert,) = left.pop("The new key does not work for the agent")
    pass_time(database, days=1)
    before = store.held()
    run(broken)
    run(revert, code=5)
    store.put(before)
    run(revert)
    assert store.use() == "ok" and store.held() == before

    due, doctor = split(left.pop("WATCHING"))
    pass_time(database, days=1)
    run(due, code=10 if "staged" in states(database, AGENT) else 0)
    run(doctor)
    for each in left.pop("EXAMPLES"):
        run(each)
    assert not left, "not played"


def test_a_fleet_is_rotated(relay, database, store, tmp_path):
    (listing,) = [each for each in listings("rotation", "sh") if each.title == "FLEETS"]
    pass_time(database, days=81)
    Reader(database, tmp_path)(listing)
    assert [file.name for file in (tmp_path / "keys").iterdir()] == ["other.key"]
    assert states(database, "other") == ["retiring", "active"]


def split(found):
    """The two commands of one listing."""
    (listing,) = found
    first, second = listing.text.splitlines()
    return type(listing)(listing.title, "sh", 0, first), type(listing)(listing.title, "sh", listing.code, second)


def test_the_recipes_that_it_names_are_there_and_it_names_all():
    part = GUIDE.partition("\n.Sh RECIPES\n")[2].partition("\n.Sh ")[0]
    named = set(re.findall(r"^\.Pa ([a-z-]+[/.].*)$", part, re.MULTILINE))
    examples = SOURCE / "cli/examples"
    assert all((examples / name).is_file() for name in named), named
    with_rotation = {
        str(path.relative_to(examples)) for path in examples.rglob("*") if path.is_file() and " rotate-key " in path.read_text()
    }
    assert named == with_rotation


def test_it_has_a_word_on_each_exit_code_of_a_bad_day(relay):
    """All that the command can end with, but 6 and 13: a rotation needs no place in a plan, and a job is not asked."""
    part = GUIDE.partition("\n.Sh BAD DAYS\n")[2].partition("\n.Ss ")[0]
    named = [int(code) for codes in re.findall(r"^\.It (\d+.*)$", part, re.MULTILINE) for code in re.findall(r"\d+", codes)]
    helps = "".join(relay(*words, "--help").out.partition("Exit codes:")[2] for words in ((), ("rotate-key",)))
    codes = {int(code) for code in re.findall(r"^ +(\d+)  ", helps, re.MULTILINE)}
    assert {12, 5} < codes and set(named) == codes - {0, 6, 13} | {130, 143, 137}
    assert named == [*sorted(set(named) - {130, 143, 137}), 130, 143, 137]

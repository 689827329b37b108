"""Prepared fixtures: made once, and each test has them for itself."""

import pytest

from support.prepared import prepared

made = []  # what the fixtures were made in


@prepared
def acme(relay, database, tmp_path):
    made.append(("acme", database.name))
    relay("org", "create", "acme", "--name", "Acme", "--admin-token", "token", check=0)
    return relay


@prepared
def files(acme, tmp_path):
    """A file, and where it is."""
    acme("agent", "create", "bot", "--org", "acme", "--name", "Bot", "--secret-file", "bot.key", check=0)
    return {"key": tmp_path / "bot.key", "names": ["bot"]}


@prepared
def used_once(relay, database):
    made.append(("used_once", database.name))


@pytest.mark.parametrize("number", range(3))
def test_each_test_has_its_own_copy(files, relay, database, tmp_path, number):
    assert files["key"] == tmp_path / "bot.key" and files["key"].read_text().startswith("relay_sk_")
    assert files["key"].stat().st_mode & 0o777 == 0o600
    files["names"].append("changed")
    (tmp_path / "bot.key").unlink()
    relay("revoke", "bot", check=0)
    assert database.value("SELECT count(*) FROM relay.revocations") == 1  # not those of the other tests
    assert files["names"] == ["bot", "changed"]


@pytest.mark.parametrize("number", range(2))
def test_what_it_returns_belongs_to_the_test(acme, relay, database, number):
    assert acme is relay
    assert acme.json("org", "show", "acme")["data"]["org_id"] == "acme"
    assert database.name not in [name for _, name in made]


def test_it_is_made_once_for_each_fixture_that_builds_upon_it(acme):
    assert len([name for name, _ in made if name == "acme"]) <= 2


def test_what_one_test_needs_is_made_in_that_test(used_once, database):
    assert made[-1] == ("used_once", database.name)


@pytest.mark.parametrize("key", [1, 2])
def test_a_parameter_with_the_name_of_a_prepared_fixture_is_a_parameter(database, key):
    assert database.left is None and database.value("SELECT count(*) FROM relay.organizations") == 0

"""relay-admin-registry(7) is played: its listings in the order of the page, against a database with the agent that it names. Its clients
are the files of the kit, which tests/contract/test_reference_agents.py runs."""

import json
import re
import subprocess

import pytest
from support.agents import first_agent
from support.binaries import relay_admin
from support.database import Database, make_template
from support.guides import GUIDES, SOURCE, listings
from support.relay import Runner, clean_environment
from support.running_agents import card

KIT = SOURCE / "tests/contract/kit"
GUIDE = GUIDES["registry"].replace("\\-", "-")


@pytest.fixture
def scene(cluster, tmp_path):
    database = Database(cluster, template=make_template(cluster))
    relay = Runner(dsn=database.dsn(), home=tmp_path, cwd=tmp_path)
    first_agent(relay, tmp_path / "faq.key", org="acme-corp", agent="faq-bot")
    (tmp_path / "card.json").write_text(json.dumps(card()))
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "relay-admin").symlink_to(relay_admin())
    yield database, tmp_path
    database.drop()


def ask(database, listing):
    """The rows of a query of the contract, with the rights of a gateway."""
    connection = database.connect(user=database.gateway_login())
    with connection, connection.cursor() as cursor:
        cursor.execute(listing.text)
        rows = cursor.fetchall()
    connection.close()
    return rows


def play(database, folder, listing):
    """What the commands of a listing print."""
    environment = clean_environment(folder, {"RELAY_ADMIN_DSN": database.dsn(), "PATH": f"{folder}/programs:/usr/bin:/bin"})
    done = subprocess.run(["/bin/bash", "-ec", listing.text], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, check=False, encoding="utf-8")  # fmt: skip
    assert done.returncode == listing.code, f"{listing.title}: {listing.text}\nexit {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def test_the_guide_is_played(scene):
    database, folder = scene
    check, register, beat, last, older, search, page, one, environment, queues, owner, messages, look, remove, trail = [
        listing for listing in listings("registry") if listing.language in ("sh", "sql")
    ]
    assert "bytes" not in play(database, folder, check)
    assert [ask(database, listing)[0][:2] for listing in (register, beat)] == [(True, "ok")] * 2
    assert ask(database, last)[0][:2] == (True, "ok") and ask(database, older) == [(False,)], "another process has registered since then"
    assert [ask(database, listing)[0][0] for listing in (search, page, one)] == ["faq-bot"] * 3
    assert "acme-corp.faq-bot" in play(database, folder, environment)
    assert "acme-corp-faq-bot" in play(database, folder, queues)
    assert ask(database, owner) == [("acme-corp", "agent", "faq-bot")]
    assert "optional" in play(database, folder, messages)
    assert "faq-bot" in play(database, folder, look)
    play(database, folder, remove)
    assert ask(database, one) == [] and ask(database, beat)[0][1] == "ok", "its next beat brings it back"
    said = play(database, folder, trail)
    assert "agent_registered" in said and "card_changed" in said


@pytest.mark.parametrize("language, name", [("python", "registration.py"), ("js", "registration.mjs")])
def test_the_clients_are_those_of_the_kit(language, name):
    (shown,) = listings("registry", language)
    assert shown.text == (KIT / name).read_text()


def test_it_names_each_endpoint_parameter_and_status_of_the_kit():
    kit = (KIT / "registry.py").read_text()
    ways = re.findall(r'"(\w+)": "(?:POST|DELETE)"', kit)
    assert len(ways) == 4 and all(f"/api/registry/agents/ID/{way}" in GUIDE for way in ways)
    conditions = re.search(r"^CONDITIONS = \((.*)\)", kit, re.MULTILINE)[1]
    assert all(f"{name}=" in GUIDE for name in re.findall(r'"(\w+)"', conditions))
    for status in {*re.findall(r"Refused\((\d{3})", kit), *re.findall(r": (4\d\d)", kit), "401", "403", "413", "429", "503"}:
        assert re.search(rf"^\.It .*\b{status}\b", GUIDE, re.MULTILINE), status


@pytest.mark.parametrize("name", re.findall(r"(\w+\.(?:py|mjs|cpp|hpp))", GUIDE.partition("\n.Sh FILES\n")[2]))
def test_the_files_that_it_names_are_in_the_kit(name):
    assert (KIT / name).is_file()

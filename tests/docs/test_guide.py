"""The guides are true: their listings run, or are the text of the kit, and the guide for gateway authors covers the
whole contract."""

import re

import pytest
from support.guides import GUIDES, SOURCE, listings

GUIDE = GUIDES["gateway"]
KIT = SOURCE / "tests/contract/kit"
TEXT = GUIDE.replace("\\-", "-")
EACH_GUIDE = pytest.mark.parametrize("guide", GUIDES)


@EACH_GUIDE
def test_each_listing_says_what_it_is(guide):
    languages = {
        "gateway": {"python", "sql", "sh"}, "incident": {"sql", "sh"}, "migration": {"sql", "sh", "crontab"}, "rotation": {"sh"},
        "plans": {"sh", "sql"},
        "devices": {"sql", "sh"},
        "registry": {"sql", "sh", "python", "js"},
        "signing": {"python", "sh"},
    }  # fmt: skip
    assert {each.language for each in listings(guide)} == languages[guide]
    wide = [each.text for each in listings(guide) if max(map(len, each.text.splitlines())) > 74]
    assert not wide, "too wide for a terminal"


def test_python_is_the_text_of_the_tested_kit():
    kit = (KIT / "verifier.py").read_text()
    shown = listings("gateway", "python")
    assert shown and all(each.text in kit for each in shown)


@EACH_GUIDE
def test_sql_runs(database, guide):
    """Runs each statement; one of the contract as a gateway's login. All changes are rolled back."""
    database.gateway_login()
    for login in ("lea", "gateway_old"):
        database.cluster.login(login, member_of="relay_gateway")
    for each in listings(guide, "sql"):
        text = each.text
        if "relay_api." in text:
            text = f"SET LOCAL SESSION AUTHORIZATION gateway_login; PREPARE listing AS {text}; DEALLOCATE listing"
        database.execute(f"BEGIN; {text}; ROLLBACK")


def test_it_tells_of_each_function_and_of_each_reason(database):
    functions = database.rows(
        "SELECT proname, proargnames, obj_description(oid, 'pg_proc') AS about FROM pg_proc"
        " WHERE pronamespace = 'relay_api'::regnamespace AND has_function_privilege(%s, oid, 'EXECUTE')",
        database.gateway_login(),
    )
    assert len(functions) >= 4
    titles = set(re.findall(r"^\.Ss (\w+)$", GUIDE, re.MULTILINE))
    for found in functions:
        assert found["proname"] in titles, found["proname"]
        part = TEXT.partition(f".Ss {found['proname']}\n")[2]
        _, _, reasons = found["about"].partition("reasons: ")
        for reason in re.findall(r"[a-z_]{2,}", reasons):
            assert re.search(rf"\b{reason}\b", part), f"{found['proname']}: {reason}"


def test_it_gives_the_numbers_of_the_kit():
    kept, stale, poll, alive = re.search(
        r"^MAX_KEPT, MAX_STALE, POLL, SIGN_OF_LIFE = (\d+), (\d+), (\d+), (\d+)",
        (KIT / "verifier.py").read_text(),
        re.M,
    ).groups()
    assert (kept, stale, poll, alive) == ("60", "5", "1", "20")
    for told in ("at most 60 seconds", "for 5 seconds", "every second", "every 20 seconds"):
        assert told in TEXT, told


@pytest.mark.parametrize("name", re.findall(r"(\w+\.(?:py|mjs|cpp|hpp))", GUIDE.partition("\n.Sh FILES\n")[2]))
def test_the_files_that_it_names_are_in_the_kit(name):
    assert (KIT / name).is_file()

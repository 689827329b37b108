"""relay-admin-plans(7) is played: its listings in the order of the page, against one database."""

import re
from datetime import datetime, timezone

import pytest
from support.guides import GUIDES, listings
from support.relay import Runner
from support.shell_lines import invocations

GUIDE = GUIDES["plans"].replace("\\-", "-")


def test_each_listing_does_what_the_text_says(database, home, tmp_path):
    relay = Runner(dsn=database.dsn(), home=home, cwd=tmp_path)
    answers = []
    for each in listings("plans", "sh"):
        if "usage release" in each.text:  # what the text before the listing says
            database.rows("SELECT * FROM relay_api.hold('acme-corp', 'vms', 'vm-17')")
        for line in each.text.replace("\\\n", " ").splitlines():
            (words,) = invocations(line)
            words = [re.sub(r"\$\(date .*\)", f"{datetime.now(timezone.utc):%Y-%m}", word) for word in words]
            answers.append(relay(*words, check=each.code))
    text = "\n".join(answer.out + answer.err for answer in answers)
    assert "at its limit: 2 of 1 agents" in text and "subscription is past_due since" in text
    assert database.value("SELECT plan FROM relay.organizations") == "team"
    assert database.value("SELECT state FROM relay.subscriptions") == "active"
    assert database.value("SELECT count(*) FROM relay.holds WHERE ended_at IS NOT NULL") == 1
    assert (tmp_path / "acme.html").read_text().lower().startswith("<!doctype html>")
    assert database.value("SELECT count(*) FROM relay.policy_changes WHERE lifted_at IS NULL") == 0
    assert database.value("SELECT count(*) FROM relay.policy_changes") == 2


def test_it_names_every_meter(database):
    for row in database.rows("SELECT meter FROM relay.meters"):
        assert row["meter"] in GUIDE, row["meter"]


@pytest.mark.parametrize("word", ["stale", "over_limit", "relay_billing", "plan_changed"])
def test_it_uses_the_words_of_the_program(word):
    assert word in GUIDE

"""watch for people: a line per change, in colour at a terminal; --org and --agent; JSON for programs stays as it is."""

import json

import pytest

from support.agents import first_agent, rotate
from support.relay import finish_terminal


@pytest.fixture
def since(relay, database, tmp_path):
    """A cursor after the start: two organizations with an agent each; then one change of each kind."""
    first_agent(relay, tmp_path / "bot.key")
    relay("org", "create", "globex", "--name", "Globex", check=0)
    relay("agent", "create", "gx", "--org", "globex", "--name", "Gx", "--secret-file", "gx.key", check=0)
    relay("agent", "create", "crm", "--org", "acme", "--name", "CRM", "--secret-file", "crm.key", check=0)
    cursor = database.one("SELECT next_cursor FROM relay_api.changes_since(NULL)")["next_cursor"]
    relay("block", "bot", check=0)
    relay("unblock", "bot", "--yes", check=0)
    rotate(relay, tmp_path / "crm.2", agent="crm")
    relay("block", "gx", check=0)
    relay("block", "--org", "acme", "--confirm", "acme", check=0)
    return cursor


def words(relay, cursor, *flags):
    """[(change, org, agent)] of the JSON lines."""
    lines = relay("watch", "--since", cursor, "--until-idle", *flags, check=0).out.splitlines()
    return [(found["change"], found["org_id"], found["agent_id"]) for found in map(json.loads, lines)]


def test_only_what_concerns_an_organization_or_an_agent(relay, since):
    everything = words(relay, since)
    assert len(everything) == 5
    assert words(relay, since, "--org", "acme") == [each for each in everything if each[1] == "acme"] and len(words(relay, since, "--org", "acme")) == 4
    assert words(relay, since, "--agent", "bot") == [("agent_blocked", "acme", "bot"), ("agent_unblocked", "acme", "bot"), ("org_blocked", "acme", None)]
    assert words(relay, since, "--org", "globex", "--agent", "gx") == [("agent_blocked", "globex", "gx")]
    assert len(words(relay, since, "--agent", "bot", "--count", "2")) == 2


def test_an_agent_that_does_not_exist_but_is_blocked(relay, since):
    """Nothing about an organization concerns it, because it is in none."""
    relay("block", "ghost", "--force", check=0)
    assert words(relay, since, "--agent", "ghost") == [("agent_blocked", None, "ghost")]
    assert "does not exist" in relay.error("watch", "--org", "acme", "--agent", "ghost", check=2)["message"]


def test_bad_filters(relay, since):
    assert relay.error("watch", "--agent", "bott", check=3)["suggestions"] == ["bot"]
    relay.error("watch", "--org", "acmee", check=3)
    assert "belongs to organization acme" in relay.error("watch", "--org", "globex", "--agent", "bot", check=2)["message"]
    relay.error("watch", "-o", "csv", check=2)


def test_a_pipe_gets_json_and_people_can_ask_for_their_lines(relay, since):
    plain = relay("watch", "--since", since, "--until-idle", "-o", "table", check=0).out.splitlines()
    assert len(plain) == 5 and "agent_blocked" in plain[0] and plain[0].endswith("org acme  agent bot") and "\x1b" not in "".join(plain)
    assert plain[0][:4].isdigit() and plain[0][19:20] == "Z"


def test_a_terminal_gets_lines_in_colour(relay, since):
    def shown(*flags, env=None):
        code, text = finish_terminal(relay.terminal("watch", "--since", since, "--until-idle", "--no-pager", *flags, env=env))
        assert code == 0
        return text

    text = shown(env={"TERM": "xterm"})
    red, green = text.count("\x1b[31magent_blocked"), text.count("\x1b[32magent_unblocked")
    assert (red, green) == (2, 1) and "{" not in text
    assert "\x1b[3" not in shown("--color", "never") and "\x1b[3" not in shown(env={"TERM": "dumb"})
    assert shown("-o", "json").count('"kind"') == 5

"""--watch 2s: lists, key due and migrate-legacy status are drawn again and again, on a terminal only."""


import pytest

from support import tmux
from support.agents import first_agent
from support.database import Database, cluster_with_template, make_template
from support.prepared import prepared

EVERY = ["agent list", "org list", "key list", "role list", "gateway list", "key due", "migrate-legacy status"]


@prepared
def key(relay, tmp_path):
    return first_agent(relay, tmp_path / "bot.key")


def command(relay, words):
    return f"relay-admin --dsn '{relay.dsn}' {words}"


@pytest.mark.parametrize("path", EVERY)
def test_each_of_them_is_drawn_until_it_is_interrupted(relay, key, path):
    with tmux.terminal(relay, command(relay, f"{path} --watch 1s")) as pane:
        pane.wait_for("every 1s; Ctrl-C ends it")
        first = pane.screen()
        pane.press("C-c")
        assert pane.finish() == 130
        assert pane.screen()[: len(first)] == first


def test_a_change_is_drawn_over_the_old_one(relay, key):
    with tmux.terminal(relay, command(relay, "agent list --watch 1s")) as pane:
        pane.wait_for("active")
        relay("block", "bot", check=0)
        pane.wait_for("blocked")
        assert "active" not in "\n".join(pane.everything()) and sum("AGENT ID" in line for line in pane.everything()) == 1
        pane.press("C-c")
        assert pane.finish() == 130


def test_a_list_that_is_longer_than_the_terminal_is_cut(relay, database, key):
    for number in range(12):
        relay("org", "create", f"org-{number}", "--name", f"Org {number}", check=0)
    with tmux.terminal(relay, command(relay, "org list --watch 1s"), lines=10) as pane:
        pane.wait_for("more lines")
        relay("org", "update", "acme", "--name", "Acme renamed", check=0)
        pane.wait_for("Acme renamed")
        lines = pane.everything()
        assert len(lines) <= 10 and "every 1s" in lines[-1] and "... and 7 more lines" in lines[-2]
        pane.press("C-c")
        assert pane.finish() == 130


def test_it_survives_a_lost_connection_with_a_note(relay_without_database, tmp_path):
    with cluster_with_template(name="lost") as server:
        database = Database(server, template=make_template(server))
        relay = relay_without_database.with_(dsn=database.dsn())
        first_agent(relay, tmp_path / "bot.key")
        with tmux.terminal(relay, command(relay, "agent list --watch 1s")) as pane:
            pane.wait_for("active")
            server.stop()
            pane.wait_for("not up to date: ")
            assert "bot" in "\n".join(pane.screen())
            server.start()
            relay("block", "bot", check=0)
            pane.wait_for("blocked")
            assert "not up to date" not in "\n".join(pane.screen())
            pane.press("C-c")
            assert pane.finish() == 130


def test_without_a_terminal_it_is_refused_with_the_reason(relay, key):
    for path in EVERY:
        error = relay.error(*path.split(), "--watch", "2s", check=2)
        assert "terminal" in error["message"] + str(error["why"]) or "--output" in error["message"]
    assert "needs a terminal on standard output" in relay("agent", "list", "--watch", "2s", check=2).err


def test_lines_that_make_no_sense(relay, key):
    with tmux.terminal(relay, command(relay, "agent list --watch 2s -o json")) as pane:
        assert pane.finish() == 2
    for words in (("agent", "list", "--watch", "0"), ("key", "due", "--watch", "2s", "--exec-condition"),
                  ("key", "due", "--watch", "2s", "--notify", "true"), ("migrate-legacy", "status", "--watch", "2s", "--html", "x.html"),
                  ("agent", "list", "--watch", "2")):  # fmt: skip
        assert relay(*words).code in (2, 255)


def test_an_error_of_the_first_frame_is_that_of_the_command(relay, key):
    with tmux.terminal(relay, command(relay, "agent list --org nope --watch 1s")) as pane:
        assert pane.finish() == 3

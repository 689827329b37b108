"""An id of another kind, a name, or a word of another program: the error says what it is and gives the command for it."""

import shlex

import pytest
from support.agents import key_id, read_key
from support.command_table import command_of, groups
from support.prepared import prepared
from support.relay import finish_terminal


@prepared
def things(relay, tmp_path):
    """An organization with a role, a token, two agents with keys, a block under a ticket, another organization, and a plan."""
    relay("org", "create", "acme", "--name", "Acme Corp", "--plan", "paid", "--admin-token", "t", check=0)
    relay("org", "create", "globex", "--name", "Globex", check=0)
    relay("role", "create", "ops", "--org", "globex", "--name", "Operations", check=0)
    relay("role", "create", "shift", "--org", "acme", "--name", "Night shift", check=0)
    for agent, name in (("crm", "Payment Processor"), ("mailer", "Mailer Bot")):
        relay("agent", "create", agent, "--org", "acme", "--name", name, "--secret-file", f"{agent}.key", check=0)
    relay("plan", "create", "gold", "--name", "Gold", check=0)
    relay("block", "mailer", "--ticket", "INC-7", check=0)
    return {"KEY": key_id(read_key(tmp_path / "crm.key")), "TOKEN": (tmp_path / "t").read_text()[9:21]}


# the words, the code, what it is, the commands; KEY is a key id of agent crm of org acme
CASES = [
    ("block KEY --ticket INC-9", 3, "is a key of agent crm", ["block crm --ticket=INC-9", "revoke --key KEY"]),
    ("revoke KEY --yes", 3, "is a key of agent crm", ["revoke --key KEY", "revoke crm"]),
    ("agent show KEY", 3, "is a key of agent crm", ["agent show crm", "key show KEY"]),
    ("rotate-key KEY --secret-file new.key", 3, "is a key of agent crm", ["rotate-key crm --secret-file=new.key", "key show KEY"]),
    ("restore KEY --yes --secret-file new.key", 3, "is a key of agent crm", ["restore crm --secret-file=new.key"]),
    ("key list --agent KEY", 3, "is a key of agent crm", ["key list --agent=crm"]),
    ("block relay_sk_KEY", 3, "is a key of agent crm", ["block crm"]),
    ("block acme --ticket INC-9", 3, "acme is an organization", ["block --org acme --ticket=INC-9"]),
    ("revoke acme --yes", 3, "acme is an organization", ["revoke --org acme"]),
    ("unblock acme --yes", 3, "acme is an organization", ["unblock --org acme"]),
    ("agent show acme", 3, "acme is an organization", ["org show acme", "agent list --org acme"]),
    ("key list --agent acme", 3, "acme is an organization", ["key list --org acme"]),
    ("agent show ops", 3, "ops is a role of org globex", ["agent list --org globex --role ops", "role show ops --org globex"]),
    ("block TOKEN", 3, "is the admin token of org acme", ["org show acme"]),
    ("revoke TOKEN --yes", 3, "is the admin token of org acme", ["org show acme"]),
    ("unblock INC-7 --yes", 3, "INC-7 is a ticket", ["unblock --ticket INC-7"]),
    ("block 'Payment Processor'", 2, "is the name of agent crm of org acme", ["block crm"]),
    ("agent show 'mailer bot'", 2, "is the name of agent mailer", ["agent show mailer"]),
    ("agent show 'Acme Corp'", 2, "is the name of org acme", ["org show acme"]),
    ("org show crm", 3, "crm is an agent of org acme", ["agent show crm", "org show acme"]),
    ("org show KEY", 3, "is a key of agent crm", ["key show KEY", "org show acme"]),
    ("org show 'Acme Corp'", 2, "is the name of org acme", ["org show acme"]),
    ("org show ops", 3, "ops is a role of org globex", ["org show globex", "role show ops --org globex"]),
    ("block --org crm --confirm crm", 3, "crm is an agent of org acme", ["block crm"]),
    ("agent list --org crm", 3, "crm is an agent of org acme", ["agent list --org=acme"]),
    ("agent list --org KEY", 3, "is a key of agent crm", ["agent list --org=acme", "key show KEY"]),
    ("key show crm", 2, "crm is an agent of org acme", ["key list --agent crm"]),
    ("key retire acme --yes", 2, "acme is an organization", ["key list --org acme"]),
    ("key show relay_sk_KEY", 2, "is a key of agent crm", ["key show KEY"]),
    ("revoke --key crm --yes", 2, "crm is an agent of org acme", ["revoke crm"]),
    ("revoke --key acme --yes", 2, "acme is an organization", ["revoke --org acme"]),
    ("role show crm --org acme", 3, "crm is an agent", ["agent show crm"]),
    ("role show acme --org acme", 3, "acme is an organization", ["role list --org acme"]),
    ("role show KEY --org acme", 3, "is a key of agent crm", ["key show KEY"]),
    ("role show ops --org acme", 3, "ops is a role of org globex", ["role show ops --org globex"]),
    ("org show Globex", 2, "Globex is the name of org globex", ["org show globex"]),
    ("org update GLOBEX --auth-mode optional", 2, "GLOBEX is the name of org globex", ["org update globex --auth-mode=optional"]),
    ("agent list --org Globex", 2, "Globex is the name of org globex", ["agent list --org=globex"]),
    ("role list --org Globex", 2, "Globex is the name of org globex", ["role list --org=globex"]),
    ("block --org Globex --confirm Globex", 2, "Globex is the name of org globex", ["block --org=globex"]),
    ("role show Operations --org globex", 2, "Operations is the name of role ops of org globex", ["role show ops --org globex"]),
    ("revoke --org KEY --confirm KEY --ticket INC-9", 3, "is a key of agent crm", ["revoke --key KEY --ticket=INC-9", "key show KEY"]),
    ("block --org KEY --confirm KEY --until 2h", 3, "is a key of agent crm", ["block crm --until=2h", "key show KEY"]),
    ("restore --org KEY --confirm KEY", 3, "is a key of agent crm", ["restore crm", "key show KEY"]),
    ("unblock --org KEY --yes", 3, "is a key of agent crm", ["unblock crm", "key show KEY"]),
    ("rotate-key --org KEY --expect 2 --match '*' --grace 0 --yes --secrets-dir keys", 3, "is a key of agent crm", ["rotate-key crm --grace=0 --secrets-dir=keys", "key show KEY"]),
    ("org update KEY --name Other", 3, "is a key of agent crm", ["key show KEY", "org show acme"]),
    ("agent create new --org KEY --name New --secret-file new.key", 3, "is a key of agent crm", ["agent create new --org=acme", "key show KEY"]),
    ("revoke --org TOKEN --confirm TOKEN", 3, "is the admin token of org acme", ["org show acme"]),
    ("revoke --key TOKEN --yes", 3, "is the admin token of org acme", ["org show acme"]),
    ("key show TOKEN", 3, "is the admin token of org acme", ["org show acme"]),
    ("block --org TOKEN --confirm TOKEN", 3, "is the admin token of org acme", ["org show acme"]),
    ("restore --org crm --confirm crm", 3, "crm is an agent of org acme", ["restore crm"]),
    ("revoke --org crm --confirm crm", 3, "crm is an agent of org acme", ["revoke crm"]),
    ("org update crm --name Other", 3, "crm is an agent of org acme", ["agent show crm", "org show acme"]),
    ("agent create crm --org crm --name New --secret-file new.key", 3, "crm is an agent of org acme", ["agent create crm --org=acme"]),
    ("role create night --org crm --name Night", 3, "crm is an agent of org acme", ["role create night --org=acme"]),
    ("revoke --org shift --confirm shift", 3, "shift is a role of org acme", ["role show shift --org acme"]),
    ("block --org shift --confirm shift", 3, "shift is a role of org acme", ["role show shift --org acme"]),
    ("rotate-key --org shift --yes --secrets-dir keys", 3, "shift is a role of org acme", ["role show shift --org acme"]),
    ("revoke --org 'Acme Corp' --confirm 'Acme Corp'", 2, "is the name of org acme", ["revoke --org=acme"]),
    ("revoke --org 'Mailer Bot' --confirm 'Mailer Bot'", 2, "is the name of agent mailer", ["revoke mailer"]),
    ("revoke --key KEY,crm --yes", 2, "crm is an agent of org acme", ["revoke crm"]),
    ("key show Globex", 2, "Globex is the name of org globex", ["key list --org globex"]),
    ("plan show acme", 3, "acme is an organization", ["org show acme"]),
    ("plan show crm", 3, "crm is an agent of org acme", ["agent show crm"]),
    ("plan update KEY --name Silver", 3, "is a key of agent crm", ["key show KEY"]),
    ("org update globex --plan acme", 2, "acme is an organization", ["org show acme"]),
    ("org show gold", 3, "gold is a plan", ["plan show gold"]),
    ("agent show gold", 3, "gold is a plan", ["plan show gold"]),
    ("block --org gold --confirm gold", 3, "gold is a plan", ["plan show gold"]),
    ("usage show gold", 3, "gold is a plan", ["plan show gold"]),
    ("usage show KEY", 3, "is a key of agent crm", ["key show KEY", "usage show acme"]),
    ("subscription set crm --state active", 3, "crm is an agent of org acme", ["agent show crm", "org show acme"]),
    ("org seats crm", 3, "crm is an agent of org acme", ["agent show crm", "org seats acme"]),
    ("policy set KEY --window 30s", 3, "is a key of agent crm", ["policy set crm --window=30s", "key show KEY"]),
    ("policy history acme", 3, "acme is an organization", ["policy history --org acme"]),
    ("policy undo crm", 2, "crm is an agent of org acme", ["policy history crm"]),
    ("policy undo acme", 2, "acme is an organization", ["policy history --org acme"]),
    ("policy undo KEY", 2, "is a key of agent crm", ["key show KEY"]),
    ("policy undo INC-7", 2, "INC-7 is a ticket", ["incident show INC-7", "policy undo --ticket INC-7"]),
    ("incident show crm", 3, "crm is an agent of org acme", ["audit list --agent crm"]),
    ("incident show acme", 3, "acme is an organization", ["audit list --org acme"]),
    ("audit show INC-7", 2, "INC-7 is a ticket", ["incident show INC-7"]),
    ("audit show crm", 2, "crm is an agent of org acme", ["audit list --agent crm"]),
    ("device show acme", 2, "acme is an organization", ["device list --org acme"]),
    ("device show KEY", 3, "is a key of agent crm", ["key show KEY"]),
    ("registry list --org crm", 3, "crm is an agent of org acme", ["registry list --org=acme"]),
    ("agent env KEY", 3, "is a key of agent crm", ["agent env crm", "key show KEY"]),
    ("agent keep KEY", 3, "is a key of agent crm", ["agent keep crm", "key show KEY"]),
    ("queue list crm", 3, "crm is an agent of org acme", ["agent show crm", "queue list acme"]),
    ("queue name acme KEY", 3, "is a key of agent crm", ["queue name acme crm", "key show KEY"]),
    ("queue owner crm", 3, "crm is an agent of org acme", ["queue name acme crm"]),
    ("queue owner acme", 3, "acme is an organization", ["queue name acme"]),
    ("queue owner KEY", 3, "is a key of agent crm", ["key show KEY"]),
    ("block acme.crm", 3, "acme.crm is the queue of agent crm of org acme", ["block crm", "queue owner acme.crm"]),
    ("block --org acme.crm --confirm acme.crm", 2, "acme.crm is the queue of agent crm", ["queue owner acme.crm"]),
    ("agent show acme-agents", 3, "acme-agents is a queue of org acme", ["queue owner acme-agents"]),
    ("org show acme-dlq", 3, "acme-dlq is a queue of org acme", ["org show acme", "queue owner acme-dlq"]),
]  # fmt: skip


def filled(text, things):
    for name, value in things.items():
        text = text.replace(name, value)
    return text


WIDE = ("block", "unblock", "revoke", "restore", "rotate-key")


def org_of(words):
    """The organization that the words act on, if they change all of it."""
    flags = [word.removeprefix("--org=") for word in words if word.startswith("--org=")]
    flags += [words[i + 1] for i, word in enumerate(words) if word == "--org"]
    return flags[0] if words[0] in WIDE and flags else words[2] if words[:2] == ["org", "update"] else None


def is_wider(advised, words, says):
    """Whether the advice changes a whole organization, although it is not an organization that was named."""
    return org_of(advised) is not None and "organization" not in says and "the name of org" not in says


def confirmation(words):
    """What a script must add: what a terminal asks for."""
    if words[:2] == ["restore", "crm"] and "--secret-file" not in " ".join(words):
        return ["--secret-file", "fresh.key"]
    return ["--confirm", org_of(words)] if org_of(words) and words[0] in ("block", "revoke", "restore") else []


def works(words):
    """The exit codes of a command that runs: agent crm is there already."""
    return (5,) if words[:3] == ["agent", "create", "crm"] else (0,)


def changes(line):
    return command_of(shlex.split(line)).effect == "changes"


# Those that only read share what they read.
GROUPS = {case[0]: [case] for case in CASES if changes(case[0])} | {"those that read": [case for case in CASES if not changes(case[0])]}


@pytest.mark.parametrize("group", GROUPS)
def test_an_id_of_another_kind_is_recognized(relay, database, things, group):
    for line, code, says, commands in GROUPS[group]:
        words = shlex.split(filled(line, things))
        result = relay(*words, check=code)
        assert says in result.err.split("why:")[1].splitlines()[0], result
        lines = [row.split("next:", 1)[1].strip() for row in result.err.splitlines() if "next:" in row]
        for command, row in zip(commands, lines, strict=False):
            assert row.startswith(f"relay-admin {filled(command, things)}"), result
        assert len(lines) >= len(commands) and "--force" not in result.err
        assert not any("--confirm" in row for row in lines), lines  # of what is named now, no one has confirmed anything
        for row in lines:
            assert not is_wider(shlex.split(row)[1:], words, says), (row, result)
        assert "acme-corp" not in result.err and "mailer-bot" not in result.err, result  # no such id is here
        assert database.value("SELECT count(*) FROM relay.revocations") == 1  # nothing was done
        # The first command works as it is.
        first = shlex.split(lines[0])[1:]
        assert relay(*first, "--yes", *confirmation(first)).code in works(first), lines


def test_what_is_not_known_keeps_its_error(relay, things):
    error = relay.error("block", "nobody-at-all", check=3)
    assert error["why"] is None and error["next"] == "relay-admin agent list"
    assert relay.error("org", "create", "Acme Corp", "--name", "x", check=2)["why"] is None


def test_the_look_does_not_wait_for_a_database_that_does_not_answer(relay_without_database):
    error = relay_without_database.error("block", "Payment Processor", "--dsn", "host=127.0.0.1 port=1", check=2)
    assert error["why"] is None


# the words, of which one is in the file ids, and the command for it
IN_FILES = [
    ("block -f ids --dry-run", "KEY", "is a key of agent crm", "block crm --dry-run"),
    ("block -f ids --until 2h", "Payment Processor", "is the name of agent crm", "block crm --until=2h"),
    ("revoke -f ids --yes", "KEY", "is a key of agent crm", "revoke --key KEY"),
    ("unblock -f ids --yes", "KEY", "is a key of agent crm", "unblock crm"),
    ("block -f ids", "acme", "acme is an organization", "block --org acme"),
    ("migrate-legacy start --agents ids --deadline 14d", "Payment Processor", "is the name of agent crm", "agent show crm"),
    ("revoke -f ids --yes", "TOKEN", "is the admin token of org acme", "org show acme"),
]


@pytest.mark.parametrize("line, word, says, command", IN_FILES, ids=[f"{case[0]} {case[1]}" for case in IN_FILES])
def test_an_id_of_another_kind_in_a_file_gets_a_command_that_runs(relay, things, tmp_path, line, word, says, command):
    (tmp_path / "ids").write_text(filled(word, things) + "\n")
    error = relay.error(*line.split(), check=2 if " " in word else 3)
    assert says in error["why"], error
    assert error["next"] == f"relay-admin {filled(command, things)}", error
    first = shlex.split(error["next"])[1:]
    relay(*first, "--yes", *confirmation(first), check=0)


# the words, the word of another kind, and its warning
BATCHES = [
    ("block KEY crm --until 2h", "KEY", "is a key of agent crm: relay-admin block crm --until=2h"),
    ("block crm -f ids", "KEY", "is a key of agent crm: relay-admin block crm"),
    ("revoke KEY crm --yes", "KEY", "is a key of agent crm: relay-admin revoke --key KEY"),
    ("unblock acme mailer --yes", "acme", "acme is an organization: relay-admin unblock --org acme"),
    ("revoke TOKEN mailer --yes", "TOKEN", "is the admin token of org acme: relay-admin org show acme"),
]


@pytest.mark.parametrize("line, word, warning", BATCHES, ids=[case[0] for case in BATCHES])
def test_a_batch_recognizes_an_id_of_another_kind(relay, things, tmp_path, line, word, warning):
    words = filled(line, things).split()
    if "ids" in words:
        (tmp_path / "ids").write_text(filled(f"crm\n{word}\n", things))
        words.remove("crm")
    result = relay(*words, "--json", check=7)
    ours = [text for text in result.json()["warnings"] if text.startswith(filled(word, things))]
    assert len(ours) == 1 and ours[0].endswith(filled(warning, things)), result
    assert "not in this database" not in result.err  # it is, as something else
    assert "--confirm" not in result.err + result.out


def test_a_batch_says_how_many_ids_are_nothing_here(relay, things):
    result = relay("block", things["KEY"], "not-here", "nor-here", "crm", check=7)
    assert "of the others, 2 are not in this database" in result.err
    result = relay("block", "not-here", "crm", check=7)
    assert "the others are not in this database: running the command again cannot change that" in result.err


def test_a_batch_without_any_agent_names_what_its_ids_are(relay, things):
    error = relay.error("block", things["KEY"], "acme", check=3)
    assert "is a key of agent crm; acme is an organization" in error["why"] and error["changed"] == "no"
    assert error["next"] == "relay-admin block crm", error


@pytest.mark.parametrize("line", ["restore KEY", "restore --org KEY", "unblock --org KEY", "block --org KEY", "revoke --org KEY"])
def test_a_terminal_is_not_asked_about_what_is_not_there(relay, things, line):
    code, text = finish_terminal(relay.terminal(*filled(line, things).split(), columns=250))
    assert code == 3 and "is a key of agent crm" in text and "?" not in text, text


# --- words of other programs

WORDS = [
    ("agent delete bot", "revoke bot", "agents are not deleted"),
    ("agent rm bot", "revoke bot", "agents are not deleted"),
    ("agent remove bot", "revoke bot", "agents are not deleted"),
    ("agent destroy", "revoke --help", "agents are not deleted"),
    ("delete agent bot", "revoke bot", "agents are not deleted"),
    ("delete bot", "revoke bot", "agents are not deleted"),
    ("rm bot", "revoke bot", "agents are not deleted"),
    ("agent disable bot", "block bot", "pauses"),
    ("agent suspend bot", "block bot", "pauses"),
    ("disable bot", "block bot", "pauses"),
    ("agent enable bot", "unblock bot", None),
    ("agent ls", "agent list", None),
    ("ls", "agent list", None),
    ("list agents", "agent list", None),
    ("agents", "agent list", None),
    ("agent get bot", "agent show bot", None),
    ("get agent bot", "agent show bot", None),
    ("describe bot", "agent show bot", None),
    ("agent add bot", "agent create --help", None),
    ("agent new", "agent create --help", None),
    ("agent edit bot", "agent update --help", None),
    ("agent rotate bot", "rotate-key bot", None),
    ("agent block bot", "block bot", None),
    ("agent keys bot", "key list --agent bot", None),
    ("org delete acme", "revoke --org acme", "organizations are not deleted"),
    ("org disable acme", "block --org acme", "pauses"),
    ("org ls", "org list", None),
    ("orgs list", "org list", None),
    ("org get acme", "org show acme", None),
    ("org add acme", "org create --help", None),
    ("key rm c8pjdeyrrbnp", "revoke --key c8pjdeyrrbnp", "keys are not deleted"),
    ("key revoke c8pjdeyrrbnp", "revoke --key c8pjdeyrrbnp", None),
    ("key new bot", "rotate-key --help", "rotate-key"),
    ("key ls", "key list", None),
    ("keys", "key list", None),
    ("key get c8pjdeyrrbnp", "key show c8pjdeyrrbnp", None),
    ("role rm ops", "role delete --help", None),
    ("role ls", "role list --help", None),
    ("device rm 4mz8q0v2h7rk", "revoke --device 4mz8q0v2h7rk", "devices are not deleted"),
    ("rm device 4mz8q0v2h7rk", "revoke --device 4mz8q0v2h7rk", "devices are not deleted"),
    ("device disable 4mz8q0v2h7rk", "block --device 4mz8q0v2h7rk", "pauses"),
    ("device revoke 4mz8q0v2h7rk", "revoke --device 4mz8q0v2h7rk", None),
    ("devices", "device list", None),
    ("ls devices", "device list", None),
    ("device add", "device --help", "is paired"),
    ("plan delete gold", "org update --help", "plans are not deleted"),
    ("delete plan gold", "org update --help", "plans are not deleted"),
    ("plan ls", "plan list", None),
    ("plans", "plan list", None),
    ("plan add gold", "plan create --help", None),
    ("policy delete bot", "policy undo --help", "not deleted"),
    ("policy get bot", "policy show bot", None),
    ("policy ls", "policy list", None),
    ("policies", "policy list", None),
    ("subscription cancel acme", "subscription set --help", None),
    ("subscription rm acme", "subscription set --help", "not deleted"),
    ("subscriptions", "subscription list", None),
    ("usage ls acme", "usage show acme", None),
    ("usage reset acme", "usage release --help", "stays counted"),
    ("quota", "usage show --help", None),
    ("queue delete acme-dlq", "queue list --help", "in the broker"),
    ("queue create acme", "queue list --help", "in the broker"),
    ("queue ls acme", "queue list acme", None),
    ("queue get acme", "queue name acme", None),
    ("registry ls", "registry list", None),
    ("registry rm bot", "registry unregister bot", None),
    ("agent unregister bot", "registry unregister bot", None),
    ("registry validate card.json", "registry check --help", None),
    ("gateways", "gateway list", None),
    ("incident ls", "incident list", None),
    ("ticket show INC-7", "incident show INC-7", None),
    ("events", "audit list", None),
    ("audit rm 17", "audit maintain --help", "not deleted"),
    ("config get", "config show", None),
    ("schema migrate", "schema apply --help", None),
    ("sandbox rm", "sandbox destroy --help", None),
    ("org usage acme", "usage show acme", None),
    ("org plan acme", "org update --help", None),
    ("agent devices bot", "device list --agent bot", None),
    ("status", "doctor", None),
    ("login", "whoami", None),
]  # fmt: skip


@pytest.mark.parametrize("line, command, why", WORDS, ids=[case[0] for case in WORDS])
def test_words_of_other_programs_lead_to_the_right_ones(relay_without_database, line, command, why):
    error = relay_without_database.error(*line.split(), check=2)
    assert error["message"].startswith("unknown command") and error["changed"] == "no"
    assert error["next"] == f"relay-admin {command}" and (why or "") in (error["why"] or ""), error
    assert command.startswith(error["suggestions"][0])
    if "--help" in command:
        relay_without_database(*command.split(), check=0)


def test_no_word_for_a_kind_of_thing_is_taken_for_the_id_of_an_agent(relay_without_database):
    for group in [command.path[0] for command in groups() if len(command.path) == 1]:
        for verb in ("delete", "disable", "rm"):
            error = relay_without_database.error(verb, group, "bot", check=2)
            assert f"revoke {group}" not in str(error["next"]) and f"block {group}" not in str(error["next"]), error

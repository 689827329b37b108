"""Every exit code, reached by what really causes it, the same in text and in JSON, with what the message promises.

The codes 8 and 9 are in test_exit_codes_connection.py, 130 and 143 in test_exit_codes_signals.py."""

import json
import re

import pytest

from support import contract
from support.agents import key_id, live_key_ids, rotate
from support.database import Database, cluster_with_template, make_template
from support.exit_codes import both, snapshot
from support.own_key import make_key
from support.relay import finish_terminal

# --- 0 to 7


def test_0_done_already_so_or_empty(relay):
    for form in ("table", "json", "jsonl", "csv", "id", "env"):
        relay("org", "list", "-o", form, check=0)
    for _ in range(2):
        relay("org", "create", "acme", "--name", "Acme", check=0)


@pytest.mark.parametrize("how", ["closed", "/dev/full"])
def test_14_a_result_that_cannot_be_told(relay, database, how):
    """Not 0, because no one read the output, and not 12, because it was not a secret. The message says that it is
    committed. A read can be tried again."""
    options = {"closed": [1]} if how == "closed" else {"stdout": how}
    error = both(relay, "org", "list", code=8, says=["cannot write the result to stdout"], **options)
    assert error["changed"] == "no"
    for number, form in enumerate((["-o", "json"], [])):
        result = relay("org", "create", f"acme-{number}", "--name", "Acme", *form, check=14, **options)
        assert "the change itself is committed" in result.err
        assert not form or result.error()["changed"] == "yes"
    assert database.value("SELECT count(*) FROM relay.organizations") == 2


@pytest.mark.parametrize(
    "words, says",
    [(["org", "create", "acme"], "missing: --name"), (["org", "list", "--limit", "few"], "--limit"),
     (["org", "show", "Acme"], "'Acme'"), (["block", "--org", "acme"], "acme"), (["agent", "create", "--org", "a",
     "--name", "b"], "secret"),
     (["recover"], ""), (["org", "list", "--all", "--limit", "2"], "--limit"), (["org", "list", "--timeout", "1ms"],
     "100ms")],
)  # fmt: skip
def test_2_usage(relay, database, words, says):
    before = snapshot(database)
    error = both(relay, *words, code=2, says=[says])
    assert error["changed"] == "no" and error["retryable"] is False and snapshot(database) == before


@pytest.mark.parametrize(
    "words", [["org", "show", "nobody"], ["agent", "show", "nobody"], ["key", "show", "0" * 12], ["block", "nobody"],
              ["revoke", "nobody"], ["revoke", "--key", "0" * 12], ["unblock", "nobody", "--yes"], ["org", "update",
              "nobody", "--name", "x"],
              ["agent", "update", "nobody", "--name", "x"], ["key", "retire", "0" * 12, "--yes"], ["schema", "print",
              "--only", "99"],
              ["rotate-key", "nobody", "--secret-file", "k"], ["restore", "nobody", "--yes", "--secret-file", "k"],
              ["agent", "create", "bot", "--org", "nobody", "--name", "Bot", "--secret-file", "k"]]
)  # fmt: skip
def test_3_not_found(relay, database, tmp_path, words):
    before = snapshot(database)
    error = both(relay, *words, code=3)
    assert error["changed"] == "no" and error["retryable"] is False
    assert snapshot(database) == before and not (tmp_path / "k").exists()


def test_3_names_what_is_near(relay, database, key):
    assert both(relay, "agent", "show", "bto", code=3, says=["bto"])["suggestions"] == ["bot"]
    assert both(relay, "org", "show", "acmee", code=3)["suggestions"] == ["acme"]
    assert both(relay, "org", "show", "acm", code=3)["suggestions"] == ["acme"]
    near = key_id(key)[:-1] + ("1" if key.startswith("0", 20) else "0")
    shown = {
        ("org", "show", "amce"): 'did you mean: acme ("Acme")\n',
        ("agent", "show", "bto"): 'did you mean: bot ("Bot", org acme)\n',
        ("block", "bto"): 'did you mean: bot ("Bot", org acme)\n',
        ("revoke", "--key", near): f"did you mean: {key_id(key)} (agent bot, org acme)\n",
    }
    before = live_key_ids(database)
    for words, line in shown.items():
        assert line in relay(*words, check=3).err, words
    assert live_key_ids(database) == before, "a suggestion is never taken by itself"


def test_3_an_id_is_found_by_its_beginning_and_among_many(relay, database, key):
    """An id with typing errors is found among its neighbours in the index, however old it is; with one error near the
    beginning, wherever it is."""
    database.execute("INSERT INTO relay.agents (agent_id, org_id, name, permissions, created_by, created_at)"
                     " SELECT 'filler-' || n, 'acme', 'F', '[]', 't', now() + n * interval '1 s' FROM generate_series(1, 6000) AS n")  # fmt: skip
    database.execute("INSERT INTO relay.agents (agent_id, org_id, name, permissions, created_by, created_at)"
                     " SELECT id, 'acme', 'Pay', '[]', 't', '2020-01-01' FROM unnest(array['payment-processor', 'payments', 'Billing-EU-West']) AS id")  # fmt: skip
    for wrong, right in (
        ("payment-processro", ["payment-processor"]),
        ("payment-procesor", ["payment-processor"]),
        ("paymnets", ["payments"]),
        ("pay", ["payments", "payment-processor"]),
        ("fliler-6000", "filler-6000"),
        ("iller-3000", "filler-3000"),
        ("fil1er-3000", "filler-3000"),
        ("fiiller-3000", "filler-3000"),
        ("Filler-3000", "filler-3000"),
        ("FILLER-3000", "filler-3000"),
        ("FILLER_3000", "filler-3000"),
        ("filler3000", "filler-3000"),
        ("PAYMENT.PROCESSOR", ["payment-processor"]),
        ("billing_eu_west", ["Billing-EU-West"]),
    ):
        found = relay.error("agent", "show", wrong, check=3)["suggestions"]
        assert found[: len(right)] == right if isinstance(right, list) else right in found, (wrong, found)


@pytest.fixture(scope="module")
def guarded():
    """A server that asks the login `guarded` for its password."""
    with cluster_with_template(
        tcp=True, name="guarded", hba=("local all guarded scram-sha-256", "host all guarded 127.0.0.1/32 scram-sha-256")
    ) as own:
        make_template(own)
        own.login("guarded", member_of="relay_provisioner", password="right-horse")
        yield Database(own, template=make_template(own))


@pytest.mark.parametrize("tcp", [False, True])
def test_4_a_wrong_or_missing_password(guarded, relay, home, tmp_path, tcp):
    as_guarded = relay.with_(dsn=guarded.dsn(user="guarded", tcp=tcp))
    wrong = as_guarded.with_(env={"PGPASSWORD": "wrong-horse"})
    error = both(wrong, "org", "list", code=4, says=["refused the login"], next="password")
    assert error["sqlstate"] == "28P01" and error["changed"] == "no"
    missing = both(as_guarded, "org", "list", code=4, says=["refused the login", "no password"])
    assert missing["retryable"] is False
    assert "wrong-horse" not in wrong("org", "list", "-v").err
    as_guarded.with_(env={"PGPASSWORD": "right-horse"})("org", "list", check=0)
    (home / ".pgpass").write_text("*:*:*:guarded:right-horse\n")
    (home / ".pgpass").chmod(0o600)
    as_guarded("org", "list", check=0)
    nobody = relay.with_(dsn=guarded.dsn(user="nobody_at_all", tcp=tcp))
    assert both(nobody, "org", "list", code=4)["sqlstate"] == "28000"


WRITES = [
    ["org", "create", "other", "--name", "Other"], ["org", "update", "acme", "--name", "Other"], ["rotate-key", "bot",
    "--secret-file", "k"],
    ["agent", "create", "--org", "acme", "--name", "x", "--secret-file", "k"], ["agent", "update", "bot", "--name",
    "Other"],
    ["block", "bot"], ["revoke", "bot"], ["key", "retire", "KEY", "--yes", "--force"], ["unblock", "bot", "--yes"],
    ["restore", "bot", "--yes", "--secret-file", "k"],
]  # fmt: skip


@pytest.mark.parametrize("group", [None, "relay_gateway", "relay_auditor", "relay_responder"])
def test_4_a_role_without_rights(relay, database, key, tmp_path, group):
    login = database.cluster.login(f"only_{group or 'nothing'}", member_of=[group] if group else ())
    limited = relay.with_(dsn=database.dsn(user=login))
    may = {"block", "revoke", "unblock"} if group == "relay_responder" else set()
    before = snapshot(database)
    for words in WRITES:
        if words[0] in may:
            continue
        words = [key_id(key) if word == "KEY" else word for word in words]
        error = both(limited, *words, code=4, says=[login])
        assert error["sqlstate"] == "42501" and error["changed"] == "no", words
    if (
        group != "relay_responder"
    ):  # a role that may not look does not learn the outcome of an operation: the code of a lost commit
        error = both(limited, "recover", "op_" + "0" * 24, code=9)
        assert login in error["why"] and error["changed"] == "unknown"
    for words in (["org", "list"], ["agent", "list"], ["key", "list"], ["agent", "show", "bot"]):
        if group in (None, "relay_gateway"):
            both(limited, *words, code=4, says=[login])
        else:
            limited(*words, check=0)
    assert snapshot(database) == before and not (tmp_path / "k").exists()


def test_5_conflict(relay, database, key, tmp_path):
    rotate(relay, tmp_path / "second")
    before = snapshot(database)
    for words, says in (
        (["org", "create", "acme", "--name", "Other", "--plan", "paid"], "name"),
        (["agent", "create", "bot", "--org", "acme", "--name", "Other", "--secret-file", "k"], "name"),
        (["rotate-key", "bot", "--secret-file", "k"], "grace"),
    ):
        error = both(relay, *words, code=5, says=[says])
        assert error["changed"] == "no" and error["next"] and error["retryable"] is False
    assert snapshot(database) == before and not (tmp_path / "k").exists()


def test_6_limit(relay, database, tmp_path):
    relay("org", "create", "small", "--name", "Small", check=0)
    create = ("agent", "create", "--org", "small", "--name", "Bot", "--secret-file")
    relay(*create, "first", check=0)
    before = snapshot(database)
    error = both(
        relay,
        *create,
        "second",
        code=6,
        says=["small", "1 of 1", "free"],
        next="relay-admin org update small --plan paid",
    )
    assert error["changed"] == "no" and snapshot(database) == before and not (tmp_path / "second").exists()


def test_7_partial_and_stdout_says_which(relay, database, key):
    relay("agent", "create", "cat", "--org", "acme", "--name", "Cat", "--secret-file", "cat.key", check=0)
    text = relay("block", "bot", "ghost", check=7)
    assert "bot" in text.out and "ghost" in text.out + text.err
    document = relay("block", "cat", "ghost", "-o", "json", check=7).json()
    assert document["changed"] is True and {"cat", "ghost"} <= set(re.findall(r"\w+", json.dumps(document)))
    lines = relay("block", "cat", "ghost", "-o", "jsonl", check=7).jsonl()
    assert lines[-1]["kind"] == "Summary"
    assert {row["subject_id"] for row in database.rows("SELECT subject_id FROM relay.revocations")} == {"bot", "cat"}


# --- 10 to 13


def test_10_a_check_says_no(relay, database, key):
    unknown = make_key()
    for form in ([], ["-o", "json"]):
        assert relay("key", "verify", *form, stdin=unknown, check=10).out
    assert relay("key", "verify", "-o", "json", stdin=unknown).data()["reason"] == "unknown_key"
    database.execute("DROP FUNCTION relay_api.authenticate CASCADE")
    for form in ([], ["-o", "json"]):
        assert "authenticate" in relay("schema", "verify", *form, check=10).out


def test_11_the_schema_is_older_newer_or_not_there(relay, database, empty_database):
    bare = relay.with_(dsn=empty_database.dsn())
    for words in (
        ["org", "list"],
        ["block", "bot"],
        ["rotate-key", "bot", "--secret-file", "k"],
        ["unblock", "bot", "--yes"],
    ):
        error = both(bare, *words, code=11, next="relay-admin ")
        assert error["changed"] == "no" and error["retryable"] is False
    database.execute(
        "UPDATE relay.schema_migrations SET version = version + 1"
        " WHERE version = (SELECT max(version) FROM relay.schema_migrations)"
    )
    both(relay, "org", "list", code=11, says=["version"], next="newer")


def test_12_the_secret_could_not_be_delivered(relay, database, key, tmp_path):
    (tmp_path / "taken").write_text("mine")
    before = snapshot(database)
    error = both(relay, "rotate-key", "bot", "--secret-file", "taken", code=12, says=["taken", "nothing was changed"])
    assert error["changed"] == "no" and (tmp_path / "taken").read_text() == "mine"
    both(relay, "rotate-key", "bot", "--secret-file", "no/such/folder/k", code=12, says=["no/such/folder"])
    both(relay, "rotate-key", "bot", "--secret-fd", "77", code=12, says=["77"])
    assert snapshot(database) == before


def test_13_declined(relay, database, key):
    before = snapshot(database)
    for answer, form in (("n", []), ("\x04", ["-o", "json"])):
        session = relay.terminal("block", "--org", "acme", *form)
        session.expect("acme")
        session.send(answer if answer == "\x04" else f"{answer}\r")
        code, rest = finish_terminal(session)
        assert code == 13
        if form:
            error = json.loads(rest[rest.index('{"') :])
            contract.check(error)
            assert error["error"]["exit"] == 13
    assert snapshot(database) == before

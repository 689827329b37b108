"""agent env: what a process is given at its start, in five formats that their real readers read back; secrets only where they may go."""

import base64
import os
import stat
import subprocess

import pytest
import yaml

from support import binaries
from support.agents import first_agent
from support.environments import HOSTILE, READERS, random_name
from support.prepared import prepared
from support.sampling import dice

URL = ("--registry-url", "https://relay.example.com/api")
SECRET = "Endpoint=sb://bus.example/;SharedAccessKeyName=send;SharedAccessKey=q8Zx+/$\"'`\\ 7="
EXPECTED = {
    "FLOWGRID_TENANT_ID": "acme", "AGENT_ID": "bot", "AGENT_NAME": "Bot", "SERVICEBUS_QUEUE_NAME": "acme-agents",
    "SERVICEBUS_DEDICATED_QUEUE": "acme.bot", "FLOWGRID_LEASE_SECONDS": "60", "FLOWGRID_REGISTRY_URL": URL[1],
}  # fmt: skip


def play(scene):
    scene.fail(3, "agent", "env", "nobody")
    scene.fail(2, "agent", "env", "bot", "--append", "none")
    scene.fail(2, "agent", "env", "bot", "--lease", "1s")


@prepared
def bot(relay, tmp_path):
    first_agent(relay, tmp_path / "bot.key")
    (tmp_path / "broker.env").write_text(f"# the broker\n\nSERVICEBUS_CONNECTION_STRING={SECRET}\n")


@pytest.fixture
def away(relay_without_database, tmp_path):
    """A runner whose database cannot be reached: what it finds out, it finds out before it asks."""
    (tmp_path / "broker.env").write_text(f"SERVICEBUS_CONNECTION_STRING={SECRET}\n")
    return relay_without_database.with_(dsn="host=/nowhere-at-all dbname=none")


def read_config_map(path):
    return yaml.safe_load(path.read_text())["data"]


def env(relay, *words, **more):
    return relay("agent", "env", "bot", *words, check=0, **more)


def test_the_variables_are_those_of_the_rows(relay, bot):
    done = env(relay, *URL)
    assert dict(line.split("=", 1) for line in done.out.splitlines()) == EXPECTED and done.err == ""
    assert env(relay, *URL).out == done.out, "the same bytes"
    assert env(relay, "-o", "csv", "--quiet", *URL).out == done.out
    assert env(relay, env={"RELAY_ADMIN_REGISTRY_URL": URL[1]}).out == done.out
    other = env(relay, *URL, "--prefix", "RELAY_", "--lease", "10m").out.splitlines()
    assert "RELAY_TENANT_ID=acme" in other and "RELAY_LEASE_SECONDS=600" in other and not any("FLOWGRID" in line for line in other)
    assert f"RELAY_REGISTRY_URL={URL[1]}" in other and "AGENT_ID=bot" in other


def test_without_an_address_of_the_registry_it_warns(relay, bot):
    done = env(relay, env={"RELAY_ADMIN_REGISTRY_URL": ""})
    assert "REGISTRY_URL" not in done.out
    assert done.err == "warning: FLOWGRID_REGISTRY_URL is left out: give --registry-url URL, or set RELAY_ADMIN_REGISTRY_URL\n"
    given = env(relay, "--append", "-", "--secret-stdout", stdin="FLOWGRID_REGISTRY_URL=https://other\n")
    assert "warning" not in given.err and given.out.endswith("FLOWGRID_REGISTRY_URL=https://other\n")


@pytest.mark.parametrize("format", ["env", "sh", "systemd", "json", "k8s"])
def test_a_hostile_name_is_read_back_as_it_is(relay, bot, database, tmp_path, format):
    random = dice("hostile names")
    made = {f"N{number}": name for number, name in enumerate([*HOSTILE, *(random_name(random) for _ in range(1000 - len(HOSTILE)))])}
    (tmp_path / "made.env").write_text("".join(f"{name}={value}\n" for name, value in made.items()))
    env(relay, *URL, "--format", format, "--append", "made.env", "--secret-file", "all.txt")
    file = tmp_path / "all.txt"
    if format == "k8s":
        manifest = yaml.safe_load(file.read_text())
        assert manifest["kind"] == "Secret" and manifest["type"] == "Opaque"
        found = [{name: base64.b64decode(value).decode() for name, value in manifest["data"].items()}]
    else:
        found = [read(file) for read in READERS[format]]
    assert all(one == {**EXPECTED, **made} for one in found)
    for name in random.sample(HOSTILE, 8):  # written as the lines above
        database.execute("UPDATE relay.agents SET name = %s WHERE agent_id = 'bot'", name)
        file.write_text(env(relay, *URL, "--format", format).out)
        for read in [read_config_map] if format == "k8s" else READERS[format]:
            assert read(file)["AGENT_NAME"] == name


def test_a_manifest_without_secrets_is_a_config_map_and_not_called_like_the_secret_of_the_key(relay, bot):
    manifest = yaml.safe_load(env(relay, *URL, "--format", "k8s").out)
    assert manifest["kind"] == "ConfigMap" and manifest["data"] == EXPECTED and manifest["metadata"]["name"] == "bot-env"
    named = yaml.safe_load(env(relay, *URL, "--format", "k8s", "--k8s-name", "x.y", "--k8s-namespace", "prod").out)
    assert named["metadata"]["name"] == "x.y" and named["metadata"]["namespace"] == "prod"


def test_a_value_that_compose_would_change_is_said(relay, bot, database):
    assert "Compose" not in env(relay, *URL).err
    for name in ("It's", "a $b", "a #b"):
        database.execute("UPDATE relay.agents SET name = %s WHERE agent_id = 'bot'", name)
        assert "warning: Docker Compose would change the value of AGENT_NAME" in env(relay, *URL).err
        assert "Compose" not in env(relay, *URL, "--format", "sh").err


def test_a_line_break_has_no_place_in_env(relay, bot, database, tmp_path):
    """The schema forbids it in a name, so someone must have removed the rule."""
    database.execute("ALTER TABLE relay.agents DROP CONSTRAINT agents_name_form")
    database.execute("UPDATE relay.agents SET name = E'a\\nLD_PRELOAD=/x' WHERE agent_id = 'bot'")
    error = relay("agent", "env", "bot", *URL, check=2)
    assert error.out == "" and "the value of AGENT_NAME has a line break" in error.err
    for format in ("sh", "systemd", "json"):
        (tmp_path / "x").write_text(env(relay, *URL, "--format", format).out)
        assert all(read(tmp_path / "x")["AGENT_NAME"] == "a\nLD_PRELOAD=/x" for read in READERS[format])


def test_appended_lines_go_only_where_secrets_may_go(relay, bot, away, tmp_path):
    done = away("agent", "env", "bot", "--append", "broker.env", check=2)
    assert done.out == "" and "--append needs a place for secrets" in done.err, "before the database is asked"
    written = env(relay, *URL, "--append", "broker.env", "--secret-file", "bot.env")
    assert written.out == "" and written.err.splitlines()[-1] == "wrote the environment of agent bot to file:bot.env"
    assert "q8Zx" not in written.err
    expected = env(relay, *URL).out + f"SERVICEBUS_CONNECTION_STRING={SECRET}\n"
    assert (tmp_path / "bot.env").read_text() == expected
    assert env(relay, *URL, "--append", "broker.env", "--secret-stdout").out == expected
    received = env(relay, *URL, "--append", "broker.env", "--deliver", "cat > delivered; echo $RELAY_AGENT_ID $RELAY_ORG_ID")
    assert (tmp_path / "delivered").read_text() == expected and received.out == "" and "bot acme" in received.err
    with open(tmp_path / "fd", "wb") as file:
        env(relay, *URL, "--append", "broker.env", "--secret-fd", str(file.fileno()), pass_fds=(file.fileno(),))
    assert (tmp_path / "fd").read_text() == expected


def test_a_file_is_private_and_is_not_replaced_unasked(relay, bot, tmp_path):
    file = tmp_path / "bot.env"
    env(relay, *URL, "--secret-file", "bot.env", preexec_fn=lambda: os.umask(0))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_bytes()
    refused = relay("agent", "env", "bot", "--secret-file", "bot.env", check=12)
    assert "add --replace" in refused.err and file.read_bytes() == before
    env(relay, *URL, "--secret-file", "bot.env", "--replace", "--lease", "30s")
    assert b"FLOWGRID_LEASE_SECONDS=30" in file.read_bytes() and stat.S_IMODE(file.stat().st_mode) == 0o600
    said = env(relay, "--dry-run", "--secret-file", "new.env")
    assert "would write" in said.err and sorted(path.name for path in tmp_path.glob("*.env*")) == ["bot.env", "broker.env"]


@pytest.mark.parametrize("format", ["sh", "systemd", "json", "k8s"])
@pytest.mark.parametrize("linked", [False, True], ids=["before the link", "after it"])
def test_the_same_command_goes_on_after_a_kill(relay, bot, tmp_path, format, linked):
    words = (*URL, "--format", format, "--secret-file", "made")
    env(relay, *words)
    made = tmp_path / "made"
    whole = made.read_bytes()
    made.rename(tmp_path / "made.new")
    if linked:
        made.hardlink_to(tmp_path / "made.new")
    env(relay, *words)
    assert made.read_bytes() == whole and not (tmp_path / "made.new").exists()


def test_a_key_that_a_killed_run_left_there_is_not_thrown_away(relay, bot, tmp_path):
    live = (tmp_path / "bot.key").read_bytes()
    (tmp_path / "bot.key").rename(tmp_path / "both.new")
    refused = relay("agent", "env", "bot", "--secret-file", "both", check=12)
    assert (tmp_path / "both").read_bytes() == live and "exists" in refused.err


@pytest.mark.parametrize("command, why", [("exit 3", "exit code 3"), ("cat; exit 1", "exit code 1"), ("sleep 60", "longer than 1 s")])
def test_a_store_that_fails_is_an_error(relay, bot, command, why):
    done = relay("agent", "env", "bot", *URL, "--deliver", command, "--deliver-timeout", "1s", "--append", "broker.env", check=12)
    assert why in done.err and "q8Zx" not in done.err and done.out == ""


@pytest.mark.parametrize("text, why", [
    (b"A=\0\n", "has a NUL byte"), (b"\xff=1\n", "is not UTF-8"), (b"A\n", "NAME=VALUE in line 1"), (b"A=1\nexport B=2\n", "NAME=VALUE in line 2"),
    (b"=1\n", "NAME=VALUE in line 1"), (b"1A=1\n", "NAME=VALUE in line 1"), (b"A =1\n", "NAME=VALUE in line 1"), (b"A=1\nB=2\nA=3\n", "has A again in line 3"),
    (b"AGENT_NAME=x\n", "has AGENT_NAME again in line 1"), (b"FLOWGRID_TENANT_ID=other\n", "has FLOWGRID_TENANT_ID again"),
    (b"A=" + b"x" * 70_000, "is longer than 64 KiB"), (b"s3cr3tvalue\n", "NAME=VALUE in line 1"),
], ids=lambda value: str(value)[:24])  # fmt: skip
def test_a_bad_line_is_named_and_never_shown(away, tmp_path, text, why):
    (tmp_path / "bad.env").write_bytes(text)
    done = away("agent", "env", "bot", "--append", "bad.env", "--secret-stdout", check=2)
    assert why in done.err and "s3cr3tvalue" not in done.err and done.out == ""
    assert away("agent", "env", "bot", "--append", "none.env", "--secret-stdout", check=2).out == ""


def test_a_file_from_windows_is_read(relay, bot):
    done = env(relay, "--append", "-", "--secret-stdout", stdin=b"\xef\xbb\xbfA=1\r\n \t# no\r\n  B= x \r\n\r\nC=")
    assert done.out.endswith("A=1\nB= x \nC=\n")


@pytest.mark.parametrize("url", ["http://relay.example.com", "ftp://x", "relay", "https://", "https:///x", "https://user:pw@x", "https://x y", "https://x\ny",
                                 "https://x/'", "http://localhost.evil", "http://127.0.0.1@evil", "https://é", "javascript:alert(1)",
                                 "https://" + "x" * 2000])  # fmt: skip
def test_an_address_that_is_none_or_holds_a_password_is_refused(away, url):
    for words, more in ((("--registry-url", url), {}), ((), {"env": {"RELAY_ADMIN_REGISTRY_URL": url}})):
        done = away("agent", "env", "bot", *words, check=2, **more)
        assert ("--registry-url" if words else "RELAY_ADMIN_REGISTRY_URL") in done.err and done.out == "" and "pw" not in done.err


def test_other_addresses_are_accepted(relay, bot):
    for url in ("http://localhost", "http://localhost:8080/x", "http://127.0.0.1:1", "http://[::1]:8/", "https://x?a=b#c", "https://[2001:db8::1]/"):
        assert f"FLOWGRID_REGISTRY_URL={url}\n" in env(relay, "--registry-url", url).out


@pytest.mark.parametrize("words", [
    ("--lease", "1s"), ("--lease", "11m"), ("--lease", "60"), ("--prefix", "1A"), ("--prefix", "A-"), ("--prefix", "A" * 65), ("--format", "yaml"),
    ("--replace",), ("--deliver-timeout", "5s"), ("--k8s-name", "x"), ("--format", "k8s", "--k8s-name", "X"), ("--format", "k8s", "--k8s-namespace", "a.b"),
    ("--secret-file", "a", "--secret-stdout"), ("--deliver", "cat", "--secret-fd", "1"), ("--deliver", "cat", "--deliver-timeout", "11m"),
    ("--append", "broker.env"), ("--secret-file", "-"), ("--secret-file", "x.new"), ("--append", "broker.env", "--format", "k8s"),
], ids=" ".join)  # fmt: skip
def test_what_cannot_be_meant_is_said_before_the_database_is_asked(away, words):
    assert away("agent", "env", "bot", *words, check=2).out == ""


def test_an_agent_with_another_spelling_has_its_queue(relay, bot, database):
    database.execute("INSERT INTO relay.agents (agent_id, org_id, name, created_by) VALUES ('Bot.v2-', 'acme', 'Old', 'test')")
    lines = relay("agent", "env", "Bot.v2-", *URL, check=0).out.splitlines()
    assert "SERVICEBUS_DEDICATED_QUEUE=acme.bot.v2-/8" in lines and "AGENT_ID=Bot.v2-" in lines
    manifest = yaml.safe_load(relay("agent", "env", "Bot.v2-", *URL, "--format", "k8s", check=0).out)
    assert manifest["metadata"]["name"] == "bot.v2--env"


def test_a_service_of_systemd_can_start_with_it(relay, bot, database, tmp_path):
    """systemd-analyze accepts the unit that the manual suggests."""
    env(relay, *URL, "--format", "systemd", "--secret-file", "bot.env")
    unit = tmp_path / "bot.service"
    unit.write_text(f"[Service]\nEnvironmentFile={tmp_path}/bot.env\nExecStart=/bin/true\n")
    subprocess.run([binaries.tool("systemd-analyze"), "verify", str(unit)], check=True, capture_output=True)

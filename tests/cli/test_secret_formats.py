"""Every format of a secret is read by what reads it in real use: shells, systemd, Docker, a YAML parser, libsodium, a runner of GitHub.

tests/contract/test_platform_rules.py reads the Kubernetes Secret by the rules of the API server."""

import base64
import json
import re
import subprocess

import nacl.public
import pytest
import yaml
from support.agents import decide, first_agent
from support.binaries import tool
from support.own_key import make_key

SYSTEMD_READER = "/usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator"
"""Reads files of variables with systemd's parser."""


@pytest.fixture(params=["bot", "0-_9", "pay_bot-2"])
def agent(request, relay, tmp_path):
    """An agent, whose id is plain or as odd as an id may be."""
    first_agent(relay, tmp_path / "first.key", agent=request.param)
    return request.param


@pytest.fixture
def write(relay, agent, tmp_path):
    """Gives the agent the key of the caller, `write.key`, in a format; returns what is in the store then."""

    def run(form, *flags):
        words = ("rotate-key", agent, "--force", "--key-from", "-", "--deliver", "cat > secret", "--secret-format", form, *flags)
        relay(*words, stdin=run.key, check=0)
        return (tmp_path / "secret").read_text()

    run.key = make_key()
    return run


def expected(agent, key, prefix="RELAY_"):
    return {f"{prefix}AGENT_ID": agent, f"{prefix}ORG_ID": "acme", f"{prefix}API_KEY": key}


# --- env


def by_shell(shell, path):
    """What a shell sets when it sources the file."""
    text = f". {path}; for name in $(sed 's/=.*//' {path}); do eval \"printf '%s=%s\\n' $name \\\"\\$$name\\\"\"; done"
    return subprocess.run([tool(shell), "-c", text], capture_output=True, text=True, check=True).stdout


def by_systemd(_, path):
    folder = path.parent / "config/environment.d"
    folder.mkdir(parents=True)
    (folder / "relay.conf").write_text(path.read_text())
    env = {"XDG_CONFIG_HOME": str(folder.parent), "HOME": str(path.parent), "PATH": "/usr/bin"}
    done = subprocess.run([SYSTEMD_READER], env=env, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    ours = {line.partition("=")[0] for line in path.read_text().splitlines()}  # the machine may have more
    return "\n".join(line for line in done.stdout.splitlines() if line.partition("=")[0] in ours)


def by_docker(_, path):
    """`docker run --env-file`: a line is a name, =, and the value as it is, with quotes and all."""
    lines = [line.lstrip() for line in path.read_text().split("\n")]
    lines = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[^=\s]+=.*", line) for line in lines)
    return "\n".join(lines)


def by_compose(_, path):
    """`env_file:` of Compose: it also expands $, removes quotes, and ends a value at a #."""
    text = by_docker(_, path)
    assert not re.search(r"[$'\"#\\\s]", text.replace("\n", ""))
    return text


READERS = {"sh": by_shell, "bash": by_shell, "zsh": by_shell, "systemd": by_systemd, "docker": by_docker, "compose": by_compose}


@pytest.mark.parametrize("prefix", ["RELAY_", "BOT2_"])
@pytest.mark.parametrize("reader", READERS)
def test_variables_are_read_alike_by_all(write, agent, tmp_path, reader, prefix):
    write("env", "--env-prefix", prefix)
    found = READERS[reader](reader, tmp_path / "secret").strip()
    assert dict(line.split("=", 1) for line in found.split("\n")) == expected(agent, write.key, prefix)


# --- documents


def test_json_is_one_object(write, agent):
    document = json.loads(write("json"))
    assert document["api_key"] == write.key and document["agent_id"] == agent and document["org_id"] == "acme"


def test_a_yaml_parser_reads_the_secret_of_kubernetes(write, agent):
    text = write("k8s", "--k8s-namespace", "prod")
    (document,) = yaml.safe_load_all(text)
    assert document["kind"] == "Secret" and document["metadata"]["namespace"] == "prod"
    assert {name: base64.b64decode(value).decode() for name, value in document["data"].items()} == expected(agent, write.key)
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", document["metadata"]["name"])


def test_libsodium_opens_what_is_sealed(write, tmp_path, agent):
    box = nacl.public.PrivateKey.generate()
    public = base64.b64encode(bytes(box.public_key)).decode()
    (tmp_path / "public-key").write_text(json.dumps({"key_id": "568250167242549743", "key": public}))
    document = json.loads(write("sealed", "--seal-key", "public-key"))
    assert set(document) == {"encrypted_value", "key_id"} and document["key_id"] == "568250167242549743"
    sealed = base64.b64decode(document["encrypted_value"], validate=True)
    assert nacl.public.SealedBox(box).decrypt(sealed).decode() == write.key
    with pytest.raises(Exception, match="decrypt"):
        nacl.public.SealedBox(nacl.public.PrivateKey.generate()).decrypt(sealed)


# --- a runner of GitHub


@pytest.mark.parametrize("form", ["raw", "env", "json", "k8s"])
def test_a_runner_hides_the_key_in_every_form_in_which_it_was_written(relay, database, agent, form):
    """It replaces each value of `::add-mask::` in all that comes after it."""
    relay = relay.with_(env={"GITHUB_ACTIONS": "true"})
    result = relay("rotate-key", agent, "--force", "--secret-stdout", "--secret-format", form, check=0)
    masks = re.findall(r"^::add-mask::(.+)$", result.err, re.MULTILINE)
    assert decide(database, masks[0]) == "ok"
    shown = result.out + re.sub(r"^::add-mask::.*$", "", result.err, flags=re.MULTILINE)
    assert any(mask in shown for mask in masks)
    for mask in masks:
        shown = shown.replace(mask, "***")
    assert "relay_sk_" not in shown and base64.b64encode(masks[0].encode()).decode() not in shown


@pytest.mark.parametrize("value", [None, "false", "1"])
def test_outside_of_github_nothing_is_masked(relay, agent, value):
    result = relay.with_(env={"GITHUB_ACTIONS": value})("rotate-key", agent, "--force", "--secret-stdout", check=0)
    assert "::" not in result.err and "relay_sk_" not in result.err

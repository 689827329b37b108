"""migrate-legacy issue --secret-format sealed: each key for its owner alone."""

import json

import pytest
from nacl.public import PrivateKey

from support.agents import key_id
from support.legacy_issue import enlist, issue, live_keys, on_disk
from support.legacy_seal import OWNERS, open_sealed, public, write_seal_keys


@pytest.mark.parametrize("sink", [("--secrets-dir", "out"), ("--secret-file", "keys")], ids=["folder", "lines"])
def test_each_key_is_sealed_to_its_owner_and_nobody_else_opens_it(relay, database, tmp_path, sink):
    enlist(relay, tmp_path, 9)
    write_seal_keys(tmp_path / "pk", OWNERS)
    issue(relay, "--next", "5", *sink, "--secret-format", "sealed", "--seal-keys", "pk")
    issue(relay, "--all", *sink, "--secret-format", "sealed", "--seal-keys", "pk")
    assert not on_disk(tmp_path)
    if sink[0] == "--secret-file":
        lines = [json.loads(line) for line in (tmp_path / "keys").read_text().splitlines()]
        sealed = {line["agent_id"]: line for line in lines}
        assert all(line["owner"] == f"team-{int(line['agent_id'][-4:]) % 3}" and line["org_id"] == "o" for line in lines)
        assert {line["agent_id"]: line["api_key_id"] for line in lines} == live_keys(database)
        relay.error("migrate-legacy", "issue", "--all", *sink, "--secret-format", "json", check=12)
    else:
        sealed = {path.name.removesuffix(".sealed.json"): json.loads(path.read_text()) for path in (tmp_path / "out").iterdir()}
    live = live_keys(database)
    assert sealed.keys() == live.keys() and len(live) == 9
    for agent, box in sealed.items():
        owner = f"team-{int(agent[-4:]) % 3}"
        assert box["key_id"] == f"id-{owner}"
        assert key_id(open_sealed(OWNERS[owner], box["encrypted_value"])) == live[agent]
        for other in OWNERS.keys() - {owner}:
            with pytest.raises(Exception, match="decrypt"):
                open_sealed(OWNERS[other], box["encrypted_value"])


def test_an_owner_without_a_key_to_seal_to_fails_alone_and_a_star_is_for_the_rest(relay, database, tmp_path):
    enlist(relay, tmp_path, 6)
    rest = PrivateKey.generate()
    sealed = ("--secrets-dir", "out", "--secret-format", "sealed", "--seal-keys", "pk")
    write_seal_keys(tmp_path / "pk", {"team-1": OWNERS["team-1"]})
    for dry in (("--dry-run",), ()):
        done = issue(relay, "--all", *sealed, *dry, check=7)
        assert done["issued"] == 2 and [fault["agent_id"][-1] for fault in done["faults"]] == ["0", "2", "3", "5"]
        assert done["faults"][0]["reason"].startswith("no public key to seal with: --seal-keys has no entry for its owner 'team-0'")
    assert len(list((tmp_path / "out").iterdir())) == 2 == len(live_keys(database))
    write_seal_keys(tmp_path / "pk", {"team-2": OWNERS["team-2"], "*": rest}, [{"org_id": "p", "key_id": "1", "key": public(rest)}])
    assert issue(relay, "--all", *sealed)["issued"] == 4
    for agent, private in (("Agent.0000", rest), ("Agent.0002", OWNERS["team-2"])):
        box = json.loads((tmp_path / "out" / f"{agent}.sealed.json").read_text())
        assert key_id(open_sealed(private, box["encrypted_value"])) == live_keys(database)[agent]


GOOD = f'"key_id":"1","key":"{public(OWNERS["team-0"])}"'
BAD_SEAL_KEYS = {
    "": "has no first line",
    "owner,key_id\nteam-0,1\n": "has no column key",
    '{"owner":"a",%s}\n{"owner":"b","key_id":"1","key":"AAAA"}\n' % GOOD: "line 2: not a sealing key: 3 bytes where 32 are needed",
    '{"owner":"a","key_id":"1"}': "line 1: not a sealing key",
    '{"owner":"a","key_id":"no spaces","key":"AAAA"}': 'line 1: "key_id" must be',
    '{"owner":"a",%s}\n\n{"owner":"a",%s}\n' % (GOOD, GOOD): "line 3: a second key for 'a'",
    '{"owner":"a","org_id":"o",%s}' % GOOD: "line 1: give either an owner or an org_id",
    "{%s}" % GOOD: "line 1: give either an owner or an org_id",
    "{broken": "line 1: it is not a JSON object",
    "owner,key_id,key\na,1\n": "line 2: it has 2 fields",
}


@pytest.mark.parametrize("text", BAD_SEAL_KEYS)
def test_a_bad_file_of_keys_is_told_before_the_database_is_asked(relay_without_database, tmp_path, text):
    (tmp_path / "pk").write_text(text)
    error = relay_without_database.error("migrate-legacy", "issue", "--all", "--secrets-dir", "out", "--secret-format", "sealed",
                                         "--seal-keys", "pk", check=2)  # fmt: skip
    assert BAD_SEAL_KEYS[text] in error["message"], error

"""The vectors of the API key pass in Node, in Python, in C++ and in SQL."""

import base64

from support import gateways, vectors

DOCUMENT = vectors.load()


AGENT_KEYS = [vector for vector in DOCUMENT["valid"] if vector["prefix"] == "relay_sk_"]
ADMIN_TOKENS = [vector for vector in DOCUMENT["valid"] if vector["prefix"] == "relay_at_"]


def test_every_valid_key_gives_its_id_and_digest(language):
    said = gateways.parse(language, [vector["key"] for vector in AGENT_KEYS])
    assert said == [{"valid": True, **{name: vector[name] for name in ("key_id", "digest")}} for vector in AGENT_KEYS]
    assert len(said) >= 8


def test_an_admin_token_is_no_key_of_an_agent(language):
    said = gateways.parse(language, [vector["key"] for vector in ADMIN_TOKENS])
    assert said == [{"valid": False}] * len(ADMIN_TOKENS) and said


def test_every_invalid_text_is_refused(language):
    said = gateways.parse(language, [vector["text"] for vector in DOCUMENT["invalid"]])
    accepted = [vector for vector, answer in zip(DOCUMENT["invalid"], said) if answer["valid"]]
    assert accepted == []
    assert len(said) == len(DOCUMENT["invalid"]) >= 12


def test_one_trailing_newline_is_forgiven(language):
    forgiven = DOCUMENT["accepted_with_one_newline"]
    with_newline = gateways.parse(language, [vector["text"] for vector in forgiven])
    without = gateways.parse(language, [vector["same_as"] for vector in forgiven])
    assert with_newline == without
    assert all(answer["valid"] for answer in with_newline)


def test_the_database_hashes_as_the_vectors_say(cluster):
    for vector in DOCUMENT["valid"]:
        sql = "SELECT encode(sha256(convert_to(%s, 'UTF8')), 'hex'), encode(sha256(decode(%s, 'hex')), 'hex')"
        assert cluster.query(sql, (vector["key"], vector["digest"])) == [(vector["digest"], vector["key_hash"])]


def test_the_database_accepts_a_digest_for_a_stored_hash_and_no_other(database):
    """Keys of the vectors, stored by hash as a provisioner may store them, are found by digest."""
    database.execute(
        "INSERT INTO relay.organizations (org_id, name, plan, created_by) VALUES ('acme', 'Acme', 'paid', 'test')"
    )
    for number, vector in enumerate(AGENT_KEYS):
        database.execute(
            "INSERT INTO relay.agents (agent_id, org_id, name, created_by) VALUES (%s, 'acme', 'Agent', 'test')",
            f"agent{number}",
        )
        database.execute(
            "INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, created_by, due_at)"
            " VALUES (%s, %s, 'acme', decode(%s, 'hex'), 'test', now() + interval '90 days')",
            vector["key_id"], f"agent{number}", vector["key_hash"],
        )  # fmt: skip
    sql = "SELECT * FROM relay_api.authenticate(%s, decode(%s, 'hex'))"
    for number, vector in enumerate(AGENT_KEYS):
        other = AGENT_KEYS[number - 1]
        assert database.one(sql, vector["key_id"], vector["digest"])["agent_id"] == f"agent{number}"
        assert database.one(sql, vector["key_id"], other["digest"])["reason"] == "unknown_key"
        # A stolen copy of the table does not let anyone authenticate.
        assert database.one(sql, vector["key_id"], vector["key_hash"])["reason"] == "unknown_key"
        whole_key = base64.b16encode(vector["key"].encode()).decode()
        assert database.one(sql, vector["key_id"], whole_key)["reason"] == "unknown_key"

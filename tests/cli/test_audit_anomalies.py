"""audit anomalies: each kind is seeded, and found with its evidence; and nothing is found where nothing is."""

import shlex

import pytest

from support.agents import digest, first_agent, key_id, rotate
from support.prepared import prepared

NAME = ("audit", "anomalies")


@prepared
def key(relay, tmp_path):
    return first_agent(relay, tmp_path / "bot.key")


def use(database, key, address="203.0.113.7", secret=None):
    database.execute("SELECT relay_api.authenticate(%s, %s, NULL, NULL, %s)", key_id(key), secret or digest(key), address)


def found(relay, *words):
    """The findings by kind."""
    document = relay(*NAME, *words, "-o", "json").json()
    assert document["kind"] == "AnomalyList" and document["next"] is None
    return {item["anomaly"]: item for item in document["items"]}


def only(relay, kind, *words):
    """The finding of a kind, which must be the only one; its command runs."""
    result = relay(*NAME, *words, "-o", "json", check=10)
    (item,) = result.json()["items"]
    assert item["anomaly"] == kind
    assert item["evidence"] in relay(*NAME, *words, check=10).out
    assert relay(*shlex.split(item["command"])[1:], check=0).out
    return item


def age(database, days):
    """Moves every use that was recorded so far into the past."""
    database.execute("SET session_replication_role = replica")
    for table, columns in (("key_sightings", ("first_used_at", "last_used_at")), ("auth_events", ("occurred_at",)), ("agents", ("created_at",))):
        moved = ", ".join(f"{column} = {column} - make_interval(days => {days})" for column in columns)
        database.execute(f"UPDATE relay.{table} SET {moved}")
    database.execute("RESET session_replication_role")


def move(database, address, *, hours, events=True):
    """Moves the uses from one address."""
    database.execute("SET session_replication_role = replica")
    database.execute(f"UPDATE relay.key_sightings SET first_used_at = first_used_at + interval '{hours} hour', last_used_at = last_used_at + interval '{hours} hour'"
                     f" WHERE ip_address = '{address}'")  # fmt: skip
    if events:
        database.execute(f"UPDATE relay.auth_events SET occurred_at = occurred_at + interval '{hours} hour' WHERE ip_address = '{address}'")
    database.execute("RESET session_replication_role")


def add_uses(database, key, address, *hours_ago):
    """Uses that authenticate recorded, with their events and the sighting."""
    for hours in hours_ago:
        database.execute(
            "INSERT INTO relay.key_sightings (key_id, ip_address, first_used_at, last_used_at)"
            " VALUES (%(key)s, %(address)s, now() - make_interval(hours => %(hours)s), now() - make_interval(hours => %(hours)s))"
            " ON CONFLICT (key_id, ip_address) DO UPDATE SET first_used_at = least(key_sightings.first_used_at, excluded.first_used_at),"
            " last_used_at = greatest(key_sightings.last_used_at, excluded.last_used_at)".replace("%(key)s", f"'{key_id(key)}'")
            .replace("%(address)s", f"'{address}'").replace("%(hours)s", str(hours)))  # fmt: skip
        database.execute("INSERT INTO relay.auth_events (occurred_at, org_id, agent_id, key_id, action, ip_address)"
                         f" VALUES (now() - make_interval(hours => {hours}), 'acme', 'bot', %s, 'authenticated', %s)", key_id(key), address)  # fmt: skip


def test_nothing_is_found_where_nothing_is(relay, database, key):
    assert relay.json(*NAME)["items"] == []
    use(database, key)
    for _ in range(15):
        use(database, key, secret=b"x" * 32)
    assert relay.json(*NAME)["items"] == [], "a first use, and a few failures"


@pytest.mark.parametrize(("before", "after", "shown"), [("203.0.113.7", "198.51.100.9", "198.51.100.9"), ("2001:db8:0:1::5", "2001:db8:0:2::5", "2001:db8:0:2::/64")])
def test_a_first_call_from_a_new_network(relay, database, key, before, after, shown):
    use(database, key, before)
    age(database, 2)
    use(database, key, after)
    item = only(relay, "new_address")
    assert (item["agent_id"], item["ip_address"], item["key_id"]) == ("bot", shown, key_id(key)) and shown in item["evidence"]
    assert set(found(relay, "--org", "acme", "--since", "2020-01-01T00:00:00Z")) == {"new_address"}, "the first of all is not new"


def test_another_address_of_a_known_ipv6_network_is_not_new(relay, database, key):
    use(database, key, "2001:db8::1")
    age(database, 2)
    use(database, key, "2001:db8::ffff")
    assert relay.json(*NAME)["items"] == []


def test_a_dead_key_that_is_used_again(relay, database, key, tmp_path):
    rotate(relay, tmp_path / "new.key", "--grace", "0")
    for _ in range(2):
        use(database, key)
    item = only(relay, "dead_key_used")
    assert (item["key_id"], item["agent_id"], item["times"]) == (key_id(key), "bot", 2) and "2 times" in item["evidence"]
    relay("revoke", "--key", key_id(key), check=0)
    use(database, key)
    assert only(relay, "dead_key_used")["times"] == 3


def test_a_public_key_that_signs_again_after_its_end(relay, database, key, tmp_path):
    """A gateway reports it once it has verified the signature, for which it gets the public key of a dead key, too."""
    (tmp_path / "bot.pub").write_text(relay.json("agent", "keygen", tmp_path / "bot.pem")["data"]["public_key"])
    public = relay.json("rotate-key", "bot", "--public-key", tmp_path / "bot.pub")["data"]["key_id"]
    signer = "SELECT reason, public_key IS NOT NULL AS is_verifiable FROM relay_api.signer(%s, now())"
    assert database.one(signer, public) == {"reason": "ok", "is_verifiable": True}
    relay("revoke", "--key", public, check=0)
    assert database.one(signer, public) == {"reason": "revoked", "is_verifiable": True}
    assert found(relay) == {}, "signer records nothing"
    for reason in ("bad_signature", "revoked"):
        database.execute("SELECT relay_api.report_violation(%s, %s, '203.0.113.7')", public, reason)
    item = only(relay, "dead_key_used")
    assert (item["key_id"], item["agent_id"], item["times"]) == (public, "bot", 1)


def test_a_dead_key_of_a_blocked_agent(relay, database, key, tmp_path):
    relay("block", "bot", check=0)
    use(database, key)
    assert found(relay) == {}, "the key has not ended"
    rotate(relay, tmp_path / "new.key", "--grace", "0")
    use(database, key)
    item = only(relay, "dead_key_used")
    assert (item["key_id"], item["times"]) == (key_id(key), 1)


def test_a_new_agent_with_two_hosts_has_no_new_address(relay, database, key):
    add_uses(database, key, "203.0.113.7", 5)
    add_uses(database, key, "198.51.100.9", 2)
    assert found(relay) == {}


def test_many_failures_of_a_key_and_from_an_address(relay, database, key):
    for number in range(21):
        use(database, key, f"2001:db8::{number + 1}", secret=b"x" * 32)
    both = found(relay)
    assert set(both) == {"failures_of_key", "failures_from_address"}
    assert both["failures_of_key"]["times"] == 21 and both["failures_of_key"]["agent_id"] == "bot"
    assert both["failures_from_address"]["ip_address"] == "2001:db8::/64" and both["failures_from_address"]["times"] == 21
    for item in both.values():
        assert relay(*shlex.split(item["command"])[1:], check=0).out
    assert set(found(relay, "--org", "acme")) == set(both)
    relay("org", "create", "other", "--name", "Other", check=0)
    assert found(relay, "--org", "other") == {} and found(relay, "--failures", "21") == {}
    for number in range(21):
        database.execute("SELECT relay_api.authenticate(%s, %s, NULL, NULL, '198.51.100.9')", f"{number:012}", b"y" * 32)
    assert found(relay, "--failures", "20")["failures_from_address"]["times"] == 21


def test_one_key_at_two_addresses_at_once(relay, database, key):
    use(database, key, "203.0.113.7")
    use(database, key, "198.51.100.9")
    two = found(relay)
    assert two["two_places"]["times"] == 2 and "198.51.100.9, 203.0.113.7" in two["two_places"]["evidence"]
    move(database, "203.0.113.7", hours=-1)
    assert "two_places" not in found(relay), "it moved"


def test_two_hosts_are_found_when_the_second_one_is_new_and_only_if_they_take_turns(relay, database, key):
    """A works all week, B called once in the middle, between two calls of A; then B calls every day."""
    add_uses(database, key, "203.0.113.7", *range(1, 80))
    add_uses(database, key, "198.51.100.9", 40)
    assert "two_places" not in found(relay), "it was found the day before"
    two = found(relay, "--since", "48h")["two_places"]
    assert "in turn from 198.51.100.9, 203.0.113.7" in two["evidence"]
    add_uses(database, key, "198.51.100.9", 3)
    assert "two_places" not in found(relay)


def test_two_hosts_whose_uses_are_hours_apart_are_not_at_once(relay, database, key):
    add_uses(database, key, "203.0.113.7", 90, 12, 1)
    add_uses(database, key, "198.51.100.9", 6)
    assert set(found(relay)) == {"new_address"}


def test_a_key_from_very_many_addresses_names_the_first_three(relay, database, key):
    database.execute("INSERT INTO relay.auth_events (org_id, agent_id, key_id, action, ip_address)"
                     " SELECT 'acme', 'bot', %s, 'authenticated', ('2001:db8:' || to_hex(n) || '::1')::inet FROM generate_series(1, 3000) AS n", key_id(key))  # fmt: skip
    database.execute("INSERT INTO relay.key_sightings (key_id, ip_address, last_used_at) SELECT key_id, ip_address, now() FROM relay.auth_events WHERE action = 'authenticated'")
    two = found(relay)["two_places"]
    assert two["times"] == 3000 and two["evidence"].endswith(" and 2997 more") and two["ip_address"].count(", ") == 2


def test_a_kind_with_very_many_findings_is_cut_and_says_so(relay, database, key):
    database.execute("INSERT INTO relay.auth_events (action, outcome, reason, ip_address, times)"
                     " SELECT 'auth_failed', 'failed', 'unknown_key', '10.0.0.0'::inet + n, 21 FROM generate_series(1, 150) AS n")  # fmt: skip
    document = relay(*NAME, "-o", "json", check=10).json()
    assert len(document["items"]) == 100 and document["warnings"][0].startswith("failures_from_address: and 50 more")


def test_a_kind_that_takes_too_long_does_not_hide_the_others(relay, database, key):
    for _ in range(11):
        database.execute("SELECT relay_api.authorize('bot', 'stripe:refund', '203.0.113.7')")
    with database.connect() as held:
        held.autocommit = False
        with held.cursor() as cursor:
            cursor.execute("LOCK TABLE relay.legacy_sightings")
        document = relay("--timeout", "2s", *NAME, "-o", "json", check=10).json()
        held.rollback()
    assert [item["anomaly"] for item in document["items"]] == ["permission_burst"]
    assert document["warnings"][0].startswith("long_silence was not looked for")


def test_a_use_after_a_long_silence(relay, database, key):
    use(database, key)
    age(database, 31)
    use(database, key)
    item = only(relay, "long_silence")
    assert (item["agent_id"], item["times"]) == ("bot", 31)
    assert found(relay, "--silence", "40d") == {}


def test_what_is_no_silence(relay, database, key):
    """The agent has used the shared secret until yesterday; or a gateway has reported its uses."""
    use(database, key)
    age(database, 45)
    database.execute("INSERT INTO relay.auth_events (occurred_at, org_id, agent_id, action) VALUES (now() - interval '26 hours', 'acme', 'bot', 'legacy_authenticated')")
    use(database, key)
    assert found(relay) == {}
    database.execute("SET session_replication_role = replica; DELETE FROM relay.auth_events WHERE action = 'legacy_authenticated'")
    database.execute("RESET session_replication_role")
    assert set(found(relay)) == {"long_silence"}
    database.execute("INSERT INTO relay.key_sightings (key_id, ip_address, first_used_at, last_used_at, reported_by)"
                     " VALUES (%s, '203.0.113.8', now() - interval '44 days', now() - interval '26 hours', 'gateway')", key_id(key))  # fmt: skip
    assert found(relay) == {}


def test_a_return_that_only_a_gateway_reported_ends_a_silence(relay, database, key):
    use(database, key)
    age(database, 45)
    database.execute("SELECT * FROM relay_api.report_uses(ARRAY[%s], ARRAY['198.51.100.9']::inet[], ARRAY[now()])", key_id(key))
    silent = found(relay)["long_silence"]
    assert (silent["times"], silent["ip_address"]) == (45, "198.51.100.9")


def test_a_silence_within_the_window_is_found(relay, database, key):
    add_uses(database, key, "203.0.113.7", 24 * 20, 24 * 19, 24 * 12, 24 * 11)
    age(database, 1)
    add_uses(database, key, "203.0.113.7", *range(1, 24 * 12))
    silent = found(relay, "--since", "30d", "--silence", "5d")["long_silence"]
    assert silent["times"] == 7
    assert found(relay, "--since", "30d", "--silence", "8d") == {}


def test_a_burst_of_refused_permissions(relay, database, key):
    for _ in range(11):
        database.execute("SELECT relay_api.authorize('bot', 'stripe:refund', '203.0.113.7')")
    item = only(relay, "permission_burst")
    assert (item["agent_id"], item["times"]) == ("bot", 11)
    assert found(relay, "--refusals", "11") == {}


def test_what_was_before_is_not_reported_and_no_key_ends(relay, database, key, tmp_path):
    rotate(relay, tmp_path / "new.key", "--grace", "0")
    use(database, key)
    before = database.rows("SELECT * FROM relay.agent_keys ORDER BY key_id")
    relay(*NAME, check=10)
    assert database.rows("SELECT * FROM relay.agent_keys ORDER BY key_id") == before
    age(database, 2)
    assert found(relay) == {} and set(found(relay, "--since", "3d")) == {"dead_key_used"}


def test_bad_words_and_readers(relay, database, key, tmp_path):
    rotate(relay, tmp_path / "new.key", "--grace", "0")
    use(database, key)
    relay.error(*NAME, "--org", "nope", check=3)
    for words in (("--since", "x"), ("--failures", "0"), ("--silence", "5")):
        relay.error(*NAME, *words, check=2)
    for role in ("relay_auditor", "relay_responder"):
        reader = relay.with_(dsn=database.dsn(user=database.cluster.login(f"only_{role}", member_of=role)))
        assert reader(*NAME, "-o", "json", check=10).json()["items"]


def play(scene):
    scene.database.execute("SELECT relay_api.authenticate('0123456789ab', sha256(n::text::bytea), NULL, NULL, '192.0.2.9') FROM generate_series(1, 21) AS n")
    scene.read("audit", "anomalies", code=10)
    scene.read("audit", "anomalies", "--org", "small", "--since", "1s")

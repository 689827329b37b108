#include "fixture.hpp"
#include "relay/identity/rotate_key.hpp"
#include "relay/incident/incident.hpp"

#include <doctest/doctest.h>

using namespace relay;
using namespace relay::test;

namespace {

std::string hex(KeyDigest const &digest) {
    std::string text;
    for (unsigned char const byte : digest.bytes) {
        text += "0123456789abcdef"[byte >> 4];
        text += "0123456789abcdef"[byte & 15];
    }
    return text;
}

/// Returns the reason that a gateway gets; `more` are further arguments of authenticate.
std::string reason(Relay const &relay, std::string const &key_text, std::string const &more = "") {
    ApiKey const key = ApiKey::parse(key_text);
    return relay.scratch.query("SELECT reason FROM relay_api.authenticate('" + key.id().text() + "', '\\x" +
                               hex(key.digest()) + "'" + more + ")");
}

RotatedKey rotate(Relay &relay, std::string const &agent, std::chrono::seconds grace,
                  bool retire_on_first_use = false) {
    DeliverTo delivery([&](std::string_view key) { relay.last_key = key; });
    return rotate_key(relay.database,
                      {.agent = AgentId::parse(agent), .grace = grace, .retire_on_first_use = retire_on_first_use},
                      Relay::write(), &delivery);
}

std::string events(Relay const &relay, std::string const &condition) {
    return relay.scratch.query("SELECT count(*) FROM relay.auth_events WHERE " + condition);
}

}  // namespace

TEST_CASE("a new key opens, and only for its own agent and organization") {
    Relay relay;
    relay.agent("bot");
    CHECK(reason(relay, relay.last_key) == "ok");
    CHECK(reason(relay, relay.last_key, ", agent_id => 'bot', org_id => 'acme'") == "ok");
    CHECK(reason(relay, relay.last_key, ", agent_id => 'other'") == "agent_mismatch");
    CHECK(reason(relay, relay.last_key, ", org_id => 'other'") == "org_mismatch");
    CHECK(events(relay,
                 "action = 'auth_failed' AND reason = 'agent_mismatch' AND detail->>'claimed_agent_id' = 'other'") ==
          "1");
}

TEST_CASE("a key id with another secret, and one that was never made, are both unknown and reveal nothing") {
    Relay relay;
    relay.agent("bot");
    std::string const id = ApiKey::parse(relay.last_key).id().text();
    auto const answer = [&](std::string const &key_id, std::string const &digest) {
        return relay.scratch.query("SELECT (a.reason, a.org_id, a.agent_id)::text FROM relay_api.authenticate(" +
                                   key_id + ", " + digest + ") AS a");
    };
    CHECK(answer("'" + id + "'", "sha256('guess')") == "(unknown_key,,)");
    CHECK(answer("'zzzzzzzzzzzz'", "sha256('guess')") == "(unknown_key,,)");
    CHECK(answer("NULL", "NULL") == "(unknown_key,,)");
    CHECK(answer("'" + id + "'", "NULL") == "(unknown_key,,)");
}

TEST_CASE("success is written once per minute for a key and an address") {
    Relay relay;
    relay.agent("bot");
    for (int i = 0; i < 5; ++i) {
        CHECK(reason(relay, relay.last_key, ", ip_address => '203.0.113.7'") == "ok");
        CHECK(reason(relay, relay.last_key, ", ip_address => '203.0.113.8'") == "ok");
    }
    CHECK(events(relay, "action = 'authenticated'") == "2");
    CHECK(relay.scratch.query("SELECT last_used_at IS NOT NULL FROM relay.agent_status WHERE agent_id = 'bot'") == "t");
}

TEST_CASE("both keys open during the grace; the old one never outlives its own expiry") {
    Relay relay;
    relay.agent("bot");
    std::string const old_key = relay.last_key;
    rotate(relay, "bot", std::chrono::hours(24));
    CHECK(reason(relay, old_key) == "ok");
    CHECK(reason(relay, relay.last_key) == "ok");
    relay.scratch.query(
        "UPDATE relay.agent_keys SET expires_at = now() - interval '1 second' WHERE state = 'retiring'");
    CHECK(reason(relay, old_key) == "expired");
}

TEST_CASE("a grace of 0 ends the old key immediately") {
    Relay relay;
    relay.agent("bot");
    std::string const old_key = relay.last_key;
    rotate(relay, "bot", std::chrono::seconds(0));
    CHECK(reason(relay, old_key) == "retired");
    CHECK(reason(relay, relay.last_key) == "ok");
}

TEST_CASE("the first use of the new key ends the old one, if that was asked for") {
    Relay relay;
    relay.agent("bot");
    std::string const old_key = relay.last_key;
    rotate(relay, "bot", std::chrono::hours(24), true);
    CHECK(reason(relay, old_key) == "ok");
    CHECK(reason(relay, relay.last_key) == "ok");
    CHECK(reason(relay, old_key) == "retired");
    CHECK(events(relay, "action = 'key_retired' AND key_id = '" + ApiKey::parse(old_key).id().text() + "'") == "1");
}

TEST_CASE("authentication does not wait for a rotation in flight") {
    Relay relay;
    relay.agent("bot");
    pqxx::connection connection(relay.scratch.dsn());
    pqxx::work work(connection);
    work.exec("SELECT FROM relay.agents WHERE agent_id = 'bot' FOR UPDATE");
    work.exec("SELECT FROM relay.agent_keys WHERE agent_id = 'bot' FOR UPDATE");
    relay.scratch.query("ALTER DATABASE " + relay.scratch.query("SELECT current_database()") +
                        " SET lock_timeout = '500ms'");
    CHECK(reason(relay, relay.last_key) == "ok");
}

TEST_CASE("block and revocation, of agent and organization, outrank everything else") {
    Relay relay;
    relay.agent("bot");
    auto const bot = AgentId::parse("bot");
    auto const acme = OrgId::parse("acme");
    block_agents(relay.database, {bot}, {}, false, Relay::write());
    CHECK(reason(relay, relay.last_key, ", agent_id => 'other'") == "blocked");
    unblock_agents(relay.database, {bot}, Relay::write());
    CHECK(reason(relay, relay.last_key) == "ok");
    block_org(relay.database, acme, {}, Relay::write());
    CHECK(reason(relay, relay.last_key) == "blocked");
    unblock_org(relay.database, acme, Relay::write());
    revoke_agents(relay.database, {bot}, false, Relay::write());
    CHECK(reason(relay, relay.last_key) == "revoked");
}

TEST_CASE("a key from before a revocation stays dead after the agent is restored") {
    Relay relay;
    relay.agent("bot");
    std::string const old_key = relay.last_key;
    revoke_agents(relay.database, {AgentId::parse("bot")}, false, Relay::write());
    DeliverTo delivery([&](std::string_view key) { relay.last_key = key; });
    auto const restored = restore_agent(relay.database, {.agent = AgentId::parse("bot")}, Relay::write(), delivery);
    CHECK(restored.changed);
    CHECK(reason(relay, old_key) == "revoked");
    CHECK(reason(relay, relay.last_key) == "ok");
}

TEST_CASE("a rotation that began before a revocation never wins") {
    Relay relay;
    relay.agent("bot");
    DeliverTo delivery([&](std::string_view key) {
        relay.last_key = key;
        // Another responder revokes while the rotation is between its checks and its COMMIT.
        db::Database other(relay.scratch.settings());
        revoke_agents(other, {AgentId::parse("bot")}, false, Relay::write());
    });
    CHECK(rotate_key(relay.database, {.agent = AgentId::parse("bot")}, Relay::write(), &delivery).changed);
    CHECK(reason(relay, relay.last_key) == "revoked");
    // Also when the revocation is lifted: the cut-off is later than the key.
    relay.scratch.query("UPDATE relay.revocations SET lifted_at = now(), lifted_by = 'test'");
    CHECK(reason(relay, relay.last_key) == "revoked");
}

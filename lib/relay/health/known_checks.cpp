#include "relay/health/known_checks.hpp"

namespace relay {

std::vector<std::string_view> const &known_checks() {
    static std::vector<std::string_view> const all{
        "db.connection",
        "db.tls",
        "db.password",
        "db.role",
        "server.version",
        "server.primary",
        "server.durability",
        "server.passwords",
        "server.logging",
        "server.notify",
        "server.standbys",
        "clock",
        "schema.version",
        "schema.drift",
        "grants.foreign",
        "grants.gateways",
        "grants.tenants",
        "grants.billing",
        "audit.months",
        "audit.seals",
        "keys.due",
        "keys.staged",
        "keys.unused",
        "policy.window",
        "messages.refused",
        "policy.relay",
        "policy.nonces",
        "gateways",
        "legacy.window",
        "legacy.pace",
        "legacy.refused",
        "legacy.env_file",
        "legacy.fallback",
        "legacy.secret",
        "relay.verify_jwt",
        "relay.require_hmac",
        "relay.header_secret",
        "relay.session",
        "relay.nonce",
        "relay.hmac_window",
        "relay.session_ttl",
        "relay.secret_cache",
    };
    return all;
}

}  // namespace relay

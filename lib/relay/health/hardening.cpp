#include "relay/health/hardening.hpp"

#include "relay/call_policy/setting_value.hpp"
#include "relay/health/judges.hpp"
#include "relay/model/time.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <array>

namespace relay {
namespace {

using Kind = HardeningRule::Kind;

constexpr auto rules = std::to_array<HardeningRule>({
    {"relay.verify_jwt", "EDGE_VERIFY_JWT", Kind::on, "the edge passes calls whose token it has not checked"},
    {"relay.require_hmac", "EDGE_REQUIRE_HMAC", Kind::on, "the edge accepts calls without a signature"},
    {"relay.header_secret", "EDGE_ALLOW_HEADER_SECRET", Kind::off,
     "a secret in a header is accepted, and headers end up in logs"},
    {"relay.session", "AGENT_SESSION_REQUIRED", Kind::on, "agents can call without a session"},
    {"relay.nonce", "AGENT_REQUIRE_NONCE", Kind::on, "a recorded call can be repeated"},
    {"relay.hmac_window", "AGENT_HMAC_WINDOW_MS", Kind::milliseconds, "a recorded call can be repeated for that long",
     30'000, 120'000, 60'000, "a clock that is a little wrong locks an agent out"},
    {"relay.session_ttl", "AGENT_SESSION_TTL_MS", Kind::milliseconds, "a stolen session is valid for that long", 60'000,
     3'600'000, 900'000, "agents spend their time making sessions"},
    {"relay.secret_cache", "AGENT_SECRET_CACHE_MS", Kind::milliseconds,
     "the relay accepts a blocked or revoked key for that long", 0, 60'000, 30'000, ""},
});

std::string flag_of(PolicySetting setting) {
    std::string name = "--" + std::string(text_of(setting));
    std::replace(name.begin(), name.end(), '_', '-');
    return name;
}

/// Reads a duration as the database stores it.
std::optional<std::int64_t> milliseconds_of(std::string const &stored) {
    return std::chrono::milliseconds(parse_duration(stored)).count();
}

std::string wanted(HardeningRule const &rule) {
    switch (rule.kind) {
        case Kind::on: return "true";
        case Kind::off: return "false";
        case Kind::milliseconds: break;
    }
    return std::to_string(rule.advised);
}

std::string advice(HardeningRule const &rule, RelaySettings const &relay) {
    return fmt::format("set {}={} in {}, and restart the relay", rule.variable, wanted(rule), relay.name);
}

CheckResult judge_number(HardeningRule const &rule, RelaySettings::Hardening const &found, RelaySettings const &relay) {
    std::string const check(rule.check);
    if (!found.number) {
        return {check, CheckStatus::error, fmt::format("{} is not a number of milliseconds", rule.variable),
                advice(rule, relay)};
    }
    std::string const said = fmt::format("{} is {} ms", rule.variable, *found.number);
    if (*found.number > rule.most) {
        return {check, CheckStatus::error, fmt::format("{}, more than {}: {}", said, rule.most, rule.otherwise),
                advice(rule, relay)};
    }
    if (*found.number < rule.least) {
        return {check, CheckStatus::error, fmt::format("{}, less than {}: {}", said, rule.least, rule.too_small),
                advice(rule, relay)};
    }
    return {check, CheckStatus::ok, said, ""};
}

CheckResult judge_switch(HardeningRule const &rule, RelaySettings::Hardening const &found, RelaySettings const &relay) {
    using Switch = RelaySettings::Switch;
    std::string const check(rule.check);
    if (found.position == Switch::unclear) {
        return {check, CheckStatus::error, fmt::format("{} is neither true nor false", rule.variable),
                advice(rule, relay)};
    }
    bool const is_on = found.position == Switch::on;
    std::string const said = fmt::format("{} is {}", rule.variable, is_on ? "on" : "off");
    if (is_on != (rule.kind == Kind::on)) {
        return {check, CheckStatus::error, fmt::format("{}: {}", said, rule.otherwise), advice(rule, relay)};
    }
    return {check, CheckStatus::ok, said, ""};
}

}  // namespace

std::span<HardeningRule const> hardening_rules() { return rules; }

namespace doctor {

std::vector<CheckResult> judge_hardening(RelaySettings const &relay) {
    std::vector<CheckResult> results;
    for (HardeningRule const &rule : rules) {
        auto const found = relay.hardening.find(rule.variable);
        if (found == relay.hardening.end()) {
            results.push_back({std::string(rule.check), CheckStatus::warn,
                               fmt::format("{} is not set, so the relay uses its default", rule.variable),
                               advice(rule, relay)});
        } else if (rule.kind == Kind::milliseconds) {
            results.push_back(judge_number(rule, found->second, relay));
        } else {
            results.push_back(judge_switch(rule, found->second, relay));
        }
    }
    return results;
}

CheckResult judge_relay_policy(RelaySettings const &relay, sql::PlatformPolicy const &policy) {
    std::vector<std::string> differences;
    auto const compare = [&](std::string_view variable, PolicySetting setting, bool fits) {
        if (!fits) {
            differences.push_back(fmt::format("{} does not fit {} {}", variable, flag_of(setting), policy.at(setting)));
        }
    };
    bool const must_sign = policy.at(PolicySetting::signing) == words_of_setting(PolicySetting::signing).back();
    bool const needs_nonce =
        policy.at(PolicySetting::require_nonce) == words_of_setting(PolicySetting::require_nonce).back();
    for (auto const &[variable, found] : relay.hardening) {
        bool const is_on = found.position == RelaySettings::Switch::on;
        if (variable == "EDGE_REQUIRE_HMAC") {
            compare(variable, PolicySetting::signing, is_on == must_sign);
        } else if (variable == "EDGE_ALLOW_HEADER_SECRET") {
            compare(variable, PolicySetting::signing, is_on != must_sign);
        } else if (variable == "AGENT_REQUIRE_NONCE") {
            compare(variable, PolicySetting::require_nonce, is_on == needs_nonce);
        } else if (variable == "AGENT_HMAC_WINDOW_MS") {
            compare(variable, PolicySetting::window, found.number == milliseconds_of(policy.at(PolicySetting::window)));
        } else if (variable == "AGENT_SESSION_TTL_MS") {
            compare(variable, PolicySetting::session_ttl,
                    found.number == milliseconds_of(policy.at(PolicySetting::session_ttl)));
        }
    }
    if (differences.empty()) {
        return {"policy.relay", CheckStatus::ok, "the relay's settings fit the policy of the platform", ""};
    }
    return {"policy.relay", CheckStatus::warn, fmt::format("{}", fmt::join(differences, "; ")),
            "gateways go by the policy: set it with policy set --platform, or change " + relay.name};
}

}  // namespace doctor
}  // namespace relay

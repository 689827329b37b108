#pragma once

#include "relay/model/ids.hpp"
#include "relay/model/text_of.hpp"
#include "relay/model/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// A call policy: from where, how often and how an agent may call. (The folder `policy` is about the age of keys.)
namespace relay {

/// For whom something is set. A wider scope comes first.
enum class ScopeKind { platform, org, agent };

template <>
struct EnumText<ScopeKind> {
    static constexpr auto words = std::to_array<EnumWord<ScopeKind>>(
        {{ScopeKind::platform, "platform"}, {ScopeKind::org, "org"}, {ScopeKind::agent, "agent"}});
};

struct PolicyScope {
    std::optional<OrgId> org{};  ///< none: the platform
    std::optional<AgentId> agent{};  ///< none: all agents of the organization

    ScopeKind kind() const { return agent ? ScopeKind::agent : org ? ScopeKind::org : ScopeKind::platform; }
    /// Returns "the platform", "org acme" or "agent bot".
    std::string describe() const;
};

/// A setting that can end by the clock and can be undone.
enum class PolicySetting { window, session_ttl, require_nonce, signing, messages };

template <>
struct EnumText<PolicySetting> {
    static constexpr auto words =
        std::to_array<EnumWord<PolicySetting>>({{PolicySetting::window, "window"},
                                                {PolicySetting::session_ttl, "session_ttl"},
                                                {PolicySetting::require_nonce, "require_nonce"},
                                                {PolicySetting::signing, "signing"},
                                                {PolicySetting::messages, "messages"}});
};

/// Where what is in force comes from. `preset`: no one has set anything.
enum class PolicySource { preset, plan, platform, org, agent };

template <>
struct EnumText<PolicySource> {
    static constexpr auto words = std::to_array<EnumWord<PolicySource>>({{PolicySource::preset, "preset"},
                                                                         {PolicySource::plan, "plan"},
                                                                         {PolicySource::platform, "platform"},
                                                                         {PolicySource::org, "org"},
                                                                         {PolicySource::agent, "agent"}});
};

/// `set`: not lifted, and not over.
enum class PolicyChangeState { set, ended, lifted };

template <>
struct EnumText<PolicyChangeState> {
    static constexpr auto words = std::to_array<EnumWord<PolicyChangeState>>(
        {{PolicyChangeState::set, "set"}, {PolicyChangeState::ended, "ended"}, {PolicyChangeState::lifted, "undone"}});
};

struct SettingInForce {
    PolicySetting setting{};
    std::string value{};
    std::int64_t strictness = 0;  ///< a higher number is stricter
    PolicySource source{};
    std::optional<std::int64_t> change_id{};
    std::optional<Instant> until{};
    /// What is in force when everything that has an end is over.
    std::string lasting_value{};
    std::int64_t lasting_strictness = 0;
};

struct CallPolicy {
    std::vector<SettingInForce> settings{};
    std::optional<std::int64_t> qps{};  ///< calls per second; none: no limit
    PolicySource qps_source{};
    std::vector<std::string> addresses{};  ///< empty: any
    PolicySource addresses_source{};
};

/// A row of relay.policy_changes.
struct PolicyChange {
    std::int64_t change_id = 0;
    PolicyScope scope{};
    PolicySetting setting{};
    std::string value{};
    PolicyChangeState state{};
    Instant at{};
    std::optional<Instant> until{};
    std::optional<Instant> lifted_at{};
    std::optional<std::string> lifted_by{};  ///< claimed
    std::optional<std::string> lifted_role{};  ///< proven
    std::optional<std::string> ticket{};
    std::optional<std::string> reason{};
    std::string actor{};
    std::string db_role{};
};

/// One thing that is set for the platform, an organization or an agent.
struct PolicyRule {
    PolicyScope scope{};
    std::string name{};  ///< a PolicySetting, "qps" or "allow"
    std::string value{};
    std::optional<Instant> until{};
    std::optional<std::int64_t> change_id{};
    std::optional<std::string> ticket{};
};

/// When a setting ends: never, at a time, or so long after the start of the transaction.
using PolicyEnd = std::variant<std::monostate, Instant, std::chrono::seconds>;

}  // namespace relay

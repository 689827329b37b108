#pragma once

#include "relay/audit/events.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/advice.hpp"

#include <string>
#include <vector>

/// What a responder looks for in the audit trail. Reads only, and ends no key: a finding is a question for a person.
namespace relay {

enum class AnomalyKind {
    new_address,  ///< a key was used from a network from which its agent had never called
    dead_key_used,  ///< a key that is retired, revoked or expired was used again
    failures_from_address,
    failures_of_key,
    two_places,  ///< a key was used from two networks at the same time
    long_silence,  ///< a key was used after a long time without a use
    permission_burst,  ///< an agent was refused many permissions
};

template <>
struct EnumText<AnomalyKind> {
    static constexpr auto words =
        std::to_array<EnumWord<AnomalyKind>>({{AnomalyKind::new_address, "new_address"},
                                              {AnomalyKind::dead_key_used, "dead_key_used"},
                                              {AnomalyKind::failures_from_address, "failures_from_address"},
                                              {AnomalyKind::failures_of_key, "failures_of_key"},
                                              {AnomalyKind::two_places, "two_places"},
                                              {AnomalyKind::long_silence, "long_silence"},
                                              {AnomalyKind::permission_burst, "permission_burst"}});
};

struct Anomaly {
    AnomalyKind kind{};
    std::optional<OrgId> org_id{};
    std::optional<AgentId> agent_id{};
    std::optional<KeyId> key_id{};
    std::optional<std::string> ip_address{};  ///< IPv6: the /64 network, because one host can use all of it
    Instant first_at{};
    Instant last_at{};
    std::int64_t times = 0;  ///< events, or for long_silence the days without a use
    std::string evidence{};  ///< in words
    Advice more{};  ///< what shows more
};

struct FindAnomalies {
    PastTime since = std::chrono::seconds(24 * 3600);
    std::optional<OrgId> org{};
    std::int64_t most_failures = 20;  ///< of an address or a key: more are reported
    std::int64_t most_refusals = 10;  ///< of permissions of an agent
    std::chrono::seconds silence = std::chrono::days(30);
};

struct Anomalies {
    std::vector<Anomaly> found{};  ///< by kind, then the latest first
    Instant at{};
    std::string db_role{};
};
/// Throws Error: not_found, no such organization.
Anomalies find_anomalies(db::Database &database, FindAnomalies const &request);

}  // namespace relay

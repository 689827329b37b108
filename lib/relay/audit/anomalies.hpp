#pragma once

#include "relay/audit/events.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/advice.hpp"
#include "relay/model/error.hpp"

#include <string>
#include <vector>

/// What a responder looks for in the audit trail. Reads only, and ends no key: a finding is a question for a person.
namespace relay {

enum class AnomalyKind {
    new_address,  ///< a key was used from a network from which its agent had never called
    dead_key_used,  ///< a key that is retired, revoked or expired was used again
    failures_from_address,
    failures_of_key,
    two_places,  ///< a key was used from two networks in turn
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
    /// IPv6: the /64 network, because one host can use all of it. Of two_places: the first three.
    std::optional<std::string> ip_address{};
    Instant first_at{};
    Instant last_at{};
    std::int64_t times = 0;  ///< events; of two_places: the networks; of long_silence: the days without a use
    std::string evidence{};  ///< in words
    Advice more{};  ///< what shows more
};

struct FindAnomalies {
    PastTime since = std::chrono::seconds(24 * 3600);
    std::optional<OrgId> org{};
    std::int64_t most_failures = 20;  ///< of an address or a key: more are reported
    std::int64_t most_refusals = 10;  ///< of permissions of an agent
    std::chrono::seconds silence = std::chrono::days(30);
    std::int64_t most_of_kind = 100;  ///< findings to return of each kind
};

/// What is not in the list of findings.
struct MoreAnomalies {
    AnomalyKind kind{};
    std::int64_t count = 0;
    std::optional<Error> failure{};  ///< this kind could not be looked for in the time
};

struct Anomalies {
    std::vector<Anomaly> found{};  ///< by kind, then the latest first
    std::vector<MoreAnomalies> more{};
    Instant at{};
    std::string db_role{};
};
/// Looks for each kind in a separate transaction, so that one which takes too long does not hide the others. Throws
/// Error: not_found, no such organization; unavailable, a kind took too long and nothing else was found.
Anomalies find_anomalies(db::Database &database, FindAnomalies const &request);

}  // namespace relay

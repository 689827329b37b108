#pragma once

#include "relay/db/database.hpp"
#include "relay/identity/records.hpp"
#include "relay/legacy/states.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <vector>

/// Numbers about keys and agents, for a monitor.
namespace relay {

/// The numbers of the whole database, or of one organization.
struct FleetNumbers {
    std::optional<OrgId> org_id{};  ///< none: the whole database
    std::map<Status, std::int64_t> agents{};
    std::map<KeyStatus, std::int64_t> keys{};
    std::int64_t keys_due = 0;  ///< as in the list of due keys, for the time that was asked for
    std::int64_t keys_overdue = 0;
    std::int64_t unused_replacements = 0;  ///< agents whose new key was never used, and whose old one ends within a day
    std::optional<std::chrono::seconds> oldest_active_key{};  ///< its age; none: there is no active key
    std::optional<Instant> last_rotation_at{};
    std::int64_t failures = 0;  ///< calls that were refused in the last hour
    std::map<LegacyAgentState, std::int64_t> legacy_agents{};
    std::int64_t running = 0;  ///< agents whose lease has not ended; a standby has no leases
    std::int64_t late = 0;  ///< of these, those of which a beat is overdue
};

struct NumbersRequest {
    std::chrono::seconds due_within{};
    bool by_org = false;  ///< also the numbers of each organization
};

struct Numbers {
    std::vector<FleetNumbers> of{};  ///< the first one is about everything; then by organization
    Instant at{};
    std::string db_role{};
};

/// Reads the numbers as of one moment: one pass over the keys, and one over the agents.
Numbers read_numbers(db::Database &database, NumbersRequest const &request);

}  // namespace relay

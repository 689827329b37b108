#pragma once

#include "relay/db/database.hpp"
#include "relay/legacy/records.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

/// How far a fleet has moved off its shared secret.
namespace relay {

struct LegacyStatus {
    std::optional<LegacyWindow> window{};  ///< none: no window was ever opened
    std::chrono::seconds quiet{};  ///< how long an agent must not have used the shared secret to count as silent
    LegacyCounts counts{};
    LegacyPace pace{};
    LegacyWatch watch{};
    BurnDown burn_down{};  ///< from the opening of the window until now or its finish; empty without a window
    std::vector<LegacyOwner> owners{};  ///< owners of the agents that are left, most on the shared secret first
    std::vector<LegacyAgent> stragglers{};  ///< agents still on the list: on the shared secret, silent, never seen
    Instant at{};
    std::string db_role{};

    /// Returns when the last agent will have left, at the pace so far. None: it cannot be estimated, no agent is
    /// left, or the window is closed permanently.
    std::optional<Instant> estimated_end() const;
    /// Returns how much later than the deadline that is; negative if it is earlier.
    std::optional<std::chrono::seconds> estimated_delay() const;
    /// Returns true if the agents that are left have been silent for long enough while a gateway listened. Only then may
    /// the window be finished.
    bool proves_silence() const {
        return counts.left() == 0 || (window && watch.asked && watch.proves_from(*window, quiet) <= at);
    }
    bool is_late() const { return estimated_delay().value_or(std::chrono::seconds(0)) > std::chrono::seconds(0); }
};

struct LegacyQuestion {
    std::chrono::seconds quiet = usual_legacy_quiet;
    std::int64_t most_stragglers = 20;  ///< of each activity: on the shared secret, silent, never seen
    std::int64_t most_owners = 20;
};
/// Reads the status in one transaction that writes nothing.
LegacyStatus legacy_status(db::Database &database, LegacyQuestion const &question);

}  // namespace relay

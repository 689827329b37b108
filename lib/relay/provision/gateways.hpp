#pragma once

#include "relay/db/database.hpp"
#include "relay/model/records.hpp"
#include "relay/provision/inspect.hpp"

namespace relay {

/// Who listens to the change feed, and how far behind; by id. Runs on a standby, too.
Page<Gateway> list_gateways(db::Database &database);

struct GatewayWait {
    std::vector<std::string> live{};  ///< gateways that had acknowledged anything within 60 s before
    std::vector<std::string> missing{};  ///< of these, who has not acknowledged the change
    std::chrono::milliseconds took{};

    /// Every one has it; false if there is none, since then nothing was proven.
    bool complete() const { return !live.empty() && missing.empty(); }
};

/// Waits until every live gateway has acknowledged the last change that shut out one of `ids` ("agent", "org", "key"), at most `patience`
/// from `since` on. Throws Error: unavailable, denied; Interrupted.
GatewayWait wait_for_gateways(db::Database &database, std::string const &kind, std::vector<std::string> const &ids,
                              std::chrono::steady_clock::time_point since, std::chrono::milliseconds patience);

}  // namespace relay

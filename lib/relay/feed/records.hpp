#pragma once

#include "relay/model/ids.hpp"
#include "relay/model/time.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

/// What the database holds of the change feed, as it is read.
namespace relay {

/// A row of the change feed: what gateways must forget. Without a key it concerns all of the agent's, without an agent all of the
/// organization's, without anything everybody's.
struct KeyChange {
    std::string cursor{};  ///< to go on from, once this row was acted upon
    std::optional<OrgId> org_id{};
    std::optional<AgentId> agent_id{};
    std::optional<KeyId> key_id{};
    std::string change{};  ///< "agent_blocked", "key_rotated", ..., "reset": drop everything
    bool kicks = false;  ///< open connections must end
    Instant at{};
};

/// A gateway that acknowledges the change feed.
struct Gateway {
    std::string gateway_id{};  ///< claimed
    Instant acknowledged_at{};
    bool live = false;  ///< acknowledged within the last 60 s
    std::optional<std::int64_t> changes_behind{};  ///< none: its cursor is of another history of the database
    std::optional<std::chrono::seconds> behind{};  ///< since when the oldest change waits for it; 0: it has all
    std::string db_role{};  ///< proven
};

}  // namespace relay

#pragma once

#include "relay/model/ids.hpp"
#include "relay/model/time.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

/// Rows of the change feed and of the gateways that follow it, as plain structs.
///
/// The feed lists what gateways must forget. A reader's place in it is a cursor: a transaction id and a sequence
/// number, below every transaction that is still open, plus the snapshot in which later rows were seen. A sequence
/// number alone would lose rows, because a transaction with a lower number can commit later. What holds: every row
/// comes at least once and never late, and a repeated row does no harm. Programs treat the cursor as an opaque word,
/// and store it only after they have acted on the row. schema/0008_change_feed.sql has the rest.
namespace relay {

/// A row of the change feed: what gateways must forget. Without a key it concerns all keys of the agent, without an
/// agent all agents of the organization, and without an organization everything.
struct KeyChange {
    std::string cursor{};  ///< where to continue, once this row was acted upon
    std::optional<OrgId> org_id{};
    std::optional<AgentId> agent_id{};
    std::optional<KeyId> key_id{};
    std::string change{};  ///< "agent_blocked", "key_rotated", ..., "reset": drop everything
    bool kicks = false;  ///< open connections must end
    Instant at{};
};

/// A gateway that acknowledges the change feed.
struct Gateway {
    std::string gateway_id{};  ///< as the gateway claims
    Instant acknowledged_at{};
    bool live = false;  ///< acknowledged within the last 60 s
    std::optional<std::int64_t> changes_behind{};  ///< none: its cursor belongs to another history of the database
    std::optional<std::chrono::seconds> behind{};  ///< age of the oldest change that it has not acknowledged; 0: none
    std::string db_role{};  ///< as the database authenticated it
    std::optional<std::string> former_role{};  ///< used the id before, if it changed hands lately
    std::optional<Instant> changed_hands_at{};
};

}  // namespace relay

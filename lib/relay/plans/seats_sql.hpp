#pragma once

#include "relay/db/order_by.hpp"
#include "relay/db/row_stream.hpp"
#include "relay/db/transaction.hpp"
#include "relay/plans/records.hpp"

namespace relay::sql {

struct SeatFilter {
    OrgId org;
    std::optional<std::int64_t> after{};  ///< only later places
    std::optional<std::int64_t> limit{};
};
/// Returns the agents of an organization in the order of seats, without revoked ones.
db::Stream<Seat> list_seats(db::Transaction &transaction, SeatFilter const &filter);

/// Moves agents of one organization to the front of the order. Returns how many others lost their seat.
std::int64_t keep_agents(db::Transaction &transaction, OrgId const &org, std::vector<AgentId> const &agents);

/// Returns the agents that are the first ones, at most `most`.
std::vector<AgentId> first_agents(db::Transaction &transaction, OrgId const &org, std::size_t most);

/// Announces subscriptions that ended by the clock, at most `most`. Returns their number.
std::int64_t announce_ended_plans(db::Transaction &transaction, std::int64_t most);

}  // namespace relay::sql

#pragma once

#include "relay/db/database.hpp"
#include "relay/model/attribution.hpp"
#include "relay/model/page.hpp"
#include "relay/plans/records.hpp"

/// Seats: which agents of an organization work if its limit is smaller than their number.
namespace relay {

struct ListSeats {
    OrgId org;
    PageRequest page{};  ///< its cursor is a place
};
/// Returns the agents of an organization in the order of seats. Throws Error: not_found; usage, not a cursor.
ListEnd list_seats(db::Database &database, ListSeats const &request, EachItem<Seat> const &each);

struct KeptAgents : WriteReceipt {
    Org org;
    std::vector<AgentId> agents{};  ///< now the first ones, in this order
    std::int64_t lost = 0;  ///< others that lost their seat
};
/// Moves agents to the front of the order of seats of their organization, in the order given. Throws Error: usage, they
/// belong to several organizations; not_found; conflict, one of them is revoked.
KeptAgents keep_agents(db::Database &database, std::vector<AgentId> const &agents, WriteOptions const &options);

}  // namespace relay

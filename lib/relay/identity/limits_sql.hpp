#pragma once

#include "relay/db/transaction.hpp"
#include "relay/identity/limits.hpp"
#include "relay/identity/suggestions.hpp"
#include "relay/model/ids.hpp"

namespace relay::sql {

struct SeatedAgent {
    AgentId agent_id;
    bool is_oldest = false;  ///< its place is that of its creation, before all others
};

/// Sets or removes limits of an organization, or of a plan.
void set_limits(db::Transaction &transaction, OrgId const &org, std::vector<LimitChange> const &changes);
void set_limits(db::Transaction &transaction, PlanId const &plan, std::vector<LimitChange> const &changes);

/// Returns the limits that are set for an organization itself, or for a plan, in the order of the meters.
std::vector<Limit> own_limits(db::Transaction &transaction, PlanId const &plan);

/// Returns how many agents have a seat; none: no limit.
std::optional<std::int64_t> seats_of(db::Transaction &transaction, OrgId const &org);
/// Writes the rows of the feed for the agents that lost their seat since the organization had `seats_before`. Returns
/// their number.
std::int64_t note_lost_seats(db::Transaction &transaction, OrgId const &org, std::optional<std::int64_t> seats_before);

/// Returns whether two lists have another limit of calls per second: such a change has a row of the feed.
bool rates_differ(std::vector<Limit> const &before, std::vector<Limit> const &after);

/// Keeps the limits of the plan of an organization from being changed until the end of the transaction: seats that both
/// changes take together would be announced by neither.
void hold_plan_of(db::Transaction &transaction, OrgId const &org);

/// Returns the first agents in the order of seats, at most `most`.
std::vector<SeatedAgent> first_seats(db::Transaction &transaction, OrgId const &org, std::int64_t most);

/// Returns the Error for a plan that does not exist, with similar ids; its kind is that of the caller.
Error no_such_plan(db::Transaction &transaction, PlanId const &plan, ErrorKind kind);
/// Throws Error (usage) if there is no such plan: the value of a flag is wrong. Does not ask about the two plans that
/// every database has.
void require_plan(db::Transaction &transaction, PlanId const &plan);

}  // namespace relay::sql

#pragma once

#include "relay/identity/records.hpp"

/// The rows that plans reads from the database.
namespace relay {

struct Plan {
    PlanId plan_id = PlanId::free();
    std::string name{};
    std::vector<Limit> limits{};  ///< in the order of the meters; a meter that is not in it has no limit
    std::int64_t orgs = 0;  ///< organizations that are on it now
    Instant created_at{};
    std::string created_by{};
};

/// The subscription of an organization, or its absence.
struct Subscription {
    OrgId org_id;
    PlanId plan = PlanId::free();  ///< until ends_at
    PlanId plan_in_force = PlanId::free();
    std::optional<SubscriptionState> state{};  ///< none: it has no subscription, and its plan does not end
    std::optional<Instant> ends_at{};
    std::optional<std::string> reference{};
    std::optional<Instant> said_at{};
};

/// Seats that were lost in the organizations on one plan.
struct LostSeats {
    std::int64_t agents = 0;
    std::int64_t orgs = 0;
};

/// An agent in the order of seats of its organization.
struct Seat {
    AgentId agent_id;
    OrgId org_id;
    std::string name{};
    std::int64_t place = 0;  ///< from 1
    bool has_seat = true;
    Status status = Status::active;
    Instant created_at{};
    std::optional<Instant> last_used_at{};
};

}  // namespace relay

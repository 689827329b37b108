#pragma once

#include "relay/db/order_by.hpp"
#include "relay/db/row_stream.hpp"
#include "relay/db/transaction.hpp"
#include "relay/plans/records.hpp"

namespace relay::sql {

/// Inserts a plan without limits. Returns false if the id exists already.
bool insert_plan(db::Transaction &transaction, PlanId const &id, DisplayName const &name, Note const &created_by);
void rename_plan(db::Transaction &transaction, PlanId const &id, DisplayName const &name);

std::optional<Plan> find_plan(db::Transaction &transaction, PlanId const &id);
/// As find_plan; throws Error (not_found) that suggests similar ids.
Plan get_plan(db::Transaction &transaction, PlanId const &id);
/// Locks the plan's row until the transaction ends.
void lock_plan(db::Transaction &transaction, PlanId const &id);

struct PlanFilter {
    std::optional<std::string> after{};
    std::vector<SortField> sort{};
    std::optional<std::int64_t> limit{};
};
std::vector<std::string> plan_sort_fields();
db::Stream<Plan> list_plans(db::Transaction &transaction, PlanFilter const &filter);

/// Writes the rows of the feed for all agents that lost their seat by a change of the plan's limit of agents.
LostSeats note_lost_seats(db::Transaction &transaction, PlanId const &plan, std::optional<std::int64_t> seats_before);

}  // namespace relay::sql

#pragma once

#include "relay/db/database.hpp"
#include "relay/model/attribution.hpp"
#include "relay/model/page.hpp"
#include "relay/plans/records.hpp"

/// Plans: named limits that organizations have together. A change of a plan applies to each organization on it for
/// which nothing else is set.
namespace relay {

struct ChangedPlan : WriteReceipt {
    Plan plan;
    std::vector<std::string> fields{};  ///< the fields that changed: "name", "limit_messages", ...
    LostSeats lost{};  ///< agents that lost their seat
};

struct CreatePlan {
    PlanId id;
    DisplayName name;
    std::vector<LimitChange> limits{};
};
/// Creates a plan. The same request again changes nothing. Throws Error: conflict, the id exists with other content (the
/// message names the fields that differ).
ChangedPlan create_plan(db::Database &database, CreatePlan const &request, WriteOptions const &options);

struct UpdatePlan {
    PlanId id;
    std::optional<DisplayName> name{};
    std::vector<LimitChange> limits{};
    std::optional<std::int64_t> expect{};  ///< how many agents must lose their seat; none: any number
};
/// Throws Error: not_found; conflict, `expect` differs.
ChangedPlan update_plan(db::Database &database, UpdatePlan const &request, WriteOptions const &options);

/// Returns the fields that `page.sort` can name.
std::vector<std::string> plan_sort_fields();
ListEnd list_plans(db::Database &database, PageRequest const &page, EachItem<Plan> const &each);

struct PlanDetails {
    Plan plan;
    Instant at{};
    std::string db_role{};
};
/// Throws Error: not_found, with similar ids.
PlanDetails show_plan(db::Database &database, PlanId const &id);

}  // namespace relay

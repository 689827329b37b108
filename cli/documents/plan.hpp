#pragma once

#include "cli/context.hpp"
#include "cli/output/document.hpp"
#include "relay/plans/plans.hpp"
#include "relay/plans/records.hpp"
#include "relay/plans/set_subscription.hpp"

#include <string>
#include <string_view>

namespace relay::cli {

/// Returns a plan: the item of a list, and the beginning of each document about one plan.
Record plan_record(Plan const &plan);
/// Returns a plan for the columns of a list.
Plan sample_plan();

/// Shows a document of `kind` about a plan that was created or changed, and a note if nothing changed: `already` completes
/// "nothing changed: plan paid ...".
void show_changed_plan(Context &context, std::string kind, ChangedPlan const &changed, std::string_view already);

Record subscription_record(Subscription const &subscription);
Subscription sample_subscription();
/// Returns what its state means, for people: "past_due since ..., plan free from ... on".
Value describe_subscription(Subscription const &subscription);

Record seat_record(Seat const &seat);
Seat sample_seat();

}  // namespace relay::cli

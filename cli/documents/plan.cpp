#include "cli/documents/plan.hpp"

#include "cli/documents/fields.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/output/output.hpp"
#include "cli/plans/limit_flags.hpp"
#include "relay/model/text.hpp"

#include <fmt/format.h>

namespace relay::cli {

namespace {

Value amount_of(Limit const &limit) { return limit.amount ? Value(*limit.amount) : Value(); }

Record limits_record(std::vector<Limit> const &limits) {
    Record record;
    for (Limit const &limit : limits) {
        record.push_back(machine_only(std::string(text_of(limit.meter)), amount_of(limit)));
    }
    return record;
}

}  // namespace

Plan sample_plan() { return {}; }

Record plan_record(Plan const &plan) {
    return {
        {"plan_id", "Plan", plan.plan_id},
        {"name", "Name", plan.name, {.leaves = 2, .cut = true}},
        people_only("Limits", plan.limits.empty() ? "none" : describe_limits(plan.limits)),
        machine_only("limits", limits_record(plan.limits)),
        {"orgs", "Orgs", plan.orgs, {.leaves = 3}},
        {"created_at", "Created", plan.created_at, {.leaves = 1}},
        machine_only("created_by", plan.created_by),
    };
}

void show_changed_plan(Context &context, std::string kind, ChangedPlan const &changed, std::string_view already) {
    Document document{.kind = std::move(kind), .id_key = "plan_id"};
    document.data = plan_record(changed.plan);
    append(document.data, {
                              unless_empty("changed_fields", "Changed", changed.fields),
                              {"lost_seats", "Lost seats", changed.lost.agents},
                          });
    stamp(document, context, changed);
    if (changed.lost.agents > 0) {
        document.warnings.push_back(fmt::format("{} in {} lost their seat: gateways refuse them with over_limit",
                                                counted(changed.lost.agents, "agent"),
                                                counted(changed.lost.orgs, "organization")));
    }
    context.output().show(document);
    if (!changed.changed) {
        context.output().note("nothing changed: plan " + changed.plan.plan_id.text() + ' ' + std::string(already));
    }
}

Subscription sample_subscription() { return {.org_id = any_id<OrgId>()}; }

Record subscription_record(Subscription const &subscription) {
    return {
        {"org_id", "Org ID", subscription.org_id},
        {"plan", "Plan", subscription.plan},
        {"plan_in_force", "In force", subscription.plan_in_force, {.leaves = 2}},
        {"state", "State", subscription.state},
        {"ends_at", "Ends", subscription.ends_at},
        {"reference", "Reference", subscription.reference, {.leaves = 3, .cut = true}},
        {"said_at", "Said", subscription.said_at, {.leaves = 1}},
    };
}

Value describe_subscription(Subscription const &subscription) {
    if (!subscription.state) {
        return {};
    }
    std::string const state(text_of(*subscription.state));
    if (!subscription.ends_at) {
        return Phrase{state + " since ", subscription.said_at.value_or(Instant())};
    }
    bool const over = subscription.plan_in_force != subscription.plan;
    return Phrase{state + (over ? "; plan free since " : "; plan free from "), *subscription.ends_at,
                  over ? "" : " on"};
}

Seat sample_seat() { return {.agent_id = any_id<AgentId>(), .org_id = any_id<OrgId>()}; }

Record seat_record(Seat const &seat) {
    return {
        {"place", "Place", seat.place},
        {"agent_id", "Agent ID", seat.agent_id},
        machine_only("org_id", seat.org_id),
        {"name", "Name", seat.name, {.leaves = 1, .cut = true}},
        {"has_seat", "Seat", seat.has_seat},
        {"status", "Status", seat.status},
        {"created_at", "Created", seat.created_at, {.leaves = 3}},
        {"last_used_at", "Last used", seat.last_used_at, {.leaves = 2}},
    };
}

}  // namespace relay::cli

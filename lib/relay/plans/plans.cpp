#include "relay/plans/plans.hpp"

#include "relay/identity/limits_sql.hpp"
#include "relay/identity/read_list.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/model/format_text.hpp"
#include "relay/model/text.hpp"
#include "relay/plans/plans_sql.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace relay {
namespace {

/// Returns the limit of agents; none: there is no limit.
std::optional<std::int64_t> seats_of(Plan const &plan) {
    auto const found = std::find_if(plan.limits.begin(), plan.limits.end(),
                                    [](Limit const &one) { return one.meter == Meter::agents; });
    return found == plan.limits.end() ? std::nullopt : found->amount;
}

/// A limit of a plan is called after its meter alone.
std::vector<std::string> differing_fields(Plan const &before, Plan const &after) {
    std::vector<std::string> fields;
    if (before.name != after.name) {
        fields.emplace_back("name");
    }
    for (std::string const &field : differing_limits(before.limits, after.limits)) {
        fields.push_back(field == "max_agents" ? "limit_agents" : field);
    }
    return fields;
}

Plan as_requested(Plan plan, std::optional<DisplayName> const &name, std::vector<LimitChange> const &limits) {
    plan.name = name ? name->text() : plan.name;
    plan.limits = changed_limits(std::move(plan.limits), limits);
    return plan;
}

sql::NewEvent event_of(std::string action, Plan const &plan, std::vector<std::string> const &fields) {
    sql::NewEvent event{.action = std::move(action)};
    event.detail.add("plan", plan.plan_id.text());
    for (std::string const &field : fields) {
        event.detail.add(field, "changed");
    }
    return event;
}

/// Compares all of it: a plan that was created with a limit less is another plan.
void compare(Plan const &plan, CreatePlan const &request) {
    Plan asked{.plan_id = plan.plan_id, .name = request.name.text(), .limits = changed_limits({}, request.limits)};
    if (std::vector<std::string> const fields = differing_fields(plan, asked); !fields.empty()) {
        throw Error(ErrorKind::conflict,
                    fmt::format("plan {} exists with a different {}; nothing was changed", plan.plan_id,
                                fmt::join(fields, ", ")),
                    {.next = advise(Act::show_plan, plan.plan_id).also(advise(Act::update_plan, plan.plan_id))});
    }
}

void refuse_other_loss(UpdatePlan const &request, LostSeats const &lost) {
    if (request.expect && lost.agents != *request.expect) {
        throw Error(ErrorKind::conflict,
                    fmt::format("{} in {} would lose their seat, not {}; nothing was changed",
                                counted(lost.agents, "agent"), counted(lost.orgs, "organization"), *request.expect),
                    {.next = advise(Act::show_plan, request.id)});
    }
}

}  // namespace

ChangedPlan create_plan(db::Database &database, CreatePlan const &request, WriteOptions const &options) {
    return database.transact(writing(options), [&](db::Transaction &transaction) {
        bool const made = sql::insert_plan(transaction, request.id, request.name, options.by.actor);
        if (made) {
            sql::set_limits(transaction, request.id, request.limits);
        }
        auto const plan = sql::find_plan(transaction, request.id);
        transaction.require(plan.has_value(), "plan " + request.id.text());
        if (!made) {
            compare(*plan, request);
        }
        Plan const asked = as_requested({.plan_id = request.id}, request.name, request.limits);
        transaction.confirm(differing_fields(*plan, asked).empty(), "plan " + request.id.text());
        ChangedPlan result{{}, *plan};
        std::vector<sql::NewEvent> events;
        if (made) {
            events.push_back(event_of("plan_created", *plan, {}));
        }
        finish(transaction, result, options.by, events);
        return result;
    });
}

ChangedPlan update_plan(db::Database &database, UpdatePlan const &request, WriteOptions const &options) {
    return database.transact(writing(options), [&](db::Transaction &transaction) {
        sql::lock_plan(transaction, request.id);
        Plan const before = sql::get_plan(transaction, request.id);
        if (request.name) {
            sql::rename_plan(transaction, request.id, *request.name);
        }
        sql::set_limits(transaction, request.id, request.limits);
        ChangedPlan result{{}, sql::get_plan(transaction, request.id)};
        result.fields = differing_fields(before, result.plan);
        transaction.confirm(differing_fields(as_requested(before, request.name, request.limits), result.plan).empty(),
                            "the update of plan " + request.id.text());
        if (seats_of(before) != seats_of(result.plan)) {
            result.lost = sql::note_lost_seats(transaction, request.id, seats_of(before));
        }
        std::vector<sql::NewEvent> events;
        if (!result.fields.empty()) {  // a repeated call finds the seats lost already
            refuse_other_loss(request, result.lost);
            if (result.lost.agents > 0 || sql::rates_differ(before.limits, result.plan.limits)) {
                transaction.expect_announcement();
            }
            events.push_back(event_of("plan_updated", result.plan, result.fields));
        }
        finish(transaction, result, options.by, events);
        return result;
    });
}

std::vector<std::string> plan_sort_fields() { return sql::plan_sort_fields(); }

ListEnd list_plans(db::Database &database, PageRequest const &page, EachItem<Plan> const &each) {
    auto const open = [&](db::Transaction &transaction) {
        return sql::list_plans(transaction, {.after = page.after, .sort = page.sort, .limit = page.one_more()});
    };
    return read_list(
        database, page, open, [](Plan const &plan) { return plan.plan_id.text(); }, each);
}

PlanDetails show_plan(db::Database &database, PlanId const &id) {
    return database.transact(reading(), [&](db::Transaction &transaction) {
        return PlanDetails{
            .plan = sql::get_plan(transaction, id), .at = transaction.now(), .db_role = transaction.db_role()};
    });
}

}  // namespace relay

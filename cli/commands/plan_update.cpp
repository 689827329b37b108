#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/plan.hpp"
#include "cli/plans/limit_flags.hpp"
#include "cli/plans/lost_seats.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace relay::cli::plan_update_command {

namespace {

struct Options {
    SpelledId plan{};
    std::optional<std::string> name{};
    std::vector<std::string> limits{};
    std::optional<std::int64_t> expect{};
};

UpdatePlan read(Options const &options) {
    if (!options.name && options.limits.empty()) {
        throw Error(ErrorKind::usage, "nothing to change was given", {.next = "give --name or --limit"});
    }
    UpdatePlan request{.id = PlanId::parse(options.plan.required()),
                       .limits = parse_limits(options.limits, LimitOwner::plan),
                       .expect = options.expect};
    if (options.name) {
        request.name = DisplayName::parse(*options.name);
    }
    return request;
}

void confirm_losses(UpdatePlan &request, Context &context) {
    bool const may_take = std::any_of(request.limits.begin(), request.limits.end(),
                                      [](LimitChange const &one) { return one.meter == Meter::agents; });
    if (!may_take || !must_ask_for_seats(context, request.expect)) {
        return;
    }
    WriteOptions trial = context.write_options();
    trial.dry_run = true;
    LostSeats const lost = update_plan(context.database(), request, trial).lost;
    if (lost.agents > 0) {
        std::string const loss = fmt::format("{} in {} would lose their seat", counted(lost.agents, "agent"),
                                             counted(lost.orgs, "organization"));
        request.expect =
            ask_for_seats(context, loss, loss + ": gateways refuse them from the next minute on; nothing is deleted.",
                          lost.agents, advise(Act::show_plan, request.id));
    }
}

ExitStatus run(Options const &options, Context &context) {
    UpdatePlan request = read(options);
    confirm_losses(request, context);
    show_changed_plan(context, "PlanUpdate", update_plan(context.database(), request, context.write_options()),
                      "is already as requested");
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_plan(set, options->plan);
    add_value(set, {.names = "--name", .description = "new display name"}, options->name);
    add_limits(set, LimitOwner::plan, options->limits);
    add_expected_losses(set, options->expect);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "plan update",
    .summary = "change a plan's name or limits",
    .doc =
        R"(Changes only what you give, for every organization on the plan whose own limits do not differ from it. METER=none means
that the plan does not limit it.

A smaller limit of agents leaves agents of large organizations without a seat. From the next minute on, gateways refuse
these with over_limit. Nothing is deleted: they work again as soon as the limit allows it. The command shows how many
lose their seat, in how many organizations, and asks. In a script, give --expect N, the number of agents. If another
number would lose it, nothing is changed (exit 5). With --yes, any number may.

Exit 0: changed, or already as requested. 2: nothing to change was given, or no such meter. 3: no such plan. 5: another
number of agents than --expect says would lose their seat.

EXAMPLES
  relay-admin plan update free --limit messages=1000
  # at most this many agents lose their seat by it
  relay-admin plan update free --limit agents=2 --expect 0
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::plan_update_command

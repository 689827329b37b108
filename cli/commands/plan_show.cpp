#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/plan.hpp"

#include <memory>

namespace relay::cli::plan_show_command {

namespace {

ExitStatus run(SpelledId const &plan, Context &context) {
    PlanDetails const details = show_plan(context.database(), PlanId::parse(plan.required()));
    browse(context, {.kind = "PlanDetails", .id_key = "plan_id", .data = plan_record(details.plan)}, details.at,
           details.db_role);
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const plan = std::make_shared<SpelledId>();
    add_plan(set, *plan);
    return [plan](Context &context) { return run(*plan, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "plan show",
    .summary = "show a plan and its limits",
    .doc =
        R"(Shows a plan: its limits, and how many organizations are on it now. A meter without a limit is not listed.

Exit 0: shown. 3: no such plan; the error suggests similar ids.

EXAMPLES
  relay-admin plan show free
  relay-admin plan show free -o json
)",
    .declare = declare,
};

}  // namespace relay::cli::plan_show_command

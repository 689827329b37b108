#include "cli/command.hpp"
#include "cli/command_line/shared_flags.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/plan.hpp"
#include "cli/output/redraw.hpp"

#include <memory>

namespace relay::cli::plan_list_command {

namespace {

ExitStatus run(PageOptions const &options, Context &context) {
    PageRequest const page = page_request(options, plan_sort_fields());
    browse_list(context, options.view, "PlanList", "plan_id", sample_plan(), plan_record,
                [&](EachItem<Plan> const &each) { return list_plans(context.database(), page, each); });
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<PageOptions>();
    declare_page(set, plan_sort_fields(), *options);
    return [options](Context &context) {
        return redraw(context, options->view.watch, [&] { return run(*options, context); });
    };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "plan list",
    .summary = "list plans",
    .doc =
        R"(Lists plans by id: their limits, and how many organizations are on them now. An organization whose
subscription has ended is on plan free. The command shows at most 1000 plans; --all shows all. In JSON, "limits" has an
entry for each meter that is limited. "next" is the cursor for --after (null at the end).

It also works on a standby.

Exit 0: listed.

EXAMPLES
  relay-admin plan list
  # the plans with most organizations
  relay-admin plan list --sort=-orgs --limit 10
)",
    .declare = declare,
};

}  // namespace relay::cli::plan_list_command

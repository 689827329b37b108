#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/command_line/shared_flags.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/timeline.hpp"

#include <memory>

namespace relay::cli::incident_list_command {

namespace {

ExitStatus run(PageOptions const &options, Context &context) {
    PageRequest const page = page_request(options, incident_sort_fields());
    browse_list(context, options.view, "IncidentList", "ticket", Incident(), incident_list_record,
                [&](EachItem<Incident> const &each) { return list_incidents(context.database(), page, each); });
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<PageOptions>();
    declare_view(set, incident_sort_fields(), options->view);
    declare_limit(set, *options);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "incident list",
    .summary = "list the tickets of the audit trail, latest first",
    .doc =
        R"(Lists each ticket under which something was done: when, by whom, and to how many agents. The column In force counts its
blocks and revocations that still count. Actors are as claimed.

The command shows at most 1000 tickets; --all shows all. It also works on a standby.

Exit 0: listed, even if the list is empty.

EXAMPLES
  relay-admin incident list
  # what is still in force
  relay-admin incident list --sort=-in_force --limit 10
)",
    .declare = declare,
};

}  // namespace relay::cli::incident_list_command

#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/command_line/shared_flags.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/call_policy.hpp"
#include "cli/output/redraw.hpp"

#include <memory>

namespace relay::cli::policy_history_command {

namespace {

struct Options {
    std::optional<std::string> org{};
    std::optional<std::string> agent{};
    PageOptions page{};
};

ExitStatus run(Options const &options, Context &context) {
    at_most_one({{"--org", options.org.has_value()}, {"AGENT", options.agent.has_value()}});
    PolicyScope const of{.org = options.org ? std::optional(OrgId::parse(*options.org)) : std::nullopt,
                         .agent = options.agent ? std::optional(AgentId::parse(*options.agent)) : std::nullopt};
    PageRequest const page = page_request(options.page, policy_change_sort_fields());
    browse_list(
        context, options.page.view, "PolicyChangeList", "change_id", PolicyChange(), policy_change_record,
        [&](EachItem<PolicyChange> const &each) { return list_policy_changes(context.database(), of, page, each); });
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_positional(set, {.names = "AGENT", .description = "only changes for this agent"}, options->agent);
    add_org_flag(set, "only changes for this organization and its agents", options->org);
    declare_view(set, policy_change_sort_fields(), options->page.view);
    declare_limit(set, options->page);
    return [options](Context &context) {
        return redraw(context, options->page.view.watch, [&] { return run(*options, context); });
    };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "policy history",
    .summary = "list the changes of settings, latest first",
    .doc =
        R"(Lists every setting that was made: for whom, by whom, under which ticket, and whether it is set, has ended or
was undone. Nothing is ever removed from this list. Changes of --qps and --allow are events of the audit trail:
`audit list --action policy_changed` shows them.

The command shows at most 1000 changes; --all shows all. It also works on a standby.

Exit 0: listed, even if the list is empty. 3: no such organization or agent.

EXAMPLES
  relay-admin policy history --org acme-corp
  relay-admin policy history billing-bot
)",
    .declare = declare,
};

}  // namespace relay::cli::policy_history_command

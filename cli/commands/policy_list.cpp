#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/command_line/shared_flags.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/call_policy.hpp"
#include "cli/output/redraw.hpp"

#include <memory>

namespace relay::cli::policy_list_command {

namespace {

struct Options {
    std::optional<std::string> org{};
    PageOptions page{};
};

ExitStatus run(Options const &options, Context &context) {
    OrgId const org = OrgId::parse(options.org.value());
    PageRequest const page = page_request(options.page, policy_rule_sort_fields());
    browse_list(
        context, options.page.view, "PolicyList", "change_id", PolicyRule(), policy_rule_record,
        [&](EachItem<PolicyRule> const &each) { return list_policy_rules(context.database(), org, page, each); });
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_org_flag(set, "the organization", options->org, Need::required);
    declare_view(set, policy_rule_sort_fields(), options->page.view);
    declare_limit(set, options->page);
    return [options](Context &context) {
        return redraw(context, options->page.view.watch, [&] { return run(*options, context); });
    };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "policy list",
    .summary = "list the policies of an organization and its agents",
    .doc =
        R"(Lists the settings, limits of calls (qps) and addresses (allow) of an organization and of its agents. The
settings of the platform are in the list, too, because they concern all. `policy show` shows which of them is in force
for an agent.

The command shows at most 1000 lines; --all shows all. It also works on a standby.

Exit 0: listed, even if the list is empty. 3: no such organization.

EXAMPLES
  relay-admin policy list --org acme-corp
  # the settings that end first
  relay-admin policy list --org acme-corp --sort until --limit 10
)",
    .declare = declare,
};

}  // namespace relay::cli::policy_list_command

#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/plan.hpp"

#include <memory>

namespace relay::cli::subscription_show_command {

namespace {

ExitStatus run(SpelledId const &org, Context &context) {
    SubscriptionDetails const details = show_subscription(context.database(), OrgId::parse(org.required()));
    Document document{.kind = "SubscriptionDetails", .id_key = "org_id"};
    document.data = subscription_record(details.subscription);
    if (!details.subscription.state) {
        document.warnings.emplace_back("the organization has no subscription: its plan does not end");
    }
    browse(context, std::move(document), details.at, details.db_role);
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const org = std::make_shared<SpelledId>();
    add_org(set, *org);
    return [org](Context &context) { return run(*org, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "subscription show",
    .summary = "show the subscription of an organization",
    .doc =
        R"(Shows what the billing system last said: the state, the plan, and when it ends. Once the subscription has
ended, "plan_in_force" is free. If the organization has no subscription, the state is null.

Exit 0: shown. 3: no such organization; the error suggests similar ids.

EXAMPLES
  relay-admin subscription show acme-corp
)",
    .declare = declare,
};

}  // namespace relay::cli::subscription_show_command

#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/call_policy.hpp"

#include <memory>

namespace relay::cli::policy_show_command {

namespace {

ExitStatus run(SpelledId const &spelled, Context &context) {
    PolicyDetails const details = show_policy(context.database(), AgentId::parse(spelled.required()));
    Record record = hide(scope_record(details.scope), {"scope"});
    append(record, call_policy_record(details.policy));
    browse(context, {.kind = "PolicyDetails", .id_key = "agent_id", .data = std::move(record)}, details.at,
           details.db_role);
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const agent = std::make_shared<SpelledId>();
    add_agent(set, *agent);
    return [agent](Context &context) { return run(*agent, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "policy show",
    .summary = "show the policy that is in force for an agent",
    .doc =
        R"(Shows what is in force for an agent now, and where each part comes from. The sources are agent, org, platform,
plan (of a limit of calls), and preset if nothing was set. A setting with an end shows when it ends, and the value that is in force
then.

It also works on a standby.

Exit 0: shown. 3: no such agent; the error suggests similar ids.

EXAMPLES
  relay-admin policy show billing-bot
  relay-admin policy show billing-bot -o json
)",
    .declare = declare,
};

}  // namespace relay::cli::policy_show_command

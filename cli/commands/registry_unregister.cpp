#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/context.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/output/command_text.hpp"
#include "cli/output/output.hpp"
#include "relay/model/format_text.hpp"
#include "relay/model/text.hpp"
#include "relay/registry/registry.hpp"

#include <memory>

namespace relay::cli::registry_unregister_command {

namespace {

struct Options {
    SpelledId agent{};
    std::optional<std::string> instance{};
    bool all = false;
};

InstanceId instance_of(std::string const &text) { return InstanceId::parse(text == "-" ? "" : text); }

ExitStatus run(Options const &options, Context &context) {
    at_most_one({{"--instance", options.instance.has_value()}, {"--all-instances", options.all}});
    AgentId const agent = AgentId::parse(options.agent.required());
    auto const instance = options.instance ? std::optional(instance_of(*options.instance)) : std::nullopt;
    Unregistered const done = unregister(context.database(), agent, instance, options.all, context.write_options());

    Document document{.kind = "Unregistration", .id_key = "agent_id"};
    document.data = {
        {"agent_id", "Agent ID", agent},
        {"org_id", "Org ID", done.org_id},
        people_only("Ended", counted(done.ended.size(), "lease")),
        machine_only("instances", texts_of(done.ended)),
    };
    stamp(document, context, done);
    context.output().show(document);
    if (!done.changed) {
        context.output().note(fmt::format("nothing changed: agent {} has no such lease", agent));
    } else {
        context.output().note(fmt::format("if the agent still runs, its next beat brings it back; to keep it out: {}",
                                          command_line(context.globals(), {"block", agent.text()})));
    }
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_agent(set, options->agent);
    add_value(set,
              {.names = "--instance", .type = "INSTANCE", .description = "only this process; - is one without a name"},
              options->instance);
    add_flag(set, {.names = "--all-instances", .description = "all processes of the agent"}, options->all);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "registry unregister",
    .summary = "remove a stale entry: end the lease of an agent",
    .doc =
        R"(Ends the lease of an agent's process, so that searches do not find it any more. Use it for an entry that is
stale: the process is gone, and its lease is long. If the agent has several processes, name one, or use
--all-instances. A process without a name is --instance -.

The command does not ask. If the process still runs, its next beat brings it back. To keep an agent out, use `block`. The
card stays.

If there is no such lease, nothing changes ("changed": false). Each lease is recorded in the audit trail as
agent_unregistered, with actor, ticket and reason.

Exit 0: ended, now or before. 3: no such agent. 5: the agent has several processes, and you name none.

EXAMPLES
  relay-admin registry unregister payments
  relay-admin registry unregister payments --instance pod-7f9c
  relay-admin registry unregister payments --all-instances --ticket INC-42
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::registry_unregister_command

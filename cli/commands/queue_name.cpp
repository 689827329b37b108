#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/queue.hpp"
#include "relay/model/error.hpp"
#include "relay/queues/queues.hpp"

#include <memory>

namespace relay::cli::queue_name_command {

namespace {

struct Options {
    std::optional<std::string> org{};
    std::optional<std::string> agent{};
};

ExitStatus run(Options const &options, Context &context) {
    std::optional<AgentId> agent;
    if (options.agent) {
        agent = AgentId::parse(*options.agent);
    }
    QueueNames const names = name_queues(context.database(), OrgId::parse(options.org.value()), agent);
    browse(context, {.kind = "QueueNames", .id_key = "name", .data = queue_names_record(names)}, names.at,
           names.db_role);
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_positional(set, {.names = "ORG", .description = "id of the organization", .required = true}, options->org);
    add_positional(set, {.names = "AGENT", .description = "id of one of its agents"}, options->agent);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "queue name",
    .summary = "show the names of an organization's or agent's queues",
    .doc =
        R"(Shows the names of the shared queues of an organization and, with AGENT, of the queue of that agent. With -o id it prints
one name: of the agent's queue, or without AGENT of the queue for all agents.

Gateways and agents get the same name with SELECT relay_api.queue_name(org_id, 'agent', agent_id). In a permission of
RabbitMQ, write a dot as \. because it is a pattern. In Azure Resource Manager, write a slash as ~.

It also works on a standby.

Exit 0: shown. 2: the agent belongs to another organization. 3: no such organization or agent; the error suggests similar
ids.

EXAMPLES
  relay-admin queue name acme-corp
  relay-admin queue name acme-corp billing-bot -o id
)",
    .declare = declare,
};

}  // namespace relay::cli::queue_name_command

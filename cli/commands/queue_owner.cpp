#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/context.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/queue.hpp"
#include "cli/output/command_text.hpp"
#include "relay/inspect/recognize.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"
#include "relay/queues/queues.hpp"

#include <memory>

namespace relay::cli::queue_owner_command {

namespace {

ExitStatus run(std::string const &name, Context &context) {
    auto const owner = find_queue_owner(context.database(), name);
    if (!owner) {
        throw Error(ErrorKind::not_found, quote_for_message(name) + " is not the name of a queue",
                    {.why = "names are in lower case: ORG-agents, ORG-orchestrator, ORG-dlq, ORG.AGENT",
                     .next = own_command({"queue", "list", "ORG"}),
                     .sought = {.kind = text_of(NamedThing::queue), .text = name}});
    }
    Document document{.kind = "QueueOwner", .id_key = "org_id", .data = queue_owner_record(name, *owner)};
    if (!owner->exists) {
        document.warnings.push_back(
            "there is no " + (owner->agent_id ? "agent " + owner->agent_id->text() + " in org " : std::string("org ")) +
            owner->org_id.text());
    }
    browse(context, std::move(document), owner->at, owner->db_role);
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const name = std::make_shared<std::optional<std::string>>();
    add_positional(set, {.names = "NAME", .description = "name of a queue", .required = true}, *name);
    return [name](Context &context) { return run(name->value(), context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "queue owner",
    .summary = "show whose queue has a name",
    .doc =
        R"(Shows the organization of a queue, and its agent if it is the queue of one. The answer follows from the name alone; the
command also says whether they exist. With -o id it prints the organization.

The authorization hook of a broker gets the same answer with SELECT * FROM relay_api.queue_owner(name). It should let an
agent read its own queue and the shared queue of its organization, and no other.

It also works on a standby.

Exit 0: shown, also if the owner does not exist. 3: not the name of a queue.

EXAMPLES
  relay-admin queue owner acme-corp.billing-bot
)",
    .declare = declare,
};

}  // namespace relay::cli::queue_owner_command

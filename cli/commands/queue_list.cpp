#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/command_line/shared_flags.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/queue.hpp"
#include "relay/queues/queues.hpp"

#include <memory>

namespace relay::cli::queue_list_command {

namespace {

struct Options {
    SpelledId org{};
    bool agents = false;
    bool also_hyphen = false;
    PageOptions page{};
};

ExitStatus run(Options const &options, Context &context) {
    ListQueues const request{.org = OrgId::parse(options.org.required()),
                             .agents_only = options.agents,
                             .also_hyphen = options.also_hyphen,
                             .page = page_request(options.page, {})};
    browse_list(
        context, options.page.view, "QueueList", "name", sample_queue(),
        [&](Queue const &queue) { return queue_record(queue, options.also_hyphen); },
        [&](EachItem<Queue> const &each) { return list_queues(context.database(), request, each); });
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_org(set, options->org);
    add_flag(set, {.names = "--agents", .description = "only the queues of agents, without the shared ones"},
             options->agents);
    add_flag(set,
             {.names = "--also-hyphen",
              .description = "also show the name with a hyphen instead of the dot, and which queues share that"},
             options->also_hyphen);
    declare_page(set, {}, options->page);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "queue list",
    .summary = "list the queues that an organization needs",
    .doc =
        R"(Lists the shared queues of an organization, and then the queue of each agent, in the order of their ids. Feed the list
to the tool of your broker to create the queues. Agents that are blocked or revoked are in the list, too: their messages
wait for them.

Use --also-hyphen when you move from names of the form ORG-AGENT. These are not unique. Agent c of a-b and agent b-c of a
share a-b-c. An agent called dlq shares the dead letters. The list shows with whom in this database each name is
shared. Brokers ignore case, so Bot and bot share a name, too.

The command shows at most 1000 queues; --all shows all. In JSON, "next" is the cursor for --after (null at the end). It
also works on a standby.

Exit 0: listed. 2: --after is not a cursor. 3: no such organization; the error suggests similar ids.

EXAMPLES
  relay-admin queue list acme-corp
  # create the queues in RabbitMQ
  relay-admin queue list acme-corp --all -o id | xargs -I{} rabbitmqadmin declare queue name={}
  relay-admin queue list acme-corp --all -o csv
  # which names do others share?
  relay-admin queue list acme-corp --also-hyphen
)",
    .declare = declare,
};

}  // namespace relay::cli::queue_list_command

#include "cli/command.hpp"
#include "cli/context.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/gateway.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/output/output.hpp"
#include "relay/feed/gateways.hpp"

namespace relay::cli::commands {

namespace {

ExitStatus run(Context &context) {
    auto const found = list_gateways(context.database());
    Document document = list_document("GatewayList", "gateway_id", found.items, gateway_record, Gateway());
    stamp(document, context, found.at, found.db_role);
    context.output().show(document);
    return ExitStatus::ok;
}

Runner declare(OptionSet &) {
    return [](Context &context) { return run(context); };
}

}  // namespace

extern Command const gateway_list;
Command const gateway_list{
    .path = "gateway list",
    .summary = "list gateways and how far behind they are",
    .doc =
        R"(Lists the gateways that acknowledge the change feed: when they last did so, and what they have not acknowledged yet, as a count of changes and
as the age of the oldest. A gateway is live if it acknowledged anything within the last 60 seconds; one that has nothing to say does so
every 20. `block --wait-ack` and `revoke --wait-ack` wait for the live ones.

Without a count behind, its place is of another history of the database (a restored dump, the time before a failover); it will be told to
forget everything. The id is what the gateway calls itself; the role is the login that it came with. Who was not seen for 7 days is
forgotten. A gateway that caches nothing need not follow the feed, and is not here.

It runs on a standby, too.

Exit 0: listed, even if the list is empty.

EXAMPLES
  relay-admin gateway list
  # who is behind
  relay-admin gateway list -o csv
)",
    .declare = declare,
};

}  // namespace relay::cli::commands

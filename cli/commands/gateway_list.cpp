#include "cli/command.hpp"
#include "cli/command_line/shared_flags.hpp"
#include "cli/context.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/gateway.hpp"
#include "cli/output/redraw.hpp"
#include "relay/feed/gateways.hpp"

#include <memory>

namespace relay::cli::gateway_list_command {

namespace {

ExitStatus run(ViewOptions const &view, Context &context) {
    std::vector<SortField> const sort = sort_fields(view, gateway_sort_fields());
    browse_list(context, view, "GatewayList", "gateway_id", Gateway(), gateway_record,
                [&](EachItem<Gateway> const &each) { return list_gateways(context.database(), sort, each); });
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const view = std::make_shared<ViewOptions>();
    declare_view(set, gateway_sort_fields(), *view);
    return [view](Context &context) { return redraw(context, view->watch, [&] { return run(*view, context); }); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "gateway list",
    .summary = "list gateways and how far behind they are",
    .doc =
        R"(Lists the gateways that acknowledge the change feed: when each last did so, and how far behind it is, as a
number of changes and as the age of the oldest one. A gateway is live if it acknowledged anything within the last 60
seconds; an idle gateway does so every 20. `block --wait-ack` and `revoke --wait-ack` wait for live gateways.

If a gateway has no number of changes behind, its position belongs to another history of the database (a restored
dump, or the time before a failover). The change feed will make it drop everything it has cached. The id is the
gateway's own name for itself; the role is the login it connected with. A gateway that was not seen for 7 days is
removed from the list. A gateway that caches nothing does not need to follow the feed, and is not listed.

It also works on a standby.

Exit 0: listed, even if the list is empty.

EXAMPLES
  relay-admin gateway list
  # gateways that are behind
  relay-admin gateway list --sort=-behind_seconds
)",
    .declare = declare,
};

}  // namespace relay::cli::gateway_list_command

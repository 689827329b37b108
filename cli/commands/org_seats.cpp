#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/command_line/shared_flags.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/plan.hpp"
#include "cli/output/redraw.hpp"
#include "relay/plans/seats.hpp"

#include <memory>

namespace relay::cli::org_seats_command {

namespace {

struct Options {
    SpelledId org{};
    PageOptions page{};
};

ExitStatus run(Options const &options, Context &context) {
    ListSeats const request{.org = OrgId::parse(options.org.required()), .page = page_request(options.page, {})};
    browse_list(context, options.page.view, "SeatList", "agent_id", sample_seat(), seat_record,
                [&](EachItem<Seat> const &each) { return list_seats(context.database(), request, each); });
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_org(set, options->org);
    declare_limit(set, options->page);
    add_value(set, {.names = "--after", .type = "CURSOR", .description = "continue after a page: give its \"next\""},
              options->page.after);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "org seats",
    .summary = "show which agents of an organization have a seat",
    .doc =
        R"(Lists the agents of an organization in the order of seats, without revoked ones. If the plan of the
organization allows N agents, the first N have a seat. Gateways refuse the others with over_limit. The oldest agents
come first, unless `agent keep` changed the order. A blocked agent keeps its seat.

The command shows at most 1000 agents; --all shows all. In JSON, "next" is the cursor for --after (null at the end).

Exit 0: listed, even if the list is empty. 3: no such organization; the error suggests similar ids.

EXAMPLES
  relay-admin org seats acme-corp
)",
    .declare = declare,
};

}  // namespace relay::cli::org_seats_command

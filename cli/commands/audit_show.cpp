#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/event.hpp"
#include "relay/audit/events.hpp"

#include <memory>

namespace relay::cli::audit_show_command {

namespace {

ExitStatus run(std::int64_t event_id, Context &context) {
    EventDetails const details = show_event(context.database(), event_id);
    browse(context, {.kind = "EventDetails", .id_key = "event_id", .data = event_page(details.event)}, details.at,
           details.db_role);
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const event_id = std::make_shared<std::optional<std::string>>();
    add_positional(set, {.names = "EVENT-ID", .description = "the event's number", .required = true}, *event_id);
    return [event_id](Context &context) { return run(parse_event_id(**event_id), context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "audit show",
    .summary = "show an event of the audit trail in full",
    .doc =
        R"(Shows the whole row of an event: what happened, when, to whom, from where, why, and under which ticket. The fields of the details depend on the action. The actor is as claimed; the database role is proven.

`audit list` shows the numbers with --fields event_id,..., and in every JSON format.

Exit 0: shown. 2: EVENT-ID is not a number. 3: no event has this number, or its month was dropped.

EXAMPLES
  relay-admin audit show 1
  relay-admin audit show 1 -o json
)",
    .declare = declare,
};

}  // namespace relay::cli::audit_show_command

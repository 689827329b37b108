#include "cli/audit/event_flags.hpp"
#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/command_line/shared_flags.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/event.hpp"

#include <memory>

namespace relay::cli::audit_list_command {

namespace {

struct Options {
    EventFlags filter{};
    PageOptions page{};
};

ExitStatus run(Options const &options, Context &context) {
    ListEvents const request{.filter = event_filter(options.filter, context.globals()),
                             .page = page_request(options.page, event_sort_fields())};
    browse_list(context, options.page.view, "EventList", "event_id", sample_event(), listed_event_record,
                [&](EachItem<Event> const &each) { return list_events(context.database(), request, each); });
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    declare_event_filter(set, options->filter);
    declare_page(set, event_sort_fields(), options->page);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "audit list",
    .summary = "list events of the audit trail, newest first",
    .doc =
        R"(Lists what was done to organizations, agents and keys, and what gateways decided, newest first. An event must
meet all conditions that you give. With --ticket or --actor, the command lists only events of that ticket or actor.

A call with a known key's id and a wrong secret names no agent, because the caller has not proved to be one.
--agent, --org and --owner list such calls, too: `auth_failed` with the reason `unknown_key`.

An actor is as claimed; the database role, `db_role` in JSON, is proven. If "Times" is above 1, the row is a flood of
equal events. A flood that has not ended is listed without a number.

The command shows at most 1000 events; --all shows all of them. In JSON, "next" is the cursor for --after (null at the
end, and in a sorted list). A month that was dropped is no longer listed. The command also works on a standby.

Exit 0: listed, even if the list is empty. 3: no such agent, key or organization, and no event names it.

EXAMPLES
  relay-admin audit list --agent payments --since 24h
  # calls with a leaked key, and attempts to guess it
  relay-admin audit list --key 9fq2mzx1b81k --outcome failed
  relay-admin audit list --address 203.0.113.0/24 --since 7d
  relay-admin audit list --ticket INC-42 --fields occurred_at,action,agent_id,actor
  relay-admin audit list --action agent_blocked,agent_revoked --sort agent_id
)",
    .declare = declare,
};

}  // namespace relay::cli::audit_list_command

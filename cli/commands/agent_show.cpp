#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/agent.hpp"
#include "cli/documents/authentications.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/event.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/key.hpp"
#include "cli/documents/permissions.hpp"
#include "cli/documents/standing.hpp"
#include "relay/inspect/inspect.hpp"
#include "relay/model/text.hpp"

#include <memory>

namespace relay::cli::agent_show_command {

namespace {

constexpr std::int64_t default_events = 10;
constexpr std::int64_t most_events = 1000;

struct Options {
    SpelledId agent{};
    std::optional<std::int64_t> events{};
};

Value registry_phrase(RegistryEntry const &entry) {
    if (!entry.instances) {
        return Phrase{"its card is from ", entry.card_since, "; a standby does not know whether it runs"};
    }
    if (*entry.instances == 0) {
        return Phrase{"does not run; its card is from ", entry.card_since};
    }
    return Phrase{"runs since ", *entry.since, ", " + counted(*entry.instances, "instance") + ", lease ends ",
                  *entry.lease_ends_at};
}

Value registry_value(std::optional<RegistryEntry> const &entry) {
    if (!entry) {
        return {};
    }
    return Record{machine_only("card_since", entry->card_since), machine_only("instances", entry->instances),
                  machine_only("since", entry->since), machine_only("lease_ends_at", entry->lease_ends_at)};
}

Record details_record(AgentDetails const &details) {
    std::vector<Record> keys;
    for (Key const &key : details.keys) {
        keys.push_back(hide(key_record(key), {"agent_id", "org_id"}));
    }
    Record record = agent_summary(details.agent, details.standing, details.keys, details.grants, details.last_address,
                                  details.keyless);
    bool const told = !are_more_than_names(details.grants);
    if (!told) {  // the list of grants follows and says more
        std::erase_if(record, [](Field const &field) { return field.key.empty() && field.label == "Permissions"; });
    }
    append(record, {
                       unless_empty("roles", "Roles", details.roles),
                       {"grants", told ? "" : "Permissions", grant_records(details.grants)},
                       machine_only("last_address", details.last_address),
                       machine_only("standing", standing_records(details.standing)),
                       {"keys", "Keys", std::move(keys)},
                       {"devices", details.devices > 0 ? "Devices" : "", Value(details.devices)},
                       machine_only("registry", registry_value(details.registry)),
                       {"authentications", details.authentications.empty() ? "" : "Last authenticated",
                        authentication_records(details.authentications)},
                       people_only("Last events", event_records(details.changes)),
                       machine_only("events", event_records(details.events)),
                   });
    if (details.registry) {
        record.push_back(people_only("Registry", registry_phrase(*details.registry)));
    }
    return record;
}

ExitStatus run(Options const &options, Context &context) {
    AgentId const agent = AgentId::parse(options.agent.required());
    AgentDetails const details =
        show_agent(context.database(), agent, static_cast<int>(options.events.value_or(default_events)));
    browse(context, {.kind = "AgentDetails", .id_key = "agent_id", .data = details_record(details)}, details.at,
           details.db_role);
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_agent(set, options->agent);
    add_integer(set, {.names = "--events", .description = "number of events to show (default: 10)"},
                {.min = 0, .max = most_events}, options->events);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "agent show",
    .summary = "show an agent: status, keys, last events",
    .doc =
        R"(Shows what you need to know about an agent when something is wrong: whether it is blocked or revoked, since
when, by whom, why, and under which ticket; its keys; when and from where it was last seen; its last events, newest
first; and what it may do, with the conditions of each permission and the role that it comes from. The name of whoever
blocked it is as claimed; the database role beside it is proven.

"Last authenticated" has the latest addresses that its keys were used from, and how often. At most one use per minute
is counted. The last events are a separate list of what was done to the agent and what gateways refused. In JSON, "events" has
events of both kinds.

The events include calls with the id of one of its keys and a wrong secret: `auth_failed` with the reason `unknown_key`.
Such an event names the key but no agent, because the caller has not proved to be the agent.

If people have paired devices with the agent, the command shows how many; `device list` lists them.

If the agent has registered, the command shows whether it runs; `registry show` has its processes and its card.

Owner and labels are those of `agent create` and `agent update`.

Scripts get the same as fields: `standing` (what blocks or revokes the agent now, directly or through its
organization), `keys` and `events`, newest first, `roles`, and `grants`, which lists everything it may do;
"permissions" has only its own. A key's secret is not stored, so it cannot be shown.

Exit 0: shown. 3: no such agent; the error suggests similar ids.

EXAMPLES
  relay-admin agent show payments
  relay-admin agent show payments --events 50
  relay-admin agent show payments -o json
)",
    .declare = declare,
};

}  // namespace relay::cli::agent_show_command

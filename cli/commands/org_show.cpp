#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/org.hpp"
#include "cli/documents/plan.hpp"
#include "cli/documents/standing.hpp"
#include "cli/plans/limit_flags.hpp"
#include "relay/inspect/inspect.hpp"

#include <fmt/format.h>

#include <memory>

namespace relay::cli::org_show_command {

namespace {

struct Options {
    SpelledId org{};
};

std::vector<Record> keyless_records(KeylessCalls const &keyless) {
    std::vector<Record> records;
    for (KeylessCaller const &caller : keyless.latest) {
        records.push_back({machine_only("agent_id", caller.agent_id), machine_only("known", caller.known),
                           machine_only("calls", caller.calls), machine_only("last_at", caller.last_at)});
    }
    return records;
}

/// Returns one line about calls without a key, or nothing if there were none.
Value describe_keyless(KeylessCalls const &keyless) {
    if (keyless.callers == 0) {
        return {};
    }
    std::string names;
    for (KeylessCaller const &caller : keyless.latest) {
        names += (names.empty() ? "" : ", ") + caller.agent_id.value_or("(no id)") + (caller.known ? "" : " (unknown)");
    }
    bool const more = keyless.callers > static_cast<std::int64_t>(keyless.latest.size());
    return fmt::format("{} agents in {} calls, in the last 7 days: {}{}", keyless.callers, keyless.calls, names,
                       more ? ", ..." : "");
}

Subscription subscription_of(Org const &org) {
    return {.org_id = org.org_id,
            .plan = org.plan,
            .plan_in_force = org.plan_in_force,
            .state = org.subscription,
            .ends_at = org.subscription_ends_at,
            .said_at = org.subscription_said_at};
}

Record details_record(OrgDetails const &details) {
    Record record = hide(org_record(details.org), {"status"});
    append(record, org_words(details.org));
    append(record,
           {
               people_only("Limits", details.org.limits.empty() ? Value() : Value(describe_limits(details.org.limits))),
               people_only("Providers", details.org.providers.empty() ? Value() : Value(details.org.providers)),
               people_only("Subscription", describe_subscription(subscription_of(details.org))),
               people_only("Status", describe_status(details.org.status, details.standing)),
               {"admin_token_id", "Admin token ID", details.token_id},
               {"admin_token_created_at", "Token made", details.token_created_at},
               machine_only("standing", standing_records(details.standing)),
               people_only("Still without key", describe_keyless(details.keyless)),
               machine_only("keyless_callers", details.keyless.callers),
               machine_only("keyless_calls", details.keyless.calls),
               machine_only("keyless_latest", keyless_records(details.keyless)),
           });
    return record;
}

ExitStatus run(Options const &options, Context &context) {
    OrgId const org = OrgId::parse(options.org.required());
    OrgDetails const details = show_org(context.database(), org);
    browse(context, {.kind = "OrgDetails", .id_key = "org_id", .data = details_record(details)}, details.at,
           details.db_role);
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_org(set, options->org);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "org show",
    .summary = "show an organization",
    .doc =
        R"(Shows an organization: its plan, how many agents it has and may have, whether it is blocked or revoked, by
whom and under which ticket, and the id of its admin token (never the token). If gateways accept calls without a key
(--auth-mode optional), it counts and names the agents that made such calls in the last 7 days. If there are none,
`org update` with --auth-mode required will lock no agent out.

Exit 0: shown. 3: no such organization; the error suggests similar ids.

EXAMPLES
  relay-admin org show acme-corp
  # one value, for a script
  relay-admin org show acme-corp -o json
)",
    .declare = declare,
};

}  // namespace relay::cli::org_show_command

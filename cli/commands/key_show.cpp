#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/authentications.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/event.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/key.hpp"
#include "cli/documents/standing.hpp"
#include "relay/inspect/inspect.hpp"

#include <memory>

namespace relay::cli::key_show_command {

namespace {

constexpr std::int64_t default_events = 10;
constexpr std::int64_t most_events = 1000;

struct Options {
    SpelledId key{};
    std::optional<std::int64_t> events{};
};

Record details_record(KeyDetails const &details) {
    Key const &key = details.key;
    Record record = hide(key_record(key), {"blocked", "created_at", "due_at", "last_used_at"});
    append(record, {
                       people_only("Created", Phrase{key.created_at, " by " + key.created_by}),
                       people_only("Due", key.due_at),
                       people_only("Retired", key.retired_at),
                       people_only("Revoked", key.revoked_at),
                       people_only("Last used", key.last_used_at ? Value(*key.last_used_at) : Value("never")),
                       machine_only("standing", standing_records(details.standing)),
                   });
    if (!details.standing.empty()) {
        record.push_back(people_only("Refused", describe_standing(details.standing)));
    }
    append(record, {
                       {"authentications", details.authentications.empty() ? "" : "Last authenticated",
                        authentication_records(details.authentications)},
                       people_only("Last events", event_records(details.changes)),
                       machine_only("events", event_records(details.events)),
                   });
    return record;
}

ExitStatus run(Options const &options, Context &context) {
    KeyId const key = KeyId::parse(options.key.required());
    KeyDetails const details =
        show_key(context.database(), key, static_cast<int>(options.events.value_or(default_events)));
    browse(context, {.kind = "KeyDetails", .id_key = "key_id", .data = details_record(details)}, details.at,
           details.db_role);
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_key(set, options->key);
    add_integer(set, {.names = "--events", .description = "how many of its last events to show (default: 10)"},
                {.min = 0, .max = most_events}, options->events);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "key show",
    .summary = "show a key",
    .doc =
        R"(Shows whose key it is, what a gateway would decide about it, when it was created, is due and ends, which
key replaced it, and when it was last used. If the key, its agent or its organization is blocked or revoked, the
command also shows by whom and why. The
last events come newest first. An event `auth_failed` with the reason `unknown_key` and without an agent is a call with
this key's id and a wrong secret. The addresses from which the key was used come before the events, with the number of
uses. At most one use per minute is counted. In JSON, "events" has the uses, too.

Give the key's id, the 12 characters after relay_sk_, never the key itself: other users can read a command line. To
check a key that you have, use `key verify`.

Exit 0: shown. 3: no such key.

EXAMPLES
  relay-admin key show 9fq2mzx1b81k
  relay-admin key show 9fq2mzx1b81k --events 50
  relay-admin key show 9fq2mzx1b81k -o json
)",
    .declare = declare,
};

}  // namespace relay::cli::key_show_command

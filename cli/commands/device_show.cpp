#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/device.hpp"
#include "cli/documents/event.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/standing.hpp"
#include "relay/devices/devices.hpp"

#include <memory>

namespace relay::cli::device_show_command {

namespace {

constexpr std::int64_t default_events = 10;
constexpr std::int64_t most_events = 1000;

struct Options {
    SpelledId device{};
    std::optional<std::int64_t> events{};
};

Record details_record(DeviceDetails const &details) {
    Device const &device = details.device;
    Record record = hide(device_record(device), {"seen_at", "seen_from"});
    append(record, {
                       people_only("Last seen", device.seen_at ? Value(*device.seen_at) : Value("never")),
                       people_only("From", device.seen_from ? Value(*device.seen_from) : Value("not known")),
                       machine_only("standing", standing_records(details.standing)),
                   });
    if (!details.standing.empty()) {
        record.push_back(people_only("Refused", describe_standing(details.standing)));
    }
    record.push_back({"events", "Last events", event_records(details.events)});
    return record;
}

ExitStatus run(Options const &options, Context &context) {
    DeviceId const device = DeviceId::parse(options.device.required());
    DeviceDetails const details =
        show_device(context.database(), device, static_cast<int>(options.events.value_or(default_events)));
    browse(context, {.kind = "DeviceDetails", .id_key = "device_id", .data = details_record(details)}, details.at,
           details.db_role);
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_device(set, options->device);
    add_integer(set, {.names = "--events", .description = "how many of its last events to show (default: 10)"},
                {.min = 0, .max = most_events}, options->events);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "device show",
    .summary = "show a device",
    .doc =
        R"(Shows whose device it is, and what a gateway would decide about it. Also when it was paired, when its refresh token
ends, and when and from where it was last seen. If the device, its agent or its organization is blocked or revoked, the command
also shows by whom and why.

The last events come newest first. An event `device_refused` with the reason `unknown_token` names no agent: someone
showed this device's id with a wrong token. `reused` means that a token came again after its successor was used. Two hold
the tokens of the device, so the database has revoked it. Its owner can pair it again.

Exit 0: shown. 3: no such device.

EXAMPLES
  relay-admin device show 4mz8q0v2h7rk
  relay-admin device show 4mz8q0v2h7rk --events 50
  relay-admin device show 4mz8q0v2h7rk -o json
)",
    .declare = declare,
};

}  // namespace relay::cli::device_show_command

#include "cli/audit/event_flags.hpp"
#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/event.hpp"
#include "cli/output/output.hpp"
#include "cli/output/render_json.hpp"
#include "relay/model/error.hpp"

#include <memory>

namespace relay::cli::audit_tail_command {

namespace {

constexpr std::int64_t default_lines = 10;
constexpr std::int64_t most_lines = 1000;

struct Options {
    EventFlags filter{};
    std::optional<std::int64_t> lines{};
    std::optional<std::int64_t> count{};
    bool until_idle = false;
};

std::string line_of(Event const &event, OutputFormat format) {
    if (!is_json(format)) {
        return event_line(event) + '\n';
    }
    Record record{{"kind", "", "Event"}};
    for (Field &field : listed_event_record(event)) {
        record.push_back(std::move(field));
    }
    return value_json(record) + '\n';
}

ExitStatus run(Options const &options, Context &context) {
    OutputFormat const format = context.globals().format;
    if (format != OutputFormat::table && !is_json(format)) {
        throw Error(ErrorKind::usage, "audit tail prints a line for each event, or JSON lines",
                    {.next = "use -o jsonl, or audit export -o csv"});
    }
    Output &output = context.output();
    FollowEvents const request{.filter = event_filter(options.filter, context.globals()),
                               .last = options.lines.value_or(default_lines),
                               .until_idle = options.until_idle};
    std::int64_t shown = 0;
    EventFollower const follower{
        .on_event =
            [&](Event const &event) {
                output.print(
                    line_of(event, format));  // one write per line, so that a reader never waits for half of one
                return ++shown != options.count.value_or(0);
            },
        .on_start = [&] { output.note("following the audit trail"); },
        .on_loss = [&](Error const &error) { output.note("retrying: " + error.message()); },
        .on_return = [&] { output.note("connected again; no event was missed"); },
    };
    follow_events(context.database(), request, follower);
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    declare_event_filter(set, options->filter);
    add_integer(set, {.names = "--lines", .type = "N", .description = "begin with the last N events (default: 10)"},
                {.min = 0, .max = most_lines}, options->lines);
    add_integer(set, {.names = "--count", .type = "N", .description = "end after N events"}, {.min = 1},
                options->count);
    add_flag(set, {.names = "--until-idle", .description = "end when there are no more events"}, options->until_idle);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "audit tail",
    .summary = "print events of the audit trail as they are added",
    .doc =
        R"(Prints the last 10 events, then each event that is added, as soon as its transaction is committed. It runs
until you interrupt it. With -o jsonl, each line is an object of kind Event. The conditions are those of `audit list`.

The order is that in which the events appear. An event whose transaction took long to commit comes late, but is never
left out. The command reads every second, and remembers which transactions were open. A change also wakes it
immediately (NOTIFY). If the connection is lost, the command retries until it is back, and continues where it was.

A flood of equal events is printed when its minute is over, in one line with the number of events.

Exit 0: --count or --until-idle was reached. 3: no such agent, key or organization, and no event names it. 8: the
database could not be reached at the start.

EXAMPLES
  relay-admin audit tail
  # failures of one agent, for a program
  relay-admin audit tail --agent payments --outcome failed -o jsonl
  # everything under a ticket so far
  relay-admin audit tail --ticket INC-42 --lines 1000 --until-idle
)",
    .declare = declare,
    .prints = Prints::stream,
};

}  // namespace relay::cli::audit_tail_command

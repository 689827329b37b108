#include "cli/audit/event_flags.hpp"
#include "cli/audit/event_lines.hpp"
#include "cli/command.hpp"
#include "cli/command_line/shared_flags.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/event.hpp"
#include "cli/output/output.hpp"
#include "relay/model/error.hpp"

#include <memory>

namespace relay::cli::audit_export_command {

namespace {

void check_format(OutputFormat format) {
    if (format == OutputFormat::id || format == OutputFormat::env) {
        throw Error(ErrorKind::usage, "audit export writes JSON lines or CSV",
                    {.next = "use -o jsonl (the default), -o csv or -o json"});
    }
}

ExitStatus run(EventFlags const &flags, Context &context) {
    check_format(context.globals().format);
    context.output().prefer(OutputFormat::jsonl);
    ListEvents const request{.filter = event_filter(flags, context.globals()),
                             .page = {.limit = std::nullopt, .sort = {{.name = "occurred_at"}}}};
    OutputFormat const format =
        context.globals().format == OutputFormat::table ? OutputFormat::jsonl : context.globals().format;
    ListOutput output(context.output(), {.kind = "EventList",
                                         .id_key = "event_id",
                                         .is_list = true,
                                         .columns = blank(listed_event_record(sample_event()))});
    std::string line;
    EachItem<Event> const each = [&](Event const &event, ReadStamp const &stamp) {
        output.list().at = stamp.at;
        line.clear();
        if (output.takes_lines() && append_event_line(event, format, line)) {
            output.add_line(line);
        } else {
            output.add(listed_event_record(event));
        }
    };
    try {
        finish_list(context, output, list_events(context.database(), request, each));
    } catch (...) {
        fail_list(output, std::current_exception());
    }
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const flags = std::make_shared<EventFlags>();
    declare_event_filter(set, *flags);
    return [flags](Context &context) { return run(*flags, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "audit export",
    .summary = "write the audit trail as JSON lines or CSV",
    .doc =
        R"(Writes all events that meet the conditions, the oldest first, with all fields. It is for an archive, a SIEM or a
spreadsheet. The default is JSON lines; -o csv writes CSV. The conditions are those of `audit list`.

The memory that the command needs does not depend on the number of events. All events are of one snapshot. The last
JSON line is of kind Summary: if it is missing, the export is not complete.

In CSV, a leading = + - @ gets an apostrophe before it. So no spreadsheet runs the text of an event.

`audit verify --archive` proves later that an export is what was sealed, also after its months were dropped. Export
whole months (in UTC), and keep the file as it is.

Exit 0: exported, even if there is no event. 3: no such agent, key or organization, and no event names it.

EXAMPLES
  relay-admin audit export > audit.jsonl
  relay-admin audit export --since 2026-10-01T00:00:00Z --until 2026-11-01T00:00:00Z -o csv > october.csv
  relay-admin audit export --ticket INC-42 > INC-42.jsonl
)",
    .declare = declare,
};

}  // namespace relay::cli::audit_export_command

#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/legacy/window_document.hpp"
#include "relay/model/error.hpp"

#include <memory>

namespace relay::cli::commands {

namespace {

struct Options {
    std::optional<std::string> deadline{};
};

ExitStatus run(Options const &options, Context &context) {
    LegacyDeadline const deadline = parse_deadline(options.deadline.value());
    if (!context.globals().reason) {
        throw Error(ErrorKind::usage, "a deadline is moved for a reason",
                    {.why = "the audit trail keeps it", .next = "add --reason \"...\""});
    }
    show_window(context, extend_legacy(context.database(), deadline, context.write_options()));
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_value(set,
              {.names = "--deadline",
               .type = "TIME|DURATION",
               .description = "the new end, at most 180d from now",
               .required = true},
              options->deadline);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const migrate_legacy_extend;
Command const migrate_legacy_extend{
    .path = "migrate-legacy extend",
    .summary = "move the deadline of the window",
    .doc =
        R"(Moves the deadline, on the database's clock: a duration counts from now, not from the deadline before. The deadline of a window that has
expired can be moved, too: then it is open again for those who are still listed. Who has used a key of its own stays off the list.

--reason is needed, and kept in the audit trail.

Exit 0: moved. 2: no reason, or a deadline that is past or more than 180 days ahead. 5: no window is open.

EXAMPLES
  relay-admin migrate-legacy extend --deadline 7d --reason "the billing team is on holiday"
  relay-admin migrate-legacy extend --deadline 2026-12-24T12:00:00Z --reason "freeze" --dry-run
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::commands

#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/legacy/window_document.hpp"
#include "relay/model/error.hpp"

#include <memory>

namespace relay::cli::migrate_legacy_extend_command {

namespace {

struct Options {
    std::optional<std::string> deadline{};
};

ExitStatus run(Options const &options, Context &context) {
    LegacyDeadline const deadline = parse_deadline(options.deadline.value());
    if (!context.globals().reason) {
        throw Error(ErrorKind::usage, "--reason is required to move a deadline",
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

extern Command const command;
Command const command{
    .path = "migrate-legacy extend",
    .summary = "move the deadline of the window",
    .doc =
        R"(Moves the deadline, by the database's clock. A duration counts from now, not from the previous deadline.
You can also move the deadline of a window that has expired: this opens it again for agents that are still listed.
Agents that have used their own key stay off the list.

--reason is required, and the audit trail keeps it.

Exit 0: moved. 2: no reason was given, or the deadline is in the past or more than 180 days ahead. 5: no window is
open.

EXAMPLES
  relay-admin migrate-legacy extend --deadline 7d --reason "the billing team is on holiday"
  relay-admin migrate-legacy extend --deadline 2026-12-24T12:00:00Z --reason "freeze" --dry-run
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::migrate_legacy_extend_command

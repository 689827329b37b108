#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/incident/targets.hpp"
#include "cli/legacy/window_document.hpp"
#include "cli/output/output.hpp"

#include <memory>

namespace relay::cli::commands {

namespace {

struct Options {
    std::optional<std::string> deadline{};
    std::optional<std::string> agents{};
    std::optional<std::int64_t> expect{};
};

/// An open window keeps its own end: said, since somebody may rely on the one that he gave.
void warn_of_other_deadline(Context &context, Options const &options, ChangedWindow const &changed) {
    bool const opened_now = changed.window && changed.window->opened_at == changed.at;
    if (options.deadline && changed.window && !opened_now) {
        context.output().note("the window was open already and keeps its deadline " +
                              format_instant_seconds(changed.window->deadline) + "; migrate-legacy extend moves it");
    }
}

ExitStatus run(Options const &options, Context &context) {
    StartLegacy request{.expect = options.expect};
    if (options.deadline) {
        request.deadline = parse_deadline(*options.deadline);
    }
    if (options.agents) {
        request.agents = target_agents({.file = options.agents});
    }
    ChangedWindow const changed = start_legacy(context.database(), request, context.write_options());
    show_window(context, changed);
    warn_of_other_deadline(context, options, changed);
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_value(set,
              {.names = "--deadline",
               .type = "TIME|DURATION",
               .description = "when the shared secret closes, at most 180d from now"},
              options->deadline);
    add_value(set, {.names = "--agents", .type = "FILE", .description = "a wave: these ids, one a line; - is stdin"},
              options->agents);
    add_integer(set, {.names = "--expect", .type = "N", .description = "how many agents must join; else exit 5"}, {},
                options->expect);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const migrate_legacy_start;
Command const migrate_legacy_start{
    .path = "migrate-legacy start",
    .summary = "open the window, or another wave of it",
    .doc =
        R"(Opens the window in which listed agents may still use the shared secret, and lists all that were imported, or with --agents those of a
file. While a window is open, the command opens the next wave of it: without --agents all that were imported since.

From the moment in which gateways ask relay_api.authenticate_legacy, who is not listed is refused. So a wave is what stands behind one
gateway, or everything.

The deadline is on the database's clock, at most 180 days ahead; a window that is open keeps its own (see `migrate-legacy extend`). The same
command again changes nothing. --dry-run tells how many would join, --expect N holds the command to it.

Exit 0: open. 2: no deadline, or one that is past. 3: an agent of the file was not imported. 5: another number than expected, or the window
has expired; nothing was changed.

EXAMPLES
  relay-admin migrate-legacy start --deadline 14d --dry-run
  relay-admin migrate-legacy start --deadline 14d --expect 2000
  # wave by wave
  relay-admin migrate-legacy start --deadline 30d --agents eu-gateway.txt
  relay-admin migrate-legacy start --agents us-gateway.txt
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::commands

#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/incident/targets.hpp"
#include "cli/legacy/window_document.hpp"
#include "cli/output/output.hpp"

#include <memory>

namespace relay::cli::migrate_legacy_start_command {

namespace {

struct Options {
    std::optional<std::string> deadline{};
    std::optional<std::string> agents{};
    std::optional<std::int64_t> expect{};
};

/// Says that an open window keeps its own deadline, because the operator may rely on the one given now.
void warn_of_other_deadline(Context &context, Options const &options, ChangedWindow const &changed) {
    bool const opened_now = changed.window && changed.window->opened_at == changed.at;
    if (options.deadline && changed.window && !opened_now) {
        context.output().note("the window was already open and keeps its deadline " +
                              format_instant_seconds(changed.window->deadline) +
                              "; to move it, use migrate-legacy extend");
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
    add_value(set,
              {.names = "--agents", .type = "FILE", .description = "a wave: the ids in FILE, one per line; - is stdin"},
              options->agents);
    add_integer(
        set, {.names = "--expect", .type = "N", .description = "do nothing unless exactly N agents join; else exit 5"},
        {}, options->expect);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "migrate-legacy start",
    .summary = "open the window, or add the next wave to it",
    .doc =
        R"(Opens the window in which listed agents may still use the shared secret. It lists all imported agents, or
with --agents those in a file. If a window is already open, the command adds the next wave: without --agents, all
agents that were imported since.

Once gateways call relay_api.authenticate_legacy, every agent that is not listed is refused. So a wave must have all
agents behind one gateway, or all agents.

The deadline is by the database's clock, at most 180 days ahead. A window that is open keeps its deadline (see
`migrate-legacy extend`). Running the same command again changes nothing. --dry-run shows how many agents would join;
with --expect N nothing is done unless exactly that many join.

Exit 0: open. 2: no deadline was given, or it is in the past. 3: not every agent of the file was imported. 5: the number
of agents differs from --expect, or the window has expired; nothing was changed.

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

}  // namespace relay::cli::migrate_legacy_start_command

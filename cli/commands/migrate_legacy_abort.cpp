#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/input/prompt.hpp"
#include "cli/legacy/window_document.hpp"
#include "cli/output/output.hpp"
#include "relay/legacy/stop.hpp"

#include <memory>

namespace relay::cli::migrate_legacy_abort_command {

namespace {

struct Options {
    bool deny_all = false;
    std::optional<std::string> confirm{};
};

ExitStatus stop(Options const &options, Context &context) {
    if (!context.globals().dry_run) {
        if (!options.confirm) {
            context.ask_for_label();
        }
        context.prompt().confirm_by_typing(
            "This closes the shared secret immediately. Every agent without its own key is locked out",
            std::string(legacy_word), options.confirm);
    }
    StoppedLegacy const stopped = stop_legacy(context.database(), context.write_options());
    show_window(context, stopped);
    if (stopped.trail_missing) {
        context.output().warn("no auth_events row could be written: " + *stopped.trail_missing);
    }
    if (stopped.counts_missing) {
        context.output().warn("the agents could not be counted: " + *stopped.counts_missing);
    }
    return ExitStatus::ok;
}

ExitStatus run(Options const &options, Context &context) {
    if (options.deny_all) {
        return stop(options, context);
    }
    if (!context.globals().dry_run) {
        context.ask_for_label();
        context.prompt().confirm_at_terminal(
            "Call the migration off? Listed agents may use the shared secret until the deadline.");
    }
    show_window(context, abort_legacy(context.database(), context.write_options()));
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_flag(set, {.names = "--deny-all", .description = "emergency stop: refuse the shared secret immediately"},
             options->deny_all);
    add_value(set, {.names = "--confirm", .type = "WORD", .description = "the word legacy-off, instead of typing it"},
              options->confirm);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "migrate-legacy abort",
    .summary = "call the migration off, or stop the shared secret",
    .doc =
        R"(Calls the migration off: from now on no agent is moved. No agent is locked out by this. Listed agents may
use the shared secret until the deadline, keys that were issued remain valid, and agents that have used their own key
stay off the list. `migrate-legacy start` begins again.

--deny-all is the emergency stop, for a shared secret that is in the wrong hands. Once the command has committed,
gateways refuse the shared secret for every agent. The command does not wait for locks or standbys, not even for a
`start` of a hundred thousand agents; what such a `start` opens afterwards is closed too. It also closes what an
earlier abort left open. It checks nothing first, and always records the stop. You must type the word legacy-off, or give it with --confirm; --yes is not enough. To go
back, run `migrate-legacy start` with a new deadline: it opens the window again for agents that are still listed.

Exit 0: done, now or before. 2: the word is needed, but there is no terminal to ask at. 5: there is nothing to abort.
13: you typed another word.

EXAMPLES
  relay-admin migrate-legacy abort --reason "the new gateways are not ready"
  # the shared secret was seen in a public repository
  relay-admin migrate-legacy abort --deny-all --confirm legacy-off --ticket INC-42
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::migrate_legacy_abort_command

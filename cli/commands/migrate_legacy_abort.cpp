#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/input/prompt.hpp"
#include "cli/legacy/window_document.hpp"
#include "cli/output/output.hpp"
#include "relay/legacy/stop.hpp"

#include <memory>

namespace relay::cli::commands {

namespace {

struct Options {
    bool deny_all = false;
    std::optional<std::string> confirm{};
};

ExitStatus stop(Options const &options, Context &context) {
    if (!context.globals().dry_run) {
        context.prompt().confirm_by_typing(
            "This closes the shared secret to everybody at once. Every agent without a key of its own is locked out",
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
        context.prompt().confirm_at_terminal("Call the migration off? Listed agents go on until the deadline.");
    }
    show_window(context, abort_legacy(context.database(), context.write_options()));
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_flag(set, {.names = "--deny-all", .description = "emergency stop: the shared secret opens nothing any more"},
             options->deny_all);
    add_value(set, {.names = "--confirm", .type = "WORD", .description = "legacy-off, instead of typing it"},
              options->confirm);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const migrate_legacy_abort;
Command const migrate_legacy_abort{
    .path = "migrate-legacy abort",
    .summary = "call the migration off, or stop the shared secret",
    .doc =
        R"(Calls the migration off: nobody is moved any more. Nobody is locked out by that: who is listed may use the shared secret until the
deadline, keys that were issued stay valid, and who has used one stays off the list. `migrate-legacy start` begins again.

--deny-all is the emergency stop, for a shared secret that is in the wrong hands: from the commit on it opens nothing, for nobody. It waits
for nobody's lock and for no standby: not for a `start` of a hundred thousand agents either, and what that opens afterwards is closed, too. It also
ends what an earlier abort left open. It wants the word legacy-off typed, or given with --confirm; --yes alone is not enough. The way back
is `migrate-legacy start`, with a deadline of its own, for those who are still listed.

Exit 0: done, or so already. 2: the word is needed and nobody can be asked. 5: there is nothing to abort. 13: another word was typed.

EXAMPLES
  relay-admin migrate-legacy abort --reason "the new gateways are not ready"
  # the shared secret was seen in a public repository
  relay-admin migrate-legacy abort --deny-all --confirm legacy-off --ticket INC-42
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::commands

#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/legacy.hpp"
#include "cli/input/prompt.hpp"

#include <memory>

namespace relay::cli::commands {

namespace {

struct Options {
    bool deny_all = false;
    std::optional<std::string> confirm{};
};

ExitStatus run(Options const &options, Context &context) {
    if (!context.globals().dry_run) {
        if (options.deny_all) {
            context.prompt().confirm_by_typing(
                "This closes the shared secret to everybody at once. Every agent without a key of its own is locked "
                "out",
                std::string(legacy_word), options.confirm);
        } else {
            context.prompt().confirm_at_terminal("Call the migration off? Listed agents go on until the deadline.");
        }
    }
    show_window(context, abort_legacy(context.database(), options.deny_all, context.write_options()));
    return ExitStatus::ok;
}

Runner declare(CLI::App &app) {
    auto const options = std::make_shared<Options>();
    add_flag(app, {.names = "--deny-all", .description = "emergency stop: the shared secret opens nothing any more"},
             options->deny_all);
    add_value(app, {.names = "--confirm", .type = "WORD", .description = "legacy-off, instead of typing it"},
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

--deny-all is the emergency stop, for a shared secret that is in the wrong hands: from the commit on it opens nothing, for nobody. It also
ends what an earlier abort left open. It wants the word legacy-off typed, or given with --confirm; --yes alone is not enough. The way back
is `migrate-legacy start`, with a deadline of its own, for those who are still listed.

Exit 0: done, or so already. 2: the word is needed and nobody can be asked. 5: there is nothing to abort. 13: another word was typed.

EXAMPLES
  relay-admin migrate-legacy abort --reason "the new gateways are not ready"
  # the shared secret was seen in a public repository
  relay-admin migrate-legacy abort --deny-all --confirm legacy-off --ticket INC-42
)",
    .declare = declare,
};

}  // namespace relay::cli::commands

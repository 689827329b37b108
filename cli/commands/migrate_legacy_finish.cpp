#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/input/prompt.hpp"
#include "cli/legacy/window_document.hpp"
#include "relay/legacy/status.hpp"
#include "relay/model/error.hpp"

#include <memory>

namespace relay::cli::commands {

namespace {

struct Options {
    std::optional<std::chrono::seconds> quiet{};
    std::optional<std::int64_t> allow_active{};
    std::optional<std::string> confirm{};
};

/// What is at stake, for who is asked; a window that is finished already needs no word.
bool needs_word(Context &context, FinishLegacy const &request, std::string &question) {
    question = "This turns the shared secret off for good";
    if (!context.prompt().can_ask()) {
        return true;
    }
    LegacyStatus const status =
        legacy_status(context.database(), {.quiet = request.quiet, .most_stragglers = 0, .most_owners = 0});
    if (status.window && status.window->state == LegacyWindowState::finished) {
        return false;
    }
    question += ". " + std::to_string(status.counts.on_shared_secret) + " agents used it in the last " +
                describe_duration(request.quiet) + "; " + std::to_string(status.counts.never_seen) +
                " listed agents were never seen, " + std::to_string(status.counts.silent) + " are silent";
    return true;
}

ExitStatus run(Options const &options, Context &context) {
    FinishLegacy request;
    request.quiet = options.quiet.value_or(request.quiet);
    request.allow_active = options.allow_active.value_or(0);
    if (!context.globals().dry_run) {
        std::string question;
        if (needs_word(context, request, question)) {
            context.prompt().confirm_by_typing(question, std::string(legacy_word), options.confirm);
        }
    }
    show_window(context, finish_legacy(context.database(), request, context.write_options()));
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_duration(set, {.names = "--quiet-for", .description = "nobody may have used it for so long (default: 72h)"},
                 options->quiet);
    add_integer(
        set,
        {.names = "--allow-active", .type = "N", .description = "exactly so many may have used it, and are locked out"},
        {}, options->allow_active);
    add_value(set, {.names = "--confirm", .type = "WORD", .description = "legacy-off, instead of typing it"},
              options->confirm);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const migrate_legacy_finish;
Command const migrate_legacy_finish{
    .path = "migrate-legacy finish",
    .summary = "close the window: the shared secret opens nothing more",
    .doc =
        R"(Closes the window for good, and prints the one setting that is to be changed in the relay. From the commit on the database refuses the
shared secret for every agent; a relay that still has it switched on lets nobody in by it.

While a listed agent has used the shared secret in the last 72 hours (--quiet-for), this is exit 5, with those agents and where they were
seen. To lock them out on purpose, give their exact number with --allow-active. Agents that were never seen, or are silent, hold nothing up.

It wants the word legacy-off typed, or given with --confirm; --yes alone is not enough.

Exit 0: finished, or so already. 2: the word is needed and nobody can be asked. 5: agents still use it, or no window is open. 13: another
word was typed.

EXAMPLES
  relay-admin migrate-legacy finish
  # from a script; exactly two old agents are given up
  relay-admin migrate-legacy finish --quiet-for 24h --allow-active 2 --confirm legacy-off
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::commands

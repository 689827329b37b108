#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/input/prompt.hpp"
#include "cli/legacy/window_document.hpp"
#include "relay/legacy/status.hpp"
#include "relay/model/error.hpp"

#include <memory>

namespace relay::cli::migrate_legacy_finish_command {

namespace {

struct Options {
    std::optional<std::chrono::seconds> quiet{};
    std::optional<std::int64_t> allow_active{};
    std::optional<std::int64_t> allow_never_seen{};
    std::optional<std::string> confirm{};
};

/// Returns whether the word must be typed, and puts what is at stake into `question`. A finished window needs no word.
bool needs_word(Context &context, FinishLegacy const &request, std::string &question) {
    question = "This turns the shared secret off for every agent";
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
    request.allow_never_seen = options.allow_never_seen.value_or(0);
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
    add_duration(set,
                 {.names = "--quiet-for", .description = "require that no agent used it for this long (default: 72h)"},
                 options->quiet);
    add_integer(set,
                {.names = "--allow-active",
                 .type = "N",
                 .description = "finish although exactly N agents still use it; locks them out"},
                {}, options->allow_active);
    add_integer(set,
                {.names = "--allow-never-seen",
                 .type = "N",
                 .description = "finish although exactly N listed agents were never seen; locks them out"},
                {}, options->allow_never_seen);
    add_value(set, {.names = "--confirm", .type = "WORD", .description = "the word legacy-off, instead of typing it"},
              options->confirm);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "migrate-legacy finish",
    .summary = "close the window: the shared secret stops working",
    .doc =
        R"(Closes the window, and prints the one setting that you must change in the relay. Once the command has
committed, the database refuses the shared secret for every agent, even if a relay still has it switched on.

If a listed agent used the shared secret in the last 72 hours (--quiet-for), the command exits 5 and shows those
agents and where they were seen. To lock them out on purpose, give their exact number with --allow-active. The same
holds for listed agents that were never seen, with --allow-never-seen. Agents that were seen and have been silent since
do not prevent finishing.

Silence proves something only if a gateway listened. So while agents are left, the command also exits 5 if no gateway
has asked this database since the window was opened, or if the window or its last wave is younger than --quiet-for.

The way back is `migrate-legacy start --deadline 7d`: it opens a new window for the agents that are left.

You must type the word legacy-off, or give it with --confirm; --yes is not enough.

Exit 0: finished, now or before. 2: the word is needed, but there is no terminal to ask at. 5: agents still use the
shared secret, were never seen, or could not have been seen yet; or no window is open. 13: you typed another word.

EXAMPLES
  relay-admin migrate-legacy finish
  # from a script; exactly two old agents will be locked out
  relay-admin migrate-legacy finish --quiet-for 24h --allow-active 2 --confirm legacy-off
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::migrate_legacy_finish_command

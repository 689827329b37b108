#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/browse.hpp"
#include "cli/legacy/next_steps.hpp"
#include "cli/legacy/page.hpp"
#include "cli/legacy/status_document.hpp"
#include "cli/output/command_text.hpp"
#include "cli/output/output.hpp"
#include "cli/output/own_file.hpp"
#include "cli/output/redraw.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <memory>

namespace relay::cli::migrate_legacy_status_command {

namespace {

constexpr std::int64_t everyone = std::numeric_limits<std::int64_t>::max();

OwnFile page_file(std::string const &path) {
    return {.flag = "--html", .path = path, .beginning = html::legacy_page_beginning};
}

struct Options {
    std::optional<std::chrono::seconds> quiet{};
    bool all = false;
    bool exit_code = false;
    std::optional<std::string> html{};
    std::optional<std::chrono::seconds> watch{};

    bool page_to_stdout() const { return html == "-"; }
};

/// Asks for as many agents as the flags want, and for a page as many as it can show.
LegacyQuestion make_question(Options const &options) {
    LegacyQuestion question;
    question.quiet = options.quiet.value_or(question.quiet);
    if (options.all) {
        question.most_stragglers = question.most_owners = everyone;
    } else if (options.html) {
        question.most_stragglers = question.most_owners = html::most_on_page;
    }
    return question;
}

void put_page(Options const &options, LegacyStatus const &status, Context &context) {
    std::string const page = html::legacy_page(status, context.globals());
    if (options.page_to_stdout()) {
        context.output().print(page);
        context.output().divert_to_stderr();
    } else if (!context.globals().dry_run) {
        write_own_file(page_file(*options.html), page);
    }
}

/// Returns the line for a step. A shell can run it as it is, because the explanation is a comment.
std::string step_line(NextStep const &step, Globals const &globals) {
    return "next: " + (step.command.empty() ? step.what : command_line(globals, step.command) + "  # " + step.what);
}

void say_what_is_next(LegacyStatus const &status, Context &context) {
    auto const hidden = status.counts.left() - static_cast<std::int64_t>(status.stragglers.size());
    if (hidden > 0) {
        context.output().note(std::to_string(hidden) + " more not shown; use --all to show every agent");
    }
    for (NextStep const &step : next_steps(status)) {
        context.output().note(step_line(step, context.globals()));
    }
}

/// Shortens the lists for the screen: keeps the first agents of each activity.
void cut(LegacyStatus &status) {
    LegacyQuestion const usual;
    std::map<LegacyActivity, std::int64_t> places;
    std::erase_if(status.stragglers,
                  [&](LegacyAgent const &agent) { return ++places[agent.activity] > usual.most_stragglers; });
    status.owners.resize(std::min(status.owners.size(), static_cast<std::size_t>(usual.most_owners)));
}

bool is_waited_for(LegacyStatus const &status) {
    bool const finished = status.window && status.window->state == LegacyWindowState::finished;
    return !finished && status.counts.left() + status.counts.imported > 0;
}

ExitStatus run(Options const &options, Context &context) {
    if (options.html && !options.page_to_stdout()) {
        require_place(page_file(*options.html));
    }
    LegacyStatus status = legacy_status(context.database(), make_question(options));
    if (options.html) {
        put_page(options, status, context);
    }
    if (!options.all) {
        cut(status);
    }
    Document document{.kind = "LegacyStatus", .id_key = "state"};
    document.data = legacy_status_record(status, context.globals());
    bool const in_file = options.html && !options.page_to_stdout();
    document.data.push_back({"page", in_file ? "Page" : "", in_file ? Value(*options.html) : Value()});
    document.dry_run = in_file && context.globals().dry_run;
    document.chart = burn_down_chart(status);
    browse(context, std::move(document), status.at, status.db_role);
    say_what_is_next(status, context);
    return options.exit_code && is_waited_for(status) ? ExitStatus::check_no : ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_duration(set,
                 {.names = "--quiet-for", .description = "agents seen in this time count as using it (default: 72h)"},
                 options->quiet);
    add_flag(set, {.names = "--all", .description = "show every agent that is left, not only the first 20 of a kind"},
             options->all);
    add_flag(set, {.names = "--exit-code", .description = "exit 10 while any agent is left"}, options->exit_code);
    add_value(set, {.names = "--html", .type = "FILE", .description = "write everything as one HTML page; - is stdout"},
              options->html);
    declare_redraw(set, options->watch);
    return [options](Context &context) {
        at_most_one({{"--watch", options->watch.has_value()}, {"--html", options->html.has_value()}});
        return redraw(context, options->watch, [&] { return run(*options, context); });
    };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "migrate-legacy status",
    .summary = "show how far the migration is, and which agents are left",
    .doc =
        R"(Shows the window and the days that are left, how many agents are in which state, the burn-down since the
window was opened, which owners to contact, and the agents that are still on the list: those that use the shared
secret (when they last did, and from where), those that used it once and have been silent, and those that were never
seen. Each imported agent is in one state:

  imported  not on a list yet: the shared secret is refused
  listed    may use the shared secret, and has not been issued a key
  issued    has its own key, but has not used it yet
  proven    has used its own key: permanently off the list
  revoked   refused, whichever secret it uses

If stdout is a terminal, the command draws the burn-down; the dots show an even pace to the deadline. "Done by" is
when the last agent will have left the list, at the pace of the last seven days, or since the window was opened. The
last lines, on stderr, say what to do next.

--html FILE writes everything as one self-contained page: for a browser, a mail, or a directory that a web server
serves. The page has no secrets, but it names agents, owners and addresses, so only the owner can read a new FILE. It
is never half written. Written again, it replaces the page of an earlier run, and keeps its mode (so chmod it once);
any other file is left alone. The page lists up to 2000 agents of a kind.

With --exit-code the command exits 10 until the last agent has left the list or the window is finished. This includes
a window that has expired, was aborted or is stopped, and imported agents that are not on a list. Revoked agents do
not count.

Exit 0: shown. 5: FILE exists, and is not a page of this command. 10: with --exit-code: an agent is imported, listed
or issued, and the window is not finished. 12: FILE cannot be written.

EXAMPLES
  relay-admin migrate-legacy status
  relay-admin migrate-legacy status --exit-code --quiet-for 24h -o json
  relay-admin migrate-legacy status --all -o jsonl
  # every morning, from cron
  relay-admin migrate-legacy status --quiet --html legacy.html
)",
    .declare = declare,
};

}  // namespace relay::cli::migrate_legacy_status_command

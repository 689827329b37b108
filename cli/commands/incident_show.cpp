#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/timeline.hpp"
#include "cli/incident/timeline_page.hpp"
#include "cli/output/output.hpp"
#include "cli/output/own_file.hpp"
#include "relay/model/error.hpp"

#include <memory>

namespace relay::cli::incident_show_command {

namespace {

constexpr std::int64_t default_limit = 1000;
constexpr std::int64_t largest_limit = 100'000;

struct Options {
    std::optional<std::string> ticket{};
    std::optional<std::chrono::seconds> around{};
    std::optional<std::int64_t> limit{};
    std::optional<std::string> html{};
};

OwnFile page_file(std::string const &path) {
    return {.flag = "--html", .path = path, .beginning = html::timeline_page_beginning};
}

/// Returns why the program would not write such a ticket. SQL may have written it anyway, and then it can be shown.
std::optional<Error> fault_of(std::string const &ticket) {
    try {
        Note::parse("ticket", ticket);
        return std::nullopt;
    } catch (Error const &error) {
        return error;
    }
}

IncidentTimeline read(Context &context, ShowIncident const &request) {
    std::optional<Error> const fault = fault_of(request.ticket);
    try {
        return show_incident(context.database(), request);
    } catch (Error const &) {
        if (fault) {
            throw *fault;
        }
        throw;
    }
}

ExitStatus run(Options const &options, Context &context) {
    ShowIncident request{.ticket = *options.ticket, .limit = options.limit.value_or(default_limit)};
    request.around = options.around.value_or(request.around);
    if (options.html) {
        require_place(page_file(*options.html));
    }
    IncidentTimeline const timeline = read(context, request);
    if (options.html) {
        write_own_file(page_file(*options.html), html::timeline_page(timeline));
    }
    Document document = timeline_document(timeline, options.html);
    browse(context, std::move(document), timeline.at, timeline.db_role);
    context.output().note(timeline_summary(timeline));
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_positional(set, {.names = "TICKET", .description = "the ticket, as it was given to --ticket", .required = true},
                   options->ticket);
    add_duration(
        set, {.names = "--around", .description = "also events of its agents this long before and after (default: 1h)"},
        options->around);
    add_integer(set,
                {.names = "--limit", .description = "show at most N events, and all with the ticket (default: 1000)"},
                {.min = 1, .max = largest_limit}, options->limit);
    add_value(set, {.names = "--html", .type = "FILE", .description = "also write one HTML page with a timeline"},
              options->html);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "incident show",
    .summary = "show what was done under a ticket, and around it",
    .doc =
        R"(Shows every event with the ticket, and every event of the agents concerned around that time, the oldest first.
Calls with a wrong secret for a key of these agents are among them. If an organization was blocked or revoked under the
ticket, the events of all its agents are shown.

"Around" is from an hour before the first event with the ticket to an hour after the last; --around changes the hour.
Events with the ticket are never left out. If there are more than --limit events, those farthest from one with the ticket
are left out. A warning has their number.

--html FILE also writes one page with a timeline, which you can attach to a post-mortem. The page needs nothing else: no
script, no request. It names agents, owners and addresses, so only you can read a new FILE. An earlier page is
replaced, any other file is not.

In JSON, each item has "under_ticket", and the document also has "incident" and "agents".

Exit 0: shown. 3: no event has this ticket; the error suggests similar ones. 5, 12: FILE cannot be written.

EXAMPLES
  relay-admin incident show INC-42
  relay-admin incident show INC-42 --around 24h -o csv
  relay-admin incident show INC-42 --html INC-42.html
)",
    .declare = declare,
};

}  // namespace relay::cli::incident_show_command

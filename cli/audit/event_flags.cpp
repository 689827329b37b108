#include "cli/audit/event_flags.hpp"

#include "cli/command_line/agent_flags.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

std::optional<PastTime> parse_if_given(std::string const &flag, std::optional<std::string> const &text) {
    return text ? std::optional(parse_past_time(flag, *text)) : std::nullopt;
}

std::optional<Note> note_if_given(std::string_view what, std::optional<std::string> const &text) {
    return text ? std::optional(Note::parse(what, *text)) : std::nullopt;
}

/// Later versions have more actions than this one knows, so only the form is checked.
void check_action(std::string const &action) {
    bool const is_word = std::all_of(action.begin(), action.end(),
                                     [](char letter) { return (letter >= 'a' && letter <= 'z') || letter == '_'; });
    if (!is_word) {
        throw Error(ErrorKind::usage, "--action " + quote_for_message(action) + " is not an action",
                    {.next = "write actions as in auth_failed,agent_blocked"});
    }
}

}  // namespace

PastTime parse_past_time(std::string const &flag, std::string const &text) {
    try {
        if (text.find('-') != text.npos && text.front() != '-') {
            return parse_instant(text);
        }
        return parse_duration(text);
    } catch (Error const &error) {
        throw Error(error.kind(), flag + ": " + error.message(),
                    {.why = error.hint().why, .next = "as in " + flag + " 24h, or " + flag + " 2026-11-22T06:00:00Z"});
    }
}

void declare_event_filter(OptionSet &set, EventFlags &flags) {
    add_agent_flag(set, "only events of this agent", flags.agent);
    add_value(set, {.names = "--key,--key-id", .type = "KEY-ID", .description = "only events of this key"}, flags.key);
    add_org_flag(set, "only events of this organization", flags.org);
    add_value(set, {.names = "--owner", .type = "TEXT", .description = "only events of agents of this owner"},
              flags.owner);
    add_values(set, {.names = "--action", .type = "ACTION,...", .description = "only these actions: auth_failed"},
               flags.actions, Commas::split);
    add_choice(set, {.names = "--outcome", .description = "only what was allowed, or only what failed"},
               all_texts<Outcome>(), flags.outcome);
    add_value(set,
              {.names = "--address", .type = "ADDRESS", .description = "only calls from this IP address or network"},
              flags.address);
    add_value(set,
              {.names = "--db-role",
               .type = "LOGIN",
               .description = "only what this login of the database did, whatever --actor it claimed"},
              flags.db_role);
    add_value(set, {.names = "--trace", .type = "ID", .description = "only events of this trace"}, flags.trace);
    add_value(set,
              {.names = "--since",
               .type = "TIME|DURATION",
               .description = "only events from then on: 24h ago, or a time (RFC 3339)"},
              flags.since);
    add_value(set, {.names = "--until", .type = "TIME|DURATION", .description = "only events before then"},
              flags.until);
}

EventFilter event_filter(EventFlags const &flags, Globals const &globals) {
    std::for_each(flags.actions.begin(), flags.actions.end(), check_action);
    EventFilter filter{.owner = parse_owner(flags.owner),
                       .actions = flags.actions,
                       .outcome = from_optional_text<Outcome>(flags.outcome),
                       .actor = note_if_given("actor", globals.actor),
                       .db_role = note_if_given("database role", flags.db_role),
                       .ticket = note_if_given("ticket", globals.ticket),
                       .trace = note_if_given("trace", flags.trace),
                       .since = parse_if_given("--since", flags.since),
                       .until = parse_if_given("--until", flags.until)};
    if (flags.agent) {
        filter.agent = AgentId::parse(*flags.agent);
    }
    if (flags.key) {
        filter.key = KeyId::parse(*flags.key);
    }
    if (flags.org) {
        filter.org = OrgId::parse(*flags.org);
    }
    if (flags.address) {
        filter.address = IpRange::parse(*flags.address);
    }
    return filter;
}

}  // namespace relay::cli

#include "cli/documents/event.hpp"

#include "cli/documents/fields.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <algorithm>
#include <charconv>

namespace relay::cli {

namespace {

Value number_of(Event const &event) { return event.event_id ? Value(std::to_string(*event.event_id)) : Value(); }

Value detail_of(Event const &event) { return event.detail ? Value(JsonText{*event.detail}) : Value(); }

}  // namespace

Severity severity_of(std::string_view action, std::string_view outcome, std::optional<std::string> const &reason) {
    if (action == "message_refused" && reason == "tenant_mismatch") {
        return Severity::error;
    }
    return outcome == text_of(Outcome::failed) ? Severity::warn : Severity::info;
}

Severity severity_of(Event const &event) { return severity_of(event.action, text_of(event.outcome), event.reason); }

Event sample_event() { return {.event_id = 0}; }

Record event_record(Event const &event) {
    return {
        machine_only("event_id", number_of(event)),
        {"occurred_at", "At", event.occurred_at},
        {"action", "Action", event.action},
        machine_only("outcome", event.outcome),
        {"times", "Times", event.times, {.leaves = 6}},
        {"key_id", "Key ID", event.key_id, {.leaves = 2}},
        {"ip_address", "From", event.ip_address, {.leaves = 1}},
        {"actor", "By", event.actor, {.leaves = 4, .cut = true}},
        {"ticket", "Ticket", event.ticket, {.leaves = 5, .cut = true}},
        {"reason", "Reason", event.reason, {.leaves = 3, .cut = true}},
        machine_only("org_id", event.org_id),
        machine_only("agent_id", event.agent_id),
        machine_only("db_role", event.db_role),
        machine_only("trace_id", event.trace_id),
        machine_only("detail", detail_of(event)),
        machine_only("severity", severity_of(event)),
        machine_only("occurred_at_exact", format_instant_exact(event.occurred_at)),
    };
}

std::vector<Record> event_records(std::vector<Event> const &events) {
    std::vector<Record> records;
    std::transform(events.begin(), events.end(), std::back_inserter(records), event_record);
    return records;
}

Record listed_event_record(Event const &event) {
    return {
        {"event_id", "Event", number_of(event), {.leaves = 7}},
        {"occurred_at", "At", event.occurred_at},
        {"action", "Action", event.action},
        machine_only("outcome", event.outcome),
        {"times", "Times", event.times, {.leaves = 8}},
        {"org_id", "Org ID", event.org_id, {.leaves = 6}},
        {"agent_id", "Agent ID", event.agent_id},
        {"key_id", "Key ID", event.key_id, {.leaves = 2}},
        {"ip_address", "From", event.ip_address, {.leaves = 1}},
        {"actor", "By", event.actor, {.leaves = 4, .cut = true}},
        machine_only("db_role", event.db_role),
        {"ticket", "Ticket", event.ticket, {.leaves = 5, .cut = true}},
        {"reason", "Reason", event.reason, {.leaves = 3, .cut = true}},
        machine_only("trace_id", event.trace_id),
        machine_only("detail", detail_of(event)),
        machine_only("severity", severity_of(event)),
        machine_only("occurred_at_exact", format_instant_exact(event.occurred_at)),
    };
}

Record event_page(Event const &event) {
    return {
        {"event_id", "Event", number_of(event)},
        {"occurred_at", "At", event.occurred_at},
        {"action", "Action", event.action},
        {"outcome", "Outcome", event.outcome},
        {"reason", "Reason", event.reason},
        {"times", "Times", event.times},
        {"org_id", "Org ID", event.org_id},
        {"agent_id", "Agent ID", event.agent_id},
        {"key_id", "Key ID", event.key_id},
        {"ip_address", "From", event.ip_address},
        {"actor", "By (claimed)", event.actor},
        {"db_role", "Database role", event.db_role},
        {"ticket", "Ticket", event.ticket},
        {"trace_id", "Trace", event.trace_id},
        {"detail", "Details", detail_of(event)},
        {"severity", "Severity", severity_of(event)},
        machine_only("occurred_at_exact", format_instant_exact(event.occurred_at)),
    };
}

std::int64_t parse_event_id(std::string_view text) {
    std::int64_t number = 0;
    auto const [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc() || end != text.data() + text.size() || number < 1) {
        throw Error(ErrorKind::usage, quote_for_message(text) + " is not the number of an event",
                    {.next = advise(Act::list_events), .sought = {.kind = "event", .text = std::string(text)}});
    }
    return number;
}

std::string event_line(Event const &event) {
    std::string line = format_instant_seconds(event.occurred_at) + "  " + event.action;
    auto const add = [&](std::string_view word, std::optional<std::string> const &text) {
        if (text) {
            line += "  " + std::string(word) + *text;
        }
    };
    auto const text_or_none = [](auto const &id) { return id ? std::optional(id->text()) : std::nullopt; };
    add("", text_or_none(event.agent_id));
    if (!event.agent_id) {
        add("org ", text_or_none(event.org_id));
    }
    add("key ", text_or_none(event.key_id));
    add("from ", event.ip_address);
    add("by ", event.actor);
    add("", event.ticket);
    if (event.times > 1) {
        line += "  " + std::to_string(event.times) + " times";
    }
    return escape_for_terminal(line + (event.reason ? ": " + *event.reason : ""));
}

}  // namespace relay::cli

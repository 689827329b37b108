#include "cli/documents/event.hpp"

#include "cli/documents/fields.hpp"

#include <algorithm>

namespace relay::cli {

Record event_record(Event const &event) {
    return {
        machine_only("event_id", event.event_id ? Value(std::to_string(*event.event_id)) : Value()),
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
    };
}

std::vector<Record> event_records(std::vector<Event> const &events) {
    std::vector<Record> records;
    std::transform(events.begin(), events.end(), std::back_inserter(records), event_record);
    return records;
}

}  // namespace relay::cli

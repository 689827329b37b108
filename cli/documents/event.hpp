#pragma once

#include "cli/output/document.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/text_of.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace relay::cli {

/// How much an event matters to a monitor.
enum class Severity { info, warn, error };

}  // namespace relay::cli

template <>
struct relay::EnumText<relay::cli::Severity> {
    using Severity = cli::Severity;
    static constexpr auto words = std::to_array<EnumWord<Severity>>(
        {{Severity::info, "INFO"}, {Severity::warn, "WARN"}, {Severity::error, "ERROR"}});
};

namespace relay::cli {

/// error: a message claimed to be of another organization; warn: anything else that failed.
Severity severity_of(Event const &event);
Severity severity_of(std::string_view action, std::string_view outcome, std::optional<std::string> const &reason);

/// An event of which only the fields are needed, for the columns of a list.
Event sample_event();
/// Returns a row of auth_events as the item of a list of events of any agent.
Record listed_event_record(Event const &event);
/// Returns everything about one event.
Record event_page(Event const &event);
/// Reads the number of an event. Throws Error (usage).
std::int64_t parse_event_id(std::string_view text);
/// Returns the event on one line, for a person who follows the trail.
std::string event_line(Event const &event);
/// Returns a row of auth_events as the item of a list that is about one agent or key.
Record event_record(Event const &event);
std::vector<Record> event_records(std::vector<Event> const &events);

}  // namespace relay::cli

#pragma once

#include "relay/audit/seal.hpp"

#include <optional>
#include <string>

/// The form of an event that is hashed: schema/README.md describes it.
namespace relay {

/// Appends a column: the number of its bytes, a colon, the bytes and a comma; null as a minus sign and a comma.
void append_column(std::string &form, std::optional<std::string> const &value);
/// Returns what a seal has about an event.
SealEntry seal_entry(std::int64_t event_id, std::uint16_t month, std::string const &form);

/// An event as it is written in an archive.
struct EventTexts {
    std::int64_t event_id = 0;
    Instant occurred_at{};
    std::optional<std::string> org_id{};
    std::optional<std::string> agent_id{};
    std::optional<std::string> key_id{};
    std::string action{};
    std::string outcome{};
    std::optional<std::string> reason{};
    std::optional<std::string> ip_address{};  ///< as PostgreSQL prints it: a single address without a mask
    std::optional<std::string> actor{};
    std::string db_role{};
    std::optional<std::string> ticket{};
    std::optional<std::string> trace_id{};
    std::optional<std::string> detail{};  ///< a JSON object, in the order and with the numbers of jsonb, on one line
    std::int64_t times = 1;
};
/// Returns what a seal of the event has. Blanks between the tokens of the detail do not count.
SealEntry seal_entry(EventTexts const &event);

}  // namespace relay

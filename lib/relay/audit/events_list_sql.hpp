#pragma once

#include "relay/audit/events.hpp"
#include "relay/db/row_stream.hpp"

#include <vector>

namespace relay::sql {

/// Where the next page of a list begins: after this event.
struct EventPlace {
    Instant occurred_at{};
    std::optional<std::int64_t> event_id{};
    std::int64_t floods = 0;  ///< without event_id: how many events of this instant without a number came before
};

struct EventPage {
    EventFilter filter{};
    std::optional<EventPlace> after{};
    std::vector<SortField> sort{};  ///< empty: the newest first
    std::optional<std::int64_t> limit{};
};
std::vector<std::string> event_sort_fields();
db::Stream<Event> list_events(db::Transaction &transaction, EventPage const &page);

/// Throws Error (not_found), with similar ids, if an agent, a key or an organization of the filter does not exist, and no
/// event names it. (An id that does not exist can be blocked.)
void require_known(db::Transaction &transaction, EventFilter const &filter);

std::optional<Event> find_event(db::Transaction &transaction, std::int64_t event_id);

/// Returns those of the events with these numbers that meet the filter, in the order of their numbers.
std::vector<Event> events_with(db::Transaction &transaction, EventFilter const &filter,
                               std::vector<std::int64_t> const &ids);
/// Returns the first numbers of events after `after`, up to `up_to`, sorted.
std::vector<std::int64_t> event_ids_between(db::Transaction &transaction, std::int64_t after, std::int64_t up_to,
                                            std::optional<std::int64_t> limit = std::nullopt);
/// Returns the highest number among the newest events.
std::int64_t last_event_id(db::Transaction &transaction);

}  // namespace relay::sql

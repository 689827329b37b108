#pragma once

#include "relay/identity/events_sql.hpp"

/// Events that the database may have written already, because a trigger found that they were missing.
namespace relay::sql {

/// Writes those of `events` that neither this command nor a trigger for it has written since then. Returns how many of them
/// are there now.
std::size_t insert_missing_events(db::Transaction &transaction, Attribution const &by,
                                  std::vector<NewEvent> const &events, Instant since);

}  // namespace relay::sql

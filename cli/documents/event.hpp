#pragma once

#include "cli/output/document.hpp"
#include "relay/identity/records.hpp"

#include <vector>

namespace relay::cli {

/// Returns a row of auth_events as the item of a list.
Record event_record(Event const &event);
std::vector<Record> event_records(std::vector<Event> const &events);

}  // namespace relay::cli

#pragma once

#include "cli/context.hpp"
#include "relay/identity/records.hpp"

#include <string>

namespace relay::cli {

/// Appends an event as the line of a list, in the bytes that the renderer of the format would write for its record; but
/// without the record, which costs more than all else for a million events. Returns false, and appends nothing, if only
/// the renderer can do it.
bool append_event_line(Event const &event, OutputFormat format, std::string &text);

}  // namespace relay::cli

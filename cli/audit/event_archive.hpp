#pragma once

#include "relay/audit/event_form.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

namespace relay::cli {

/// A row of an archive.
struct ArchiveRow {
    std::size_t line = 0;  ///< the first is 1
    std::optional<EventTexts> event{};  ///< none: it has no number, because its flood had not ended; or it has a fault
    std::string fault{};  ///< why it is not an event as audit export writes it
};

/// Passes each row of a file that `audit export` wrote, as JSON lines or CSV, to `take`. A row with a fault was altered:
/// each field is read exactly as it was written, and no other is accepted. Several exports may follow each other.
/// Throws Error (usage) if the file is unreadable, or its first line shows that it is something else.
void read_event_archive(std::string const &path, std::string_view flag,
                        std::function<void(ArchiveRow const &)> const &take);

}  // namespace relay::cli

#pragma once

#include "relay/model/time.hpp"

#include <cstdint>
#include <optional>
#include <string>

/// What the database holds of the audit trail, as it is read.
namespace relay {

/// A partition of the audit trail, and what is or was in it.
struct EventMonth {
    std::string month{};  ///< "2026-11", in UTC
    std::int64_t rows = 0;
    std::int64_t events = 0;  ///< a row of a flood that was folded counts as often as it happened
    std::int64_t bytes = 0;  ///< with its indexes
    std::optional<Instant> first_at{};  ///< none without rows
    std::optional<Instant> last_at{};
};

}  // namespace relay

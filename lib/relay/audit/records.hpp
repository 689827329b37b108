#pragma once

#include "relay/model/time.hpp"

#include <cstdint>
#include <optional>
#include <string>

/// The audit trail as it is read from the database.
namespace relay {

/// A partition of the audit trail, and what is or was in it.
struct EventMonth {
    std::string month{};  ///< "2026-11", in UTC
    std::int64_t rows = 0;
    std::int64_t events = 0;  ///< the row of a flood counts as often as its event happened
    std::int64_t bytes = 0;  ///< with its indexes
    std::optional<Instant> first_at{};  ///< none without rows
    std::optional<Instant> last_at{};
};

}  // namespace relay

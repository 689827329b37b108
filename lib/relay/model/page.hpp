#pragma once

#include "relay/model/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace relay {

/// A part of a list, and where the next part begins.
template <typename T>
struct Page {
    std::vector<T> items{};
    std::optional<std::string> next{};  ///< pass it as `after`; none: this is the last part
    Instant at{};  ///< the database's clock
    std::string db_role{};
};

struct PageRequest {
    std::optional<std::int64_t> limit = 1000;  ///< none: all
    std::optional<std::string> after{};

    /// True if the answer may need much memory.
    bool may_be_long() const { return !limit || *limit > 10'000; }
};

}  // namespace relay

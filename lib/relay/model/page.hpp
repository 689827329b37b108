#pragma once

#include "relay/model/time.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

/// Lists. A list has any number of items, so a function that reads one does not return them: it passes each to its
/// caller as soon as it arrives.
namespace relay {

/// When a list is read, by the database's clock, and by which role.
struct ReadStamp {
    Instant at{};
    std::string db_role{};
};

template <typename T>
using EachItem = std::function<void(T const &item, ReadStamp const &read)>;

/// What is known of a list once all its items were passed on.
struct ListEnd {
    std::optional<std::string> next{};  ///< pass it as `after`; none: there are no more items, or the list was sorted
    bool more = false;  ///< there are more items than the limit allows
    ReadStamp read{};
};

/// A field that a list is sorted by.
struct SortField {
    std::string name{};
    bool descending = false;
};

struct PageRequest {
    std::optional<std::int64_t> limit = 1000;  ///< none: all
    std::optional<std::string> after{};
    std::vector<SortField>
        sort{};  ///< empty: by id. A sorted list cannot be continued, so it has no `after` and no `next`

    /// Returns one more than the limit, to find out whether there is a next page.
    std::optional<std::int64_t> one_more() const { return limit ? std::optional(*limit + 1) : std::nullopt; }
};

}  // namespace relay

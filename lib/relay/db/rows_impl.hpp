#pragma once

#include "relay/db/libpq_result.hpp"
#include "relay/db/rows.hpp"

#include <utility>
#include <vector>

namespace relay::db {

/// Separate from rows.hpp, so that few files have to parse libpq.
struct Rows::Impl {
    Result result;
    /// The numbers of the columns that were read so far. libpq looks a name up letter by letter, which for each cell of
    /// a long list would cost more than the cell. The names are literals, so that two names have two addresses.
    mutable std::vector<std::pair<char const *, int>> columns{};

    int column(char const *name) const;
};

}  // namespace relay::db

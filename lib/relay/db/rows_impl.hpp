#pragma once

#include "relay/db/libpq_result.hpp"
#include "relay/db/rows.hpp"

namespace relay::db {

/// Separate from rows.hpp, so that few files have to parse libpq.
struct Rows::Impl {
    Result result;
};

}  // namespace relay::db

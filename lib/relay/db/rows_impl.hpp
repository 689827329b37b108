#pragma once

#include "relay/db/rows.hpp"

#include <pqxx/result>

namespace relay::db {

/// Kept out of rows.hpp, so that pqxx is parsed in few places.
struct Rows::Impl {
    pqxx::result result;
};

}  // namespace relay::db

#pragma once

#include "relay/db/rows.hpp"

#include <pqxx/result>

namespace relay::db {

/// Separate from rows.hpp, so that few files have to parse pqxx.
struct Rows::Impl {
    pqxx::result result;
};

}  // namespace relay::db

#pragma once

#include "relay/db/database.hpp"

#include <string>

namespace relay {

/// Returns the 8 hexadecimal digits that identify a database (db::Transaction::database_id).
std::string read_database_id(db::Database &database);

}  // namespace relay

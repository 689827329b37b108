#pragma once

#include "relay/db/conninfo_diagnosis.hpp"

#include <optional>
#include <string_view>

namespace relay::db {

/// Returns what is wrong with the parameters of a connection string that libpq refused; none: nothing was found. Format:
/// PostgreSQL manual, "Connection Strings".
std::optional<Diagnosis> find_bad_parameters(std::string_view conninfo);

}  // namespace relay::db

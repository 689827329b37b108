#pragma once

#include "relay/db/database.hpp"

#include <optional>
#include <string>
#include <vector>

namespace relay::db {

/// One setting of a connection: its value, and where that came from.
struct ConnectionSetting {
    std::string keyword{};  ///< libpq's: "host", "sslmode"
    std::optional<std::string> value{};  ///< none: not set, or a secret
    std::string origin{};  ///< "--dsn", "PGHOST", "service file", "default", "relay-admin" (a rule of ours); for people
    bool is_secret = false;
    bool is_set = false;  ///< also for a secret
};

/// Returns every keyword of libpq that is set, and always host, port, dbname, user, password and sslmode, without
/// connecting. Values of passwords are left out. Throws Error (usage) as complete_conninfo.
std::vector<ConnectionSetting> describe_connection(Settings const &settings);

}  // namespace relay::db

#pragma once

#include "relay/db/connection_settings.hpp"
#include "relay/db/database.hpp"
#include "relay/schema/records.hpp"

#include <optional>
#include <string>
#include <vector>

namespace relay {

/// Which database and which login this program uses, as the server reports it.
struct WhoAmI {
    db::Link link{};
    DatabaseLabel label{};  ///< what its operators call it
    std::string database{};
    std::string server_version{};  ///< "15.14"
    bool standby = false;
    std::string session_user{};
    std::string current_user{};
    bool superuser = false;
    std::vector<std::string> groups{};  ///< the relay_* roles that it is a member of
    std::optional<SchemaState> schema_state{};  ///< none: this role has no right to read it
    std::optional<int> schema_version{};
    int known_schema_version = 0;  ///< the version that this program needs
    Instant at{};
};

/// Asks the server who it thinks we are. Works with any schema, on a standby, and without any rights. Changes
/// nothing.
WhoAmI who_am_i(db::Database &database);

}  // namespace relay

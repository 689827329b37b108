#pragma once

#include "relay/db/connection_settings.hpp"
#include "relay/db/database.hpp"
#include "relay/schema/records.hpp"

#include <optional>
#include <string>
#include <vector>

namespace relay {

/// Who and where this program is, as the server tells.
struct WhoAmI {
    db::Link link{};
    std::string database{};
    std::string server_version{};  ///< "15.14"
    bool standby = false;
    std::string session_user{};
    std::string current_user{};
    bool superuser = false;
    std::vector<std::string> groups{};  ///< which of the relay_* roles it is a member of
    std::optional<SchemaState> schema_state{};  ///< none: this role has no right to read it
    std::optional<int> schema_version{};
    int known_schema_version = 0;  ///< this program's
    Instant at{};
};

/// Asks the server; works on any schema, on a standby, and as a role without any right. Changes nothing.
WhoAmI who_am_i(db::Database &database);

}  // namespace relay

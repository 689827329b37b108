#pragma once

#include "relay/db/transaction.hpp"

#include <string>
#include <vector>

namespace relay::sql {

/// What the server says about itself and this session.
struct ServerGreeting {
    std::string session_user{};
    std::string current_user{};
    std::string database{};
    std::string server_version{};
    bool standby = false;
    bool superuser = false;
};
ServerGreeting greet_server(db::Transaction &transaction);

/// Returns the relay_* roles that the current user is a member of, by name.
std::vector<std::string> group_memberships(db::Transaction &transaction);

/// Returns false if there is a record of migrations that this role may not read.
bool may_read_schema_record(db::Transaction &transaction);

}  // namespace relay::sql

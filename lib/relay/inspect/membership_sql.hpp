#pragma once

#include "relay/db/transaction.hpp"

#include <string>
#include <vector>

namespace relay::sql {

/// How the login is related to one of our groups.
struct Membership {
    std::string group{};
    bool exists = false;
    bool is_member = false;
    bool has_privileges = false;  ///< it inherits the group's privileges
    bool may_act_as = false;  ///< it may SET ROLE to the group
    std::vector<std::string> granters{};  ///< roles with ADMIN OPTION on the group, without the login itself
};

/// What decides whether the login may apply the schema. All names are SQL identifiers, quoted where they must be.
struct LoginFacts {
    std::string role{};
    std::string database{};
    std::string database_owner{};
    bool creates_roles = false;
    bool creates_in_database = false;
    bool has_grant_options = false;  ///< PostgreSQL 16 or later
    std::vector<Membership> memberships{};  ///< in all groups: relay_owner, relay_provisioner, ...
};

LoginFacts read_login_facts(db::Transaction &transaction);

}  // namespace relay::sql

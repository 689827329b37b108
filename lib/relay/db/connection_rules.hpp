#pragma once

#include "relay/db/libpq_message.hpp"
#include "relay/model/error.hpp"

#include <cstdint>
#include <string_view>

namespace relay::db {

/// Whether another host of the same connection string could answer differently. Roles, passwords, databases and
/// privileges are the same on a primary and its standbys; pg_hba.conf, TLS, a pooler and a name are not.
enum class Reach : std::uint8_t { this_host, all_hosts };

/// What to do about a fault, if it is not the rule's own words.
enum class Remedy : std::uint8_t { words, check_login, supply_password, create_database, try_again, reach_server };

/// A row of the table of connection faults. The first row that fits counts.
struct ConnectionRule {
    std::string_view sqlstate;  ///< the code begins with this; empty: any, or none
    std::string_view words;  ///< the message has these words; empty: any
    ErrorKind kind;
    Reach reach;
    std::string_view why;  ///< may have {tls}: why this sslmode is in use
    Remedy remedy;
    std::string_view next = {};  ///< may have {database} and {user}
};

/// Returns the first row that fits. There always is one.
ConnectionRule const &find_rule(Attempt const &attempt);

}  // namespace relay::db

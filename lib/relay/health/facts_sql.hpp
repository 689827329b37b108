#pragma once

#include "relay/db/transaction.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

/// What `doctor` asks. Nothing here writes, and all of it works on a standby.
namespace relay::sql {

/// What any role may ask of any database.
struct ServerFacts {
    db::Link link{};
    bool gss_encrypted = false;  ///< by Kerberos, in place of TLS
    std::string version{};  ///< "15.14"
    std::int64_t version_number = 0;  ///< 150014
    bool standby = false;
    std::string role{};  ///< with whose rights statements run
    bool superuser = false;
    bool bypasses_row_security = false;
    std::vector<std::string> groups{};  ///< the relay_* roles whose rights it has without SET ROLE
    bool has_schema = false;
    bool may_read = false;  ///< what the auditor may; false without a schema
    std::map<std::string, std::string> settings{};  ///< what a session of this role begins with
};
ServerFacts read_server(db::Transaction &transaction);

/// A login, no superuser, that has rights of our groups.
struct GroupLogin {
    std::string name{};
    bool bypasses_row_security = false;
    bool gateway = false;
    bool tenant = false;
    bool reader = false;  ///< reads every organization: auditor, responder, provisioner or owner
};
std::vector<GroupLogin> read_group_logins(db::Transaction &transaction);

/// For which standbys a COMMIT waits, and who of them is there. Needs the rights of an auditor.
struct SynchronousStandbys {
    std::string names{};  ///< synchronous_standby_names; empty: it waits for none
    std::int64_t streaming = 0;  ///< of those that count
    bool hidden = false;  ///< the server does not tell us
};
SynchronousStandbys read_synchronous_standbys(db::Transaction &transaction);

struct AuditMonthFacts {
    bool has_present = false;
    bool has_next = false;
    bool default_is_used = false;  ///< rows are in the default partition
    bool overdue = false;  ///< operations older than 40 days are still there: nobody prunes
};
AuditMonthFacts read_audit_months(db::Transaction &transaction);

/// A count with the first few names.
struct Named {
    std::int64_t count = 0;
    std::string first{};  ///< at most 3: "a, b, c"
};

/// Agents whose active key is past its due date and would be let in.
Named agents_with_overdue_keys(db::Transaction &transaction);

/// Imported agents that were refused with the shared secret in the last 24 hours.
struct RefusedAgents {
    Named left{};  ///< that have a key of their own in use
    Named others{};
};
RefusedAgents read_refused_agents(db::Transaction &transaction);

/// The server's clock at this moment, not at the start of the transaction.
Instant server_clock(db::Transaction &transaction);

}  // namespace relay::sql

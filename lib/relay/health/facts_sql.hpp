#pragma once

#include "relay/call_policy/records.hpp"
#include "relay/db/transaction.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

/// The queries of `doctor`. They write nothing, and all of them work on a standby.
namespace relay::sql {

/// What any role can read in any database.
struct ServerFacts {
    db::Link link{};
    std::int64_t notifications_per_mille = 0;  ///< how full the queue of NOTIFY is
    bool gss_encrypted = false;  ///< by Kerberos, in place of TLS
    std::string version{};  ///< "15.14"
    std::int64_t version_number = 0;  ///< 150014
    bool standby = false;
    std::string role{};  ///< current_user: the role whose rights apply
    bool superuser = false;
    bool bypasses_row_security = false;
    std::vector<std::string> groups{};  ///< the relay_* roles whose rights it has without SET ROLE
    bool has_schema = false;
    bool may_read = false;  ///< it can read what relay_auditor can; false without a schema
    std::map<std::string, std::string> settings{};  ///< the settings that a session of this role begins with
    /// For those that the role or the database overrules: the statement that undoes it.
    std::map<std::string, std::string> undo{};
    std::string managed_by{};  ///< a role that only a managed server has ("rds_superuser"); empty: there is none
};
ServerFacts read_server(db::Transaction &transaction);

/// A login that has the rights of relay's groups; never a superuser.
struct GroupLogin {
    std::string name{};
    bool bypasses_row_security = false;
    bool gateway = false;
    bool tenant = false;
    bool billing = false;
    bool reader = false;  ///< reads every organization: auditor, responder, provisioner or owner
};
std::vector<GroupLogin> read_group_logins(db::Transaction &transaction);

/// What is known about the passwords that exist. Only superusers can see how they are stored.
struct KeptPasswords {
    bool visible = false;
    std::int64_t logins = 0;  ///< logins with a password
    std::vector<std::string> md5{};  ///< logins whose password is stored as md5
};
KeptPasswords read_kept_passwords(db::Transaction &transaction);

/// A setting of the log that a login in relay_gateway overrules for its sessions.
struct GatewayLogSetting {
    std::string login{};
    std::string setting{};  ///< "log_statement=all"
    std::string undo{};  ///< "ALTER ROLE gw RESET log_statement"
};
/// Returns them by login. Also settings of the modules auto_explain and pgaudit, and what loads them.
std::vector<GatewayLogSetting> read_gateway_log_settings(db::Transaction &transaction);

/// The standbys that a COMMIT waits for, and how many are connected. Needs the rights of relay_auditor.
struct SynchronousStandbys {
    std::string names{};  ///< synchronous_standby_names; empty: COMMIT waits for none
    std::int64_t streaming = 0;  ///< synchronous standbys that are streaming
    bool hidden = false;  ///< this role may not see them
};
SynchronousStandbys read_synchronous_standbys(db::Transaction &transaction);

struct AuditMonthFacts {
    bool has_present = false;
    bool has_next = false;
    bool default_is_used = false;  ///< rows are in the default partition
    bool overdue = false;  ///< operations older than 40 days are still there: maintenance does not run
};
AuditMonthFacts read_audit_months(db::Transaction &transaction);

struct SealFacts {
    std::optional<Instant> sealed_at{};  ///< of the last seal of the audit trail; none: there is no seal
    bool is_overdue = false;  ///< an event has waited for a seal for more than 26 hours
    Instant at{};
};
SealFacts read_seals(db::Transaction &transaction);

/// A count with the first few names.
struct Named {
    std::int64_t count = 0;
    std::string first{};  ///< at most 3: "a, b, c"
};

/// Returns the agents whose active key is past its due date and still accepted.
Named agents_with_overdue_keys(db::Transaction &transaction);

/// Agents with staged keys.
struct StagedKeys {
    Named settled{};  ///< a key has settled, and no run has confirmed it: "a (2 since 2026-11-29 03:00 UTC)"
    std::int64_t under_way = 0;  ///< a store may still take each of their keys
};
StagedKeys agents_with_staged_keys(db::Transaction &transaction);

/// Agents that never used their new key, while their old key ends within a day.
Named agents_with_unused_keys(db::Transaction &transaction);

/// Returns the organizations, agents or the platform whose window for signed calls is set to less than 30 s or more than
/// 120 s.
Named unusual_windows(db::Transaction &transaction);

/// What is in force for the platform: the value of each setting.
using PlatformPolicy = std::map<PolicySetting, std::string>;
PlatformPolicy platform_policy(db::Transaction &transaction);

/// Imported agents that were refused with the shared secret in the last 24 hours.
struct RefusedAgents {
    Named left{};  ///< those that already use their own key
    Named others{};
};
RefusedAgents read_refused_agents(db::Transaction &transaction);

/// Returns the server's clock now, not at the start of the transaction.
Instant server_clock(db::Transaction &transaction);

}  // namespace relay::sql

#pragma once

#include "relay/feed/records.hpp"
#include "relay/health/facts_sql.hpp"
#include "relay/health/report.hpp"
#include "relay/identity/records.hpp"
#include "relay/legacy/records.hpp"
#include "relay/legacy/status.hpp"
#include "relay/schema/records.hpp"

#include <chrono>
#include <vector>

/// Each makes a verdict of facts, and does nothing else; relay/health/doctor.hpp brings the facts.
namespace relay::doctor {

// The server and the way to it --------------------------------------------------------------------------------------------------------

CheckResult judge_tls(sql::ServerFacts const &facts, Surroundings const &around);
CheckResult judge_password(Surroundings const &around);
CheckResult judge_role(sql::ServerFacts const &facts);
CheckResult judge_version(sql::ServerFacts const &facts);
CheckResult judge_primary(sql::ServerFacts const &facts);
CheckResult judge_durability(sql::ServerFacts const &facts);
CheckResult judge_password_hashing(sql::ServerFacts const &facts);
CheckResult judge_logging(sql::ServerFacts const &facts);
CheckResult judge_standbys(sql::ServerFacts const &facts, sql::SynchronousStandbys const &standbys);
/// `ahead`: by how much the database's clock is before this machine's; `round_trip`: how exact that is.
CheckResult judge_clock(std::chrono::milliseconds ahead, std::chrono::milliseconds round_trip);

// Schema and rights --------------------------------------------------------------------------------------------------------------------

CheckResult judge_schema(SchemaStatus const &status, int known_version);
/// All differences but the grants to others than our groups, which judge_foreign_grants has.
CheckResult judge_drift(std::vector<SchemaDifference> const &differences);
CheckResult judge_foreign_grants(std::vector<SchemaDifference> const &differences);
CheckResult judge_gateway_logins(std::vector<sql::GroupLogin> const &logins);
CheckResult judge_tenant_logins(std::vector<sql::GroupLogin> const &logins);

// What is in the database --------------------------------------------------------------------------------------------------------------

CheckResult judge_months(sql::AuditMonthFacts const &facts);
CheckResult judge_due_keys(sql::Named const &overdue);
CheckResult judge_gateways(std::vector<Gateway> const &gateways);

// The shared secret --------------------------------------------------------------------------------------------------------------------

CheckResult judge_window(LegacyStatus const &legacy);
CheckResult judge_pace(LegacyStatus const &legacy);
CheckResult judge_refused(sql::RefusedAgents const &refused);
CheckResult judge_env_file(RelaySettings const &relay);
CheckResult judge_fallback(RelaySettings const &relay, LegacyStatus const &legacy);
CheckResult judge_secret(RelaySettings const &relay, LegacyStatus const &legacy);

}  // namespace relay::doctor

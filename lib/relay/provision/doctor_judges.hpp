#pragma once

#include "relay/db/schema.hpp"
#include "relay/model/health.hpp"
#include "relay/model/legacy.hpp"
#include "relay/model/records.hpp"
#include "relay/provision/migrate_legacy_status.hpp"
#include "relay/store/health.hpp"

#include <chrono>
#include <vector>

/// Each makes a verdict of facts, and does nothing else; relay/provision/doctor.hpp brings the facts.
namespace relay::doctor {

// The server and the way to it --------------------------------------------------------------------------------------------------------

CheckResult judge_tls(store::ServerFacts const &facts, Surroundings const &around);
CheckResult judge_password(Surroundings const &around);
CheckResult judge_role(store::ServerFacts const &facts);
CheckResult judge_version(store::ServerFacts const &facts);
CheckResult judge_primary(store::ServerFacts const &facts);
CheckResult judge_durability(store::ServerFacts const &facts);
CheckResult judge_password_hashing(store::ServerFacts const &facts);
CheckResult judge_logging(store::ServerFacts const &facts);
CheckResult judge_standbys(store::ServerFacts const &facts, store::SynchronousStandbys const &standbys);
/// `ahead`: by how much the database's clock is before this machine's; `round_trip`: how exact that is.
CheckResult judge_clock(std::chrono::milliseconds ahead, std::chrono::milliseconds round_trip);

// Schema and rights --------------------------------------------------------------------------------------------------------------------

CheckResult judge_schema(db::SchemaStatus const &status, int known_version);
/// All differences but the grants to others than our groups, which judge_foreign_grants has.
CheckResult judge_drift(std::vector<db::SchemaDifference> const &differences);
CheckResult judge_foreign_grants(std::vector<db::SchemaDifference> const &differences);
CheckResult judge_gateway_logins(std::vector<store::GroupLogin> const &logins);
CheckResult judge_tenant_logins(std::vector<store::GroupLogin> const &logins);

// What is in the database --------------------------------------------------------------------------------------------------------------

CheckResult judge_months(store::AuditMonthFacts const &facts);
CheckResult judge_due_keys(store::Named const &overdue);
CheckResult judge_gateways(std::vector<Gateway> const &gateways);

// The shared secret --------------------------------------------------------------------------------------------------------------------

CheckResult judge_window(LegacyStatus const &legacy);
CheckResult judge_pace(LegacyStatus const &legacy);
CheckResult judge_refused(store::RefusedAgents const &refused);
CheckResult judge_env_file(RelaySettings const &relay);
CheckResult judge_fallback(RelaySettings const &relay, LegacyStatus const &legacy);
CheckResult judge_secret(RelaySettings const &relay, LegacyStatus const &legacy);

}  // namespace relay::doctor

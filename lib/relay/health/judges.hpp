#pragma once

#include "relay/feed/records.hpp"
#include "relay/health/facts_sql.hpp"
#include "relay/health/report.hpp"
#include "relay/identity/records.hpp"
#include "relay/legacy/records.hpp"
#include "relay/legacy/status.hpp"
#include "relay/schema/records.hpp"

#include <chrono>
#include <map>
#include <string>
#include <vector>

/// The checks of `doctor` as pure functions from facts to a verdict. relay/health/doctor.cpp gets the facts.
namespace relay::doctor {

/// Returns "a, b, c and 4 more".
std::string first_of(std::vector<std::string> const &names);
/// Returns the value of a setting in a session of this role; empty if the server does not have it.
std::string setting_of(sql::ServerFacts const &facts, char const *name);
/// Returns what to do so that a setting has this value: for the whole server, and before that for the role or database that
/// overrules it. ALTER SYSTEM is for superusers, and not possible on a managed server.
std::string set_server_setting(sql::ServerFacts const &facts, std::string const &name, std::string const &value);

// The server and the connection to it ---------------------------------------------------------------------------------

CheckResult judge_tls(sql::ServerFacts const &facts, Surroundings const &around);
CheckResult judge_password(Surroundings const &around);
CheckResult judge_role(sql::ServerFacts const &facts);
CheckResult judge_version(sql::ServerFacts const &facts);
CheckResult judge_primary(sql::ServerFacts const &facts);
CheckResult judge_durability(sql::ServerFacts const &facts);
CheckResult judge_password_hashing(sql::ServerFacts const &facts, sql::KeptPasswords const &kept);
/// `own`: what sessions of gateways log differently from ours.
CheckResult judge_logging(sql::ServerFacts const &facts, std::vector<sql::GatewayLogSetting> const &own);
CheckResult judge_notifications(sql::ServerFacts const &facts);
CheckResult judge_standbys(sql::ServerFacts const &facts, sql::SynchronousStandbys const &standbys);
/// `ahead`: how far the database's clock is ahead of this machine's; `round_trip`: how exact that is.
CheckResult judge_clock(std::chrono::milliseconds ahead, std::chrono::milliseconds round_trip);

// Schema and rights ---------------------------------------------------------------------------------------------------

CheckResult judge_schema(SchemaStatus const &status, int known_version);
/// Judges all differences except grants to roles that are not relay's groups: those are for judge_foreign_grants.
/// `repairable`: repair_schema() would mend some of them.
CheckResult judge_drift(std::vector<SchemaDifference> const &differences, bool repairable);
CheckResult judge_foreign_grants(std::vector<SchemaDifference> const &differences);
CheckResult judge_gateway_logins(std::vector<sql::GroupLogin> const &logins);
CheckResult judge_tenant_logins(std::vector<sql::GroupLogin> const &logins);
CheckResult judge_billing_logins(std::vector<sql::GroupLogin> const &logins);

// The content of the database -----------------------------------------------------------------------------------------

CheckResult judge_months(sql::AuditMonthFacts const &facts);
CheckResult judge_seals(sql::SealFacts const &facts);
CheckResult judge_due_keys(sql::Named const &overdue);
CheckResult judge_staged_keys(sql::StagedKeys const &staged);
CheckResult judge_unused_keys(sql::Named const &unused);
CheckResult judge_windows(sql::Named const &unusual);
/// `policy`: what is in force for the platform, by the name of the setting.
CheckResult judge_relay_policy(RelaySettings const &relay, sql::PlatformPolicy const &policy);
CheckResult judge_gateways(std::vector<Gateway> const &gateways);

// The shared secret ---------------------------------------------------------------------------------------------------

CheckResult judge_window(LegacyStatus const &legacy);
CheckResult judge_pace(LegacyStatus const &legacy);
CheckResult judge_refused(sql::RefusedAgents const &refused);
CheckResult judge_env_file(RelaySettings const &relay);
CheckResult judge_fallback(RelaySettings const &relay, LegacyStatus const &legacy);
std::vector<CheckResult> judge_hardening(RelaySettings const &relay);
CheckResult judge_secret(RelaySettings const &relay, LegacyStatus const &legacy);

}  // namespace relay::doctor

#include "relay/health/facts_sql.hpp"

namespace relay::sql {
namespace {

// Checks USAGE and SELECT explicitly: reading a table without them would be an error, not an answer.
constexpr auto server_sql = R"sql(
SELECT current_setting('server_version') AS version, current_setting('server_version_num')::bigint AS version_number,
       round(pg_notification_queue_usage() * 1000)::bigint AS notifications_per_mille,
       COALESCE((SELECT encrypted FROM pg_stat_gssapi WHERE pid = pg_backend_pid()), false) AS gss_encrypted,
       pg_is_in_recovery() AS standby, me.rolname::text AS role, me.rolsuper AS superuser, me.rolbypassrls AS bypasses,
       n.oid IS NOT NULL AS has_schema,
       COALESCE(has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'), false) AS may_read
FROM pg_roles AS me
LEFT JOIN pg_namespace AS n ON n.nspname = 'relay'
LEFT JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = 'schema_migrations'
WHERE me.rolname = current_user)sql";

// reset_val: the value that the session began with, because our transaction changes some of these for itself.
constexpr auto settings_sql = R"sql(
SELECT name, reset_val AS value,
       (SELECT 'ALTER ' || CASE WHEN own.setrole <> 0 THEN format('ROLE %I', session_user)
                                     || CASE WHEN own.setdatabase <> 0 THEN format(' IN DATABASE %I', current_database()) ELSE '' END
                                WHEN own.setdatabase <> 0 THEN format('DATABASE %I', current_database()) ELSE 'ROLE ALL' END
               || ' RESET ' || name
        FROM pg_db_role_setting AS own, unnest(own.setconfig) AS setting
        WHERE own.setrole IN (SELECT 0 UNION ALL SELECT oid FROM pg_roles WHERE rolname = session_user)
          AND own.setdatabase IN (SELECT 0 UNION ALL SELECT oid FROM pg_database WHERE datname = current_database())
          AND split_part(setting, '=', 1) = name
        ORDER BY own.setrole = 0, own.setdatabase = 0 LIMIT 1) AS undo
FROM pg_settings
WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit', 'password_encryption', 'default_transaction_read_only',
               'log_statement', 'log_min_duration_statement', 'log_min_duration_sample', 'log_statement_sample_rate',
               'log_transaction_sample_rate', 'log_parameter_max_length', 'log_parameter_max_length_on_error',
               'auto_explain.log_min_duration', 'auto_explain.log_parameter_max_length', 'pgaudit.log', 'pgaudit.log_parameter'))sql";

// On such a server, ALTER SYSTEM is for the provider only.
constexpr auto managed_sql = R"sql(
SELECT max(rolname) AS role FROM pg_roles
WHERE rolname IN ('rds_superuser', 'cloudsqlsuperuser', 'alloydbsuperuser', 'azure_pg_admin', 'neon_superuser', 'supabase_admin',
                  'doadmin', 'avnadmin', 'tsdbadmin', 'crunchy_superuser', 'yb_superuser'))sql";

constexpr auto may_see_passwords_sql = R"sql(
SELECT has_column_privilege('pg_authid', 'rolpassword', 'SELECT') AS visible)sql";

constexpr auto passwords_sql = R"sql(
SELECT rolname::text AS name, rolpassword LIKE 'md5%' AS is_md5 FROM pg_authid
WHERE rolcanlogin AND rolpassword IS NOT NULL ORDER BY rolname)sql";

constexpr auto gateway_log_settings_sql = R"sql(
SELECT login.rolname::text AS login, setting,
       format('ALTER ROLE %I', login.rolname)
           || CASE WHEN s.setdatabase <> 0 THEN format(' IN DATABASE %I', current_database()) ELSE '' END
           || format(' RESET %s', split_part(setting, '=', 1)) AS undo
FROM pg_db_role_setting AS s JOIN pg_roles AS login ON login.oid = s.setrole, unnest(s.setconfig) AS setting
WHERE s.setdatabase IN (SELECT 0 UNION ALL SELECT oid FROM pg_database WHERE datname = current_database())
  AND login.rolcanlogin
  AND setting ~ '^log_(statement|min_duration|transaction_sample|parameter)|^(auto_explain|pgaudit)[.]|^[a-z]+_preload_libraries=.*(auto_explain|pgaudit)'
  AND pg_has_role(login.oid, (SELECT oid FROM pg_roles WHERE rolname = 'relay_gateway'), 'USAGE')
ORDER BY 1, 2)sql";

// USAGE, not MEMBER: since PostgreSQL 16, the creator of a role is a member of it but has none of its rights.
constexpr auto groups_sql = R"sql(
SELECT rolname::text AS name FROM pg_roles
WHERE rolname IN ('relay_owner', 'relay_provisioner', 'relay_responder', 'relay_gateway', 'relay_auditor', 'relay_tenant',
                  'relay_billing')
  AND pg_has_role(current_user, oid, 'USAGE')
ORDER BY rolname)sql";

constexpr auto logins_sql = R"sql(
SELECT name, bypasses, gateway, tenant, billing, reader FROM (
    SELECT login.rolname::text AS name, login.rolbypassrls AS bypasses,
           pg_has_role(login.oid, 'relay_gateway', 'USAGE') AS gateway, pg_has_role(login.oid, 'relay_tenant', 'USAGE') AS tenant,
           pg_has_role(login.oid, 'relay_billing', 'USAGE') AS billing,
           pg_has_role(login.oid, 'relay_auditor', 'USAGE') OR pg_has_role(login.oid, 'relay_responder', 'USAGE')
           OR pg_has_role(login.oid, 'relay_provisioner', 'USAGE') OR pg_has_role(login.oid, 'relay_owner', 'USAGE') AS reader
    FROM pg_roles AS login WHERE login.rolcanlogin AND NOT login.rolsuper) AS logins
WHERE gateway OR tenant OR billing OR reader ORDER BY name)sql";

constexpr auto standbys_sql = R"sql(
SELECT current_setting('synchronous_standby_names') AS names,
       count(*) FILTER (WHERE state = 'streaming' AND sync_state IN ('sync', 'quorum')) AS streaming,
       COALESCE(bool_or(state IS NULL), false) AS hidden
FROM relay.wal_senders())sql";

// By size, because only the owner may read a partition; and rows never leave this one.
constexpr auto months_sql = R"sql(
SELECT EXISTS (SELECT FROM relay.event_months() AS made WHERE made.month = date_trunc('month', now())::date) AS has_present,
       EXISTS (SELECT FROM relay.event_months() AS made
               WHERE made.month = (date_trunc('month', now()) + interval '1 month')::date) AS has_next,
       pg_relation_size('relay.auth_events_default') > 0 AS default_is_used,
       EXISTS (SELECT FROM relay.operations WHERE at < now() - interval '40 days') AS overdue)sql";

// A daily timer, and two hours more. No event before the last seal lacks one, but for a moment: so the index by time gives
// the first one that does.
constexpr auto seals_sql = R"sql(
SELECT last.sealed_at,
       EXISTS (SELECT FROM relay.auth_events AS event
               WHERE event.occurred_at >= COALESCE(last.sealed_at, '-infinity') AND event.occurred_at < now() - interval '26 hours'
                 AND event.event_id > COALESCE(last.up_to_event_id, 0)) AS is_overdue
FROM (SELECT max(sealed_at) AS sealed_at, max(up_to_event_id) AS up_to_event_id FROM relay.event_seals) AS last)sql";

constexpr auto overdue_sql = R"sql(
SELECT count(*) AS agents, array_to_string((array_agg(agent_id ORDER BY since, agent_id))[1:3], ', ') AS first
FROM (SELECT agent_id, min(due_at) AS since FROM relay.due_keys WHERE listed_from <= now() GROUP BY agent_id) AS due)sql";

// With their age, by which one sees whether anyone still looks after them.
constexpr auto staged_sql = R"sql(
SELECT count(*) FILTER (WHERE settled) AS agents, count(*) FILTER (WHERE NOT settled) AS under_way,
       array_to_string((array_agg(agent_id || ' (' || keys || ' since ' || to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC)'
                                  ORDER BY since, agent_id) FILTER (WHERE settled))[1:3], ', ') AS first
FROM (SELECT agent_id, count(*) AS keys, min(created_at) AS since, bool_or(settle_until <= now()) AS settled
      FROM relay.key_status WHERE state = 'staged' AND status = 'staged' AND hash_algorithm <> 'ed25519' GROUP BY agent_id) AS agent)sql";

constexpr auto unused_sql = R"sql(
SELECT count(*) AS agents,
       array_to_string((array_agg(agent_id || ' (' || to_char(ends_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC)'
                                  ORDER BY ends_at, agent_id))[1:3], ', ') AS first
FROM (SELECT agent_id, min(ends_at) AS ends_at FROM relay.unused_replacements GROUP BY agent_id) AS unused)sql";

// A row without an end counts only if it is the newest of its scope.
constexpr auto windows_sql = R"sql(
SELECT count(*) AS agents, array_to_string((array_agg(scope || ' (' || value || ')' ORDER BY scope))[1:3], ', ') AS first
FROM (SELECT COALESCE('agent ' || said.agent_id, 'org ' || said.org_id, 'the platform') AS scope, said.value
      FROM relay.policy_changes AS said
      WHERE said.setting = 'window' AND said.lifted_at IS NULL AND (said.until IS NULL OR said.until > now())
        AND CASE WHEN said.setting = 'window'  -- CASE, because otherwise the planner may cast other values first
                 THEN said.value::interval < interval '30 seconds' OR said.value::interval > interval '120 seconds' END
        AND NOT (said.until IS NULL AND EXISTS (
            SELECT FROM relay.policy_changes AS newer
            WHERE newer.setting = 'window' AND newer.lifted_at IS NULL AND newer.until IS NULL AND newer.change_id > said.change_id
              AND newer.org_id IS NOT DISTINCT FROM said.org_id AND newer.agent_id IS NOT DISTINCT FROM said.agent_id))) AS odd)sql";

constexpr auto refused_sql = R"sql(
SELECT proven.agent_id IS NOT NULL AS has_left, count(*) AS agents,
       array_to_string((array_agg(agent.agent_id ORDER BY agent.agent_id))[1:3], ', ') AS first
FROM relay.legacy_agents AS agent LEFT JOIN relay.proven_agents AS proven ON proven.agent_id = agent.agent_id
WHERE agent.agent_id IN (SELECT event.agent_id FROM relay.auth_events AS event
                         WHERE event.occurred_at > now() - interval '24 hours' AND event.action = 'legacy_denied')
GROUP BY 1)sql";

Named read_named(db::Row const &row) {
    return {.count = row.integer("agents"), .first = row.optional_text("first").value_or("")};
}

}  // namespace

ServerFacts read_server(db::Transaction &transaction) {
    db::Rows const rows = transaction.exec(server_sql);
    db::Row const row = rows.one();
    ServerFacts facts{.link = transaction.link(),
                      .notifications_per_mille = row.integer("notifications_per_mille"),
                      .gss_encrypted = row.boolean("gss_encrypted"),
                      .version = row.text("version"),
                      .version_number = row.integer("version_number"),
                      .standby = row.boolean("standby"),
                      .role = row.text("role"),
                      .superuser = row.boolean("superuser"),
                      .bypasses_row_security = row.boolean("bypasses"),
                      .has_schema = row.boolean("has_schema"),
                      .may_read = row.boolean("may_read")};
    db::Rows const groups = transaction.exec(groups_sql);
    for (db::Row const group : groups) {
        facts.groups.push_back(group.text("name"));
    }
    db::Rows const settings = transaction.exec(settings_sql);
    for (db::Row const setting : settings) {
        std::string const name = setting.text("name");
        facts.settings[name] = setting.optional_text("value").value_or("");
        if (auto const undo = setting.optional_text("undo")) {
            facts.undo[name] = *undo;
        }
    }
    facts.managed_by = transaction.exec(managed_sql).one().optional_text("role").value_or("");
    return facts;
}

KeptPasswords read_kept_passwords(db::Transaction &transaction) {
    KeptPasswords kept{.visible = transaction.exec(may_see_passwords_sql).one().boolean("visible")};
    if (!kept.visible) {
        return kept;
    }
    db::Rows const rows = transaction.exec(passwords_sql);
    for (db::Row const row : rows) {
        ++kept.logins;
        if (row.boolean("is_md5")) {
            kept.md5.push_back(row.text("name"));
        }
    }
    return kept;
}

std::vector<GatewayLogSetting> read_gateway_log_settings(db::Transaction &transaction) {
    std::vector<GatewayLogSetting> found;
    db::Rows const rows = transaction.exec(gateway_log_settings_sql);
    for (db::Row const row : rows) {
        found.push_back({.login = row.text("login"), .setting = row.text("setting"), .undo = row.text("undo")});
    }
    return found;
}

std::vector<GroupLogin> read_group_logins(db::Transaction &transaction) {
    std::vector<GroupLogin> logins;
    db::Rows const rows = transaction.exec(logins_sql);
    for (db::Row const row : rows) {
        logins.push_back({.name = row.text("name"),
                          .bypasses_row_security = row.boolean("bypasses"),
                          .gateway = row.boolean("gateway"),
                          .tenant = row.boolean("tenant"),
                          .billing = row.boolean("billing"),
                          .reader = row.boolean("reader")});
    }
    return logins;
}

SynchronousStandbys read_synchronous_standbys(db::Transaction &transaction) {
    db::Rows const rows = transaction.exec(standbys_sql);
    db::Row const row = rows.one();
    return {.names = row.text("names"), .streaming = row.integer("streaming"), .hidden = row.boolean("hidden")};
}

AuditMonthFacts read_audit_months(db::Transaction &transaction) {
    db::Rows const rows = transaction.exec(months_sql);
    db::Row const row = rows.one();
    return {.has_present = row.boolean("has_present"),
            .has_next = row.boolean("has_next"),
            .default_is_used = row.boolean("default_is_used"),
            .overdue = row.boolean("overdue")};
}

SealFacts read_seals(db::Transaction &transaction) {
    db::Rows const rows = transaction.exec(seals_sql);
    return {.sealed_at = rows.one().optional_instant("sealed_at"),
            .is_overdue = rows.one().boolean("is_overdue"),
            .at = transaction.now()};
}

Named agents_with_overdue_keys(db::Transaction &transaction) { return read_named(transaction.exec(overdue_sql).one()); }

StagedKeys agents_with_staged_keys(db::Transaction &transaction) {
    db::Rows const rows = transaction.exec(staged_sql);
    return {.settled = read_named(rows.one()), .under_way = rows.one().integer("under_way")};
}

Named agents_with_unused_keys(db::Transaction &transaction) { return read_named(transaction.exec(unused_sql).one()); }

Named unusual_windows(db::Transaction &transaction) { return read_named(transaction.exec(windows_sql).one()); }

PlatformPolicy platform_policy(db::Transaction &transaction) {
    PlatformPolicy policy;
    db::Rows const rows = transaction.exec("SELECT setting, value FROM relay.policy_in_force(NULL, NULL)");
    for (db::Row const row : rows) {
        policy.emplace(row.value<PolicySetting>("setting"), row.text("value"));
    }
    return policy;
}

RefusedAgents read_refused_agents(db::Transaction &transaction) {
    RefusedAgents refused;
    db::Rows const rows = transaction.exec(refused_sql);
    for (db::Row const row : rows) {
        (row.boolean("has_left") ? refused.left : refused.others) = read_named(row);
    }
    return refused;
}

Instant server_clock(db::Transaction &transaction) {
    return transaction.exec("SELECT clock_timestamp() AS at").one().instant("at");
}

}  // namespace relay::sql

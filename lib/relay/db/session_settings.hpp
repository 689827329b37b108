#pragma once

/// The statements that open a transaction. They travel in one message with the first statement of its body.
namespace relay::db {

inline constexpr auto begin_sql = "BEGIN ISOLATION LEVEL READ COMMITTED";
inline constexpr auto begin_reading_sql = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY";
inline constexpr auto begin_one_snapshot_sql = "BEGIN ISOLATION LEVEL REPEATABLE READ";

/// Statements use qualified names and text values, so that settings of the role, database or pooler do not affect
/// them. These are the settings that still would. For the transaction only, because through a transaction pooler, a
/// session setting would reach the next client.
inline constexpr auto settings_sql = R"sql(
SELECT pg_catalog.set_config('statement_timeout', $1, true),
       pg_catalog.set_config('idle_in_transaction_session_timeout', $2, true),
       pg_catalog.set_config('lock_timeout', $3, true),
       pg_catalog.set_config('relay.wake', $4, true),
       pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true),
       pg_catalog.set_config('timezone', 'UTC', true),
       pg_catalog.set_config('datestyle', 'ISO, YMD', true),
       pg_catalog.set_config('standard_conforming_strings', 'on', true))sql";

inline constexpr auto no_transaction_timeout_sql = "SET LOCAL transaction_timeout = 0";
inline constexpr int first_with_transaction_timeout = 170'000;

/// What a transaction must know at its start. $1: a commit waits for this server only.
inline constexpr auto facts_sql = R"sql(
SELECT set_config('synchronous_commit', CASE WHEN $1::boolean THEN 'local'
                                             WHEN current_setting('synchronous_commit') = 'off' THEN 'on'
                                             ELSE current_setting('synchronous_commit') END, true),
       pg_is_in_recovery() AS in_recovery, current_setting('transaction_read_only') = 'on' AS read_only,
       session_user AS db_role, now() AS now, EXISTS (SELECT FROM pg_namespace WHERE nspname = 'relay') AS has_schema,
       obj_description((SELECT oid FROM pg_namespace WHERE nspname = 'relay'), 'pg_namespace') AS label,
       EXISTS (SELECT FROM pg_db_role_setting
               WHERE setrole = 0 OR setrole = to_regrole(quote_ident(session_user))) AS may_have_foreign_settings)sql";

// An array costs a third of two aggregates, which a new connection would have to look up first.
inline constexpr auto and_versions = ", ARRAY(SELECT version FROM relay.schema_migrations) AS versions";

// Uses the database's name, not its oid as in relay.feed_history: the first read of another catalog costs 1 ms.
inline constexpr auto and_identity =
    ", (SELECT left(md5(system_identifier || '/' || current_database()), 8) FROM pg_control_system()) AS identity";

/// For a message that has COMMIT in it. $1: the version of our schema, $2: foreign settings were undone before.
inline constexpr auto require_start_sql = "SELECT relay.require_start($1, $2)";

/// Undoes, for one transaction, what ALTER DATABASE and ALTER ROLE have set, except settings that only make statements
/// faster or slower, and those that we make ourselves, whose source is now `session`. So a setting that we do not know
/// today is undone, too. Sent only where the facts say that there may be such settings: it costs a millisecond.
inline constexpr auto neutral_settings_sql = R"sql(
SELECT set_config(setting.name, setting.boot_val, true) FROM pg_settings AS setting
WHERE setting.source IN ('global', 'database', 'user', 'database user') AND setting.context = 'user'
  AND setting.name NOT IN ('client_encoding', 'synchronous_commit') AND setting.name NOT LIKE '%.%' AND setting.name !~
      '^(enable_|geqo|jit|parallel_|max_parallel|min_parallel)|_(cost|mem|limit|size|buffers|target|fraction|concurrency|multiplier)$')sql";

}  // namespace relay::db

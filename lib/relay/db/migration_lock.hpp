#pragma once

namespace relay::db {

/// Taken by each transaction that migrates the schema, until its end: two appliers go one after the other.
inline constexpr char const *migration_lock_sql = "SELECT pg_advisory_xact_lock(7263542, 0)";

}  // namespace relay::db

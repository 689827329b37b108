#pragma once

namespace relay::db {

/// Every transaction that migrates the schema takes this lock until it ends, so that two runs go one after the other.
inline constexpr char const *migration_lock_sql = "SELECT pg_advisory_xact_lock(7263542, 0)";

}  // namespace relay::db

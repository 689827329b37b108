#pragma once

#include "relay/db/work_lock.hpp"

namespace relay::db {

/// Every transaction that migrates the schema takes this lock until it ends, so that two runs go one after the other.
/// It is an advisory lock, because the first run has no table to lock yet; so any login can hold it, and the error
/// names that login. The other locks of this program are on tables.
inline constexpr WorkLock migration_lock{
    .work = "a migration of the schema",
    .take = "SELECT pg_advisory_xact_lock(7263542, 0)",
    .held = "l.locktype = 'advisory' AND l.classid = 7263542 AND l.objid = 0 AND l.objsubid = 2"};

}  // namespace relay::db

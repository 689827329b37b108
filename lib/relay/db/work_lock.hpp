#pragma once

#include "relay/db/transaction.hpp"

namespace relay::db {

/// A lock for one kind of work, which one session at a time may do. The texts are constants of this program.
struct WorkLock {
    char const *work;  ///< for people: "a migration of the schema"
    char const *take;  ///< a statement that waits for the lock and holds it until the transaction ends
    char const *held;  ///< the condition for the row of pg_locks of a session that holds it
};

/// Takes the lock. Throws Error (unavailable) that names the sessions that hold it, as far as this login may see them.
void take(Transaction &transaction, WorkLock const &lock);

}  // namespace relay::db

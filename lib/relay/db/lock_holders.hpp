#pragma once

#include "relay/db/database.hpp"
#include "relay/model/error.hpp"

#include <string>

namespace relay::db {

class Transaction;

/// Returns which sessions hold locks on tables of relay now, the strongest first: "pg_locks shows: session 4711 of role x
/// (psql) holds AccessExclusiveLock on relay.agents". Empty if none does.
std::string describe_lock_holders(Transaction &transaction);

/// Returns `timeout`, the error of a statement that waited too long for a lock, with the sessions that hold locks on tables
/// of relay now, the strongest first, and what ends one. As it was, if none can be found in half a second.
Error with_lock_holders(Settings const &settings, Error const &timeout);

/// Returns, for people, which sessions hold the locks that a change may be waiting for, and what ends the first of them.
/// Empty if none can be found in half a second.
std::string describe_wait(Database &database);

}  // namespace relay::db

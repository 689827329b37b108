#pragma once

#include "relay/model/error.hpp"

#include <string>
#include <string_view>

namespace relay::db {

/// The SQLSTATE in a server's message of verbose form, `ERROR:  42501: ...`; empty if there is none. The severity is in the server's language,
/// the code never is. (libpqxx 6 loses the code of some errors, and a failed connection offers nothing but its message.)
std::string find_sqlstate(std::string_view message);

/// 40001 serialization_failure or 40P01 deadlock_detected: the same body may be run again. Nothing else may.
bool is_retryable(std::string_view sqlstate);

/// True if an error with this state, given as the answer to COMMIT, leaves open whether the transaction was committed
/// (class 08, 57P, 40003).
bool leaves_commit_open(std::string_view sqlstate);

/// Our error for a server's: `message` is its primary message, without DETAIL (which may hold values); `role` is who asked.
Error translate(std::string_view sqlstate, std::string_view message, std::string_view role);

/// What to do if the server has no database of that name.
Advice create_database_first();

}  // namespace relay::db

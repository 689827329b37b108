#pragma once

#include "relay/model/error.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace relay::db {

/// Returns the SQLSTATE in a server's verbose message, `ERROR:  42501: ...`; empty if there is none. The severity is
/// in the server's language, but the code is not. (libpqxx 6 loses the code of some errors, and a failed connection
/// has only its message.)
std::string find_sqlstate(std::string_view message);

/// Returns true for 40001 serialization_failure and 40P01 deadlock_detected: only then may the same body run again.
bool is_retryable(std::string_view sqlstate);

/// Returns true if an error with this state, as the answer to COMMIT, does not say whether the transaction was
/// committed (class 08, 57P, 40003).
bool leaves_commit_open(std::string_view sqlstate);

/// Returns true if the server ended the session because it, or its transaction, was idle or took too long by a time-out
/// that is not ours (57P05, 25P03, 25P04).
bool ends_session(std::string_view sqlstate);

/// Returns true if COMMIT failed with this state because of NOTIFY, which it sends: its queue is full (54000), another
/// session holds its lock (55P03), or its files cannot be written (`detail`, the server's DETAIL, names one of them).
bool is_failed_notify(std::string_view sqlstate, std::string_view detail);

/// Returns true if an error with this state is about the rows that were written, so that other rows may succeed: their
/// values, or a trigger or function that refused them.
bool refuses_rows(std::string_view sqlstate);

/// The SQLSTATE that our functions raise if an effect is missing when it is read back (relay.require_shut_out and others).
inline constexpr std::string_view effect_missing_state = "RA001";

/// Returns the error for an effect that is missing when it is read back: "the block of agent x". `doubts`: see Hint.
Error effect_missing(std::string_view what, std::vector<std::string> doubts = {});

/// The transaction that got an error.
struct Asker {
    std::string_view role{};
    bool writes = true;  ///< then the message says that nothing was changed
    bool has_schema = true;  ///< false: the database has no relay schema, so there is no group to be a member of
};

/// Returns our error for a server's, from a table of the classes. `message`
/// is its primary message, without DETAIL (which may have values).
Error translate(std::string_view sqlstate, std::string_view message, Asker const &asker);

}  // namespace relay::db
